"""Recordings of real controllers, trimmed: one JSON object per line, one file per situation (see `trim`)."""
