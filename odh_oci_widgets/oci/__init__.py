"""The image engine: plan, layers, image, registry, layout, credentials.

Standard library and urllib3 only: it also runs as a zip inside a bare Python container.

>>> from odh_oci_widgets.oci import PlanFile, Source, make_plan, run
>>> file = PlanFile(path="models/1/labels.txt", size=20, source=Source(path="labels.txt"))
>>> plan = make_plan([file], "oci:labels-image", base="embedded")
>>> for event in run(plan):
...     last = event
>>> last.kind
'done'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it
_HOME = {
    "Action": "forecast",
    "BaseImageUnfit": "errors",
    "Cancelled": "errors",
    "Credential": "credentials",
    "Credentials": "credentials",
    "CredentialsInvalid": "errors",
    "Done": "events",
    "Event": "events",
    "Failed": "events",
    "Finding": "fitness",
    "ImageInfo": "inspection",
    "ImageNotFound": "errors",
    "LayerForecast": "forecast",
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
    "Preflight": "forecast",
    "Reference": "reference",
    "ReferenceInvalid": "errors",
    "RegistryError": "errors",
    "RegistryForbidden": "errors",
    "RegistryUnauthorized": "errors",
    "RegistryUnreachable": "errors",
    "RegistryUntrusted": "errors",
    "Retry": "events",
    "Source": "plan",
    "SignatureExpired": "errors",
    "SourceError": "errors",
    "Verification": "verify",
    "engine_zip": "bundle",
    "error_of": "engine",
    "http_pool": "http",
    "inspect_image": "inspection",
    "make_plan": "plan",
    "parse_image": "reference",
    "preflight": "forecast",
    "pull_models": "extract",
    "run": "engine",
    "verify_image": "verify",
}

__all__ = [
    "Action",
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
    "LayerForecast",
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
    "Preflight",
    "Reference",
    "ReferenceInvalid",
    "RegistryError",
    "RegistryForbidden",
    "RegistryUnauthorized",
    "RegistryUnreachable",
    "RegistryUntrusted",
    "Retry",
    "SignatureExpired",
    "Source",
    "SourceError",
    "Verification",
    "engine_zip",
    "error_of",
    "http_pool",
    "inspect_image",
    "make_plan",
    "parse_image",
    "preflight",
    "pull_models",
    "run",
    "verify_image",
]

if TYPE_CHECKING:
    from .bundle import engine_zip
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
        SignatureExpired,
        SourceError,
    )
    from .events import Done, Event, Failed, LayerInfo, LayerProgress, LayerState, Log, Planned, Retry
    from .extract import pull_models
    from .fitness import Finding, Level
    from .forecast import Action, LayerForecast, Preflight, preflight
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
