"""Secrets by name: Key Vault in Azure, a folder locally."""

import asyncio
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError

from domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from azure.keyvault.secrets.aio import SecretClient


class Secrets(Protocol):
    """Named secrets; the values are shown nowhere."""

    async def get(self, name: str) -> str:
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

    async def get(self, name: str) -> str:
        """Read a secret's file."""
        try:
            return await asyncio.to_thread((self._folder / name).read_text)
        except FileNotFoundError:
            raise LookupError("there is no secret of this name") from None

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

    async def get(self, name: str) -> str:
        """Read the current version of a secret."""
        try:
            value = (await self._client.get_secret(name)).value
        except ResourceNotFoundError:
            value = None
        except AzureError as error:
            raise StorageUnavailable("Key Vault does not answer.") from error
        if value is None:
            raise LookupError("there is no secret of this name")
        return value

    async def set(self, name: str, value: str) -> None:
        """Write a new version of a secret."""
        try:
            await self._client.set_secret(name, value)
        except AzureError as error:
            raise StorageUnavailable("Key Vault does not answer.") from error
