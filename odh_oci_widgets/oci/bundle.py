"""The engine as a zip app: this package and urllib3, nothing else. It runs in any Python container."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import urllib3

_MAIN = "import sys\nfrom odh_oci_widgets.oci.remote import main\nsys.exit(main())\n"
_PACKAGE = '"""The image engine of ODH OCI Widgets, alone."""\n'
#: The earliest date that a zip can hold: the same bytes each time.
_DATE = (1980, 1, 1, 0, 0, 0)


def engine_zip() -> bytes:
    """The bytes of `odh-oci-engine.pyz`; small enough for a ConfigMap (1 MiB), the same for the same version.

    >>> len(engine_zip()) < 2**20
    True
    """
    here = Path(__file__).parent
    files = {"__main__.py": _MAIN.encode(), "odh_oci_widgets/__init__.py": _PACKAGE.encode()}
    files |= _sources(here, "odh_oci_widgets/oci")
    files |= _sources(Path(urllib3.__file__).parent, "urllib3")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def _sources(folder: Path, name: str) -> dict[str, bytes]:
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*.py")
        # Pyodide's and pyOpenSSL's ways to connect are of no use in a container.
        if "contrib/emscripten" not in path.as_posix()
    }
