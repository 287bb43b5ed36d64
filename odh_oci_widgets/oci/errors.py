"""The base of every error of this project, and the errors of the image engine.

An error here is one sentence that says what failed and why (`str(error)`), and one that says what to do
(`error.hint`). Other rooms derive their own types from `OdhOciError`; nothing else is raised on purpose.
"""

from __future__ import annotations

from typing import ClassVar


class OdhOciError(Exception):
    """What failed and why, with what to do about it.

    Attributes:
        message: one sentence: what failed, and why.
        hint: what the user can do now; empty when the message says it already.
        status: the HTTP status behind it, where there was one.

    >>> error = OdhOciError("The folder `weights` is empty.", hint="Choose a folder that holds a model.")
    >>> print(error)
    The folder `weights` is empty. Choose a folder that holds a model.
    """

    #: what helps in general: each type has its own, which is the hint where none is given
    cure: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.cure if hint is None else hint
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Cancelled(OdhOciError):
    """The user cancelled the work."""

    cure = "Run it again when you like: what was sent already is reused."


class ReferenceInvalid(OdhOciError):
    """A text that should name an image does not."""

    cure = "Write it as `registry/repository:tag`, for example `quay.io/me/granite:1`, or `oci:FOLDER[:TAG]`."


class PlanInvalid(OdhOciError):
    """A plan that cannot be executed: no file, a path outside `/models`, a layer above the registry's limit."""

    cure = "Make the plan again from the model, with `odh-oci build … --plan-only --json` or `make_plan`."


class SourceError(OdhOciError):
    """The bytes of a file could not be read: gone, changed, truncated, refused, or not what the hub promised."""

    cure = "Run it again: what was sent is reused. If it stays so, look at the place that the sentence names."


class SignatureExpired(SourceError):
    """The right to read an object of S3 storage ran out while the build ran."""

    cure = "Build again: a new right is made, and what was sent is reused."


class BaseImageUnfit(OdhOciError):
    """The base image lacks what KServe's modelcar needs (`sh`, `ln`, `sleep`, `ls`) or has a foreign Entrypoint."""

    cure = "Leave the base image out (ubi9/ubi-micro), or take `embedded`, which needs no registry."


class LayoutError(OdhOciError):
    """An OCI image layout on disk cannot be written, or what is there is none."""

    cure = "Choose an empty or new folder, or one that holds an OCI image layout."


class CredentialsInvalid(OdhOciError):
    """An auth file or a credential helper that cannot be read or understood."""

    cure = "Repair the file or the helper that the sentence names, or log in anew with `podman login`."


class RegistryError(OdhOciError):
    """A registry did not do what was asked."""

    cure = "Look at the registry's own words in the sentence; try again later if they speak of the server."


class RegistryUnreachable(RegistryError):
    """No connection to the registry: name, port, network, proxy."""

    cure = "Check the registry's name and port, and the proxy (`HTTPS_PROXY`, `NO_PROXY`) of this machine."


class RegistryUntrusted(RegistryError):
    """The registry's certificate is not trusted."""

    cure = "Name the registry's authority in SSL_CERT_FILE, or allow this registry with `--insecure`."


class RegistryUnauthorized(RegistryError):
    """The registry does not know who we are (401)."""

    cure = "Log in with `podman login REGISTRY`, or give credentials: `--username NAME --password-stdin`."


class RegistryForbidden(RegistryError):
    """The registry knows who we are and refuses (403, or `push` missing from the granted access)."""

    cure = "Ask the repository's owner for the right to push, or choose a repository of your own."


class ImageNotFound(RegistryError):
    """The image, the tag or the repository does not exist (404)."""

    cure = "Check the name and the tag; private repositories look so, too, without credentials."


class LayerTooLarge(RegistryError):
    """A layer is above the registry's limit (413)."""

    cure = "Choose a registry with a higher limit, or ask its administrator to raise it."
