"""From a model to a service that answers, without leaving the notebook.

>>> from odh_oci_widgets import build
>>> image = build("iris.onnx", "oci:iris-from-package", base="embedded").wait()
>>> image.partition("@")[0]
'oci:iris-from-package'

Pushed to a registry instead, `deploy(image, "iris").wait()` serves it in the project, and `deploy(image, "iris",
target="sandbox").wait()` serves it here.

Names are imported when they are first used: a build needs neither widgets nor a Kubernetes client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

#: public name -> module that holds it
_HOME = {
    # choose
    "search": "models",
    "revisions": "models",
    "open_model": "models",
    "from_object": "models",
    "understand": "models",
    "estimate_gpu": "models",
    "estimate_cpu": "models",
    "find_gpu": "models",
    "fit_gpu": "models",
    "Model": "models",
    "ModelFile": "models",
    "ModelFormat": "models",
    "Facts": "models",
    # build and push
    "build": "builders",
    "builds": "builders",
    "attach": "builders",
    "Build": "builders",
    "BuildStatus": "builders",
    "make_plan": "oci",
    "Plan": "oci",
    "Credential": "oci",
    "Credentials": "oci",
    "inspect_image": "oci",
    "verify_image": "oci",
    # deploy
    "connect": "cluster",
    "deploy": "serving",
    "service": "serving",
    "services": "serving",
    "Service": "serving",
    "ServiceState": "serving",
    "Diagnosis": "serving",
    # call
    "Completion": "inference",
    "Prediction": "inference",
    "Measurement": "inference",
    # what can go wrong
    "OdhOciError": "oci",
    "Cancelled": "oci",
    # click
    "Wizard": "widgets",
    "AccessStrip": "widgets",
    "ModelsPanel": "widgets",
    "ModelStep": "widgets",
    "ImageStep": "widgets",
    "BuildStep": "widgets",
    "DeployStep": "widgets",
    "TestStep": "widgets",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - computed from strings

if TYPE_CHECKING:
    from .builders import Build, BuildStatus, attach, build, builds
    from .cluster import connect
    from .inference import Completion, Measurement, Prediction
    from .models import (
        Facts,
        Model,
        ModelFile,
        ModelFormat,
        estimate_cpu,
        estimate_gpu,
        find_gpu,
        fit_gpu,
        from_object,
        open_model,
        revisions,
        search,
        understand,
    )
    from .oci import (
        Cancelled,
        Credential,
        Credentials,
        OdhOciError,
        Plan,
        inspect_image,
        make_plan,
        verify_image,
    )
    from .serving import Diagnosis, Service, ServiceState, deploy, service, services
    from .widgets import (
        AccessStrip,
        BuildStep,
        DeployStep,
        ImageStep,
        ModelsPanel,
        ModelStep,
        TestStep,
        Wizard,
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
