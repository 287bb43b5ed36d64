"""Every example in a docstring does what it shows, and every public name has one."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import odh_oci_widgets
from odh_oci_widgets.oci.errors import OdhOciError
from tests.surroundings import surroundings

ROOMS = ("models", "oci", "builders", "cluster", "serving", "inference", "widgets", "demo", "cli")
PACKAGE = Path(odh_oci_widgets.__file__).parent
MODULES = [
    ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context(), surroundings(tmp_path_factory.mktemp("examples")) as found:
        yield found


@pytest.mark.xdist_group("doctests")
@pytest.mark.parametrize("module", MODULES)
def test_examples_do_what_they_show(
    names: dict[str, Any], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in names["environ"].items():  # the fixtures of all tests took them away
        monkeypatch.setenv(name, value)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    for example in doctest.DocTestFinder(exclude_empty=True).find(import_module(module)):
        assert "+SKIP" not in (example.docstring or ""), f"{example.name} hides an example"
        example.globs = {**names, **example.globs}
        said: list[str] = []
        runner.run(example, out=said.append)
        assert not runner.summarize(verbose=False).failed, "".join(said)


def public() -> list[Any]:
    found = {}
    for room in map(import_module, ("odh_oci_widgets", *(f"odh_oci_widgets.{room}" for room in ROOMS))):
        for name in room.__all__:
            one = getattr(room, name)
            if _is_explained(one):
                found[f"{one.__module__}.{one.__qualname__}"] = one
    return [pytest.param(one, id=name) for name, one in sorted(found.items())]


def _is_explained(one: Any) -> bool:
    """Functions and classes, but not types of errors: the base of all has an example, and all are on the pages about trouble."""
    if inspect.isclass(one):
        return one is OdhOciError or not issubclass(one, OdhOciError)
    return callable(one) and not isinstance(one, ModuleType)


@pytest.mark.parametrize("one", public())
def test_each_public_name_has_an_example(one: Any) -> None:
    assert ">>> " in (inspect.getdoc(one) or ""), f"{one.__name__} needs an example in its docstring"
