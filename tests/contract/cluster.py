"""A cluster to test against, whatever it is: everything is prepared through its API, as its administrator."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import urllib.parse
import uuid
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from tests.servers.kubernetes import access
from tests.servers.kubernetes.openshift import role_binding
from tests.servers.kubernetes.users import User

Object = dict[str, Any]

PLATFORM = ("opendatahub", "redhat-ods-applications")
ISVC = "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices"


class Cluster:
    """Namespaces and users of the tests' own. People are service accounts with bindings.

    What kind of cluster it is, is found out by looking and trying (`has`); a test that needs what is not there is
    skipped with a line that says so. `complete` clusters (the fake with everything) lack nothing: there it fails.
    """

    def __init__(self, kubeconfig: Path, folder: Path, *, complete: bool = False) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
        entry = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
        self.url = entry["server"].rstrip("/")
        self.folder = folder
        self.complete = complete
        #: where the accounts stand that play people: this run's own, for others may run or end at the same time
        self._people = f"odh-oci-test-people-{uuid.uuid4().hex[:8]}"
        ca = _file(entry, "certificate-authority", kubeconfig, folder / "ca.crt")
        self.authority = Path(ca) if ca else None
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        options: dict[str, Any] = {"ca_certs": ca} if ca else {"cert_reqs": "CERT_NONE"}
        for option, name in (("cert_file", "client-certificate"), ("key_file", "client-key")):
            if found := _file(user, name, kubeconfig, folder / option):
                options[option] = found
        self._pool = urllib3.PoolManager(**options)
        self._made: list[str] = []
        self._kubeconfigs = 0
        self._accounts_come: bool | None = None

    # -- what kind of cluster it is ----------------------------------------------------------------------------------

    def has(self, feature: str) -> bool:
        """Whether it has `openshift`, `builds`, `build_account`, `kserve`, `llm`, `kserve_webhooks`, `odh_webhooks`,
        `templates`, `hardware_profiles`, `controllers` (Kubernetes' own), `kserve_controllers`."""
        return bool(getattr(self, f"_{feature}"))

    def need(self, *features: str) -> None:
        """Skip the test where one is not there."""
        for feature in features:
            if not self.has(feature):
                assert not self.complete, f"the tests' own server should have {feature}"
                pytest.skip(f"this cluster has no {feature.replace('_', ' ')}")

    @cached_property
    def groups(self) -> frozenset[str]:
        return frozenset(group["name"] for group in self.call("GET", "/apis")[1]["groups"])

    @property
    def _openshift(self) -> bool:
        return "project.openshift.io" in self.groups

    @property
    def _builds(self) -> bool:
        return "build.openshift.io" in self.groups

    @cached_property
    def _build_account(self) -> bool:
        """Whether a new project gets the account as which OpenShift builds: somebody cares for builds there."""
        return self._builds and self._has_account(self.namespace(self._people), "builder")

    @property
    def _kserve(self) -> bool:
        return any(kind["kind"] == "InferenceService" for kind in self._kinds)

    @property
    def _hardware_profiles(self) -> bool:
        return any(kind["kind"] == "HardwareProfile" for kind in self._kinds)

    @cached_property
    def _llm(self) -> bool:
        """The kind may be known and nobody there who converts its versions."""
        if not any(kind["kind"] == "LLMInferenceService" for kind in self._kinds):
            return False
        body = {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "LLMInferenceService",
            "metadata": {"name": "probe"},
            "spec": {"model": {"uri": "oci://r.test/m:1", "name": "probe"}},
        }
        place = self.namespace(self._people)
        path = f"/apis/serving.kserve.io/v1alpha1/namespaces/{place}/llminferenceservices?dryRun=All"
        return self.call("POST", path, body)[0] < 300

    @cached_property
    def _kserve_webhooks(self) -> bool:
        """Whether KServe's own rule for names is enforced."""
        return self._kserve and self._refuses("1probe", {})

    @cached_property
    def _odh_webhooks(self) -> bool:
        """Whether a hardware profile that is not there is refused."""
        return self._kserve and self._refuses(
            "probe", {"opendatahub.io/hardware-profile-name": "odh-oci-no-such-profile"}
        )

    def _refuses(self, name: str, annotations: dict[str, str]) -> bool:
        model = {"modelFormat": {"name": "onnx"}, "runtime": "r", "storageUri": "oci://r.test/m:1"}
        body = {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"predictor": {"model": model}},
        }
        where = ISVC.format(self.namespace(self._people))
        return self.call("POST", f"{where}?dryRun=All", body)[0] in (400, 403, 422)

    @cached_property
    def _templates(self) -> bool:
        return any(self._platform_has("templates"))

    def _platform_has(self, plural: str) -> list[Object]:
        if not any(kind["name"] == plural for kind in self._kinds):
            return []
        return [one for namespace in PLATFORM for one in self.find(plural, namespace)]

    @cached_property
    def _controllers(self) -> bool:
        """Whether Kubernetes' controllers run: a new namespace gets its account."""
        self.namespace(f"probe-{uuid.uuid4().hex[:8]}")
        return bool(self._accounts_come)

    @cached_property
    def _kserve_controllers(self) -> bool:
        """Whether somebody cares for an InferenceService."""
        if not self._kserve:
            return False
        namespace = self.namespace(f"probe-{uuid.uuid4().hex[:8]}")
        model = {"modelFormat": {"name": "onnx"}, "runtime": "none", "storageUri": "oci://r.test/m:1"}
        service = {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "probe", "namespace": namespace},
            "spec": {"predictor": {"model": model}},
        }
        self.put(service)
        with contextlib.suppress(TimeoutError):
            wait_for(
                lambda: (self.get("inferenceservices", "probe", namespace) or {}).get("status"), seconds=30
            )
            return True
        return False

    # -- the administrator's hand ------------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """Status and answer."""
        headers = {**self._headers, "Content-Type": kind}
        data = json.dumps(body) if body is not None else None
        answer = self._pool.request(method, self.url + path, body=data, headers=headers, timeout=30)
        text = answer.data.decode()
        return answer.status, json.loads(text) if text.startswith("{") else text

    @cached_property
    def _kinds(self) -> list[Object]:
        """What discovery says: each kind with its path, subresources too."""
        groups = self.call("GET", "/apis")[1]["groups"]
        paths = ["/api/v1", *(f"/apis/{v['groupVersion']}" for g in groups for v in g["versions"])]
        found: list[Object] = []
        for path in paths:
            code, answer = self.call("GET", path)  # an aggregated API may be away
            found += [{**kind, "path": path} for kind in answer["resources"]] if code == 200 else []
        return found

    def _kind(self, plural: str, group: str | None = None) -> Object:
        for kind in self._kinds:
            path = kind["path"]
            of_group = path.removeprefix("/apis/").rpartition("/")[0] if path != "/api/v1" else ""
            if kind["name"] == plural and group in (None, of_group):
                return kind
        pytest.skip(f"this cluster has no {plural}")

    def _path(self, kind: Object, namespace: str, name: str = "") -> str:
        where = f"/namespaces/{namespace}" if kind["namespaced"] and namespace else ""
        return f"{kind['path']}{where}/{kind['name']}" + (f"/{name}" if name else "")

    def find(self, plural: str, namespace: str = "", group: str | None = None) -> list[Object]:
        """All objects of a kind."""
        return list(self.call("GET", self._path(self._kind(plural, group), namespace))[1].get("items") or [])

    def get(self, plural: str, name: str, namespace: str = "", group: str | None = None) -> Object | None:
        """One object, or None."""
        code, found = self.call("GET", self._path(self._kind(plural, group), namespace, name))
        return dict(found) if code == 200 else None

    def put(self, obj: Object) -> Object:
        """Create or change, status included where the kind has one."""
        path = f"/apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"/api/{obj['apiVersion']}"
        names = {k["name"]: k for k in self._kinds if k["path"] == path and k["kind"] == obj["kind"]}
        kind = next((k for name, k in names.items() if "/" not in name and "get" in k["verbs"]), None)
        if kind is None:
            pytest.skip(f"this cluster has no {obj['apiVersion']} {obj['kind']}")
        where = self._path(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        query = "?fieldManager=odh-oci-tests&force=true"
        code, made = self.call("PATCH", where + query, obj, "application/apply-patch+yaml")
        if code < 300 and "status" in obj and f"{kind['name']}/status" in names:
            body = {"status": obj["status"]}
            code, made = self.call("PATCH", f"{where}/status", body, "application/merge-patch+json")
        if code >= 300:
            raise RuntimeError(f"{code}: {made}")
        return dict(made)

    def grant(self, user: User, namespace: str, name: str, rules: list[Object]) -> None:
        """A Role of one's own making and its binding."""
        meta = {"name": name, "namespace": namespace}
        version = "rbac.authorization.k8s.io/v1"
        self.put({"kind": "Role", "apiVersion": version, "metadata": meta, "rules": rules})
        self.put(role_binding(name, namespace, name, user, kind="Role"))
        right = {
            "verb": rules[0]["verbs"][0],
            "group": rules[0]["apiGroups"][0],
            "resource": rules[0]["resources"][0],
            "name": next(iter(rules[0].get("resourceNames", ())), ""),
        }
        self._wait_until_allowed(user, namespace, right)

    # -- projects and people -----------------------------------------------------------------------------------------

    def namespace(self, name: str) -> str:
        """A namespace with its account."""
        if self.get("namespaces", name, group="") is None:
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self._made.append(name)
            if self._accounts_come is not False:
                self._accounts_come = self._has_account(name)
            if not self._accounts_come:
                self._account(name, "default")  # an API server alone makes none
        return name

    def _has_account(self, namespace: str, name: str = "default") -> bool:
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: self.get("serviceaccounts", name, namespace, ""), seconds=15)
            return True
        return False

    def _account(self, namespace: str, name: str) -> None:
        meta = {"name": name, "namespace": namespace}
        self.put({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})

    def user(self, name: str, **roles: Any) -> User:
        """A service account that plays a person: `edit="project"`, `view=…`, `admin=…`, or nothing."""
        return self.service_account(self._people, name, **roles)

    def service_account(self, namespace: str, name: str, **roles: Any) -> User:
        """An account with a token and roles, made if need be."""
        self._account(self.namespace(namespace), name)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        code, made = self.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", body)
        if code >= 300:
            raise RuntimeError(f"{code}: {made}")
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        user = User(f"system:serviceaccount:{namespace}:{name}", groups, token=made["status"]["token"])
        for role, place in roles.items():
            self.bind(user, role, place)
        return user

    def bind(self, user: User, role: str, namespace: str) -> None:
        """Give a cluster role in a namespace; there when this returns."""
        self.namespace(namespace)
        self.put(role_binding(f"{role}-{user.name.replace(':', '-')}", namespace, role, user))
        self._wait_until_allowed(user, namespace, {"verb": "list", "resource": "pods"})

    def _wait_until_allowed(self, user: User, namespace: str, right: dict[str, str]) -> None:
        """A server learns of a binding a moment after it was made."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user.name, "resourceAttributes": {**right, "namespace": namespace}},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        wait_for(
            lambda: self.call("POST", path, review)[1]["status"]["allowed"], what=f"{right} of {user.name}"
        )

    def kubeconfig(self, user: User, namespace: str = "", *, insecure: bool = False) -> Path:
        """A new kubeconfig for a user, its context's namespace set."""
        self._kubeconfigs += 1
        path = self.folder / "kubeconfigs" / f"config-{self._kubeconfigs}"
        return access.write_kubeconfig(
            path, server=self.url, authority=self.authority, token=user.token, user=user.name,
            namespace=namespace, insecure=insecure or self.authority is None,
        )  # fmt: skip

    def repair(self, user: User, namespace: str) -> str:
        """The command that an administrator is to be told for this user, as this kind of cluster has it."""
        _, _, home, name = user.name.split(":")
        if not self.has("openshift"):
            return (
                f"kubectl create rolebinding {name}-edit --clusterrole=edit "
                f"--serviceaccount={home}:{name} -n {namespace}"
            )
        who = f"-z {name}" if home == namespace else user.name
        return f"oc policy add-role-to-user edit {who} -n {namespace}"

    def in_cluster(self, account: User, folder: Path) -> tuple[dict[str, str], Path]:
        """Environment variables and the account folder that a pod of this account sees."""
        parts = urllib.parse.urlsplit(self.url)
        namespace = account.name.split(":")[2]
        access.write_account(folder, token=account.token, namespace=namespace, authority=self.authority)
        port = str(parts.port or 443)
        return {"KUBERNETES_SERVICE_HOST": parts.hostname or "", "KUBERNETES_SERVICE_PORT": port}, folder

    def stop(self) -> None:
        """Remove the namespaces that were made here."""
        for name in self._made:
            self.call("DELETE", f"/api/v1/namespaces/{name}")


def wait_for(met: Callable[[], Any], seconds: float = 30, what: str = "it") -> Any:
    """The first true value of a condition."""
    deadline = time.monotonic() + seconds
    while not (value := met()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.1)
    return value


def _file(entry: Object, name: str, kubeconfig: Path, target: Path) -> str:
    """The path of what a kubeconfig names, or has inside."""
    if inside := entry.get(f"{name}-data"):
        target.write_bytes(base64.b64decode(inside))
        return str(target)
    return str(kubeconfig.parent / entry[name]) if entry.get(name) else ""
