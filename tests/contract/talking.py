"""Talking to the API with the official client: connections, a service, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client import ApiException

from tests.servers.kubernetes import User

from .cluster import Cluster, wait_for

Object = dict[str, Any]
GROUP = ("serving.kserve.io", "v1beta1")


def connect(api: Cluster, user: User, namespace: str) -> client.ApiClient:
    made = config.new_client_from_config(str(api.kubeconfig(user, namespace)))
    made.configuration.retries = 0
    return made


def service(name: str = "m1", **predictor: Any) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {
            "predictor": {
                "model": {"modelFormat": {"name": "onnx"}, "runtime": "r", "storageUri": "oci://r.test/m:1"},
                **predictor,
            }
        },
    }


def accepted(call: Any, *args: Any) -> Any:
    """The answer once it is not forbidden any more: those who admit learn of what was just made a moment later."""

    def answer() -> Any:
        try:
            return call(*args)
        except ApiException as error:
            if error.status != 403:
                raise
            return None

    return wait_for(answer, what="the admission")


def refused(call: Any, *args: Any, **more: Any) -> tuple[int, str]:
    """Code and message of a refusal."""
    with pytest.raises(ApiException) as caught:
        call(*args, **more)
    body = json.loads(caught.value.body)
    assert body["kind"] == "Status"
    assert body["code"] == caught.value.status
    return caught.value.status, body["message"]
