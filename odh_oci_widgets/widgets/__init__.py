"""The ipywidgets: views only. Each step of the wizard also works alone."""

from .access_strip import AccessStrip
from .build_step import BuildStep
from .deploy_step import DeployStep
from .flow import DeploySpec, Flow, ImageSpec
from .image_step import ImageStep
from .model_step import ModelStep
from .panel import ModelsPanel
from .test_step import TestStep
from .wizard import Wizard

__all__ = [
    "AccessStrip",
    "BuildStep",
    "DeploySpec",
    "DeployStep",
    "Flow",
    "ImageSpec",
    "ImageStep",
    "ModelStep",
    "ModelsPanel",
    "TestStep",
    "Wizard",
]
