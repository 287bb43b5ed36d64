"""What a user may be told, with its cause and its cure: one table for the message and for the page about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence that a user may meet. `{names}` in it stand for what is known at the time.

    >>> gone = Sentence(code="gone", says="There is no `{name}`: {why}.", cause="It was deleted.", cure="Make it.")
    >>> gone.said(name="granite", why="Not found.")
    'There is no `granite`: Not found.'
    """

    #: for machines, and the anchor on the page
    code: str
    says: str
    #: why it comes to this, for the page: the sentence itself may have room for less
    cause: str
    #: what to do now; empty where nothing is to be done
    cure: str = ""

    def said(self, **facts: object) -> str:
        """The sentence with its facts; one full stop at its end, also when the last fact brings its own."""
        said = self.says.format(**facts)
        return said[:-1] if said.endswith("..") and not said.endswith("...") else said
