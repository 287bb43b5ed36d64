"""Find models of the hub, and the revisions of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from .hub import Hub, hub_token, license_of, parse_reference
from .safetensors import BITS

#: what the hub is asked to tell of each model: the smallest answer that fills a ModelSummary
_WANTED = [
    "author", "cardData", "downloads", "gated", "lastModified", "library_name", "likes", "pipeline_tag", "private",
    "safetensors", "tags",
]  # fmt: skip
#: a search that filters by size looks at that many times the wanted number of models, and no further
_LOOK_FURTHER = 20


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """A model as a list of results shows it. None is what the hub does not tell.

    >>> from odh_oci_widgets import search
    >>> found = search("granite 2b instruct", limit=1)[0]
    >>> found.name, found.license, found.gated
    ('ibm-granite/granite-3.0-2b-instruct', 'apache-2.0', False)
    """

    name: str
    parameters: int | None
    #: bytes of the safetensors weights
    size: int | None
    license: str | None
    gated: bool
    private: bool
    downloads: int
    likes: int
    last_modified: datetime | None
    task: str | None
    library: str | None

    @property
    def reference(self) -> str:
        """What `open_model` takes."""
        return f"hf://{self.name}"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A branch or tag, and the commit it is now.

    >>> from odh_oci_widgets import revisions
    >>> [revision.name for revision in revisions("hf://ibm-granite/granite-3.0-2b-instruct")]
    ['main', 'float32', 'v1.0']
    """

    name: str
    kind: Literal["branch", "tag"]
    commit: str


def search(
    text: str = "",
    *,
    task: str | None = None,
    library: str | None = None,
    author: str | None = None,
    license: str | None = None,  # noqa: A002 - the word for it
    max_parameters: float | None = None,
    limit: int = 20,
    token: str | None = None,
) -> list[ModelSummary]:
    """Models of the hub, most downloaded first.

    `text` matches names; `task` is e.g. `text-generation`, `library` e.g. `transformers`, `license` e.g.
    `apache-2.0`, `max_parameters` e.g. `8e9` (models whose number is not known are then left out).
    One request as a rule, bounded in time; safe to call from a thread while the user types.
    Raises SourceUnreachable, TokenRefused.

    >>> from odh_oci_widgets import search
    >>> [found.name for found in search("granite 3.0 2b instruct", limit=2)]
    ['ibm-granite/granite-3.0-2b-instruct']
    """
    hub = Hub("", None, hub_token(token))
    looked_at = limit if max_parameters is None else limit * _LOOK_FURTHER
    wanted: dict[str, Sequence[str | None]] = {
        "search": [" ".join(text.split())],
        "author": [author],
        "pipeline_tag": [task],
        "filter": [library, f"license:{license}" if license else None],
        "sort": ["downloads"],
        "limit": [str(looked_at)],
        "expand": _WANTED,
    }
    query = [(name, value) for name, values in wanted.items() for value in values if value]

    def ask() -> list[ModelSummary]:
        found = map(_summary, islice(hub.rest.models(query), looked_at))
        return list(islice(_small_enough(found, max_parameters), limit))

    return hub.ask(ask)


def revisions(reference: str, *, token: str | None = None) -> list[Revision]:
    """Branches (`main` first) and tags of `hf://owner/name`. Raises what `open_model` raises.

    >>> from odh_oci_widgets import revisions
    >>> revisions("hf://ibm-granite/granite-3.0-2b-instruct")[0].name
    'main'
    """
    name, _ = parse_reference(reference)
    hub = Hub(name, None, hub_token(token))

    def ask() -> tuple[list[Revision], list[Revision]]:
        refs = hub.rest.refs(name)
        branches = [_revision(ref, "branch") for ref in refs["branches"]]
        return branches, [_revision(ref, "tag") for ref in refs["tags"]]

    branches, tags = hub.ask(ask)
    return [*sorted(branches, key=lambda revision: (revision.name != "main", revision.name)), *tags]


def _small_enough(found: Iterable[ModelSummary], limit: float | None) -> Iterator[ModelSummary]:
    return (
        summary
        for summary in found
        if limit is None or (summary.parameters is not None and summary.parameters <= limit)
    )


def _revision(ref: Mapping[str, Any], kind: Literal["branch", "tag"]) -> Revision:
    return Revision(name=ref["name"], kind=kind, commit=ref["targetCommit"])


def _summary(info: Mapping[str, Any]) -> ModelSummary:
    told = info.get("safetensors") or {}
    weights: dict[str, int] = told.get("parameters") or {}
    changed = info.get("lastModified")
    return ModelSummary(
        name=info["id"],
        parameters=told.get("total"),
        size=sum(count * BITS.get(dtype, 16) // 8 for dtype, count in weights.items()) or None,
        license=license_of(info.get("cardData"), info.get("tags")),
        gated=bool(info.get("gated")),
        private=bool(info.get("private")),
        downloads=info.get("downloads") or 0,
        likes=info.get("likes") or 0,
        last_modified=datetime.fromisoformat(changed) if changed else None,
        task=info.get("pipeline_tag"),
        library=info.get("library_name"),
    )
