"""Credential helpers: programs `docker-credential-NAME` that keep secrets for Docker, podman and skopeo.

The server's name goes in on stdin, JSON comes out on stdout; no secret stands on a command line.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping

from .errors import CredentialsInvalid

#: A helper that takes longer waits for somebody who is not there.
HELPER_SECONDS = 30.0
#: The user name by which a helper marks its secret as an identity token.
TOKEN_USER = "<token>"  # noqa: S105 - a mark, no secret


def ask_helper(
    helper: str,
    server: str,
    *,
    named_in: str,
    environ: Mapping[str, str],
    timeout: float = HELPER_SECONDS,
) -> tuple[str, str] | None:
    """User name and secret that `docker-credential-HELPER get` has for `server`; None where it does not know it.

    `named_in` says where the helper was named, for the error. Raises CredentialsInvalid where the helper is missing,
    fails, gives no JSON, or needs more than `timeout` seconds.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]+", helper):
        raise CredentialsInvalid(
            f"The credential helper in {named_in} cannot be the name of a program.",
            hint="Write the part after `docker-credential-`, e.g. `pass`.",
        )
    program = f"docker-credential-{helper}"
    subject = f"The credential helper `{program}`, named in {named_in},"
    hint = f"Try `echo {server} | {program} get` in a terminal."
    try:
        process = subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise CredentialsInvalid(
            f"{subject} is not installed.", hint=f"Install it, or log in without it: `podman login {server}`."
        ) from error
    except OSError as error:
        raise CredentialsInvalid(f"{subject} does not start: {error.strerror}.", hint=hint) from error
    with process:
        try:
            out, err = process.communicate(server.encode(), timeout=timeout)
        except subprocess.TimeoutExpired as error:
            # the whole session: a helper that is a script leaves a child that holds our pipe
            os.killpg(process.pid, signal.SIGKILL)
            raise CredentialsInvalid(
                f"{subject} gave no answer within {timeout:.0f} seconds.", hint=hint
            ) from error
    if process.returncode:
        if b"not found" in out + err:
            return None
        raise CredentialsInvalid(
            f"{subject} failed for {server} with exit status {process.returncode}.", hint=hint
        )
    said = _json(out)
    if said is None:
        raise CredentialsInvalid(f"{subject} gave an answer that is not JSON.", hint=hint)
    secret = said.get("Secret")
    return (str(said.get("Username") or ""), str(secret)) if secret else None


def _json(text: bytes) -> dict[str, object] | None:
    """An object, or None. The parser's error quotes the text, hence the secret: it must not become a cause."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
