"""The examples in the engine's docstrings say what is true."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

from odh_oci_widgets import oci


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(oci.__path__)])
def test_examples(name: str) -> None:
    assert doctest.testmod(import_module(f"odh_oci_widgets.oci.{name}")).failed == 0
