"""What the code relies on of watches."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from kubernetes import client, watch


class TestWatches:
    def test_a_watch_tells_what_happens(self, core: client.CoreV1Api, namespace: str) -> None:
        start = core.list_namespaced_config_map(namespace).metadata.resource_version
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "w", "labels": {"l": "1"}}})
        core.patch_namespaced_config_map("w", namespace, {"data": {"a": "1"}})
        core.patch_namespaced_config_map("w", namespace, {"metadata": {"labels": {"l": "2"}}})
        core.delete_namespaced_config_map("w", namespace)

        def seen(**more: Any) -> list[str]:
            stream = watch.Watch().stream(
                core.list_namespaced_config_map, namespace, resource_version=start, timeout_seconds=2, **more
            )
            told = [f"{e['type']} {e['object'].metadata.name}" for e in stream]
            return [one for one in told if one.endswith(" w")]  # a new project gets some from its controllers

        assert seen() == ["ADDED w", "MODIFIED w", "MODIFIED w", "DELETED w"]
        assert seen(label_selector="l=1") == ["ADDED w", "MODIFIED w", "DELETED w"]

    def test_news_arrive_while_waiting(self, core: client.CoreV1Api, namespace: str) -> None:
        start = core.list_namespaced_secret(namespace).metadata.resource_version
        body = {"metadata": {"name": "late", "labels": {"l": "1"}}}
        timer = threading.Timer(0.2, core.create_namespaced_secret, (namespace, body))
        timer.start()
        stream = watch.Watch().stream(
            core.list_namespaced_secret,
            namespace,
            resource_version=start,
            timeout_seconds=20,
            label_selector="l=1",
        )
        began = time.monotonic()
        assert next(stream)["object"].metadata.name == "late"
        assert time.monotonic() - began < 10
        timer.join()

    def test_bookmarks(self, core: client.CoreV1Api, namespace: str) -> None:
        try:
            stream = core.list_namespaced_config_map(
                namespace,
                watch=True,
                send_initial_events=True,
                allow_watch_bookmarks=True,
                resource_version_match="NotOlderThan",
                timeout_seconds=20,
                label_selector="none=there",
                _preload_content=False,
            )
        except client.ApiException as error:
            if error.status != 422:
                raise
            pytest.skip("this cluster's watches do not begin with what there is")
        first = json.loads(next(iter(stream)))
        stream.release_conn()
        assert first["type"] == "BOOKMARK"
        assert first["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
