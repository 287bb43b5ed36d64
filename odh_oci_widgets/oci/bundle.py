"""The engine as a zip app: this package and urllib3, nothing else. It runs in any Python container."""

from __future__ import annotations

import importlib.util
import io
import marshal
import zipfile
from functools import cache
from pathlib import Path

import urllib3

_MAIN = "import sys\nfrom odh_oci_widgets.oci.remote import main\nsys.exit(main())\n"
_PACKAGE = '"""The image engine of ODH OCI Widgets, alone."""\n'
#: The earliest date that a zip can hold: the same bytes each time.
_DATE = (1980, 1, 1, 0, 0, 0)
#: In the head of compiled code: it is not compared with its source.
_UNCHECKED = (1).to_bytes(4, "little")


@cache
def engine_zip(*, compiled: bool = True) -> bytes:
    """The bytes of `odh-oci-engine.pyz`; small enough for a ConfigMap (1 MiB), the same for the same version.

    `compiled` adds the code as this Python compiles it, which halves what a start costs where the same Python runs
    it, as in a workbench's own image; any other one takes the sources. Without it the zip has a third of the size.

    >>> len(engine_zip(compiled=False)) < len(engine_zip()) < 2**20
    True
    """
    here = Path(__file__).parent
    files = {"__main__.py": _MAIN.encode(), "odh_oci_widgets/__init__.py": _PACKAGE.encode()}
    files |= _sources(here, "odh_oci_widgets/oci")
    files |= _sources(Path(urllib3.__file__).parent, "urllib3")
    if compiled:
        files |= {f"{name}c": _compiled(source, name) for name, source in files.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def _compiled(source: bytes, name: str) -> bytes:
    """What a `.pyc` holds."""
    code = compile(source, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def _sources(folder: Path, name: str) -> dict[str, bytes]:
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*.py")
        # Pyodide's and pyOpenSSL's ways to connect are of no use in a container.
        if "contrib/emscripten" not in path.as_posix()
    }
