"""Models of the Hugging Face hub, or of a mirror of it (`HF_ENDPOINT`)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from odh_oci_widgets.oci.plan import Source

from .bounded import within
from .errors import ReferenceNotUnderstood
from .fetching import unreachable
from .formats import detect_format
from .hub_rest import HubRest, Refused
from .hub_words import HubWords
from .model import Model, ModelFile
from .naming import service_name
from .selection import left_out

T = TypeVar("T")

HUB = "https://huggingface.co"
#: A hub that did not answer by then is down for a person who waits. A listing may have many pages.
ANSWER_SECONDS = 20.0
LISTING_SECONDS = 120.0

_REFERENCE = re.compile(r"hf://(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>\S+))?")
#: What the hub allows in no name.
_NO_NAME = re.compile(r"--|\.\.|(^|/)[.-]|[.-](/|$)|\.git$")


def hub_endpoint() -> str:
    """`HF_ENDPOINT`, else the public hub. Read now: `huggingface_hub` itself reads it once, when imported.

    >>> from odh_oci_widgets.models import hub_endpoint
    >>> hub_endpoint().partition("://")[0] in {"http", "https"}
    True
    """
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB


def hub_token(token: str | None = None) -> str | None:
    """`token` if given, else `HF_TOKEN`, else what `hf auth login` left; None without any.

    >>> from odh_oci_widgets.models import hub_token
    >>> hub_token("hf_mine")
    'hf_mine'
    >>> hub_token() is None  # nobody is logged in here
    True
    """
    found = token or os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or ""
    if found.strip():
        return found.strip()
    from huggingface_hub import constants

    # The client renews a login and knows further ways; importing it takes a while, so only where there is one.
    if not os.path.exists(constants.HF_TOKEN_PATH) and not os.environ.get("HF_OIDC_RESOURCE"):  # noqa: PTH110 - a str
        return None
    from huggingface_hub import get_token

    return get_token()


def open_hub(reference: str, *, token: str | None = None) -> Model:
    """The model of `hf://owner/name[@revision]`, pinned to the commit that the revision is now."""
    name, revision = parse_reference(reference)
    hub = Hub(name, revision, hub_token(token))
    info = hub.ask(lambda: hub.rest.model(name, revision))
    repository = str(info.get("id") or name)
    if info.get("gated"):
        # Information and file list of a gated model are public; only the bytes are refused. Say it now, not
        # after an image was begun.
        hub.ask(lambda: hub.rest.check_access(repository))
    commit = info.get("sha")
    if not isinstance(commit, str) or not commit:
        raise hub.words.foreign()
    base = f"{hub.words.endpoint}/{repository}/resolve/{commit}/"
    entries = hub.ask(lambda: list(hub.rest.tree(repository, commit)), LISTING_SECONDS)
    files = hub.ask(lambda: _files(entries, base))
    paths = [file.path for file in files]
    model_format = detect_format(paths)
    reasons = left_out(paths, model_format)
    return Model(
        reference=f"hf://{repository}" + (f"@{revision}" if revision else ""),
        name=service_name(repository.rsplit("/", maxsplit=1)[-1]),
        files=tuple(file for file in files if file.path not in reasons),
        left_out=tuple((file, reasons[file.path]) for file in files if file.path in reasons),
        format=model_format,
        revision=commit,
        license=license_of(info.get("cardData"), info.get("tags")),
        homepage=f"{hub.words.endpoint}/{repository}",
    )


def parse_reference(reference: str) -> tuple[str, str | None]:
    """Name and revision of `hf://owner/name[@revision]`. Raises ReferenceNotUnderstood.

    >>> parse_reference("hf://acme/tiny@refs/pr/1")
    ('acme/tiny', 'refs/pr/1')
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ReferenceNotUnderstood(
            f"`{reference}` does not name a model of the hub.",
            hint="Write hf://owner/name or hf://owner/name@revision.",
        )
    return match["name"], match["revision"]


class Hub:
    """The hub asked, about one repository or (no name) in general: all that may go wrong becomes an error of ours."""

    def __init__(self, name: str, revision: str | None, token: str | None) -> None:
        from huggingface_hub import constants

        self.words = HubWords(hub_endpoint(), name, revision, known=token is not None)
        self.rest = HubRest(self.words.endpoint, token, read=ANSWER_SECONDS)
        if constants.HF_HUB_OFFLINE:
            raise self.words.offline()
        if _NO_NAME.search(name):
            raise self.words.no_name()

    def ask(self, call: Callable[[], T], seconds: float = 2 * ANSWER_SECONDS) -> T:
        """What `call()` returns. Raises a ModelError."""
        try:
            return within(seconds, call)
        except Refused as refused:
            raise self.words.refusal(refused.status, refused.code, refused.message) from refused
        except (HTTPError, OSError) as error:
            raise unreachable(self.words.endpoint, error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.words.foreign() from error


def _files(entries: Iterable[Mapping[str, Any]], base: str) -> list[ModelFile]:
    files = []
    for entry in entries:
        if entry["type"] != "file":
            continue
        lfs = entry.get("lfs") or {}
        source = Source(url=base + quote(entry["path"]), auth="hf", xet_hash=entry.get("xetHash"))
        files.append(
            ModelFile(
                path=entry["path"],
                size=lfs["size"] if lfs else entry["size"],
                sha256=lfs["oid"] if lfs else None,
                # The blob of an LFS file is its pointer: its id says nothing about the content.
                git_oid=None if lfs else entry["oid"],
                source=source,
            )
        )
    return sorted(files, key=lambda file: file.path)


def license_of(card: Mapping[str, Any] | None, tags: Iterable[str] | None) -> str | None:
    """From the model's card, else from its tags; the name behind `other` where there is one."""
    found = (card.get("license") if card else None) or next(
        (tag.removeprefix("license:") for tag in tags or () if tag.startswith("license:")), None
    )
    if found == "other" and card:
        found = card.get("license_name") or found
    return ", ".join(found) if isinstance(found, list) else found
