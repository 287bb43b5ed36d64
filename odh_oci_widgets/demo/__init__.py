"""The main job, end to end, on this machine: what `odh-oci demo` runs."""

from .run import DemoFailed, DemoResult, run_demo

__all__ = ["DemoFailed", "DemoResult", "run_demo"]
