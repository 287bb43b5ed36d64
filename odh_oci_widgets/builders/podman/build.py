"""A build by a Podman service, which this process sends the context to and whose log it reads."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from odh_oci_widgets.builders.containerfile import containerfile, local_files, secret_files
from odh_oci_widgets.builders.context import CONTAINERFILE, context
from odh_oci_widgets.builders.errors import BuildFailed
from odh_oci_widgets.builders.here import BuildHere
from odh_oci_widgets.builders.record import Record
from odh_oci_widgets.builders.steps import PUSH, UPLOAD, Steps
from odh_oci_widgets.oci import Credential, Credentials
from odh_oci_widgets.oci.errors import Cancelled, OdhOciError, RegistryError, RegistryUnauthorized
from odh_oci_widgets.oci.events import Done, Event, LayerState, Log
from odh_oci_widgets.oci.plan import Plan
from odh_oci_widgets.oci.reference import Reference, parse_image

from .service import Service


class PodmanBuild(BuildHere):
    """It ends with this process: the service stops, after the step at hand, when the connection breaks."""

    builder = "podman"

    def __init__(
        self,
        plan: Plan,
        record: Record,
        service: Service,
        *,
        downloader: str,
        credentials: Credentials,
        secrets: Mapping[str, str],
        verify: bool,
    ) -> None:
        super().__init__(plan, record)
        self._service = service
        self._credentials = credentials
        self._text = containerfile(plan, downloader=downloader, build_secrets=True, verify=verify)
        files = secret_files(plan, secrets)
        self._secrets = {name: content for name, content in files.items() if content}
        self._steps = Steps(plan)
        self._reference = Reference.parse(plan.image)
        base = parse_image(plan.base) if plan.base != "scratch" else None
        self._base = base if isinstance(base, Reference) else None
        # a name of its own, so that no image of the service's other users is touched
        self._tag = f"localhost/odh-oci-build:{self.id}"

    def _work(self) -> OdhOciError | None:
        began = time.monotonic()
        self._feed(self._steps.planned())
        try:
            self._build()
            digest = self._push() or self._digest()
        except Cancelled as cancelled:
            # All there is to stop a build is to break the connection, and the service looks at that between steps.
            return Cancelled(
                cancelled.message,
                hint="The Podman service still ends the step that it is at, a download perhaps, and begins no other.",
            )
        except OdhOciError as error:
            return error
        finally:
            with suppress(OdhOciError):
                self._service.remove(quote(self._tag, safe=""))
            self._service.close()
        self._feed_all(self._steps.all_done())
        self._feed(
            Done(
                image=str(self._reference.with_digest(digest)) if digest else self.plan.image,
                digest=digest,
                size=self._steps.size,
                sent=self._steps.size,
                reused=0,
                seconds=time.monotonic() - began,
            )
        )
        return None

    def _build(self) -> None:
        params = {
            "dockerfile": CONTAINERFILE,
            "t": self._tag,
            "platform": self.plan.platforms[0],
            # One new layer on the base's: what `podman build --squash` is here.
            "layers": False,
            "rm": True,
            "forcerm": True,
            "pullpolicy": "ifnewer",
            "outputformat": "application/vnd.oci.image.manifest.v1+json",
            "annotations": json.dumps([f"{name}={value}" for name, value in self.plan.annotations.items()]),
            "secrets": json.dumps([f"id={name},src={name}" for name in self._secrets]),
            "tlsVerify": not (self._base and self._base.registry in self.plan.insecure),
        }
        headers = {"Content-Type": "application/x-tar"} | self._login_of_base()
        content = self._counted(context(self._text, local_files(self.plan), self._secrets))
        for said in self._service.stream(
            "/build", params=params, headers=headers, cancel=self._cancel, content=content
        ):
            if "error" in said:
                raise BuildFailed(
                    f"The build failed: {_one_line(said['error'])}.",
                    hint="Look at the log: a download may have been refused, or a checksum was wrong.",
                )
            self._take(said)

    def _push(self) -> str:
        """Push, and return the digest where the service tells it (Podman 4.4 and newer)."""
        params = {
            "destination": self.plan.image,
            "tlsVerify": self._reference.registry not in self.plan.insecure,
            "format": "oci",
            "quiet": False,
        }
        headers = {}
        login = self._credentials.find(self._reference.registry, self._reference.repository)
        if login is not None:
            headers["X-Registry-Auth"] = _encoded(_login(login))
        self._feed_all(self._steps.at(PUSH, LayerState.SENDING, 0))
        digest = ""
        path = f"/images/{quote(self._tag, safe='')}/push"
        for said in self._service.stream(path, params=params, headers=headers, cancel=self._cancel):
            if "error" in said:
                words = _one_line(said["error"])
                refused = any(
                    word in words.lower() for word in ("unauthorized", "authentication required", "denied")
                )
                kind = RegistryUnauthorized if refused else RegistryError
                raise kind(
                    f"The registry did not take the image: {words}.",
                    hint="Check the name of the image, and that your login may push there.",
                )
            digest = str(said.get("manifestdigest") or digest)
            self._take(said)
        return digest

    def _digest(self) -> str:
        """The digest, asked of the registry; empty where it cannot be reached from here."""
        from odh_oci_widgets.oci import inspect_image

        try:
            insecure = self._reference.registry in self.plan.insecure
            return inspect_image(self.plan.image, credentials=self._credentials, insecure=insecure).digest
        except OdhOciError as error:
            self._feed(Log(message=f"The image's digest is not known: {error.message}"))
            return ""

    def _login_of_base(self) -> dict[str, str]:
        base = self._base
        login = self._credentials.find(base.registry, base.repository) if base else None
        if base is None or login is None:
            return {}
        return {"X-Registry-Config": _encoded({base.registry: _login(login)})}

    def _counted(self, content: Iterator[bytes]) -> Iterator[bytes]:
        sent = 0
        for block in content:
            yield block
            sent += len(block)
            self._feed_all(self._steps.at(UPLOAD, LayerState.SENDING, min(sent, self._steps.size)))

    def _take(self, said: Mapping[str, Any]) -> None:
        for line in str(said.get("stream") or "").splitlines():
            if line.strip():
                self._feed(Log(message=line))
                self._feed_all(self._steps.line(line))

    def _feed_all(self, events: Iterator[Event]) -> None:
        for event in events:
            self._feed(event)


def _login(credential: Credential) -> dict[str, str]:
    if credential.identity_token:
        return {"identitytoken": credential.identity_token}
    return {"username": credential.username, "password": credential.password}


def _encoded(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


def _one_line(text: Any) -> str:
    words = " ".join(str(text).split()).rstrip(".")
    return words if len(words) <= 300 else "…" + words[-300:]
