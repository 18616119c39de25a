"""Secrets by name: Key Vault in Azure, a folder locally."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError

from domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from azure.keyvault.secrets.aio import SecretClient


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's current version.

    Args:
        expires_at: When it ends, if whoever stored it said so.
        content_type: What Key Vault says that it is.
        version: By which it is told from those before and after; None where nobody knows.
        stored_at: When this version was stored.
    """

    value: str = field(repr=False)
    expires_at: datetime | None = None
    content_type: str | None = None
    version: str | None = None
    stored_at: datetime | None = None


class Secrets(Protocol):
    """Named secrets; the values are shown nowhere."""

    async def read(self, name: str) -> Secret:
        """Return a secret.

        Raises:
            LookupError: There is none of the name.
            StorageUnavailable: The store does not answer.
        """
        ...

    async def set(self, name: str, value: str) -> None:
        """Store a secret's new value, for good before it returns.

        Raises:
            StorageUnavailable: The store does not answer.
        """
        ...


class FileSecrets:
    """One file a secret, for local development."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> Secret:
        """Read a secret's file."""
        return await asyncio.to_thread(self._read, name)

    def _read(self, name: str) -> Secret:
        path = self._folder / name
        try:
            value, stored = path.read_text(), path.stat()
        except FileNotFoundError:
            raise LookupError("there is no secret of this name") from None
        stored_at = datetime.fromtimestamp(stored.st_mtime, UTC)
        return Secret(value, version=str(stored.st_mtime_ns), stored_at=stored_at)

    async def set(self, name: str, value: str) -> None:
        """Replace a secret's file in one step."""
        await asyncio.to_thread(self._write, name, value)

    def _write(self, name: str, value: str) -> None:
        with NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            file.write(value)
        Path(file.name).replace(self._folder / name)


class KeyVaultSecrets:
    """Azure Key Vault, reached with the app's identity."""

    def __init__(self, vault_url: str, credential: AsyncTokenCredential) -> None:
        self._vault_url, self._credential = vault_url, credential

    @cached_property
    def _client(self) -> "SecretClient":
        # Loaded with the first secret: what only storage answers does not wait for its SDK.
        from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

        return SecretClient(self._vault_url, self._credential)

    async def read(self, name: str) -> Secret:
        """Read the current version of a secret."""
        try:
            found = await self._client.get_secret(name)
        except ResourceNotFoundError:
            found = None
        except AzureError as error:
            raise StorageUnavailable("Key Vault does not answer.") from error
        if found is None or found.value is None:
            raise LookupError("there is no secret of this name")
        properties = found.properties
        return Secret(
            found.value,
            properties.expires_on,
            properties.content_type,
            properties.version,
            properties.created_on,
        )

    async def set(self, name: str, value: str) -> None:
        """Write a new version of a secret."""
        try:
            await self._client.set_secret(name, value)
        except AzureError as error:
            raise StorageUnavailable("Key Vault does not answer.") from error
