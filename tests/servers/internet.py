"""The places that the documentation names, on this machine: quay.io, registry.access.redhat.com, github.com, the hub.

A page's code says `quay.io/me/granite:1` and `hf://ibm-granite/granite-3.0-2b-instruct`, and is run as it stands: the
names lead to real servers here, with TLS and a login where the real ones have them.
"""

from __future__ import annotations

import base64
import json
import ssl
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from moto import server as moto_server

from .base_image import push_base_image
from .connect_proxy import ConnectProxy
from .hub import Hub, Repo
from .kubernetes import KubernetesApi, Network
from .login import PASSWORD, USER
from .pictures import bright_or_dark
from .registry import Registry

#: user name -> `htpasswd -nbB` with the one password of `login`
_HASH = "$2b$04$5X8Nz8o60MQ1PWLo1Ib0G.IJ8gueaX8o2tPXky3J2RP0D4KjJ4oCC"
ACCOUNTS = (USER, "my-org+builder")
_MOBILENET = "onnx/models/raw/main/validated/vision/classification/mobilenet/model/mobilenetv2-7.onnx"
_GRANITE = {"architectures": ["GraniteForCausalLM"], "model_type": "granite", "torch_dtype": "bfloat16",
            "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "hidden_size": 4,
            "max_position_embeddings": 4096, "vocab_size": 8}  # fmt: skip


class Internet:
    """Start the servers and give them their names in `network`. `stop()` ends them."""

    def __init__(self, folder: Path, api: KubernetesApi, network: Network) -> None:
        folder.mkdir()
        htpasswd = folder / "htpasswd"
        htpasswd.write_text("".join(f"{name}:{_HASH}\n" for name in ACCOUNTS))
        login = f"auth: {{htpasswd: {{realm: quay, path: {htpasswd}}}}}\n"
        certificates = api.certificates
        self.quay = Registry(folder / "quay", tls=certificates.issue("quay.io"), extra=login)
        redhat = "registry.access.redhat.com"
        self.redhat = Registry(folder / "redhat", tls=certificates.issue(redhat))
        push_base_image(_made(folder / "base"), f"{self.redhat.host}/ubi9/ubi-micro:latest")
        network.publish("quay.io", 443, f"https://{self.quay.host}")
        network.publish(redhat, 443, f"https://{self.redhat.host}")
        self._github = _web_server(folder / "github", certificates.issue("github.com"))
        network.publish("github.com", 443, f"https://127.0.0.1:{self._github.server_port}")
        self.proxy = ConnectProxy()
        network.publish("proxy.example.com", 3128, f"http://127.0.0.1:{self.proxy.port}")
        self._storage, self.connection = _storage()
        self.hub = Hub({
            "ibm-granite/granite-3.0-2b-instruct": Repo(
                {
                    "config.json": json.dumps(_GRANITE).encode(),
                    "tokenizer.json": b"{}",
                    "model.safetensors": _safetensors(),
                    "pytorch_model.bin": b"the same weights",
                    "README.md": b"# Granite",
                },
                license="apache-2.0",
                task="text-generation",
                library="transformers",
                downloads=100_000,
            )
        })  # fmt: skip

    def stop(self) -> None:
        self.quay.stop()
        self.redhat.stop()
        self.hub.stop()
        self.proxy.stop()
        self._storage.stop()
        self._github.shutdown()
        self._github.server_close()


def _storage() -> tuple[Any, dict[str, str]]:
    """S3 storage with the bucket `models`, and what a data connection sets for it."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "verySecretKey"}
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    client.create_bucket(Bucket="models")
    for name, data in {
        "config.json": json.dumps(_GRANITE).encode(),
        "model.safetensors": _safetensors(),
    }.items():
        client.put_object(Bucket="models", Key=f"granite/{name}", Body=data)
    connection = {"AWS_S3_ENDPOINT": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1", **keys}
    return server, connection


def write_login(path: Path) -> None:
    """What `podman login quay.io` or `skopeo login quay.io` writes, for the account `me`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    path.write_text(json.dumps({"auths": {"quay.io": {"auth": pair}}}))
    path.chmod(0o600)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _safetensors() -> bytes:
    header = json.dumps({"weight": {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(32)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _web_server(folder: Path, certificate: tuple[Path, Path]) -> ThreadingHTTPServer:
    bright_or_dark(_made((folder / _MOBILENET).parent) / "mobilenetv2-7.onnx")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
