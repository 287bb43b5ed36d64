"""OpenShift's phases and reasons as status and sentences: every reason there is, and the lives recorded."""

from __future__ import annotations

import pytest

from odh_oci_widgets.builders import BuildFailed, BuildPodFailed, BuildStatus
from odh_oci_widgets.builders.openshift.phases import digest_of, status_of, trouble_of
from odh_oci_widgets.oci.errors import Cancelled, ImageNotFound, RegistryError


def _build(phase: str, reason: str = "", message: str = "", snippet: str = "") -> dict:
    status = {"phase": phase, "reason": reason, "message": message, "logSnippet": snippet}
    return {"spec": {"completionDeadlineSeconds": 60}, "status": {k: v for k, v in status.items() if v}}


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("New", BuildStatus.PENDING),
        ("Pending", BuildStatus.PENDING),
        ("Running", BuildStatus.RUNNING),
        ("Complete", BuildStatus.SUCCEEDED),
        ("Failed", BuildStatus.FAILED),
        ("Error", BuildStatus.FAILED),
        ("Cancelled", BuildStatus.CANCELLED),
    ],
)
def test_phases(phase: str, status: BuildStatus) -> None:
    assert status_of(_build(phase)) is status
    assert (trouble_of(_build(phase)) is None) == (phase in {"New", "Pending", "Running", "Complete"})


@pytest.mark.parametrize(
    ("phase", "reason", "error", "words"),
    [
        ("Failed", "FetchSourceFailed", BuildFailed, "did not reach"),
        ("Failed", "PullBuilderImageFailed", ImageNotFound, "cannot be pulled"),
        ("Failed", "DockerBuildFailed", BuildFailed, "step of the build failed: the last word"),
        ("Failed", "PushImageToRegistryFailed", RegistryError, "did not take the image"),
        ("Pending", "MissingPushSecret", BuildFailed, "Secret"),
        ("New", "InvalidOutputReference", BuildFailed, "image stream"),
        ("Error", "InvalidImageReference", BuildFailed, "name"),
        ("Failed", "ManageDockerfileFailed", BuildFailed, "Containerfile"),
        ("Failed", "OutOfMemoryKilled", BuildPodFailed, "memory"),
        ("Failed", "BuildPodEvicted", BuildPodFailed, "disk"),
        ("Error", "BuildPodExists", BuildPodFailed, "exists"),
        ("Error", "BuildPodDeleted", BuildPodFailed, "deleted"),
        ("New", "CannotCreateBuildPod", BuildPodFailed, "quota"),
        ("Error", "CannotCreateBuildPodSpec", BuildPodFailed, "administrator"),
        ("Failed", "GenericBuildFailed", BuildFailed, "the last word"),
        ("Cancelled", "CancelledBuild", Cancelled, "cancelled"),
        ("Error", "ExceededRetryTimeout", BuildPodFailed, "too long"),
        ("Error", "NoBuildContainerStatus", BuildPodFailed, "lost"),
        ("Failed", "FailedContainer", BuildPodFailed, "container"),
        ("Error", "UnresolvableEnvironmentVariable", BuildFailed, "variable"),
        ("Failed", "SomethingNew", BuildFailed, "failed (SomethingNew): the last word"),
        ("Pending", "SomethingNew", BuildFailed, "does not go on (SomethingNew)"),
    ],
)
def test_every_reason_is_a_sentence_with_what_to_do(
    phase: str, reason: str, error: type[Exception], words: str
) -> None:
    trouble = trouble_of(_build(phase, reason, "what is the matter", "first\n  the last   word.\n"))
    assert isinstance(trouble, error)
    assert words in str(trouble)
    assert trouble.hint
    assert "{" not in str(trouble)


def test_the_deadline_is_told_in_seconds() -> None:
    message = "Pod was active on the node longer than the specified deadline"
    assert "60 seconds" in str(trouble_of(_build("Failed", "GenericBuildFailed", message)))


def test_the_digest_is_where_the_build_has_it() -> None:
    assert digest_of({"status": {"output": {"to": {"imageDigest": "sha256:1"}}}}) == "sha256:1"
    assert digest_of({"status": {"output": {}}}) is None
