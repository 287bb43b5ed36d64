"""The card of a hardware profile, as Open Data Hub writes profiles: identifiers, node selector, tolerations."""

from __future__ import annotations

from typing import Any

import pytest

from odh_oci_widgets.cluster import list_profiles
from odh_oci_widgets.models import card_of

GIB = 2**30
NVIDIA = {
    "identifier": "nvidia.com/gpu",
    "displayName": "GPU",
    "defaultCount": 2,
    "resourceType": "Accelerator",
}


class Platform:
    """Answers with one profile."""

    namespace = "mine"

    def __init__(self, spec: dict[str, Any], title: str) -> None:
        self._profile = {
            "metadata": {
                "name": "p",
                "namespace": "mine",
                "annotations": {"opendatahub.io/display-name": title},
            },
            "spec": spec,
        }

    def list(self, _: object, *, namespace: str) -> list[dict[str, Any]]:
        return [self._profile] if namespace == self.namespace else []


def profile(identifier: Any = NVIDIA, title: str = "Large", **node: Any) -> Any:
    if isinstance(identifier, str):
        identifier = NVIDIA | {"identifier": identifier}
    cpu = {"identifier": "cpu", "displayName": "CPU", "defaultCount": 4}
    spec = {"identifiers": [cpu, identifier], "scheduling": {"type": "Node", "node": node}}
    (found,) = list_profiles(Platform(spec, title))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("found", "product", "gibibytes", "capability"),
    [
        (profile(nodeSelector={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}), "NVIDIA-A100-SXM4-80GB", 80, 8.0),
        (profile(nodeSelector={"nvidia.com/gpu.product": "Tesla-V100-SXM2-32GB"}), "Tesla-V100-SXM2-32GB", 32, 7.0),
        (
            profile(nodeSelector={"nvidia.com/gpu.memory": "46068", "nvidia.com/gpu.compute.major": "8"}),
            "Large", 44, 8.0,
        ),
        (profile(nodeSelector={"node.kubernetes.io/instance-type": "g4dn.12xlarge"}), "T4", 16, 7.5),
        (profile(nodeSelector={"cloud.google.com/gke-accelerator": "nvidia-l4"}), "L4", 24, 8.9),
        (profile(tolerations=[{"key": "gpu", "value": "L40S", "effect": "NoSchedule"}]), "L40S", 48, 8.9),
        (profile(NVIDIA | {"displayName": "NVIDIA H100"}), "H100", 80, 9.0),
        (profile(title="One A10G"), "A10G", 24, 8.6),
        (profile("nvidia.com/mig-3g.40gb"), "mig-3g.40gb", 40, None),
        (
            profile(nodeSelector={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}),
            "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", 5, 8.0,
        ),
        (
            profile("amd.com/gpu", nodeSelector={"amd.com/gpu.product-name": "MI300X", "amd.com/gpu.vram": "192G"}),
            "MI300X", 192, None,
        ),
    ],
)  # fmt: skip
def test_what_a_profile_says_of_its_card(
    found: Any, product: str, gibibytes: int, capability: float | None
) -> None:
    card = card_of(found)
    assert card is not None
    assert (card.product, (card.memory or 0) // GIB, card.compute_capability) == (
        product,
        gibibytes,
        capability,
    )


def test_another_makers_accelerator_is_not_taken_for_a_card_of_that_name() -> None:
    assert card_of(profile("habana.ai/gaudi", title="Faster than a T4")) is None
    assert card_of(profile(title="Large")) is None
