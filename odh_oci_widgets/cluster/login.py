"""Logging in with the line that OpenShift's console shows under “Copy login command”."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from .api import Api
from .connection import token_connection, workbench_namespace
from .errors import ClusterError, LoginExpired
from .project import Project, use

_one_at_a_time = Lock()


class LoginLineInvalid(ClusterError):
    """The text is not an `oc login` line with a token and a server."""

    cure = "Copy the line from the console: your name, then “Copy login command”."


@dataclass(frozen=True, kw_only=True)
class LoginLine:
    """What an `oc login` line says."""

    server: str
    token: str = field(repr=False)
    namespace: str | None = None
    certificate_authority: str | None = None
    insecure: bool = False


def parse_login_line(line: str) -> LoginLine:
    """Read `oc login --token=sha256~… --server=https://…:6443`. Raises LoginLineInvalid; never shows the token.

    >>> parse_login_line("oc login --token=secret --server=https://api.example.org:6443").server
    'https://api.example.org:6443'
    """
    try:
        words = shlex.split(line.strip().removeprefix("$").strip())
    except ValueError as error:
        raise LoginLineInvalid("The login line has an open quotation mark.", hint=_HINT) from error
    if words[:2] != ["oc", "login"]:
        raise LoginLineInvalid("This is not an `oc login` line.", hint=_HINT)
    options, rest = _options(words[2:])
    server = options.get("server") or next((word for word in rest if word.startswith("http")), "")
    token = options.get("token", "")
    if not token or not server:
        raise LoginLineInvalid("The login line has no token, or no server.", hint=_HINT)
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", server):
        server = f"https://{server}"
    return LoginLine(
        server=server,
        token=token,
        namespace=options.get("namespace") or options.get("n"),
        certificate_authority=options.get("certificate-authority"),
        insecure=options.get("insecure-skip-tls-verify") == "true",
    )


def login_from_line(line: str) -> Project:
    """Log in, and use this login from now on: `connect()` gives it.

    Where `oc` is installed the login is also kept in the kubeconfig, so that the terminal and the next kernel have it
    too, as after `oc login`; otherwise the token stays in this process's memory only.
    Raises LoginLineInvalid, LoginExpired, ClusterUnreachable, ClusterUntrusted.

    >>> from odh_oci_widgets.cluster import LoginLineInvalid, login_from_line
    >>> try:
    ...     login_from_line("oc login --server=https://api.example:6443")
    ... except LoginLineInvalid as error:
    ...     print(error.message)
    The login line has no token, or no server.
    """
    login = parse_login_line(line)
    connection = token_connection(
        login.server,
        login.token,
        namespace=login.namespace,
        ca_file=login.certificate_authority,
        verify=not login.insecure,
    )
    project = Project(Api(connection), login.namespace or workbench_namespace() or "default")
    if project.user in {"unknown", "system:anonymous"}:
        raise LoginExpired("The cluster does not know this token.", hint=_HINT)
    client = _openshift_client() if shutil.which("oc") else None
    if client is not None:
        _keep(client, login, project)
    use(project)
    return project


def _openshift_client() -> Any:
    """The `openshift-client` package, by the name it has in 2.x or in 1.x."""
    for name in ("openshift_client", "openshift"):
        try:
            module = import_module(name)
        except ImportError:
            continue
        if hasattr(module, "OpenShiftPythonException"):
            return module
    return None


def _keep(client: Any, login: LoginLine, project: Project) -> None:
    """Let `oc` merge the login into the kubeconfig; a login that cannot be kept still holds for this process.

    The token goes through a file that only we can read: a command line is visible to others.
    """
    target = Path(
        (os.environ.get("KUBECONFIG") or "").split(os.pathsep)[0] or Path("~/.kube/config").expanduser()
    )
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="odh-oci-login-") as folder:
        fresh = Path(folder) / "login"
        _write(fresh, _kubeconfig(login, project))
        before = os.environ.get("KUBECONFIG")
        os.environ["KUBECONFIG"] = os.pathsep.join(str(one) for one in (fresh, target) if one.is_file())
        try:
            merged = client.invoke("config", ["view", "--flatten", "--raw"], no_namespace=True).out()
        except client.OpenShiftPythonException:
            return
        finally:
            if before is None:
                del os.environ["KUBECONFIG"]
            else:
                os.environ["KUBECONFIG"] = before
        target.parent.mkdir(parents=True, exist_ok=True)
        written = target.with_name(f"{target.name}.{os.getpid()}")
        _write(written, merged)
        written.replace(target)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _kubeconfig(login: LoginLine, project: Project) -> str:
    """The login as `oc login` would have written it; JSON is YAML too."""
    host = urlsplit(login.server).netloc.replace(".", "-")
    name, user = f"{project.namespace}/{host}/{project.user}", f"{project.user}/{host}"
    cluster: dict[str, Any] = {"server": login.server}
    if login.certificate_authority:
        cluster["certificate-authority"] = str(Path(login.certificate_authority).resolve())
    if login.insecure:
        cluster["insecure-skip-tls-verify"] = True
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": host, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": login.token}}],
            "contexts": [
                {"name": name, "context": {"cluster": host, "user": user, "namespace": project.namespace}}
            ],
        }
    )


def _options(words: list[str]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    rest: list[str] = []
    waiting: str | None = None
    for word in words:
        if waiting is not None and not word.startswith("-"):
            found[waiting], waiting = word, None
        elif word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            found[name] = value if equals else "true"
            waiting = None if equals else name
        else:
            rest.append(word)
    return found, rest


_HINT = "Copy the whole line from the console: your name → “Copy login command” → `oc login --token=… --server=…`."
