"""One module per command (or per few that belong together): `add` its parser, `run` it."""
