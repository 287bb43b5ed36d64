"""Images for the sandbox, made as a user makes them, and a state folder of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from odh_oci_widgets.builders import build
from odh_oci_widgets.serving import sandbox


def image_of(model: Path, image: str, *, insecure: bool = False) -> str:
    """Build the image of a file or folder on the embedded base; the reference that was asked for."""
    build(str(model), image, base="embedded", insecure=insecure).wait(60)
    return image


@contextmanager
def own_sandbox(folder: Path) -> Iterator[Path]:
    """A sandbox in `folder`; what is still in it at the end is removed. Gives the folder of its services."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.setenv("HOME", str(folder))
        try:
            yield folder / "odh-oci-widgets" / "sandbox"
        finally:
            for service in sandbox.list_services():
                service.delete()
