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
