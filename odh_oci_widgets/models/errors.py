"""What can go wrong while a model is chosen."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ModelError(OdhOciError):
    """A model could not be chosen."""


class ReferenceNotUnderstood(ModelError):
    """A text that should name a model does not: no `hf://owner/name`, no `https://…`, nothing on this disk."""


class ModelNotFound(ModelError):
    """No such model on the hub, no file behind the URL, no such folder (or private, and seen without a token)."""


class RevisionNotFound(ModelError):
    """The model exists, the branch, tag or commit does not."""


class ModelGated(ModelError):
    """The model's files need a token whose owner accepted the model's conditions, and there is no token (401)."""


class ModelAccessMissing(ModelGated):
    """There is a token, but its owner was not given access to the gated model (403)."""


class TokenRefused(ModelError):
    """The hub does not know the token: mistyped, expired or revoked (401)."""


class ModelEmpty(ModelError):
    """No file is left to serve: an empty folder, or a selection that matches nothing."""


class PathLeavesFolder(ModelError):
    """A link in the folder points outside of it."""


class NotAModel(ModelError):
    """The bytes are no model: a web page, a Git LFS pointer, a file of another format than its name says."""


class SizeUnknown(ModelError):
    """The server does not tell how many bytes a file has, and a layer needs to know it beforehand."""


class SourceUnreachable(ModelError):
    """No answer from the hub or the web server: name, network, proxy, certificate, offline mode, server trouble."""


class PackageMissing(ModelError):
    """A package that this source of models needs (an exporter to ONNX, boto3) is not installed."""


class ObjectNotExported(ModelError):
    """An object of the notebook is no model that can be exported to ONNX."""
