"""What can go wrong when a model is called."""

from __future__ import annotations

from odh_oci_widgets.oci.errors import OdhOciError


class InferenceError(OdhOciError):
    """A call to a model did not give an answer."""

    cure = "See `service.diagnose()` and the logs of the model server."


class ServerUnreachable(InferenceError):
    """No connection to the model server: name, port, network, proxy, or a certificate that is not trusted."""

    cure = "Check that the service is ready, and that its address can be reached from here."


class CallTimeout(InferenceError):
    """The model server did not answer in time."""

    cure = "Ask for fewer tokens or smaller batches, or give more time."


class CallNotAllowed(InferenceError):
    """The model server wants a token (401, a redirect to a login page), or refuses the one it got (403)."""

    cure = "Log in again (`oc login`), or give the token of a user who may read the service."


class ModelUnknown(InferenceError):
    """The server answers, but has no model of this name (404)."""

    cure = "Check the name of the model against `service.describe()`, and the image's `/models`."


class ModelNotReady(InferenceError):
    """The server answers, but the model is not loaded (503)."""

    cure = "Wait until it is loaded: `service.wait()`."


class RequestRefused(InferenceError):
    """The server does not accept what was sent (4xx); the sentence holds the server's own words."""

    cure = "Correct what the server's own words name."


class ServerFailed(InferenceError):
    """The server broke while it answered (5xx, an error inside a stream, an answer that cannot be read)."""

    cure = "See the logs of the model server."


class WrongShape(InferenceError):
    """An array, or the preprocessing chosen, does not fit the input of the model."""

    cure = "Compare with the inputs that `service.describe()` tells."


class NotAPicture(InferenceError):
    """What was given as a picture cannot be read as one."""

    cure = "Give a JPEG, PNG, WebP, BMP or TIFF file: a path, an address, bytes, or a PIL image."


class NotAClassifier(InferenceError):
    """The model answers, but not with one score for each class."""

    cure = "Ask the model with `infer()` and read its outputs yourself."


class LabelsInvalid(InferenceError):
    """A list of labels cannot be read, or has not one label for each class of the model."""

    cure = "Give one label for each class: a text file with one a line, or a JSON list."
