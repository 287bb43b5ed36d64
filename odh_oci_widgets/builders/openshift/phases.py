"""What a Build object says, as status, sentence and progress. Pure: objects in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odh_oci_widgets.builders.errors import BuildFailed, BuildPodFailed
from odh_oci_widgets.builders.protocol import BuildStatus
from odh_oci_widgets.oci.errors import Cancelled, ImageNotFound, OdhOciError, RegistryError

Manifest = Mapping[str, Any]

_STATUS = {
    "New": BuildStatus.PENDING,
    "Pending": BuildStatus.PENDING,
    "Running": BuildStatus.RUNNING,
    "Complete": BuildStatus.SUCCEEDED,
    "Failed": BuildStatus.FAILED,
    "Error": BuildStatus.FAILED,
    "Cancelled": BuildStatus.CANCELLED,
}
_KERNEL = "or build here (`--builder kernel`)"

#: reason -> error, sentence, what to do. `{said}` is what the build itself says.
_REASONS: dict[str, tuple[type[OdhOciError], str, str]] = {
    "CancelledBuild": (Cancelled, "The build was cancelled.", "Start it again when you like."),
    "MissingPushSecret": (
        BuildFailed,
        "The build waits for the Secret with the registry's credentials, which is gone.",
        "Cancel it and start it again.",
    ),
    "InvalidOutputReference": (
        BuildFailed,
        "The image stream that the image should go to does not exist.",
        "Cancel the build and start it again: the image stream is made then.",
    ),
    "InvalidImageReference": (BuildFailed, "The build does not understand the image's name: {said}.", "Check it."),
    "PullBuilderImageFailed": (
        ImageNotFound,
        "The base image, or the image that downloads, cannot be pulled: {said}.",
        f"Name images that the cluster can pull (`--base`), {_KERNEL}.",
    ),
    "PushImageToRegistryFailed": (
        RegistryError,
        "The registry did not take the image: {said}.",
        "Check the name of the image, and that your login may push there.",
    ),
    "DockerBuildFailed": (
        BuildFailed,
        "A step of the build failed: {said}.",
        "Look at the log: a download may have been refused, or a checksum was wrong.",
    ),
    "ManageDockerfileFailed": (BuildFailed, "The build cannot use the Containerfile: {said}.", "Please report it."),
    "FetchSourceFailed": (
        BuildFailed,
        "The files of the folder did not reach the build: {said}.",
        f"Start it again, {_KERNEL}.",
    ),
    "OutOfMemoryKilled": (
        BuildPodFailed,
        "The build was killed: it used more memory than its limit.",
        "Give it more (`--builder-memory 4Gi`).",
    ),
    "BuildPodEvicted": (
        BuildPodFailed,
        "The node evicted the build: {said}.",
        f"A build needs several times the model's size of the node's disk: try `--builder job`, {_KERNEL}.",
    ),
    "BuildPodExists": (BuildPodFailed, "A pod of the build's name exists already.", "Start the build again."),
    "BuildPodDeleted": (BuildPodFailed, "The pod of the build was deleted.", "Start the build again."),
    "CannotCreateBuildPod": (
        BuildPodFailed,
        "The cluster does not let the build make its pod: {said}.",
        f"Look at the project's quota and limits, {_KERNEL}.",
    ),
    "CannotCreateBuildPodSpec": (
        BuildPodFailed,
        "The build's pod cannot be made: {said}.",
        f"Ask an administrator whether Docker builds are allowed, {_KERNEL}.",
    ),
    "ExceededRetryTimeout": (
        BuildPodFailed,
        "The cluster tried too long to start the build.",
        "Start it again later.",
    ),
    "NoBuildContainerStatus": (
        BuildPodFailed,
        "The node lost the build: nothing is known of its container.",
        "Start it again.",
    ),
    "FailedContainer": (BuildPodFailed, "A container of the build's pod failed: {said}.", "Look at its log."),
    "UnresolvableEnvironmentVariable": (BuildFailed, "A variable of the build is unknown: {said}.",
                                        "Please report it."),
    "GenericBuildFailed": (BuildFailed, "The build failed: {said}.", "Look at its log."),
}  # fmt: skip


def status_of(build: Manifest) -> BuildStatus:
    """Where it stands."""
    return _STATUS.get(phase_of(build), BuildStatus.PENDING)


def phase_of(build: Manifest) -> str:
    """OpenShift's own word."""
    return str((build.get("status") or {}).get("phase") or "New")


def trouble_of(build: Manifest) -> OdhOciError | None:
    """Why it failed, was cancelled, or does not go on; None while there is nothing to complain about."""
    status = build.get("status") or {}
    phase, reason = phase_of(build), str(status.get("reason") or "")
    if not reason and phase == "Cancelled":
        reason = "CancelledBuild"
    if phase == "Complete" or not (reason or phase in {"Failed", "Error"}):
        return None
    deadline = (build.get("spec") or {}).get("completionDeadlineSeconds")
    if "deadline" in str(status.get("message", "")).lower() or reason == "DeadlineExceeded":
        return BuildPodFailed(f"The build was stopped after its {deadline} seconds.", hint="Start it again.")
    does = "failed" if phase in {"Failed", "Error"} else "does not go on"
    unknown = (BuildFailed, f"The build {does} ({reason or phase}): {{said}}.", "Look at its log.")
    kind, sentence, hint = _REASONS.get(reason, unknown)
    return kind(sentence.replace("{said}", _said(status)), hint=hint)


def digest_of(build: Manifest) -> str | None:
    """`sha256:…` of the image, where the build says it."""
    to = ((build.get("status") or {}).get("output") or {}).get("to") or {}
    return str(to["imageDigest"]) if to.get("imageDigest") else None


def seconds_of(build: Manifest) -> float:
    """How long it ran."""
    return float((build.get("status") or {}).get("duration") or 0) / 1e9


def stages_of(build: Manifest) -> tuple[str, ...]:
    """Names of the stages that were reached: FetchInputs, PullImages, Build, PostCommit, PushImage."""
    return tuple(str(one.get("name")) for one in (build.get("status") or {}).get("stages") or ())


def _said(status: Manifest) -> str:
    """The last line of the log that tells something, else the message."""
    lines = [line.strip() for line in str(status.get("logSnippet") or "").splitlines() if line.strip()]
    words = lines[-1] if lines else str(status.get("message") or "no reason given")
    words = " ".join(words.split()).rstrip(".")
    return words if len(words) <= 300 else words[:300] + "…"
