"""The image engine: plan, layers, image, registry, layout, credentials.

Standard library and urllib3 only: it also runs as a zip inside a bare Python container.

>>> from odh_oci_widgets.oci import PlanFile, Source, make_plan, run
>>> file = PlanFile(path="models/1/model.onnx", size=7, source=Source(path="/data/model.onnx"))
>>> plan = make_plan([file], "registry.example/me/model:1", base="embedded")
>>> for event in run(plan):  # doctest: +SKIP
...     print(event)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it
_HOME = {
    "BaseImageUnfit": "errors",
    "Cancelled": "errors",
    "Credential": "credentials",
    "Credentials": "credentials",
    "CredentialsInvalid": "errors",
    "Done": "events",
    "Event": "events",
    "Failed": "events",
    "Finding": "fitness",
    "ImageNotFound": "errors",
    "LayerInfo": "events",
    "LayerProgress": "events",
    "LayerState": "events",
    "LayerTooLarge": "errors",
    "LayoutError": "errors",
    "LayoutReference": "reference",
    "Level": "fitness",
    "Log": "events",
    "OdhOciError": "errors",
    "Plan": "plan",
    "PlanFile": "plan",
    "PlanInvalid": "errors",
    "PlanLayer": "plan",
    "Planned": "events",
    "Reference": "reference",
    "ReferenceInvalid": "errors",
    "RegistryError": "errors",
    "RegistryForbidden": "errors",
    "RegistryUnauthorized": "errors",
    "RegistryUnreachable": "errors",
    "RegistryUntrusted": "errors",
    "Retry": "events",
    "Source": "plan",
    "SourceError": "errors",
    "Verification": "verify",
    "error_of": "engine",
    "http_pool": "http",
    "ImageInfo": "inspection",
    "inspect_image": "inspection",
    "pull_models": "extract",
    "make_plan": "plan",
    "parse_image": "reference",
    "run": "engine",
    "verify_image": "verify",
}

__all__ = [
    "BaseImageUnfit",
    "Cancelled",
    "Credential",
    "Credentials",
    "CredentialsInvalid",
    "Done",
    "Event",
    "Failed",
    "Finding",
    "ImageInfo",
    "ImageNotFound",
    "LayerInfo",
    "LayerProgress",
    "LayerState",
    "LayerTooLarge",
    "LayoutError",
    "LayoutReference",
    "Level",
    "Log",
    "OdhOciError",
    "Plan",
    "PlanFile",
    "PlanInvalid",
    "PlanLayer",
    "Planned",
    "Reference",
    "ReferenceInvalid",
    "RegistryError",
    "RegistryForbidden",
    "RegistryUnauthorized",
    "RegistryUnreachable",
    "RegistryUntrusted",
    "Retry",
    "Source",
    "SourceError",
    "Verification",
    "error_of",
    "http_pool",
    "inspect_image",
    "make_plan",
    "parse_image",
    "pull_models",
    "run",
    "verify_image",
]

if TYPE_CHECKING:
    from .credentials import Credential, Credentials
    from .engine import error_of, run
    from .errors import (
        BaseImageUnfit,
        Cancelled,
        CredentialsInvalid,
        ImageNotFound,
        LayerTooLarge,
        LayoutError,
        OdhOciError,
        PlanInvalid,
        ReferenceInvalid,
        RegistryError,
        RegistryForbidden,
        RegistryUnauthorized,
        RegistryUnreachable,
        RegistryUntrusted,
        SourceError,
    )
    from .events import Done, Event, Failed, LayerInfo, LayerProgress, LayerState, Log, Planned, Retry
    from .extract import pull_models
    from .fitness import Finding, Level
    from .http import http_pool
    from .inspection import ImageInfo, inspect_image
    from .plan import Plan, PlanFile, PlanLayer, Source, make_plan
    from .reference import LayoutReference, Reference, parse_image
    from .verify import Verification, verify_image


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
