"""What a person sets once: the registry, who builds, how often to look, sandbox and notifications on or off.

Where a value comes from, the first that says something:

1. an explicit argument (`build(…, builder="job")`, `--builder job`, a field that was filled in);
2. the environment: `ODH_OCI_REGISTRY`, `ODH_OCI_REPOSITORY`, `ODH_OCI_BUILDER`, `ODH_OCI_REFRESH`,
   `ODH_OCI_SANDBOX`, `ODH_OCI_NOTIFICATIONS`;
3. JupyterLab's settings editor, in kernels whose page has our extension;
4. the file `$XDG_CONFIG_HOME/odh-oci-widgets/config.toml` (by default below `~/.config`), with the same names in
   small letters;
5. the default.

The page stands above the file, because whoever clicks a setting wants to see it work; what nobody changed there says
nothing. `odh-oci settings` shows each value and where it comes from.

>>> settings = read({"ODH_OCI_REGISTRY": "quay.io", "ODH_OCI_REPOSITORY": "me/{model}", "HOME": "/nowhere"})
>>> settings.image("granite", "1")
'quay.io/me/granite:1'
>>> settings.origins["registry"], settings.origins["refresh"]
('ODH_OCI_REGISTRY', 'default')
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .oci.errors import OdhOciError
from .oci.reference import names_registry, parse_image

#: What the setting `builder` may say; the builders themselves are a room above. Empty: as where we are suggests.
BUILDER_NAMES = ("kernel", "job", "openshift", "podman")
#: Seconds between two looks at builds and services: no less, not to disturb the cluster; no more, to be of use.
REFRESH_RANGE = (1.0, 3600.0)
_PREFIX = "ODH_OCI_"
_WORDS = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}


class SettingInvalid(OdhOciError):
    """A setting whose value, or whose name, makes no sense; the sentence says where it stands."""

    cure = "Correct or remove it where the sentence says; `odh-oci settings` shows them all."


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A snapshot of all settings."""

    #: `host[:port]`, or with the beginning of the repository: `quay.io/my-org`; empty: none
    registry: str = ""
    #: how a repository is named after a model, the registry standing before it
    repository: str = "{model}"
    #: a builder's name; empty: as where we are suggests
    builder: str = ""
    #: seconds between two looks at builds and services
    refresh: float = 5.0
    #: whether models may be run on this machine
    sandbox: bool = True
    #: whether the page tells when a build ends, or a service becomes ready or fails
    notifications: bool = True
    #: name -> where the value comes from: a variable, `JupyterLab settings`, a file, or `default`
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def values(self) -> dict[str, Any]:
        """Name -> value."""
        return {name: getattr(self, name) for name in NAMES}

    def image(self, model: str, tag: str) -> str:
        """The reference proposed for a model, named as repositories are; empty where no registry is set."""
        return f"{self.registry}/{self.repository.replace('{model}', model)}:{tag}" if self.registry else ""

    def complete(self, image: str) -> str:
        """The reference with the registry that is set, where the text names none.

        >>> Settings(registry="quay.io", repository="me/{model}").complete("granite:1")
        'quay.io/me/granite:1'
        >>> Settings(registry="quay.io").complete("you/granite:1"), Settings(registry="quay.io").complete("oci:x")
        ('quay.io/you/granite:1', 'oci:x')
        """
        image = image.strip()
        if not (self.registry and image) or names_registry(image):
            return image
        if "/" in image:
            return f"{self.registry}/{image}"
        name = image.partition("@")[0].partition(":")[0]
        return f"{self.registry}/{self.repository.replace('{model}', name)}{image[len(name) :]}"


NAMES = tuple(one.name for one in fields(Settings) if one.name != "origins")
_DEFAULTS = Settings()
#: what the page's settings say, in this process
_page: dict[str, Any] = {}


def settings_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the file is looked for."""
    home = Path(environ.get("HOME") or Path.home())
    config = environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else home / ".config") / "odh-oci-widgets" / "config.toml"


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """All settings now. Raises SettingInvalid for a value that makes no sense, naming the variable or file and key."""
    path = settings_file(environ)
    values: dict[str, Any] = {}
    origins = dict.fromkeys(NAMES, "default")
    for name, value in _from_file(path).items():
        values[name] = _checked(name, value, f"`{name}` in {path}")
        origins[name] = str(path)
    for name, value in _page.items():
        values[name], origins[name] = value, "JupyterLab settings"
    for name in NAMES:
        variable = _PREFIX + name.upper()
        if text := environ.get(variable, "").strip():
            values[name], origins[name] = _checked(name, text, f"`{variable}`"), variable
    return Settings(**values, origins=origins)


def full_image(image: str) -> str:
    """The reference with its registry: the one it names, else the one that is set. Raises SettingInvalid."""
    return image.strip() if names_registry(image) else read().complete(image)


def use_page(settings: Mapping[str, Any]) -> None:
    """Take over what JupyterLab's settings editor says, instead of what it said before. Raises SettingInvalid.

    What is missing, None, empty or just the default was not set there: the editor has a value for everything.
    """
    said = {}
    for name in NAMES:
        value = settings.get(name)
        if value is None or value == "":
            continue
        value = _checked(name, value, f"`{name}` in JupyterLab's settings")
        if value != getattr(_DEFAULTS, name):
            said[name] = value
    _page.clear()
    _page.update(said)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"The settings in {path} cannot be read: {error}.") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingInvalid(
            f"The settings in {path} are not TOML: {error}.", hint='Write lines like `builder = "job"`.'
        ) from error
    unknown = next((name for name in values if name not in NAMES), None)
    if unknown is not None:
        raise SettingInvalid(
            f"`{unknown}` in {path} is not a setting.", hint=f"There are {', '.join(NAMES)}."
        )
    return values


def _checked(name: str, value: Any, where: str) -> Any:
    try:
        return _CHECKS[name](value)
    except (ValueError, OdhOciError) as error:
        hint = (error.hint or error.message) if isinstance(error, OdhOciError) else str(error)
        raise SettingInvalid(f"{where} is `{value}`, which is no {_MEANING[name]}.", hint=hint) from error


def _registry(value: Any) -> str:
    text = str(value).strip().rstrip("/") if isinstance(value, str) else ""
    if not text or not names_registry(f"{text}/x") or text.startswith("oci:"):
        raise ValueError("Write the registry's name, for example `quay.io` or `quay.io/my-org`.")
    parse_image(f"{text}/x")
    return text


def _repository(value: Any) -> str:
    text = value.strip().strip("/") if isinstance(value, str) else ""
    if text.count("{model}") != 1:
        raise ValueError("Write `{model}` where the model's name belongs, for example `my-org/{model}`.")
    parse_image(f"localhost/{text.replace('{model}', 'x')}")
    return text


def _builder(value: Any) -> str:
    if value not in BUILDER_NAMES:
        raise ValueError(f"There are {', '.join(BUILDER_NAMES)}.")
    return str(value)


def _refresh(value: Any) -> float:
    least, most = REFRESH_RANGE
    try:
        seconds = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not least <= seconds <= most:
        raise ValueError(f"Write seconds, from {least:g} to {most:g}.")
    return seconds


def _switch(value: Any) -> bool:
    known = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
    if known is None:
        raise ValueError("Write true or false.")
    return known


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "registry": _registry,
    "repository": _repository,
    "builder": _builder,
    "refresh": _refresh,
    "sandbox": _switch,
    "notifications": _switch,
}
_MEANING = {
    "registry": "registry",
    "repository": "pattern of a repository",
    "builder": "builder",
    "refresh": "number of seconds",
    "sandbox": "switch",
    "notifications": "switch",
}
