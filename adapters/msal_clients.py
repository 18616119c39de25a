"""MSAL's clients, kept one an app and tenant, and called in threads, since MSAL blocks."""

import asyncio
import threading
import traceback
from typing import Any

import msal
import requests
from azure.core.exceptions import AzureError

from adapters.credentials import Credential
from domain.errors import MicrosoftUnavailable
from domain.identifiers import TenantId
from domain.msp import Msp

NONSENSE = "Microsoft Identity's answer does not make sense."
# What MSAL raises for a status of 500 and above, and no connection; and what the managed identity
# does.
_NO_ANSWER = (msal.exceptions.MsalError, requests.RequestException, AzureError)
_MOST_CLIENTS = 2000

type Client = msal.ConfidentialClientApplication


class ClientCache:
    """MSAL's clients, one an app and tenant, each with its token cache; bounded."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], tuple[Credential, Client]] = {}
        self._lock = threading.Lock()

    def get(self, msp: Msp, tid: TenantId, credential: Credential) -> Client | None:
        """Return the client of an app and tenant, if one with this credential is kept."""
        known = self._clients.get((msp.app.client_id, tid))
        return known[1] if known and known[0] == credential else None

    def keep(self, msp: Msp, tid: TenantId, credential: Credential, client: Client) -> Client:
        """Keep a client, and return the one with this credential that is kept."""
        with self._lock:
            known = self.get(msp, tid, credential)
            if known:
                return known
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[msp.app.client_id, tid] = (credential, client)
            return client

    def drop(self, msp: Msp, tid: TenantId) -> None:
        """Forget a client with its tokens and all that it remembers of Entra's answers."""
        with self._lock:
            self._clients.pop((msp.app.client_id, tid), None)


async def run_msal(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call MSAL in a thread; what it raises is an Entra that fails or answers nonsense."""
    try:
        result = await asyncio.to_thread(function, *args, **kwargs)
    except _NO_ANSWER as error:
        raise MicrosoftUnavailable("Microsoft Identity does not answer.") from error
    except Exception as error:
        # Of JSON of another shape MSAL raises whatever comes. A mistake of ours stays one.
        if not _is_msals(error):
            raise
        raise MicrosoftUnavailable(NONSENSE) from error
    return result


def _is_msals(error: BaseException) -> bool:
    """Tell whether an error was raised inside of MSAL, and not by a mistake in our own code."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).startswith("msal") for frame in frames)
