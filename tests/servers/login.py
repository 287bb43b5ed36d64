"""A registry that lets in one account only."""

from __future__ import annotations

from pathlib import Path

from .registry import Registry

USER = "me"
PASSWORD = "pass-0xSECRET-word"
#: `htpasswd -nbB` of the two
_LINE = "me:$2b$04$5X8Nz8o60MQ1PWLo1Ib0G.IJ8gueaX8o2tPXky3J2RP0D4KjJ4oCC\n"


def registry_with_login(folder: Path) -> Registry:
    """Start it; the caller stops it."""
    folder.mkdir(parents=True)
    (folder / "htpasswd").write_text(_LINE)
    return Registry(folder, extra=f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n")
