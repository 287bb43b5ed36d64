"""The public surface: what is in it is a promise, so that a change of it is a change of this file."""

from __future__ import annotations

import subprocess
import sys

import pytest

import odh_oci_widgets

NAMES = [
    "__version__",
    "search",
    "revisions",
    "open_model",
    "from_object",
    "understand",
    "estimate_gpu",
    "estimate_cpu",
    "find_gpu",
    "fit_gpu",
    "Model",
    "ModelFile",
    "ModelFormat",
    "Facts",
    "build",
    "builds",
    "attach",
    "Build",
    "BuildStatus",
    "make_plan",
    "Plan",
    "Credential",
    "Credentials",
    "inspect_image",
    "verify_image",
    "connect",
    "deploy",
    "service",
    "services",
    "Service",
    "ServiceState",
    "Diagnosis",
    "Completion",
    "Prediction",
    "Measurement",
    "OdhOciError",
    "Cancelled",
    "Wizard",
    "AccessStrip",
    "ModelsPanel",
    "ModelStep",
    "ImageStep",
    "BuildStep",
    "DeployStep",
    "TestStep",
]

#: What a service can be asked, wherever it runs.
CALLS = {"complete", "chat", "stream", "classify", "infer", "measure", "calls"}


def test_the_surface_is_what_it_was() -> None:
    assert sorted(odh_oci_widgets.__all__) == sorted(NAMES)
    assert dir(odh_oci_widgets) == sorted(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_each_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(odh_oci_widgets, name).__doc__


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"odh_oci_widgets.*Wizzard"):
        odh_oci_widgets.Wizzard  # noqa: B018


def test_services_can_be_asked_all_there_is() -> None:
    from odh_oci_widgets.serving.project.service import ProjectService
    from odh_oci_widgets.serving.sandbox import SandboxService

    for kind in (odh_oci_widgets.Service, ProjectService, SandboxService):
        assert set(dir(kind)) >= CALLS


def test_what_a_build_needs_brings_nothing_heavy() -> None:
    code = (
        "import sys, odh_oci_widgets; odh_oci_widgets.open_model, odh_oci_widgets.build, odh_oci_widgets.Credentials\n"
        "print(*({'numpy', 'PIL', 'kubernetes', 'ipywidgets', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
