"""Graph's answers: JSON objects, or errors with a meaning."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import isnan
from typing import Any, override

from azure.core.rest import AsyncHttpResponse

_PASSING = {408, 429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
_LONGEST_WAIT = 3600.0
_NO_STATUS = 600
_CODE = re.compile(r"[A-Za-z0-9_]{1,80}")
_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{1,64}")


class GraphError(Exception):
    """An unsuccessful answer, or no answer at all (status 0).

    Args:
        code: Graph's error code, or a description of what is wrong with the answer.
        retry_after: Seconds that Graph asks to wait, at most an hour, or None.
        is_passing: Whether the error is temporary, so that the same request may succeed later.
        request_id: Graph's ID of the request, or None.
    """

    def __init__(
        self,
        status: int,
        code: str,
        retry_after: float | None = None,
        *,
        is_passing: bool = False,
        request_id: str | None = None,
    ) -> None:
        super().__init__(status, code)
        self.status, self.code, self.request_id = status, code, request_id
        self.retry_after, self.is_passing = retry_after, is_passing

    @property
    def is_denied(self) -> bool:
        """Whether Graph denies the app access."""
        return self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    @override
    def __str__(self) -> str:
        """Return what went wrong, without any text from the body."""
        if self.status == 0:
            return f"Microsoft Graph did not answer ({self.code})"
        return f"Microsoft Graph answered {self.status} ({self.code})"


def read_answer(response: AsyncHttpResponse) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        GraphError: The answer is unsuccessful, or is not a JSON object.
    """
    document = _parsed(response.content)
    # Graph does not redirect these requests, and following a redirect could reveal the token.
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise _error(response.status_code, document, response.headers)
    if not isinstance(document, dict):
        raise GraphError(0, "the answer is not JSON", is_passing=document is None)
    return document


@dataclass(frozen=True, slots=True)
class Download:
    """A file, or the address from which to fetch it."""

    content: bytes | None = None
    location: str = ""


def read_download(response: AsyncHttpResponse) -> Download:
    """Return the file in an answer, or the address that it redirects to.

    Raises:
        GraphError: The answer is unsuccessful.
    """
    if response.status_code in _REDIRECTS:
        return Download(location=str(response.headers.get("Location", "")))
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise _error(response.status_code, _parsed(response.content), response.headers)
    return Download(content=response.content)


def _parsed(content: bytes) -> Any:
    """Return the JSON of an answer, or None if it is not JSON: truncated, or nested too deeply."""
    try:
        return json.loads(content, parse_constant=_refuse_constant) if content else {}
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # Python accepts NaN and infinity, but they are not JSON.


def read_part(part: dict[str, Any]) -> dict[str, Any] | GraphError:
    """Return the JSON object of a part of a batch, or the part's error."""
    status, body, headers = part.get("status"), part.get("body"), part.get("headers")
    if type(status) is not int or not HTTPStatus.OK <= status < _NO_STATUS:
        return GraphError(0, "a part of the batch has no status")
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return _error(status, body, headers if isinstance(headers, dict) else {})
    return body if isinstance(body, dict) else GraphError(0, "a part of the batch is not JSON")


def _error(status: int, document: Any, headers: Mapping[str, Any]) -> GraphError:
    wait = _retry_after(headers)
    is_passing, request_id = status in _PASSING, _request_id(headers)
    return GraphError(status, _code(document), wait, is_passing=is_passing, request_id=request_id)


def _request_id(headers: Mapping[str, Any]) -> str | None:
    """Return the ID of the request if it has the form of one, since it is shown to people."""
    found = (str(value) for name, value in headers.items() if name.lower() == "request-id")
    text = next(found, "")
    return text if _REQUEST_ID.fullmatch(text) else None


def _code(document: Any) -> str:
    """Return the error's code if it has the form of one, since the code is shown to people."""
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "no code"


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    """Return the seconds to wait, at most an hour; the header may also contain a date.

    Header names are compared without case, since those in a part of a batch are not normalised.
    """
    found = (str(value) for name, value in headers.items() if name.lower() == "retry-after")
    text = next(found, "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text)
    return None if isnan(seconds) else min(max(0.0, seconds), _LONGEST_WAIT)


def _seconds_until(date: str) -> float:
    """Return the seconds until an HTTP date, or NaN if the text is not a date."""
    try:
        moment = parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, OverflowError):
        return float("nan")
    return (moment - datetime.now(UTC)).total_seconds()
