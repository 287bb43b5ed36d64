"""A cluster that is there, with the face of the fake one: `ODH_OCI_TEST_KUBECONFIG` names an administrator's kubeconfig.

What only the fake can do (scripted trouble, expired history, played controllers) skips the test, and says so.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
import urllib3
import yaml

from . import access
from .openshift import role_binding
from .users import User

Object = dict[str, Any]


class RealCluster:
    """Namespaces and users of one's own on a real API server. Users are service accounts with bindings."""

    APPLICATIONS = "opendatahub"
    #: where the accounts stand that play people
    _PEOPLE = "odh-oci-test-people"

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
        cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
        self.url = cluster["server"]
        self.folder = folder
        self.authority: Path | None = None
        if "certificate-authority-data" in cluster:
            self.authority = folder / "ca.crt"
            self.authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        files = {}
        for option, entry in (("cert_file", "client-certificate-data"), ("key_file", "client-key-data")):
            if entry in user:
                (folder / option).write_bytes(base64.b64decode(user[entry]))
                files[option] = str(folder / option)
        trust = {"ca_certs": str(self.authority)} if self.authority else {"cert_reqs": "CERT_NONE"}
        self._pool = urllib3.PoolManager(**files, **trust)
        self._made: list[str] = []
        self._kubeconfigs = 0
        self._kinds: list[Object] = []

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"`{name}` needs the tests' own API server; this run has a real one")

    # -- what stands there -------------------------------------------------------------------------------------------

    def _call(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        headers = {**self._headers, "Content-Type": kind}
        data = json.dumps(body) if body is not None else None
        answer = self._pool.request(method, self.url + path, body=data, headers=headers, timeout=30)
        return answer.status, json.loads(answer.data) if answer.data.startswith(
            b"{"
        ) else answer.data.decode()

    def _all_kinds(self) -> list[Object]:
        """What discovery says: each kind with its path."""
        if not self._kinds:
            groups = self._call("GET", "/apis")[1]["groups"]
            paths = [
                "/api/v1",
                *(f"/apis/{v['groupVersion']}" for group in groups for v in group["versions"]),
            ]
            for path in paths:
                for kind in self._call("GET", path)[1].get("resources") or []:
                    self._kinds.append({**kind, "path": path})
        return self._kinds

    def _path(self, kind: Object, namespace: str, name: str = "") -> str:
        where = f"/namespaces/{namespace}" if kind["namespaced"] and namespace else ""
        return f"{kind['path']}{where}/{kind['name']}" + (f"/{name}" if name else "")

    def find(self, plural: str, namespace: str = "", group: str | None = None) -> list[Object]:
        for kind in self._all_kinds():
            of_group = (
                kind["path"].removeprefix("/apis/").rpartition("/")[0] if kind["path"] != "/api/v1" else ""
            )
            if kind["name"] == plural and group in (None, of_group):
                items = self._call("GET", self._path(kind, namespace))[1].get("items") or []
                api_version = kind["path"].removeprefix("/apis/").removeprefix("/api/")
                return [{"apiVersion": api_version, "kind": kind["kind"], **item} for item in items]
        pytest.skip(f"this cluster has no {plural}")

    def get(self, plural: str, name: str, namespace: str = "", group: str | None = None) -> Object | None:
        return next((o for o in self.find(plural, namespace, group) if o["metadata"]["name"] == name), None)

    def put(self, obj: Object) -> Object:
        """Create or replace, status included where the kind has one."""
        path = f"/apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"/api/{obj['apiVersion']}"
        names = {k["name"]: k for k in self._all_kinds() if k["path"] == path and k["kind"] == obj["kind"]}
        kind = next((k for name, k in names.items() if "/" not in name and "get" in k["verbs"]), None)
        if kind is None:
            pytest.skip(f"this cluster has no {obj['apiVersion']} {obj['kind']}")
        where = self._path(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        query = "?fieldManager=odh-oci-tests&force=true"
        code, made = self._call("PATCH", where + query, obj, "application/apply-patch+yaml")
        if code < 300 and "status" in obj and f"{kind['name']}/status" in names:
            body = {"status": obj["status"]}
            code, made = self._call("PATCH", f"{where}/status", body, "application/merge-patch+json")
        if code >= 300:
            raise RuntimeError(f"{code}: {made}")
        return dict(made)

    def settle(self) -> None:
        """Nothing to wait for: tests wait for their own conditions."""

    def heal(self) -> None:
        """Nothing was scripted."""

    # -- projects and people -----------------------------------------------------------------------------------------

    def namespace(self, name: str, *, display_name: str = "") -> str:
        if self.get("namespaces", name, group="") is None:
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self._made.append(name)
            self._wait_for_account(name, "default")
        return name

    def _wait_for_account(self, namespace: str, name: str) -> None:
        deadline = time.monotonic() + 30
        while self.get("serviceaccounts", name, namespace, "") is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no service account {name} in {namespace}")
            time.sleep(0.1)

    def user(
        self, name: str, *, cluster_admin: bool = False, expires_in: float | None = None, **roles: Any
    ) -> User:
        """A service account that plays a person."""
        if cluster_admin:
            pytest.skip("a second administrator needs the tests' own API server")
        return self.service_account(self._PEOPLE, name, expires_in=expires_in, **roles)

    def service_account(
        self, namespace: str, name: str, *, expires_in: float | None = None, **roles: Any
    ) -> User:
        self.namespace(namespace)
        meta = {"name": name, "namespace": namespace}
        self.put({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": int(max(expires_in or 3600, 600))}}  # fmt: skip
        code, made = self._call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", body)
        if code >= 300:
            raise RuntimeError(f"{code}: {made}")
        token = made["status"]["token"]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        user = User(f"system:serviceaccount:{namespace}:{name}", groups, token=token)
        for role, places in roles.items():
            for place in (places,) if isinstance(places, str) else places:
                self.bind(user, role, place)
        return user

    def bind(self, user: User, role: str, namespace: str) -> None:
        self.namespace(namespace)
        self.put(role_binding(f"{role}-{user.name.replace(':', '-')}", namespace, role, user))

    def kubeconfig(
        self, user: User, namespace: str = "", *, insecure: bool = False, server: str = ""
    ) -> Path:
        self._kubeconfigs += 1
        path = self.folder / "kubeconfigs" / f"config-{self._kubeconfigs}"
        return access.write_kubeconfig(
            path, server=server or self.url, authority=self.authority, token=user.token, user=user.name,
            namespace=namespace, insecure=insecure or self.authority is None,
        )  # fmt: skip

    def stop(self) -> None:
        """Remove the namespaces that were made here."""
        for name in self._made:
            self._call("DELETE", f"/api/v1/namespaces/{name}")
