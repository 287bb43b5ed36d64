"""What can go wrong when a model is called."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class InferenceError(OdhOciError):
    """A call to a model did not give an answer."""


class ServerUnreachable(InferenceError):
    """No connection to the model server: name, port, network, proxy, or a certificate that is not trusted."""


class CallTimeout(InferenceError):
    """The model server did not answer in time."""


class CallNotAllowed(InferenceError):
    """The model server wants a token (401, a redirect to a login page), or refuses the one it got (403)."""


class ModelUnknown(InferenceError):
    """The server answers, but has no model of this name (404)."""


class ModelNotReady(InferenceError):
    """The server answers, but the model is not loaded (503)."""


class RequestRefused(InferenceError):
    """The server does not accept what was sent (4xx); the sentence holds the server's own words."""


class ServerFailed(InferenceError):
    """The server broke while it answered (5xx, an error inside a stream, an answer that cannot be read)."""


class WrongShape(InferenceError):
    """An array, or the preprocessing chosen, does not fit the input of the model."""


class NotAPicture(InferenceError):
    """What was given as a picture cannot be read as one."""


class NotAClassifier(InferenceError):
    """The model answers, but not with one score for each class."""


class LabelsInvalid(InferenceError):
    """A list of labels cannot be read, or has not one label for each class of the model."""
