"""Where the cluster is and who we are there: a kubeconfig (`oc login`), or the service account of this pod."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from .errors import KubeconfigInvalid, LoginExpired

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Source(StrEnum):
    """Where a connection was found. The value is a word for people."""

    EXPLICIT = "login"
    KUBECONFIG = "kubeconfig"
    SERVICE_ACCOUNT = "service account"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Everything that a request to the API needs. Holds no token: `authorization` gives it when a request is made."""

    host: str
    source: Source
    #: the project of the context or of the pod
    namespace: str | None = None
    #: the kubeconfig's context
    context: str | None = None
    #: value of the Authorization header, asked anew for each request (tokens rotate); None: a client certificate
    authorization: Callable[[], str | None] = field(default=lambda: None, repr=False)
    ca_file: str | None = None
    verify: bool = True
    cert_file: str | None = None
    key_file: str | None = field(default=None, repr=False)
    server_name: str | None = None
    proxy: str | None = None


def token_connection(
    host: str, token: str, *, namespace: str | None = None, ca_file: str | None = None, verify: bool = True
) -> Connection:
    """A connection by a token in memory, as the console's `oc login --token=… --server=…` gives it."""
    return Connection(
        host=host.rstrip("/"),
        source=Source.EXPLICIT,
        namespace=namespace,
        authorization=lambda: f"Bearer {token}",
        ca_file=ca_file,
        verify=verify,
    )


def service_account_connection(
    environ: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT
) -> Connection | None:
    """The connection of this pod's service account; None outside a pod. The token is read again at each request."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").is_file():
        return None

    def authorization() -> str:
        try:
            return f"Bearer {(folder / 'token').read_text().strip()}"
        except OSError as error:
            raise LoginExpired(f"The service account's token cannot be read ({error.strerror}).") from error

    ca_file = folder / "ca.crt"
    return Connection(
        host=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        source=Source.SERVICE_ACCOUNT,
        namespace=workbench_namespace(environ, folder),
        authorization=authorization,
        ca_file=str(ca_file) if ca_file.is_file() else None,
    )


def kubeconfig_connection(
    path: str | None = None, context: str | None = None, environ: Mapping[str, str] = os.environ
) -> Connection | None:
    """The connection of a kubeconfig's (current) context; None when there is no kubeconfig and none was asked for.

    Raises KubeconfigInvalid. Client certificates, exec plugins and token refresh are the `kubernetes` package's.
    """
    chosen = path or environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    files = [Path(one) for one in chosen.split(os.pathsep) if one and Path(one).is_file()]
    if not files or (path is None and not any(one.stat().st_size for one in files)):
        if path is None and context is None:
            return None
        raise KubeconfigInvalid(
            f"There is no kubeconfig at `{chosen}`.", hint="Log in with `oc login`, or name another file."
        )
    from kubernetes import config
    from kubernetes.client import Configuration

    settings: Any = Configuration()
    loader: Any = config  # untyped
    try:
        contexts, active = loader.list_kube_config_contexts(config_file=chosen)
        entry = active if context is None else _named_context(contexts, context)
        loader.load_kube_config(
            config_file=chosen, context=entry["name"], client_configuration=settings, persist_config=False
        )
    except KubeconfigInvalid:
        raise
    except Exception as error:  # the loader raises its own, yaml's, OSError, KeyError and TypeError
        if path is None and context is None and "current-context" in str(error):
            return None  # `oc logout` and `kubectl config unset` leave a file without a context
        raise KubeconfigInvalid(
            f"The kubeconfig `{chosen}` cannot be used: {_first_line(error)}",
            hint="Log in again with `oc login`, or name another file.",
        ) from error

    def authorization() -> str | None:
        # 29 and 36 name the key differently (`authorization`, `BearerToken`); the value is the header's in all
        if settings.refresh_api_key_hook is not None:
            settings.refresh_api_key_hook(settings)
        return next((str(value) for value in settings.api_key.values() if value), None) or (
            settings.get_basic_auth_token() if settings.username else None
        )

    return Connection(
        host=str(settings.host).rstrip("/"),
        source=Source.KUBECONFIG,
        namespace=entry.get("context", {}).get("namespace"),
        context=str(entry["name"]),
        authorization=authorization,
        ca_file=settings.ssl_ca_cert,
        verify=bool(settings.verify_ssl),
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        server_name=settings.tls_server_name,
        proxy=settings.proxy,
    )


def _named_context(contexts: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    names = {str(one["name"]): one for one in contexts}
    if name not in names:
        raise KubeconfigInvalid(
            f"The kubeconfig has no context `{name}`.", hint=f"It has: {', '.join(names)}."
        )
    return names[name]


def workbench_namespace(
    environ: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT
) -> str | None:
    """The project that this workbench runs in; None outside a workbench."""
    try:
        found = (folder / "namespace").read_text().strip()
    except OSError:
        found = ""
    parts = environ.get("NB_PREFIX", "").strip("/").split("/")
    return found or (parts[1] if len(parts) == 3 and parts[0] == "notebook" else None)


def workbench_name(environ: Mapping[str, str] = os.environ) -> str | None:
    """The name of this workbench, and of its service account; None outside a workbench."""
    parts = environ.get("NB_PREFIX", "").strip("/").split("/")
    return parts[2] if len(parts) == 3 and parts[0] == "notebook" else None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
