"""What a failed read of Graph means for a data set."""

from http import HTTPStatus

from adapters.entra_refusals import DelegatedAccessRefused
from adapters.graph.answers import GraphError
from domain.errors import ConsentRequired, MicrosoftRefused, MicrosoftUnavailable
from domain.ports.graph_reader import CONSENT_REQUIRED, Refusal, Unreadable

# How long to postpone a throttled read if Graph does not specify it.
_LATER_SECONDS = 30.0


_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
_GONE = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


# The errors with which a read may fail: those of Graph and of Entra.
FAILURES = (
    GraphError,
    ConsentRequired,
    DelegatedAccessRefused,
    MicrosoftRefused,
    MicrosoftUnavailable,
)


def unreadable(error: Exception) -> Unreadable:
    """Return why something could not be read, and when to retry if Graph specifies it."""
    match error:
        case ConsentRequired():
            return Unreadable(str(error), Refusal(CONSENT_REQUIRED, is_denied=True))
        case GraphError(status=HTTPStatus.TOO_MANY_REQUESTS):
            wait = error.retry_after if error.retry_after is not None else _LATER_SECONDS
            return Unreadable(str(error), retry_after=wait)
        case GraphError(status=status) if error.is_denied or status in _REFUSED:
            return Unreadable(str(error), Refusal(error.code, is_denied=error.is_denied))
        case GraphError():
            return Unreadable(str(error), retry_after=error.retry_after)
    return Unreadable(str(error))


def is_lost(error: GraphError) -> bool:
    """Return whether Graph no longer accepts a link that it issued."""
    return error.status in _GONE or error.code in {"syncStateNotFound", "resyncRequired"}
