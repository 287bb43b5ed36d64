"""A real kube-apiserver with etcd, from `KUBEBUILDER_ASSETS`, as envtest starts them: no nodes and no controllers."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.kubernetes import access
from tests.servers.kubernetes.certificates import Authority
from tests.servers.kubernetes.custom import read_definition

from .cluster import wait_for

if TYPE_CHECKING:
    from .cluster import Cluster

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "schemas"
_TOKEN = "administrator-of-the-tests"


class ApiServer:
    """Both processes, with one administrator."""

    def __init__(self, assets: Path, folder: Path) -> None:
        self._log = (folder / "servers.log").open("wb")
        self._processes: list[subprocess.Popen[bytes]] = []
        authority = Authority(folder / "tls")
        certificate, key = authority.issue()
        accounts = folder / "accounts.key"
        accounts.write_bytes(
            rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        people = folder / "tokens.csv"
        people.write_text(f'{_TOKEN},root,root,"system:masters"\n')
        etcd, peers, port = _free_port(), _free_port(), _free_port()
        self._start(
            assets / "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
        )
        self._start(
            assets / "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder / 'apiserver'}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--token-auth-file={people}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={accounts}",
            f"--service-account-signing-key-file={accounts}",
            "--service-cluster-ip-range=10.0.0.0/24",
            # it waits for accounts that only controllers make
            "--disable-admission-plugins=ServiceAccount",
        )
        url = f"https://127.0.0.1:{port}"
        self.kubeconfig = access.write_kubeconfig(
            folder / "admin",
            server=url,
            authority=authority.certificate,
            token=_TOKEN,
            user="root",
            namespace="",
        )
        pool = urllib3.PoolManager(ca_certs=str(authority.certificate), retries=False)
        wait_for(lambda: self._answers(pool, f"{url}/readyz"), seconds=60, what="the API server's start")

    def furnish(self, cluster: Cluster) -> None:
        """KServe's definitions, and what the controller of aggregated roles would do for admin, edit and view."""
        for path in sorted((SCHEMAS / "kserve-crds").glob("*.yaml")):
            definition = read_definition(path)
            definition["spec"].pop("conversion", None)  # nobody runs its webhook here
            cluster.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        roles = SCHEMAS / "odh-config" / "kserve-user-cluster-roles.yaml"
        for role in yaml.safe_load_all(roles.read_text()) if roles.is_file() else ():
            if role:
                cluster.put(role)
        where = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        found: list[dict[str, Any]] = cluster.call("GET", where)[1]["items"]
        for name in ("view", "edit", "admin"):  # each is part of the next
            label = f"rbac.authorization.k8s.io/aggregate-to-{name}"
            rules = [
                rule
                for role in found
                if (role["metadata"].get("labels") or {}).get(label) == "true"
                for rule in role.get("rules") or ()
            ]
            cluster.call("PATCH", f"{where}/{name}", {"rules": rules}, "application/merge-patch+json")
            next(role for role in found if role["metadata"]["name"] == name)["rules"] = rules
        if (SCHEMAS / "kserve-crds").is_dir():
            path = "/apis/serving.kserve.io/v1beta1"
            wait_for(lambda: cluster.call("GET", path)[0] == 200, what="KServe's kinds")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    def _start(self, program: Path, *arguments: str) -> None:
        self._processes.append(
            subprocess.Popen([program, *arguments], stdout=self._log, stderr=subprocess.STDOUT)
        )

    def _answers(self, pool: urllib3.PoolManager, url: str) -> bool:
        for process in self._processes:
            if process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{process.args!r} ended; see {self._log.name}")
        try:
            answer = pool.request("GET", url, headers={"Authorization": f"Bearer {_TOKEN}"}, timeout=2)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
