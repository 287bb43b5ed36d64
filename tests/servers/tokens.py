"""A registry that wants a login: docker-registry's own checks, with a token server of the tests' own beside it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from .registry import Registry


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path, ec.EllipticCurvePrivateKey]:
    """A self-signed certificate for the loopback address: its file, its key's file, its key."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    crt, pem = folder / "tls.crt", folder / "tls.key"
    crt.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return crt, pem, key


@dataclass
class TokenServer:
    """Gives tokens that docker-registry believes. `rights` maps user -> actions; anonymous is the user ``""``.

    `lifetime` is how long a token is good, in seconds, whatever `expires_in` says. With `quay` it knows the rights
    to pull and to push only, refuses who asks for another one, and who may push may delete.
    """

    folder: Path
    passwords: Mapping[str, str] = field(default_factory=lambda: {"alice": "secret"})
    rights: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"alice": ("pull", "push", "delete")}
    )
    lifetime: float = 60.0
    expires_in: int | None = 300
    quay: bool = False
    #: the next ones who ask are told 429, with these values of `Retry-After`
    busy: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.crt, _, self._key = certificate(self.folder)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                user = ""
                header = self.headers.get("Authorization", "")
                if header:
                    user, _, password = base64.b64decode(header.split()[1]).decode().partition(":")
                    if server.passwords.get(user) != password:
                        self.send_error(401)
                        return
                self._give(user, query)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                if form["grant_type"] != ["refresh_token"] or form["refresh_token"] != ["identity"]:
                    self.send_error(401)
                    return
                self._give("alice", form)

            def _give(self, user: str, query: dict[str, list[str]]) -> None:
                scopes = query.get("scope", [])
                server.asked.append({"user": user, "scopes": scopes})
                if server.busy:
                    self.send_response(429)
                    self.send_header("Retry-After", server.busy.pop(0))
                    self.end_headers()
                    return
                if server.quay and any("delete" in scope.rpartition(":")[2] for scope in scopes):
                    self.send_error(400)
                    return
                answer: dict[str, Any] = {"token": server.token(user, scopes)}
                if server.expires_in is not None:
                    answer["expires_in"] = server.expires_in
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, user: str, scopes: list[str]) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            granted = [action for action in actions.split(",") if action in self.rights.get(user, ())]
            if self.quay and "push" in granted:
                granted.append("delete")
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        chain = "".join(self.crt.read_text().strip().splitlines()[1:-1])
        header = {"typ": "JWT", "alg": "ES256", "x5c": [chain]}
        payload = {
            "iss": "tests",
            "sub": user,
            "aud": "registry",
            "exp": now + self.lifetime,
            "nbf": now - 100,
            "iat": now,
            "jti": str(len(self.asked)),
            "access": access,
        }
        payload["exp"] = int(now + self.lifetime)
        signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(payload).encode())}"
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def registry(self, folder: Path) -> Registry:
        """A registry that believes this server."""
        return Registry(
            folder,
            extra=f"""
auth:
  token: {{realm: {self.url}, service: registry, issuer: tests, rootcertbundle: {self.crt}}}
""",
        )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
