"""Why a container of a service ended, and whether that matters."""

from __future__ import annotations

import re
from typing import Any

from odh_oci_widgets.serving.cases import container as cases
from odh_oci_widgets.serving.protocol import Diagnosis

_OOM, _KILLED, _SEGFAULT = "OOMKilled", 137, 139
#: Exit codes of a shell or runtime that could not start the program.
_NOT_STARTED = {126, 127, 128}
#: How model servers say that there is nothing at a path; vLLM then takes it for a name at the hub.
_NOT_THERE = re.compile(
    r"no such file|does(n't| not) exist|not found|not a (valid )?directory|not a local folder|repo id must be"
    r"|(cannot|can't|could not|couldn't|unable to) (access|check)"
)
#: KServe's link to the model may come a moment after the model server: it then ends once or twice, and runs.
_HARMLESS_RESTARTS = 2


def crash(status: dict[str, Any], *, image: str) -> Diagnosis | None:
    """What a container's end means; None when it means nothing: it is ready, or the platform's own and back again."""
    state = status.get("state") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    code = ended.get("exitCode", 0)
    if not ended or status.get("ready"):
        return None
    message = " ".join(str(ended.get("message", "")).split())
    if status["name"] in {"modelcar-init", "modelcar"}:
        return _model_image(status, image, code, message, ended)
    if status["name"] == "kserve-container":
        return _server(status, code, message, ended)
    if state.get("running"):
        return None
    return cases.PLATFORM_ENDED.found(container=status["name"], code=code, words=_words(message))


def _model_image(
    status: dict[str, Any], image: str, code: int, message: str, ended: dict[str, Any]
) -> Diagnosis:
    named = f"The image `{image}`" if image else "The model's image"
    low = message.lower()
    if "exec format error" in low:
        return cases.IMAGE_OTHER_PROCESSOR.found(message, named=named)
    if code in _NOT_STARTED or "executable file not found" in low or "no such file or directory" in low:
        return cases.IMAGE_NO_SHELL.found(message, named=named)
    if "permission denied" in low:
        return cases.IMAGE_UNREADABLE.found(message, named=named)
    if "modelcar is invalid" in low or (status["name"] == "modelcar-init" and code == 1):
        return cases.IMAGE_NO_MODEL.found(message, named=named)
    if ended.get("reason") == _OOM:
        return cases.IMAGE_CONTAINER_OOM.found(container=status["name"])
    return cases.IMAGE_CONTAINER_ENDED.found(container=status["name"], code=code, words=_words(message))


def _server(status: dict[str, Any], code: int, message: str, ended: dict[str, Any]) -> Diagnosis:
    restarts = int(status.get("restartCount") or 0)
    state = status.get("state") or {}
    running = bool(state.get("running"))
    looping = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    race = _is_race(message)
    few = restarts <= _HARMLESS_RESTARTS
    if ended.get("reason") == _OOM and not running:
        return cases.SERVER_OOM.found(message)
    if running or (few and (race or not message or not looping)):
        return _restarting(ended, code, message, race=race)
    return _why_it_fails(code, message, restarts, race=race)


def _restarting(ended: dict[str, Any], code: int, message: str, *, race: bool) -> Diagnosis:
    if race:
        return cases.SERVER_RESTARTS_RACE.found(message)
    if ended.get("reason") == _OOM:
        return cases.SERVER_RESTARTS_OOM.found(message)
    return cases.SERVER_RESTARTS.found(message, code=code, words=_words(message))


def _why_it_fails(code: int, message: str, restarts: int, *, race: bool) -> Diagnosis:
    if race:
        return cases.MODEL_NEVER_CAME.found(message)
    if "exec format error" in message.lower():
        return cases.SERVER_OTHER_PROCESSOR.found(message)
    if code == _KILLED:
        return cases.SERVER_KILLED.found(message, restarts=restarts)
    why = "a crash inside the server (139)" if code == _SEGFAULT else f"exit code {code}"
    return cases.CANNOT_LOAD.found(message, why=message or why)


def _is_race(message: str) -> bool:
    return "/mnt/models" in message and _NOT_THERE.search(message.lower()) is not None


def _words(message: str) -> str:
    return f": {message[-300:]}" if message else ""
