"""Base models of requests and answers, and the types that the API contract defines."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    create_model,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from domain.identifiers import LONGEST_GUID


def rfc3339(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC with `Z`; with fractions of a second only if not zero."""
    text = moment.astimezone(UTC).isoformat(
        timespec="milliseconds" if moment.microsecond else "seconds"
    )
    return text.replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


# Text of any script is allowed. Control characters are not, since they are invisible and cannot
# always be stored; nor are lone surrogates, which UTF-8 cannot encode.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _plain_name(text: str) -> str:
    if not text.strip() or _CONTROL.search(text):
        raise PydanticCustomError("text", "must not be blank nor hold control characters")
    return text.strip()


def _plain_text(text: str) -> str:
    if _CONTROL_BUT_LINES.search(text.replace("\r\n", "\n")):
        raise PydanticCustomError("text", "must not hold control characters")
    return text


# It is parsed where it is used; here only the length of the longest spelling is checked.
GuidText = Annotated[str, Field(max_length=LONGEST_GUID)]
Name = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain_name)]
Notes = Annotated[str, Field(max_length=4000), AfterValidator(_plain_text)]

# Models are built at first use, since a cold start serves one request and does not need them all.
_SHARED = ConfigDict(alias_generator=to_camel, defer_build=True)


class ApiModel(BaseModel):
    """An answer: camelCase keys."""

    model_config = ConfigDict(**_SHARED, populate_by_name=True, hide_input_in_errors=True)


class RequestModel(BaseModel):
    """A body or a query: camelCase keys, and nothing unknown."""

    model_config = ConfigDict(**_SHARED, extra="forbid", hide_input_in_errors=True)


class NoBody(RequestModel):
    """A request without a body."""


class NoQuery(RequestModel):
    """A request without a query string."""


class ListQuery(RequestModel):
    """The query of every list: the page size, and the token of the next page.

    A handler receives the position that the token contains instead of the token.
    """

    page_size: int = Field(100, ge=1, le=500)
    page_token: str | None = Field(None, max_length=2000)


class ListAnswer(ApiModel):
    """The answer of every list."""

    items: list[Any]
    next_link: str | None = None


def list_answer(item: type[BaseModel]) -> type[ListAnswer]:
    """Return the model of a list of items."""
    return create_model(
        f"{item.__name__.removesuffix('Answer')}List",
        __base__=ListAnswer,
        __doc__=f"A page of {item.__name__.removesuffix('Answer')} items.",
        items=(list[item], ...),  # type: ignore[valid-type]  # the type is made at run time
    )
