"""Find a Podman service, and talk to it with the `podman` package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from odh_oci_widgets.builders.errors import BuildFailed, PodmanUnavailable
from odh_oci_widgets.oci.errors import Cancelled

from .tunnel import Tunnel

#: The API of Podman 4; newer services answer it, too.
_API_VERSION = "4.0.0"
_CONNECT_SECONDS = 15.0
#: Seconds without a line from the service: a step that downloads says nothing.
QUIET_SECONDS = 6 * 3600.0
#: Where connections of root stand.
_SYSTEM_CONFIG = Path("/etc/containers/containers.conf")
_SSH = {"ssh", "http+ssh"}
_SCHEMES = {"unix", "http+unix", "tcp", "http", *_SSH}


class Service:
    """One Podman service. `url` is `unix://`, `tcp://` or `ssh://`, or the name of a `podman system connection`.

    Without: `CONTAINER_HOST`, the default connection, or the socket of this machine. `close()` it when done.
    """

    def __init__(self, url: str | None, environ: Mapping[str, str]) -> None:
        self.url, self._identity = _address(url, environ)
        self._environ = environ
        self._client: Any = None
        self._tunnel: Tunnel | None = None

    def __repr__(self) -> str:
        return f"Service({_shown(self.url)})"

    @property
    def shown(self) -> str:
        """The address, for messages."""
        return _shown(self.url)

    def version(self) -> str:
        """The service's version. Raises PodmanUnavailable."""
        with self._answering():
            answer = self._api.get("/version", timeout=_CONNECT_SECONDS)
            answer.raise_for_status()
            return str(answer.json().get("Version", ""))

    def stream(
        self,
        path: str,
        *,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        cancel: Flag,
        content: Iterator[bytes] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """POST, and what the service says line by line. A cancel breaks the connection, which stops the work there.

        Raises Cancelled, BuildFailed, PodmanUnavailable, and whatever `content` raises.
        """
        with self._answering(cancel):
            response = self._api.post(
                path,
                params=dict(params),
                data=_until(content, cancel) if content is not None else None,
                headers=dict(headers),
                stream=True,
                timeout=(_CONNECT_SECONDS, QUIET_SECONDS),
            )
            over = Flag()
            Thread(target=_break_off, args=(response, cancel, over), daemon=True).start()
            try:
                response.raise_for_status()
                for line in response.iter_lines(chunk_size=1):
                    if cancel.is_set():
                        break
                    if line:
                        yield json.loads(line)
            finally:
                over.set()
                response.close()
        if cancel.is_set():
            raise _cancelled()

    def remove(self, name: str) -> None:
        """Delete an image of the service."""
        with self._answering():
            self._api.delete(f"/images/{name}", params={"force": True}, timeout=_CONNECT_SECONDS)

    @property
    def _api(self) -> Any:
        if self._client is None:
            url = self.url
            if urlsplit(url).scheme in _SSH:
                self._tunnel = Tunnel(url, self._identity, self._environ)
                url = self._tunnel.url
            self._client = _package().PodmanClient(base_url=url, version=_API_VERSION)
        return self._client.api

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()
        if self._tunnel is not None:
            self._tunnel.close()

    @contextmanager
    def _answering(self, cancel: Flag | None = None) -> Iterator[None]:
        """What the package may raise, as our errors."""
        _package()
        from podman.errors import APIError
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (APIError, RequestException, HTTPError, OSError, ValueError) as error:
            if cancel is not None and cancel.is_set():
                raise _cancelled() from error
            if isinstance(error, APIError) and error.response is not None:
                raise BuildFailed(
                    f"The Podman service {self.shown} refused: {_clip(error.explanation or error)}.",
                    hint="Look at its log.",
                ) from error
            raise PodmanUnavailable(
                f"The Podman service {self.shown} cannot be reached, or broke off: {_clip(error.__cause__ or error)}.",
                hint="Is it running (`podman system service`, `systemctl --user start podman.socket`)?",
            ) from error


def _package() -> Any:
    try:
        import podman
    except ImportError as error:
        raise PodmanUnavailable(
            "The builder `podman` needs the Python package `podman`, which is not installed.",
            hint='Install it: `pip install "odh-oci-widgets[podman]"`.',
        ) from error
    return podman


def _address(url: str | None, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """URL and SSH identity."""
    url = url or environ.get("CONTAINER_HOST")
    if url and "://" in url:
        if urlsplit(url).scheme not in _SCHEMES:
            raise PodmanUnavailable(
                f"`{url}` is no address of a Podman service.", hint="Write unix://, tcp:// or ssh://."
            )
        return url, environ.get("CONTAINER_SSHKEY")
    _package()
    from podman.domain.config import PodmanConfig

    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config")
    folder = home / "containers"
    files = (folder / "podman-connections.json", folder / "containers.conf", _SYSTEM_CONFIG)
    for file in files if "CONTAINERS_CONF" not in environ else (Path(environ["CONTAINERS_CONF"]),):
        if not file.is_file():
            continue
        config = PodmanConfig(str(file))
        named = (config.services.get(url) if url else config.active_service) if config.attrs else None
        if named is not None:
            identity = named.attrs.get("identity") or named.attrs.get("Identity")
            return named.url.geturl(), identity or None
    if url:
        raise PodmanUnavailable(
            f"There is no Podman connection `{url}`.",
            hint="`podman system connection list` shows those there are.",
        )
    for socket in (
        Path(environ.get("XDG_RUNTIME_DIR") or "/nowhere") / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ):
        if socket.exists():
            return f"unix://{socket}", None
    raise PodmanUnavailable(
        "No Podman service is known here.",
        hint="Name one (`--podman ssh://user@host/run/podman/podman.sock`), or set CONTAINER_HOST.",
    )


def _until(content: Iterator[bytes], cancel: Flag) -> Iterator[bytes]:
    for block in content:
        if cancel.is_set():
            raise _cancelled()
        yield block


def _break_off(response: Any, cancel: Flag, over: Flag) -> None:
    """Wake the reader: only from here, as it waits in a read."""
    while not over.wait(0.2):
        if cancel.is_set():
            shutdown = getattr(response.raw, "shutdown", None) or response.close
            shutdown()
            return


def _cancelled() -> Cancelled:
    return Cancelled("The build was cancelled.", hint="Start it again when you like.")


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return url if parts.password is None else url.replace(f":{parts.password}@", ":…@")


def _clip(text: Any) -> str:
    words = " ".join(str(text).split()).rstrip(".")
    return words if len(words) <= 300 else words[:300] + "…"
