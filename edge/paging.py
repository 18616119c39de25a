"""Page tokens: signed positions in a list, valid only for that list."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import MalformedInput
from domain.identifiers import MspId, is_guid, parse_guid

PAGE_TOKEN = "pageToken"  # noqa: S105  a parameter's name
_PAGE_SIZE = "pageSize"
_SIGNATURE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Listing:
    """The identity of a list. A token is bound to all of it, so it is not valid for another list.

    Args:
        path: The path's parameters, such as the tenant; all spellings of an ID are equal.
        arguments: The query string's arguments; page size and page token are ignored.
    """

    route: str
    msp_id: MspId
    path: Mapping[str, str]
    arguments: Mapping[str, list[str]]

    @property
    def text(self) -> str:
        """A text that identifies the list; the order of the arguments does not matter."""
        filters = {
            name: values
            for name, values in self.arguments.items()
            if name not in (PAGE_TOKEN, _PAGE_SIZE)
        }
        path = {
            name: parse_guid(value, name) if is_guid(value) else value
            for name, value in self.path.items()
        }
        return json.dumps([self.route, self.msp_id, path, filters], sort_keys=True)


class PageTokens:
    """Signs positions, and reads signed ones.

    Args:
        key: A secret that all instances of the app share.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def write(self, listing: Listing, position: str) -> str:
        """Return the token of a position in a list."""
        signed = self._signature(listing, position) + position.encode()
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")

    def read(self, listing: Listing, token: str) -> str:
        """Return the position of a token.

        Raises:
            MalformedInput: It was not signed here, or not for this list.
        """
        try:
            signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            position = signed[_SIGNATURE_BYTES:].decode()
        except ValueError:
            raise _refusal() from None
        given = signed[:_SIGNATURE_BYTES]
        if not hmac.compare_digest(given, self._signature(listing, position)):
            raise _refusal()
        return position

    def _signature(self, listing: Listing, position: str) -> bytes:
        return hmac.digest(self._key, f"{listing.text}\n{position}".encode(), "sha256")


def _refusal() -> MalformedInput:
    return MalformedInput(PAGE_TOKEN, "is not one that this list gave")
