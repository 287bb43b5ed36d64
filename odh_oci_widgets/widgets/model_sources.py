"""Where a model may come from besides the hub: the web, this disk, S3 storage, a variable of the notebook."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from odh_oci_widgets.builders import human_bytes
from odh_oci_widgets.models import Entry, ModelFormat, ReferenceNotUnderstood, browse
from odh_oci_widgets.oci.errors import OdhOciError

from . import html
from .choices import Choice, ChoiceList
from .latest import Latest
from .parts import button, cell, field, grid, markup, row

#: Entries shown of a folder.
MAX_ENTRIES = 100
#: Packages whose fitted models `from_object` exports.
_PACKAGES = frozenset({"sklearn", "xgboost", "lightgbm", "torch"})
#: Variables that a sample may be in.
_MAX_VARIABLES = 200

Use = Callable[[str], Any]


class WebSource(widgets.VBox):
    """One or several addresses; `use` is told the reference, `failed` what is wrong with the checksum."""

    def __init__(self, use: Use, failed: Callable[[OdhOciError], Any]) -> None:
        self._use = use
        self._failed = failed
        self.addresses = field(
            widgets.Textarea,
            "Addresses, one a line",
            placeholder="https://…/model.onnx",
            rows=3,
            continuous_update=False,
        )
        self.sha256 = field(widgets.Text, "SHA-256 of a single file (optional)", continuous_update=False)
        super().__init__(
            [
                cell(self.addresses, "Several files make one model, e.g. model.onnx and its data file."),
                cell(self.sha256, "The build stops where the content is another."),
                row(button("Use these addresses", self.take)),
            ]
        )

    def take(self) -> None:
        """Hand the reference on."""
        words = self.addresses.value.split()
        digest = self.sha256.value.strip().lower().removeprefix("sha256:")
        if digest and len(words) > 1:
            # Unused, it would be taken for checked.
            self._failed(
                ReferenceNotUnderstood(
                    f"One checksum cannot be that of {len(words)} files.",
                    hint="Write #sha256=… behind each address, and empty the field.",
                )
            )
            return
        if digest and words:
            words = [f"{words[0].partition('#')[0]}#sha256={digest}"]
        if words:
            self._use(" ".join(words))


class FolderSource(widgets.VBox):
    """Browse this machine's disk below the home folder."""

    def __init__(self, use: Use, failed: Callable[[OdhOciError], Any]) -> None:
        self._use = use
        self._failed = failed
        home, here = Path.home().resolve(), Path.cwd().resolve()
        #: nothing above it is shown
        self.root = home if here.is_relative_to(home) else here
        self.folder = self.root
        self._latest: Latest[list[Entry]] = Latest()
        self._where = markup()
        self._list = ChoiceList(self._open)
        self.up = button("Up", lambda: self.go(self.folder.parent))
        self.take = button("Use this folder", lambda: self._use(str(self.folder)))
        super().__init__([self._where, row(self.up, self.take), self._list])
        self.go(self.root)

    def go(self, folder: Path) -> None:
        """Show another folder."""
        self._latest.start(
            lambda _: browse(folder, root=self.root), partial(self._show, folder), self._failed
        )

    def join(self, timeout: float | None = None) -> None:
        """Wait for the list."""
        self._latest.join(timeout)

    @property
    def entries(self) -> tuple[Choice, ...]:
        """What is shown."""
        return self._list.choices

    def _show(self, folder: Path, found: list[Entry]) -> None:
        self.folder = folder
        self.up.disabled = folder == self.root
        shown = found[:MAX_ENTRIES]
        more = f" ({len(found)} entries, the first {MAX_ENTRIES} shown)" if len(found) > MAX_ENTRIES else ""
        self._where.value = html.element("div", "Folder ", html.element("code", str(folder)), more)
        self._list.show(
            [
                Choice(name=entry.name + ("/" if entry.is_folder else ""), facts=_entry(entry), value=entry)
                for entry in shown
            ]
        )

    def _open(self, entry: Entry) -> None:
        if not entry.is_folder:
            self._use(str(entry.path))
            return
        if entry.format is not ModelFormat.UNKNOWN:
            self._use(str(entry.path))
        self.go(entry.path)


def _entry(entry: Entry) -> str:
    known = entry.format is not ModelFormat.UNKNOWN
    if entry.is_folder:
        return f"a model: {entry.format.value}" if known else "folder"
    size = human_bytes(entry.size or 0)
    return f"{size} · {entry.format.value}" if known else size


class S3Source(widgets.VBox):
    """Bucket and folder of the data connection in the environment."""

    def __init__(self, use: Use) -> None:
        self._use = use
        self.bucket = field(widgets.Text, "Bucket", value=os.environ.get("AWS_S3_BUCKET", ""))
        self.prefix = field(widgets.Text, "Folder or file", placeholder="models/granite")
        where = os.environ.get("AWS_S3_ENDPOINT") or "AWS"
        super().__init__(
            [
                markup(html.help_text(f"With the keys of the data connection (AWS_*), at {where}.")),
                grid(cell(self.bucket), cell(self.prefix)),
                row(button("Use this place", self.take)),
            ]
        )

    def take(self) -> None:
        """Hand the reference on."""
        bucket = self.bucket.value.strip().removeprefix("s3://").strip("/")
        if bucket:
            self._use(f"s3://{bucket}/{self.prefix.value.strip().strip('/')}")


class NotebookSource(widgets.VBox):
    """A fitted model in a variable, and a sample of what its predict takes; `use(model, sample, name)` exports it."""

    def __init__(
        self, use: Callable[[str, str, str], Any], variables: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._use = use
        self._variables = variables
        self.model = field(widgets.Dropdown, "Fitted model")
        self.sample = field(widgets.Dropdown, "Sample of its input")
        self.name = field(widgets.Text, "Name", placeholder="digits")
        self._note = markup()
        self._take = button("Use this model", self.take)
        super().__init__(
            [
                grid(
                    cell(self.model, "scikit-learn, XGBoost, LightGBM or PyTorch."),
                    cell(self.sample, "A batch as predict takes it: types and shapes are read from it."),
                    cell(self.name, "Of the exported file; empty: the class's."),
                ),
                self._note,
                row(self._take, button("Look again", self.look)),
            ]
        )
        self.look()

    def look(self) -> None:
        """Look for models and samples among the variables."""
        found = {name: value for name, value in list(self._variables().items()) if not name.startswith("_")}
        _offer(self.model, [name for name, value in found.items() if _exportable(value)])
        _offer(self.sample, [name for name, value in found.items() if _sample(value)][-_MAX_VARIABLES:])
        ready = bool(self.model.options and self.sample.options)
        self._take.disabled = not ready
        self._note.value = (
            ""
            if ready
            else html.help_text("Fit a model in a cell, with its data in a variable, then look again.")
        )

    def take(self) -> None:
        """Export what was chosen."""
        if self.model.value and self.sample.value:
            self._use(self.model.value, self.sample.value, self.name.value.strip())


def variables() -> Mapping[str, Any]:
    """The notebook's variables; none outside of a kernel."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    return shell.user_ns if shell is not None else {}


def _offer(choice: Any, names: list[str]) -> None:
    """These and no others; the one that was chosen stays chosen, else the last variable made is."""
    before = choice.value
    choice.options = names
    choice.value = before if before in names else names[-1] if names else None


def _exportable(value: Any) -> bool:
    if isinstance(value, type):
        return False
    packages = {cls.__module__.partition(".")[0] for cls in type(value).__mro__}
    return bool(packages & _PACKAGES) and (hasattr(value, "predict") or hasattr(value, "state_dict"))


def _sample(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    # `in` would compare arrays with one another.
    return not isinstance(value, type) and isinstance(shape, tuple) and len(shape) >= 2
