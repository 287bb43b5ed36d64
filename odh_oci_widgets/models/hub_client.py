"""The hub asked through its own client, where a person chooses: search and revisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .bounded import within
from .fetching import unreachable
from .hub import ANSWER_SECONDS, hub_endpoint
from .hub_words import HubWords

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

#: endpoints that answered once
_REACHED: set[str] = set()


class HubClient:
    """`huggingface_hub` with exceptions of ours and bounded waits; `name` is the repository in question, if any."""

    def __init__(self, name: str, token: str | None) -> None:
        from huggingface_hub import HfApi

        self.endpoint = hub_endpoint()
        self._words = HubWords(self.endpoint, name, None, known=token is not None)
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
        except errors.HFValidationError as error:
            raise self._words.no_name() from error
        except errors.OfflineModeIsEnabled as error:
            raise self._words.offline() from error
        except errors.HfHubHTTPError as error:
            headers = error.response.headers
            raise self._words.refusal(
                error.response.status_code,
                headers.get("X-Error-Code", ""),
                headers.get("X-Error-Message", ""),
            ) from error
        except (transport_error, TimeoutError, OSError) as error:
            raise unreachable(self.endpoint, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._words.foreign() from error
