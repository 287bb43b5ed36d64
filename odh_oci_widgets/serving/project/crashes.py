"""Why a container of a service ended, and whether that matters."""

from __future__ import annotations

from typing import Any

from odh_oci_widgets.serving.protocol import Diagnosis, ServiceState

_OOM, _KILLED, _SEGFAULT = "OOMKilled", 137, 139
#: Exit codes of a shell or runtime that could not start the program.
_NOT_STARTED = {126, 127, 128}
#: KServe's link to the model may come a moment after the model server: it then ends once or twice, and runs.
_HARMLESS_RESTARTS = 2


def crash(status: dict[str, Any], *, image: str) -> Diagnosis | None:
    """What a container's end means; None when it means nothing (an init container that is done, one that is ready)."""
    state = status.get("state") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    code = ended.get("exitCode", 0)
    if not ended or status.get("ready") or (code == 0 and status["name"] == "modelcar-init"):
        return None
    message = " ".join(str(ended.get("message", "")).split())
    if status["name"] in {"modelcar-init", "modelcar"}:
        return _model_image(status, image, code, message, ended)
    if status["name"] == "kserve-container":
        return _server(status, code, message, ended)
    return _failed(
        f"The container `{status['name']}` of the platform ended with {code}{_said(message)}.",
        "Ask an administrator.",
    )


def _model_image(
    status: dict[str, Any], image: str, code: int, message: str, ended: dict[str, Any]
) -> Diagnosis:
    named = f"The image `{image}`" if image else "The model's image"
    low = message.lower()
    if "exec format error" in low:
        return _failed(
            f"{named} is made for another processor than the node's.",
            "Build it for the nodes' architecture (platform `linux/amd64` or `linux/arm64`).",
            message,
        )
    if code in _NOT_STARTED or "executable file not found" in low or "no such file or directory" in low:
        return _failed(
            f"{named} has no shell, which KServe needs to hand over the model.",
            "Build it on a base image with `sh`, `ls`, `ln` and `sleep` (not `scratch`).",
            message,
        )
    if "permission denied" in low:
        return _failed(
            f"{named} does not let everybody read `/models`.",
            "Build it with our builders: they make every file readable for any user.",
            message,
        )
    if "modelcar is invalid" in low or (status["name"] == "modelcar-init" and code == 1):
        return _failed(
            f"{named} has no model: `/models` is missing or empty.",
            "Build the image with the model's files under `/models` (for OpenVINO under `/models/1`).",
            message,
        )
    if ended.get("reason") == _OOM:
        return _failed(
            f"The container `{status['name']}`, which holds the model, ran out of its memory.",
            "Ask an administrator to raise KServe's `memoryModelcar`.",
        )
    return _failed(
        f"The container `{status['name']}`, which holds the model, ended with {code}{_said(message)}.",
        "See its log.",
    )


def _server(status: dict[str, Any], code: int, message: str, ended: dict[str, Any]) -> Diagnosis:
    restarts = int(status.get("restartCount") or 0)
    state = status.get("state") or {}
    running = bool(state.get("running"))
    looping = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    race = _is_race(message)
    few = restarts <= _HARMLESS_RESTARTS
    if ended.get("reason") == _OOM and not running:
        return _failed("The model server ran out of memory.", "Redeploy with more memory.", message)
    if running or (few and (race or not message or not looping)):
        return _restarting(ended, code, message, race=race)
    return _failed(*_why_it_fails(code, message, restarts, race=race), message)


def _restarting(ended: dict[str, Any], code: int, message: str, *, race: bool) -> Diagnosis:
    if race:
        sentence = "The model server started before the model was in place, and is started again."
    elif ended.get("reason") == _OOM:
        sentence = "The model server ran out of memory and is started again."
    else:
        sentence = f"The model server ended with {code} and is started again{_said(message)}.".replace(
            "..", "."
        )
    return Diagnosis(
        state=ServiceState.STARTING,
        sentence=sentence,
        hint="One or two restarts at the beginning are normal.",
        evidence=(message,) if message else (),
    )


def _why_it_fails(code: int, message: str, restarts: int, *, race: bool) -> tuple[str, str]:
    if race:
        return (
            "The model never appeared at `/mnt/models`.",
            "See the log of the container `modelcar`; the image may be unreadable for the model server.",
        )
    if "exec format error" in message.lower():
        return (
            "The model server's image is made for another processor than the node's.",
            "Choose another runtime.",
        )
    if code == _KILLED:
        return (
            f"The model server was killed {restarts} times (137): too little memory, or a probe that it failed.",
            "Redeploy with more memory; see the events.",
        )
    why = "a crash inside the server (139)" if code == _SEGFAULT else f"exit code {code}"
    return (
        f"The model server cannot load the model: {message or why}.".replace("..", "."),
        "See the log; check that the runtime fits the model's format, and the arguments.",
    )


def _is_race(message: str) -> bool:
    low = message.lower()
    return "/mnt/models" in low and any(
        words in low
        for words in ("no such file", "does not exist", "not found", "not a directory", "cannot access")
    )


def _said(message: str) -> str:
    return f": {message[-300:]}" if message else ""


def _failed(sentence: str, hint: str, *evidence: str) -> Diagnosis:
    return Diagnosis(
        state=ServiceState.FAILED, sentence=sentence, hint=hint, evidence=tuple(e for e in evidence if e)
    )
