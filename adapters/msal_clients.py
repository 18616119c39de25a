"""MSAL's clients: one is kept per app and tenant, and called in threads, since MSAL blocks."""

import asyncio
import logging
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
# The errors that MSAL raises for a status of 500 and above or without a connection, and those of
# the managed identity.
_NO_ANSWER = (msal.exceptions.MsalError, requests.RequestException, AzureError)
_MOST_CLIENTS = 2000
_TIMEOUT_SECONDS = 5
# MSAL logs an answer that is not JSON as it is: one that was cut off can hold tokens.
logging.getLogger("msal.oauth2cli").setLevel(logging.CRITICAL)

type Client = msal.ConfidentialClientApplication


class ClientCache:
    """MSAL's clients, one per app and tenant, each with its token cache; limited in number."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str | None, str], tuple[Credential, Client]] = {}
        self._lock = threading.Lock()

    def get(self, msp: Msp, tid: TenantId, credential: Credential) -> Client | None:
        """Return the kept client of an app and tenant, if it has this credential."""
        known = self._clients.get((msp.app.client_id, tid))
        return known[1] if known and known[0] == credential else None

    def keep(self, msp: Msp, tid: TenantId, credential: Credential, client: Client) -> Client:
        """Keep a client, unless one with this credential is kept; return the kept one."""
        with self._lock:
            known = self.get(msp, tid, credential)
            if known:
                return known
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[msp.app.client_id, tid] = (credential, client)
            return client

    def drop(self, msp: Msp, tid: TenantId) -> None:
        """Drop a client with its tokens and all of Entra's answers that it has cached."""
        with self._lock:
            self._clients.pop((msp.app.client_id, tid), None)


async def open_client(authority: str, client_id: str, credential: Credential) -> Client:
    """Return a new client of an app that has a credential.

    Args:
        authority: URL of Microsoft Entra ID with the tenant.
    """
    return await run_msal(
        msal.ConfidentialClientApplication,
        client_id,
        client_credential=credential.msal,
        authority=authority,
        # The authority is a setting of this service, so it need not be verified.
        instance_discovery=False,
        timeout=_TIMEOUT_SECONDS,
    )


async def open_public_client(authority: str, client_id: str) -> msal.PublicClientApplication:
    """Return a new client of an app that has no credential, such as a command line.

    Args:
        authority: URL of Microsoft Entra ID with the tenant.
    """
    return await run_msal(
        msal.PublicClientApplication,
        client_id,
        authority=authority,
        instance_discovery=False,
        timeout=_TIMEOUT_SECONDS,
    )


async def run_msal(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call MSAL in a thread; its errors mean that Entra fails or that its answer is invalid."""
    try:
        result = await asyncio.to_thread(function, *args, **kwargs)
    except _NO_ANSWER as error:
        raise MicrosoftUnavailable("Microsoft Identity does not answer.") from error
    except Exception as error:
        # For unexpected JSON, MSAL raises arbitrary errors. A bug in this service is not mapped.
        if not _is_msals(error):
            raise
        raise MicrosoftUnavailable(NONSENSE) from error
    return result


def _is_msals(error: BaseException) -> bool:
    """Return whether an error was raised inside MSAL, not by a bug in this service."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).startswith("msal") for frame in frames)
