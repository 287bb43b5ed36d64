"""Models of the Hugging Face hub, or of a mirror of it (`HF_ENDPOINT`)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from odh_oci_widgets.oci.plan import Source

from .bounded import within
from .errors import (
    ModelAccessMissing,
    ModelError,
    ModelGated,
    ModelNotFound,
    ReferenceNotUnderstood,
    RevisionNotFound,
    SourceUnreachable,
    TokenRefused,
)
from .fetching import unreachable
from .formats import detect_format
from .model import Model, ModelFile
from .naming import service_name
from .selection import left_out

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

HUB = "https://huggingface.co"
#: A hub that did not answer by then is down for a person who waits. A listing may have many pages.
ANSWER_SECONDS = 20.0
LISTING_SECONDS = 120.0

#: endpoints that answered once
_REACHED: set[str] = set()

_REFERENCE = re.compile(r"hf://(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>\S+))?")


def hub_endpoint() -> str:
    """`HF_ENDPOINT`, else the public hub. Read now: `huggingface_hub` itself reads it once, when imported."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB


def hub_token(token: str | None = None) -> str | None:
    """`token` if given, else `HF_TOKEN`, else the token file that `hf auth login` writes; None without any."""
    if token:
        return token
    from huggingface_hub import get_token

    return get_token()


def open_hub(reference: str, *, token: str | None = None) -> Model:
    """The model of `hf://owner/name[@revision]`, pinned to the commit that the revision is now."""
    name, revision = parse_reference(reference)
    hub = Hub(name, revision, hub_token(token))
    info = hub.ask(lambda: hub.api.model_info(name, revision=revision, timeout=ANSWER_SECONDS))
    if info.gated:
        # Information and file list of a gated model are public; only the bytes are refused. Say it now, not
        # after an image was begun.
        hub.ask(lambda: hub.api.auth_check(info.id))
    commit = info.sha
    if not commit:
        raise hub.foreign()
    files = hub.ask(lambda: _files(hub, info.id, commit), LISTING_SECONDS)
    paths = [file.path for file in files]
    model_format = detect_format(paths)
    reasons = left_out(paths, model_format)
    return Model(
        reference=f"hf://{info.id}" + (f"@{revision}" if revision else ""),
        name=service_name(info.id.split("/")[-1]),
        files=tuple(file for file in files if file.path not in reasons),
        left_out=tuple((file, reasons[file.path]) for file in files if file.path in reasons),
        format=model_format,
        revision=commit,
        license=license_of(info),
        homepage=f"{hub.endpoint}/{info.id}",
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
    """The hub asked about one repository: its client's exceptions become ours, its waits bounded."""

    def __init__(self, name: str, revision: str | None, token: str | None) -> None:
        from huggingface_hub import HfApi

        self.name, self.revision = name, revision
        self.endpoint = hub_endpoint()
        self.known = token is not None
        # False, not None: with None the client would look for a token itself, a second time.
        self.api: HfApi = HfApi(endpoint=self.endpoint, token=token or False)

    def greet(self) -> None:
        """Find out soon that there is no hub: the client tries a listing six times in 25 s before it says so."""
        from huggingface_hub import get_session

        if self.endpoint not in _REACHED:
            self.ask(lambda: get_session().head(self.endpoint, timeout=ANSWER_SECONDS / 2))
            _REACHED.add(self.endpoint)

    def ask(self, call: Callable[[], T], seconds: float = 2 * ANSWER_SECONDS) -> T:
        """What `call()` returns; a ModelError for all that may go wrong with a hub."""
        from huggingface_hub import errors

        # `httpx` or `httpx2`, whichever this version of the client is built on.
        transport_error: type[BaseException] = errors.HfHubHTTPError.__bases__[0]
        try:
            return within(seconds, call)
        except errors.GatedRepoError as error:
            raise self._gated(error.response.status_code) from error
        except errors.RepositoryNotFoundError as error:
            raise self._not_found(error.response.status_code) from error
        except errors.RevisionNotFoundError as error:
            raise RevisionNotFound(
                f"`{self.name}` has no revision `{self.revision}`.",
                hint=f"Its branches, tags and commits: {self.endpoint}/{self.name}/commits/main",
                status=404,
            ) from error
        except errors.HFValidationError as error:
            raise ReferenceNotUnderstood(
                f"`{self.name}` cannot be the name of a model.", hint="Write hf://owner/name."
            ) from error
        except errors.OfflineModeIsEnabled as error:
            raise SourceUnreachable(
                "The Hugging Face client is in offline mode.",
                hint="Unset HF_HUB_OFFLINE and restart the kernel, or choose a folder.",
            ) from error
        except errors.HfHubHTTPError as error:
            raise self._refused(error.response.status_code) from error
        except (transport_error, TimeoutError, OSError) as error:
            raise unreachable(self.endpoint, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self.foreign() from error

    def foreign(self) -> SourceUnreachable:
        """The error for an answer that is none of the hub's API."""
        return SourceUnreachable(
            f"{self.endpoint} does not answer like a Hugging Face hub.", hint="Check HF_ENDPOINT."
        )

    def _gated(self, status: int) -> ModelGated:
        page = f"{self.endpoint}/{self.name}"
        if status == 401:
            return ModelGated(
                f"`{self.name}` is gated: its files are for people who accepted its conditions.",
                hint=f"Accept them at {page}, make a token at {self.endpoint}/settings/tokens and set HF_TOKEN.",
                status=status,
            )
        return ModelAccessMissing(
            f"`{self.name}` is gated, and the owner of your token was not given access to it.",
            hint=f"Ask for access at {page}; a fine-grained token also needs the permission for gated repositories.",
            status=status,
        )

    def _not_found(self, status: int) -> ModelNotFound:
        return ModelNotFound(
            f"There is no model `{self.name}` at {self.endpoint}"
            + (", or your token may not see it." if self.known else ", or it is private."),
            hint="Check the spelling (owner/name)."
            if self.known
            else "Check the spelling (owner/name); for a private model set HF_TOKEN.",
            status=status,
        )

    def _refused(self, status: int) -> ModelError:
        if status == 401:
            return TokenRefused(
                f"{self.endpoint} does not accept the token: it is mistyped, expired or revoked.",
                hint=f"Make one at {self.endpoint}/settings/tokens and set HF_TOKEN.",
                status=status,
            )
        if status == 403:
            return ModelAccessMissing(
                f"{self.endpoint} refuses access to `{self.name}`.",
                hint=f"See {self.endpoint}/{self.name}: it may be disabled, or the token may lack a permission.",
                status=status,
            )
        return SourceUnreachable(
            f"{self.endpoint} answers with an error (HTTP {status}).",
            hint="Try again in a while.",
            status=status,
        )


def _files(hub: Hub, name: str, commit: str) -> list[ModelFile]:
    """Files with size and hash. `expand` would add who changed them last, at 50 files a page instead of 1000."""
    from huggingface_hub.hf_api import RepoFile

    return sorted(
        (
            ModelFile(
                path=entry.path,
                size=entry.lfs.size if entry.lfs else entry.size,
                sha256=entry.lfs.sha256 if entry.lfs else None,
                # The blob of an LFS file is its pointer: its id says nothing about the content.
                git_oid=None if entry.lfs else entry.blob_id,
                source=Source(
                    url=f"{hub.endpoint}/{name}/resolve/{commit}/{quote(entry.path)}",
                    auth="hf",
                    # huggingface_hub 1.0 drops it
                    xet_hash=getattr(entry, "xet_hash", None),
                ),
            )
            for entry in hub.api.list_repo_tree(name, recursive=True, revision=commit)
            if isinstance(entry, RepoFile)
        ),
        key=lambda file: file.path,
    )


def license_of(info: Any) -> str | None:
    """From the model's card, else from its tags; the name behind `other` where there is one."""
    card = info.card_data
    found = (card.get("license") if card else None) or next(
        (tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")), None
    )
    if found == "other" and card:
        found = card.get("license_name") or found
    return ", ".join(found) if isinstance(found, list) else found
