"""The engine as one file that a bare Python container runs: `python odh-oci-engine.pyz plan.json`."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import urllib3

#: The engine's package inside the archive.
_NAME = "odh_oci_engine"
_MAIN = f"import sys\nfrom {_NAME}.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"


def engine_zip() -> bytes:
    """The package and urllib3 as a zip application; the same bytes for the same versions.

    >>> engine_zip()[:2]
    b'PK'
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        _write(target, "__main__.py", _MAIN.encode())
        for name, folder in ((_NAME, Path(__file__).parent), ("urllib3", Path(urllib3.__file__).parent)):
            for path in sorted(folder.rglob("*.py")):
                inside = path.relative_to(folder)
                if inside.parts[0] != "contrib":
                    _write(target, f"{name}/{inside.as_posix()}", path.read_bytes())
    return archive.getvalue()


def _write(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name)  # dated 1980: deterministic
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    target.writestr(info, content, compresslevel=9)
