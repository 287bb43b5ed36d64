"""What the code relies on of watches."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from kubernetes import client, watch

from tests.servers.kubernetes.raw import Raw


class TestWatches:
    def test_a_watch_tells_what_happens(self, core: client.CoreV1Api, namespace: str) -> None:
        start = core.list_namespaced_config_map(namespace).metadata.resource_version
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "w", "labels": {"l": "1"}}})
        core.patch_namespaced_config_map("w", namespace, {"data": {"a": "1"}})
        core.patch_namespaced_config_map("w", namespace, {"metadata": {"labels": {"l": "2"}}})
        core.delete_namespaced_config_map("w", namespace)

        def seen(**more: Any) -> list[str]:
            stream = watch.Watch().stream(
                core.list_namespaced_config_map, namespace, resource_version=start, timeout_seconds=1, **more
            )
            return [f"{e['type']} {e['object'].metadata.name}" for e in stream]

        assert seen() == ["ADDED w", "MODIFIED w", "MODIFIED w", "DELETED w"]
        assert seen(label_selector="l=1") == ["ADDED w", "MODIFIED w", "DELETED w"]

    def test_news_arrive_while_waiting(self, core: client.CoreV1Api, namespace: str) -> None:
        start = core.list_namespaced_secret(namespace).metadata.resource_version
        body = {"metadata": {"name": "late"}}
        timer = threading.Timer(0.2, core.create_namespaced_secret, (namespace, body))
        timer.start()
        stream = watch.Watch().stream(
            core.list_namespaced_secret, namespace, resource_version=start, timeout_seconds=20
        )
        began = time.monotonic()
        assert next(stream)["object"].metadata.name == "late"
        assert time.monotonic() - began < 10
        timer.join()

    def test_bookmarks(self, raw: Raw, namespace: str) -> None:
        code, text, _ = raw(
            "GET",
            f"/api/v1/namespaces/{namespace}/configmaps",
            watch="true",
            sendInitialEvents="true",
            allowWatchBookmarks="true",
            resourceVersionMatch="NotOlderThan",
            timeoutSeconds="1",
            labelSelector="none=there",
        )
        assert code == 200
        first = json.loads(text.splitlines()[0])
        assert first["type"] == "BOOKMARK"
        assert first["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
