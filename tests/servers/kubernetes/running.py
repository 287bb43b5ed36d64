"""Pods that really run: a model server on this machine stands behind each service that becomes ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .cluster import KubernetesApi
from .network import Network
from .playing import Play
from .recording import Step

Object = dict[str, Any]


class Running(Protocol):
    """A model server that was started."""

    @property
    def url(self) -> str | None:
        """`http://127.0.0.1:PORT`."""

    def stop(self) -> None:
        """End it."""


#: starts a model server for an image; raises LookupError (no such image), PermissionError (not authorised to pull),
#: ValueError (no `/models`) or RuntimeError (the model does not load) as a node would find out
Start = Callable[[str, Object], Running]


class Node:
    """Starts servers for services and publishes them as the Services and Routes of a cluster would."""

    def __init__(self, api: KubernetesApi, network: Network, start: Start) -> None:
        self._api = api
        self._network = network
        self._start = start
        self._running: dict[tuple[str, str], Running] = {}

    def situation(self, service: Object) -> str | None:
        """Start the server; the situation that is to be played when that fails, else None."""
        meta = service["metadata"]
        image = (service["spec"]["predictor"].get("model") or {}).get("storageUri", "").split("://", 1)[-1]
        self.stop(meta["name"], meta["namespace"])
        try:
            self._running[meta["namespace"], meta["name"]] = self._start(image, service)
        except PermissionError:
            return "image-unauthorized"
        except LookupError:
            return "image-not-found"
        except ValueError:
            return "no-models"
        except RuntimeError:
            return "model-load-failed"
        return None

    def after_step(self, play: Play, step: Step) -> None:
        """Once the pod is ready its server can be reached; once the Service is gone it cannot."""
        if step.resource == "pods" and step.type != "DELETED" and _ready(self._api, play):
            self._publish(play)
        elif step.resource in ("services", "inferenceservices") and step.type == "DELETED":
            self.stop(play.name, play.namespace)

    def _publish(self, play: Play) -> None:
        running = self._running.get((play.namespace, play.name))
        if running is None or running.url is None:
            return
        name, namespace = play.name, play.namespace
        service = self._api.get("services", f"{name}-predictor", namespace, "")
        route = self._api.get("routes", name, namespace, "route.openshift.io")
        if service is None:
            return
        ports = service["spec"]["ports"]
        protected = any(port.get("name") == "https" for port in ports)
        check = self._network.may_call(name, namespace) if protected else None
        self._network.unpublish(*self._hosts(name, namespace))
        for host in self._hosts(name, namespace):
            for port in ports:
                if protected:
                    self._network.publish(host, 8443, running.url, tls=True, allowed=check)
                elif service["spec"].get("clusterIP") == "None":
                    self._network.publish(host, int(port["targetPort"]), running.url)
                else:
                    self._network.publish(host, int(port["port"]), running.url)
        if route:
            self._network.unpublish(route["spec"]["host"])
            self._network.publish(route["spec"]["host"], 443, running.url, tls=True, allowed=check)

    def _hosts(self, name: str, namespace: str) -> tuple[str, ...]:
        base = f"{name}-predictor.{namespace}.svc"
        return base, f"{base}.cluster.local"

    def stop(self, name: str, namespace: str) -> None:
        """End the server of a service, and its names."""
        self._network.unpublish(*self._hosts(name, namespace))
        if running := self._running.pop((namespace, name), None):
            running.stop()

    def stop_all(self) -> None:
        for namespace, name in list(self._running):
            self.stop(name, namespace)


def _ready(api: KubernetesApi, play: Play) -> bool:
    for pod in api.find("pods", play.namespace, ""):
        if (pod["metadata"].get("labels") or {}).get("serving.kserve.io/inferenceservice") == play.name:
            conditions = (pod.get("status") or {}).get("conditions") or []
            if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                return True
    return False
