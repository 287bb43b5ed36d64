"""Every sentence about trouble has its entry on the pages, and the pages have no other."""

from __future__ import annotations

import ast
import inspect
import re
from string import Formatter

import pytest

from odh_oci_widgets.cluster.access_sentences import SENTENCES
from odh_oci_widgets.oci.errors import OdhOciError
from odh_oci_widgets.serving.cases import CASES, GROUPS, container, pod, pulling
from odh_oci_widgets.serving.project.diagnosis import diagnose
from tests.documentation import source, troubleshooting
from tests.recordings import snapshots
from tests.servers.kubernetes.recording import situations

TYPES = troubleshooting.error_types()
#: Types that are raised as what derives from them, or that carry the sentence of a diagnosis.
WITHOUT_OWN_WORDS = {"OdhOciError", "BuildError", "InferenceError", "ServiceFailed", "ServiceReadOnly"}


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_each_type_of_error_says_what_it_means_and_what_helps(kind: type[OdhOciError]) -> None:
    assert "cure" in vars(kind) or kind.__name__.startswith("_"), f"{kind.__name__} needs a `cure`"
    assert inspect.getdoc(kind), f"{kind.__name__} needs a docstring"
    if kind is not OdhOciError:
        assert kind("What failed.").hint == kind.cure
    assert kind("What failed.", hint="What to do.").hint == "What to do."


def test_each_type_of_error_is_on_a_page_with_its_sentences() -> None:
    pages = "".join(troubleshooting.pages().values())
    rooms = [room for _, room, _, _ in troubleshooting.ROOMS]
    said = {kind.__name__: calls for room in rooms for kind, calls in troubleshooting.spoken(room).items()}
    assert {kind.__name__ for kind in TYPES if not kind.__name__.startswith("_")} == set(said)
    assert {name for name, calls in said.items() if not calls} <= WITHOUT_OWN_WORDS
    for name in set(said) - {"OdhOciError"}:
        assert f"{{ #{name} }}" in pages


def test_diagnoses_are_made_of_the_table_only() -> None:
    makers = {
        module
        for module, tree in source.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Diagnosis"
    }
    assert makers <= {"serving/cases/case.py"}, "say it with a Case, so that the page about trouble has it"


def test_each_case_is_used_and_explained() -> None:
    text = "".join(path.read_text() for path in source.PACKAGE.rglob("*.py"))
    assert len(CASES) == sum(map(len, GROUPS.values())), "a code stands twice"
    for case in CASES.values():
        assert case.cause
        assert case.says.endswith((".", "}")), case.code
    for module in (container, pod, pulling):
        for name in [name for name in vars(module) if name.isupper() and not name.startswith("_")]:
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is never said"


@pytest.mark.parametrize("situation", sorted(situations()))
def test_what_real_clusters_did_is_in_the_table(situation: str) -> None:
    for snapshot in snapshots(situation):
        found = diagnose(snapshot)
        assert found.code in CASES
        assert not found.sentence.endswith(".."), found.sentence


@pytest.mark.parametrize("one", [*CASES.values(), *SENTENCES], ids=lambda one: one.code)
def test_a_sentence_ends_in_one_full_stop_whatever_its_facts_end_in(one) -> None:
    names = {name for _, name, _, _ in Formatter().parse(one.says) if name}
    said = one.said(**dict.fromkeys(names, "x509: unknown authority."))
    assert not re.search(r"(?<!\.)\.\.$", said), said


def test_the_page_shows_each_case_with_cause_and_cure() -> None:
    page = troubleshooting.pages()["troubleshooting/services.md"]
    for case in CASES.values():
        assert f"{{ #{case.code} }}" in page
        assert case.cause in page
