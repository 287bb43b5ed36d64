"""Secrets from standard input or a prompt, never from the command line, where every process could read them."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from odh_oci_widgets.oci.errors import OdhOciError

from .adding import chosen_project

if TYPE_CHECKING:
    from odh_oci_widgets.oci import Credentials


class SecretMissing(OdhOciError):
    """A secret was announced on the command line and did not come."""

    cure = "Pipe the secret in: `… --password-stdin < file`."


def add_registry_options(parser: argparse.ArgumentParser) -> None:
    """`--insecure`, `--username`, `--password-stdin`."""
    group = parser.add_argument_group("registry")
    group.add_argument(
        "--insecure",
        action="store_true",
        help="allow plain HTTP or an untrusted certificate for the image's registry, and for no other",
    )
    group.add_argument(
        "--username",
        metavar="NAME",
        help="log in to the image's registry as NAME (default: the auth files of podman and docker)",
    )
    group.add_argument(
        "--password-stdin", action="store_true", help="read the password of --username from standard input"
    )


def registry_credentials(options: argparse.Namespace, image: str) -> Credentials | None:
    """The credentials of `--username`; None where there is none: the auth files are asked then."""
    from odh_oci_widgets.oci import Credential, Credentials, Reference, parse_image

    if not options.username:
        if options.password_stdin:
            raise SecretMissing("--password-stdin needs --username.", hint="Add --username NAME.")
        return None
    reference = parse_image(image)
    if not isinstance(reference, Reference):
        raise SecretMissing(
            f"{image} is a folder on this machine: nobody logs in there.", hint="Drop --username."
        )
    password = read_secret("--password-stdin" if options.password_stdin else None, "Password: ")
    return Credentials(
        explicit={reference.registry: Credential(username=options.username, password=password)}
    )


def add_token_options(parser: argparse.ArgumentParser) -> None:
    """`--token-stdin` or `--token-secret`."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--token-stdin",
        action="store_true",
        help="read the Hugging Face token from standard input (default: $HF_TOKEN, or what `hf auth login` wrote)",
    )
    source.add_argument(
        "--token-secret",
        metavar="NAME[/KEY]",
        help="read the Hugging Face token from this Secret of the project",
    )


def hub_token(options: argparse.Namespace) -> str | None:
    """The token of the options; None where they name none: `HF_TOKEN` and the hub's file are asked then."""
    if options.token_secret:
        from odh_oci_widgets.cluster import connect, read_hub_token

        return read_hub_token(chosen_project(options) or connect(), options.token_secret)
    if not options.token_stdin:
        return None
    if getattr(options, "password_stdin", False):
        raise SecretMissing(
            "--token-stdin and --password-stdin cannot both read standard input.",
            hint="Set HF_TOKEN instead.",
        )
    return read_secret("--token-stdin", "Token: ")


def read_secret(flag: str | None, prompt: str) -> str:
    """One line of standard input, or what is typed at a prompt without echo. Raises SecretMissing."""
    if sys.stdin is not None and sys.stdin.isatty():
        secret = getpass.getpass(prompt, stream=sys.stderr)
    elif flag is None:
        raise SecretMissing("--username needs a password.", hint="Pipe it in with --password-stdin.")
    else:
        secret = sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""
    if not secret:
        raise SecretMissing(f"{flag or 'The prompt'} gave nothing.", hint="Pipe the secret into the command.")
    return secret
