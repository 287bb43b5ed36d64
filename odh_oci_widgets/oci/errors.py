"""The base of every error of this project, and the errors of the image engine.

An error here is one sentence that says what failed and why (`str(error)`), and one that says what to do
(`error.hint`). Other rooms derive their own types from `OdhOciError`; nothing else is raised on purpose.
"""

from __future__ import annotations


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

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Cancelled(OdhOciError):
    """The user cancelled the work."""


class ReferenceInvalid(OdhOciError):
    """A text that should name an image does not."""


class PlanInvalid(OdhOciError):
    """A plan that cannot be executed: no file, a path outside `/models`, a layer above the registry's limit."""


class SourceError(OdhOciError):
    """The bytes of a file could not be read: gone, changed, truncated, refused, or not what the hub promised."""


class SignatureExpired(SourceError):
    """The right to read an object of S3 storage ran out while the build ran."""


class BaseImageUnfit(OdhOciError):
    """The base image lacks what KServe's modelcar needs (`sh`, `ln`, `sleep`, `ls`) or has a foreign Entrypoint."""


class LayoutError(OdhOciError):
    """An OCI image layout on disk cannot be written, or what is there is none."""


class CredentialsInvalid(OdhOciError):
    """An auth file or a credential helper that cannot be read or understood."""


class RegistryError(OdhOciError):
    """A registry did not do what was asked."""


class RegistryUnreachable(RegistryError):
    """No connection to the registry: name, port, network, proxy."""


class RegistryUntrusted(RegistryError):
    """The registry's certificate is not trusted."""


class RegistryUnauthorized(RegistryError):
    """The registry does not know who we are (401)."""


class RegistryForbidden(RegistryError):
    """The registry knows who we are and refuses (403, or `push` missing from the granted access)."""


class ImageNotFound(RegistryError):
    """The image, the tag or the repository does not exist (404)."""


class LayerTooLarge(RegistryError):
    """A layer is above the registry's limit (413)."""
