"""What can go wrong while a model is chosen."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class ModelError(OdhOciError):
    """A model could not be chosen."""

    cure = "Check the model's reference, and whether the hub or server it names can be reached."


class ReferenceNotUnderstood(ModelError):
    """A text that should name a model does not: no `hf://owner/name`, no `https://…`, nothing on this disk."""

    cure = "Write `hf://owner/name[@revision]`, `https://…/file.onnx`, `s3://bucket/folder`, or a path that exists."


class ModelNotFound(ModelError):
    """No such model on the hub, no file behind the URL, no such folder (or private, and seen without a token)."""

    cure = "Check the spelling; a private model needs a token (`hf auth login`)."


class RevisionNotFound(ModelError):
    """The model exists, the branch, tag or commit does not."""

    cure = 'Choose one of `revisions("owner/name")`, or leave it out for the newest.'


class ModelGated(ModelError):
    """The model's files need a token whose owner accepted the model's conditions, and there is no token (401)."""

    cure = "Accept the model's conditions on its page, then give a token: `hf auth login`, or HF_TOKEN."


class ModelAccessMissing(ModelGated):
    """There is a token, but its owner was not given access to the gated model (403)."""

    cure = "Ask for access on the model's page with the account of the token, and wait until it is granted."


class TokenRefused(ModelError):
    """The hub does not know the token: mistyped, expired or revoked (401)."""

    cure = "Make a new token and log in with it: `hf auth login`, or HF_TOKEN."


class ModelEmpty(ModelError):
    """No file is left to serve: an empty folder, or a selection that matches nothing."""

    cure = "Change include and exclude, or choose a folder that holds a model."


class PathLeavesFolder(ModelError):
    """A link in the folder points outside of it."""

    cure = "Put the files themselves into the folder instead of links."


class NotAModel(ModelError):
    """The bytes are no model: a web page, a Git LFS pointer, a file of another format than its name says."""

    cure = "Check the address: it should give the file of the model itself."


class SizeUnknown(ModelError):
    """The server does not tell how many bytes a file has, and a layer needs to know it beforehand."""

    cure = "Download the file and build from the disk."


class SourceUnreachable(ModelError):
    """No answer from the hub or the web server: name, network, proxy, certificate, offline mode, server trouble."""

    cure = "Check the name, the network and the proxy (`HTTPS_PROXY`); try again later."


class PackageMissing(ModelError):
    """A package that this source of models needs (an exporter to ONNX, boto3) is not installed."""

    cure = "Install the package that the sentence names."


class ObjectNotExported(ModelError):
    """An object of the notebook is no model that can be exported to ONNX."""

    cure = "Export it to ONNX yourself, save it to a file, and build from there."
