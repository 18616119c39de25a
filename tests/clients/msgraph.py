"""Microsoft's msgraph-sdk as a client of the simulation."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from azure.core.credentials import AccessToken
from kiota_abstractions.serialization import Parsable
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph_core.tasks.page_iterator import PageIterator

from tests.simulation import Simulation


class Given:
    """A credential with a fixed token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self._token, 2**40)


@asynccontextmanager
async def client_of(simulation: Simulation, token: str) -> AsyncIterator[GraphServiceClient]:
    """Open Microsoft's client, connected only to the simulation."""
    provider = AzureIdentityAuthenticationProvider(Given(token), allowed_hosts=["localhost"])
    trusted = ssl.create_default_context(cafile=str(simulation.run_dir / "ca.pem"))
    url = f"{simulation.origin}/v1.0"
    async with httpx.AsyncClient(verify=trusted, base_url=url, timeout=60) as http:
        adapter = GraphRequestAdapter(provider, client=http)
        adapter.base_url = url
        yield GraphServiceClient(request_adapter=adapter)


async def all_of(client: GraphServiceClient, first: Any) -> list[dict[str, Any]]:
    """Return every item of a collection, as the SDK serialises it to JSON."""
    items: list[dict[str, Any]] = []

    def keep(item: Parsable) -> bool:
        writer = JsonSerializationWriter()
        writer.write_object_value(None, item)
        items.append(json.loads(writer.get_serialized_content()))
        return True

    await PageIterator(first, client.request_adapter).iterate(keep)
    return items
