"""What the hub's refusals mean, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

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

#: What the hub says of a token it does not know; other answers 401 mean that the model is not to be seen.
_BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - a message


@dataclass(frozen=True)
class HubWords:
    """Errors about one repository of the hub at `endpoint`; `known`: a token was sent."""

    endpoint: str
    name: str
    revision: str | None
    known: bool

    def refusal(self, status: int, code: str, message: str) -> ModelError:
        """By the answer's status and its headers X-Error-Code and X-Error-Message."""
        if code == "RevisionNotFound":
            return self._no_revision()
        if code == "GatedRepo":
            return self._gated(status)
        if code == "RepoNotFound" or (status == 401 and message != _BAD_TOKEN):
            return self._not_found(status)
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

    def foreign(self) -> SourceUnreachable:
        """The error for an answer that is none of the hub's API."""
        return SourceUnreachable(
            f"{self.endpoint} does not answer like a Hugging Face hub.", hint="Check HF_ENDPOINT."
        )

    def no_name(self) -> ReferenceNotUnderstood:
        """The error for a name that the hub gives to no model."""
        return ReferenceNotUnderstood(
            f"`{self.name}` cannot be the name of a model.", hint="Write hf://owner/name."
        )

    def offline(self) -> SourceUnreachable:
        """The error where the user asked for no network."""
        return SourceUnreachable(
            "The Hugging Face client is in offline mode.",
            hint="Unset HF_HUB_OFFLINE and restart the kernel, or choose a folder.",
        )

    def _no_revision(self) -> RevisionNotFound:
        return RevisionNotFound(
            f"`{self.name}` has no revision `{self.revision}`.",
            hint=f"Its branches, tags and commits: {self.endpoint}/{self.name}/commits/main",
            status=404,
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
