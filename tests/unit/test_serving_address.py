"""Where a service answers: the rules for routes, ports and headless Services."""

from __future__ import annotations

import pytest

from odh_oci_widgets.serving.project.address import address_of, needs_token

LOCAL = "m-predictor.alice.svc.cluster.local"


def service(url: str | None, *, auth: bool = False):
    annotations = {"security.opendatahub.io/enable-auth": "true" if auth else "false"}
    return {"metadata": {"name": "m", "annotations": annotations}, "status": {"url": url} if url else {}}


def predictor(*, headless: bool, port: int, target: int | str, name: str = "http"):
    return {
        "metadata": {"name": "m-predictor", "namespace": "alice"},
        "spec": {
            "clusterIP": "None" if headless else "10.0.0.1",
            "ports": [{"name": "metrics", "port": 9, "targetPort": 9}] * (name == "https")
            + [{"name": name, "port": port, "targetPort": target}],
        },
    }


@pytest.mark.parametrize(
    ("url", "found", "expected"),
    [
        (None, None, None),
        ("https://m-alice.apps.example.org/", None, "https://m-alice.apps.example.org"),
        (f"http://{LOCAL}", predictor(headless=False, port=80, target=8888), f"http://{LOCAL}"),
        # the default of Open Data Hub: no virtual address, so the port of the pods
        (f"http://{LOCAL}", predictor(headless=True, port=80, target=8888), f"http://{LOCAL}:8888"),
        # KServe 0.17 says 8080 for every headless service
        (f"http://{LOCAL}:8080", predictor(headless=True, port=80, target=8888), f"http://{LOCAL}:8888"),
        (
            f"https://{LOCAL}:8443",
            predictor(headless=True, port=8443, target="https", name="https"),
            f"https://{LOCAL}:8443",
        ),
        (f"http://{LOCAL}", None, f"http://{LOCAL}"),
    ],
)
def test_the_url(url, found, expected):
    assert address_of(service(url), lambda: found) == expected


def test_without_the_right_to_read_services_a_protected_one_is_at_8443():
    assert address_of(service(f"http://{LOCAL}", auth=True), lambda: None) == f"https://{LOCAL}:8443"


def test_a_token_goes_only_where_it_is_asked_for():
    assert needs_token(service("http://x", auth=True))
    assert not needs_token(service("http://x"))
    assert not needs_token({"metadata": {"name": "m"}})
