"""Functions of the room and modules of the same name must not hide each other."""

from __future__ import annotations

import importlib
import pkgutil

import odh_oci_widgets
from odh_oci_widgets import serving


def test_no_module_hides_a_public_function():
    for module in pkgutil.iter_modules(serving.__path__):
        importlib.import_module(f"odh_oci_widgets.serving.{module.name}")
    for name in serving.__all__:
        assert not isinstance(getattr(serving, name), type(serving)), name
    for name in ("deploy", "service", "services"):
        assert callable(getattr(odh_oci_widgets, name))
