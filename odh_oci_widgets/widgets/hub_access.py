"""What opens a gated or private model of the hub: how to get there, and a token, typed or from a Secret."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.cluster import (
    NoCluster,
    NotAllowed,
    Project,
    connect,
    list_hub_tokens,
    read_hub_token,
)
from odh_oci_widgets.models import ModelGated, ModelNotFound, TokenRefused, hub_endpoint
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .flow import Flow
from .latest import Latest
from .parts import Disclosure, Secret, cell, field, grid, markup

_NAMING = "NAME or NAME/KEY, as the project has it. Read when you choose it; only its name is kept here."


class HubAccess(Disclosure):
    """`kept()` is told when `flow.secrets` has a token, `failed(error)` when a Secret gave none.

    >>> access = HubAccess(Flow(), kept=print, say=print, failed=print)
    >>> access.secret.value or "no Secret was chosen"
    'no Secret was chosen'
    """

    def __init__(
        self,
        flow: Flow,
        *,
        kept: Callable[[], Any],
        say: Callable[..., Any],
        failed: Callable[[OdhOciError], Any],
    ) -> None:
        self._flow = flow
        self._kept = kept
        self._say = say
        self._failed = failed
        self._listing: Latest[list[str]] = Latest()
        self._reading: Latest[str] = Latest()
        self.how = markup()
        self.token = Secret("Hugging Face token", self._typed)
        self.secret = field(
            widgets.Combobox,
            "Or from a Secret of the project",
            placeholder="hf-token",
            ensure_option=False,
            continuous_update=False,
        )
        self.secret.observe(self._chosen, "value")
        self._note = markup(html.help_text(_NAMING))
        help_text = "Kept for this session and never saved. Without it: HF_TOKEN, then the hub's token file."
        self._from_secret = widgets.VBox([self.secret, self._note])
        self._from_secret.add_class("odh-oci-cell")
        self._from_secret.layout.display = "none"
        super().__init__(
            "access for gated models",
            self.how,
            grid(cell(self.token.widget, help_text), self._from_secret),
            seen=self._look,
        )
        self.explain(None)

    def explain(self, error: OdhOciError | None, reference: str = "") -> None:
        """Say what opens a gated or private model; unfolded where that is what is the matter with `reference`."""
        concerned = isinstance(error, (ModelGated, TokenRefused, ModelNotFound)) and reference.startswith(
            "hf://"
        )
        page = hub_endpoint()
        name = reference.removeprefix("hf://").partition("@")[0] if concerned else ""
        label = f"its page ({name})" if name else "its page"
        ways = [
            ("Accept the model's conditions on ", html.link(label, f"{page}/{name}"), "."),
            (
                "Make a token that may read on ",
                html.link("your account's page", f"{page}/settings/tokens"),
                ".",
            ),
            ("Give it here once.",),
        ]
        self.how.value = html.steps(html.join(words) for words in ways)
        if concerned and not isinstance(error, ModelNotFound) and not self.shown:
            self.layout.display = ""
            self.toggle()

    def join(self, timeout: float | None = None) -> None:
        """Wait until Secrets are listed and the chosen one is read, in cells and tests."""
        self._listing.join(timeout)
        self._reading.join(timeout)

    def _project(self) -> Project:
        around = self._flow.surroundings
        return around.project if around is not None and around.project is not None else connect()

    def _look(self) -> None:
        """Offer the Secrets that may hold a token. Who may not list them may know the name of one."""
        self._listing.start(lambda _: list_hub_tokens(self._project()), self._offer, self._not_listed)

    def _offer(self, found: list[str], note: str = "") -> None:
        self.secret.options = tuple(found)
        self._note.value = html.help_text(f"{note} {_NAMING}".strip())
        self._from_secret.layout.display = ""

    def _not_listed(self, error: OdhOciError) -> None:
        if isinstance(error, NotAllowed):
            self._offer([], "You may not list Secrets here: type the name.")
        elif not isinstance(error, NoCluster):
            self._offer([], error.message)

    def _typed(self, token: str) -> None:
        self._reading.stop()
        self.secret.value = ""
        self._keep(token, "")

    def _chosen(self, change: Any) -> None:
        name = change["new"].strip()
        if not name:
            return

        def read(_: threading.Event) -> str:
            return read_hub_token(self._project(), name)

        self._say(f"Reading the Secret {name}…", busy=True)
        self._reading.start(read, lambda token: self._keep(token, name), self._failed)

    def _keep(self, token: str, secret: str) -> None:
        secrets = self._flow.secrets
        secrets.token, secrets.token_secret = token, secret
        self._say(
            f"The token {f'of the Secret {secret} ' if secret else ''}is kept for this session and not saved."
        )
        self._kept()
