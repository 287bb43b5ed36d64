"""What a broken connection to a registry means, in words."""

from __future__ import annotations

import ssl

from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from .errors import RegistryError, RegistryUnreachable, RegistryUntrusted
from .http import Http
from .retry import ConnectionTrouble

#: What servers say to plain HTTP at a port where they speak TLS.
_TLS_WANTED = 400


def causes(error: BaseException) -> list[BaseException]:
    """The error and what it wraps."""
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            pending += [one.__cause__, one.__context__, *one.args]
    return found


def speaks_plain_http(error: BaseException) -> bool:
    """Whether the other side answered a TLS greeting with something that is not TLS."""
    words = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
    return any(
        isinstance(cause, ssl.SSLError)
        and any(word in str(cause).upper().replace(" ", "_") for word in words)
        for cause in causes(error)
    )


def spoken_scheme(http: Http, host: str) -> str:
    """`https`, or `http` where a registry does not speak TLS. Raises what urllib3 raised for `https`."""
    try:
        http.request("GET", f"https://{host}/v2/")
    except ConnectionTrouble as error:
        try:
            answer = http.request("GET", f"http://{host}/v2/")
        except ConnectionTrouble:
            raise error from None
        if answer.status == _TLS_WANTED:  # whose TLS just failed for a moment
            raise
        return "http"
    return "https"


def hopeless(error: BaseException) -> bool:
    """Whether the next try will end the same way: a certificate that is not trusted, plain HTTP where TLS is meant."""
    return speaks_plain_http(error) or any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error)
    )


def explain(error: BaseException, registry: str, *, plain: bool = False) -> RegistryError:
    """The typed error for what urllib3 raised."""
    chain = causes(error)
    if plain:
        return RegistryUntrusted(
            f"{registry} speaks plain HTTP, not HTTPS.",
            hint="Use --insecure to allow that for this registry.",
        )
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        why = next(c.verify_message for c in chain if isinstance(c, ssl.SSLCertVerificationError))
        return RegistryUntrusted(
            f"The certificate of {registry} is not trusted: {why}.",
            hint="Name the file with its authority in SSL_CERT_FILE, or use --insecure for this registry.",
        )
    if any(isinstance(cause, ProxyError) for cause in chain):
        return RegistryUnreachable(
            f"The proxy does not let us through to {registry}.", hint="Check HTTPS_PROXY and NO_PROXY."
        )
    if any(isinstance(cause, NameResolutionError) for cause in chain):
        return RegistryUnreachable(
            f"There is no host with the name of {registry}.", hint="Check the name and the network."
        )
    if any(isinstance(cause, ConnectTimeoutError | NewConnectionError) for cause in chain):
        return RegistryUnreachable(
            f"{registry} does not answer.", hint="Check name, port, network and proxy settings."
        )
    if any(isinstance(cause, ReadTimeoutError | TimeoutError) for cause in chain):
        return RegistryUnreachable(
            f"{registry} stopped answering.", hint="Try again: what was sent already is reused."
        )
    if any(isinstance(cause, SSLError | ssl.SSLError) for cause in chain):
        return RegistryUntrusted(
            f"There is no encrypted connection to {registry}: {chain[-1]}.",
            hint="Use --insecure if the registry speaks plain HTTP.",
        )
    return RegistryUnreachable(
        f"The connection to {registry} broke.", hint="Try again: what was sent already is reused."
    )
