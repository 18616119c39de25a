"""Secrets by name: Key Vault in Azure, a folder locally."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol, override

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError

from adapters.transport import new_transport
from domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
    from azure.keyvault.secrets.aio import SecretClient


# Key Vault allows 25 KB; a certificate in PEM with its key is smaller.
_LONGEST_VALUE = 64_000
_NONSENSE = "Key Vault's answer does not make sense."


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's current version.

    Args:
        expires_at: When it expires, if that was stored with it.
        content_type: Its content type in Key Vault.
        version: Identifies this version of the secret; None if it is not known.
        stored_at: When this version was stored.
    """

    value: str = field(repr=False)
    expires_at: datetime | None = None
    content_type: str | None = None
    version: str | None = None
    stored_at: datetime | None = None


class Secrets(Protocol):
    """Named secrets; their values are never shown."""

    async def read(self, name: str) -> Secret:
        """Return a secret.

        Raises:
            LookupError: There is no secret with this name.
            StorageUnavailable: The store does not answer.
        """
        ...

    async def set(self, name: str, value: str) -> None:
        """Store a value as the newest version; it is durable when the method returns.

        Raises:
            StorageUnavailable: The store does not answer, or does not allow it.
        """
        ...

    async def replace(self, name: str, used: Secret, value: str) -> None:
        """Store a new value instead of a version; it is durable when the method returns.

        If another version has been stored since, that one stays the newest.

        Raises:
            LookupError: There is no longer a secret with this name.
            StorageUnavailable: The store does not answer.
        """
        ...


@contextmanager
def _answers() -> Iterator[None]:
    """Map a missing answer of Key Vault, and the SDK's errors for an invalid one, to the domain.

    The SDK's error for an invalid answer contains the answer, so its text is not used.
    """
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable("Key Vault does not answer.") from error
    except (ValueError, TypeError, AttributeError, LookupError):
        raise StorageUnavailable(_NONSENSE) from None


def _checked(found: "KeyVaultSecret") -> Secret | None:
    """Return Key Vault's answer as a secret, or None if it has no value.

    Raises:
        ValueError: The value is not a text, or is too long.
    """
    if found.value is None:
        return None
    if not isinstance(found.value, str) or not 1 <= len(found.value) <= _LONGEST_VALUE:
        raise ValueError
    properties = found.properties
    return Secret(
        found.value,
        _typed(datetime, properties.expires_on),
        _typed(str, properties.content_type),
        _typed(str, properties.version),
        _typed(datetime, properties.created_on),
    )


def _typed[T](kind: type[T], value: object) -> T | None:
    """Return the value if it has this type; the SDK does not convert values it cannot parse."""
    return value if isinstance(value, kind) else None


class FileSecrets(Secrets):
    """One file per secret, for local development."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    async def read(self, name: str) -> Secret:
        return await asyncio.to_thread(self._read, name)

    def _read(self, name: str) -> Secret:
        path = self._folder / name
        try:
            value, stored = path.read_text(), path.stat()
        except FileNotFoundError:
            raise LookupError("there is no secret of this name") from None
        stored_at = datetime.fromtimestamp(stored.st_mtime, UTC)
        return Secret(value, version=str(stored.st_mtime_ns), stored_at=stored_at)

    @override
    async def replace(self, name: str, used: Secret, value: str) -> None:
        if (await self.read(name)).version == used.version:
            await self.set(name, value)

    @override
    async def set(self, name: str, value: str) -> None:
        await asyncio.to_thread(self._write, name, value)

    def _write(self, name: str, value: str) -> None:
        """Write a secret's file in one step."""
        with NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            file.write(value)
        Path(file.name).replace(self._folder / name)


class KeyVaultSecrets(Secrets):
    """Azure Key Vault, reached with the app's identity."""

    def __init__(self, vault_url: str, credential: AsyncTokenCredential) -> None:
        self._vault_url, self._credential = vault_url, credential

    @cached_property
    def _client(self) -> "SecretClient":
        # Loaded with the first secret: requests that need only storage do not wait for this SDK.
        from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

        return SecretClient(self._vault_url, self._credential, transport=new_transport())

    @override
    async def read(self, name: str) -> Secret:
        found = None
        with _answers(), suppress(ResourceNotFoundError):
            found = _checked(await self._client.get_secret(name))
        if found is None:
            raise LookupError("there is no secret of this name")
        return found

    @override
    async def set(self, name: str, value: str) -> None:
        with _answers():
            await self._client.set_secret(name, value)

    @override
    async def replace(self, name: str, used: Secret, value: str) -> None:
        """Write a new version, unless there is already one that is newer than the used one.

        Key Vault has no compare-and-set. So the versions are read before and after: a version that
        was stored in between is written again, as the newest.
        """
        if (await self.read(name)).version != used.version:
            return
        with _answers():
            written = await self._client.set_secret(name, value)
            versions = self._client.list_properties_of_secret_versions(name)
            known = {used.version, written.properties.version}
            overtaken = _newest([one async for one in versions if one.version not in known], used)
            if overtaken is not None:
                theirs = await self._client.get_secret(name, overtaken.version)
                await self._client.set_secret(
                    name,
                    theirs.value or "",
                    expires_on=overtaken.expires_on,
                    content_type=overtaken.content_type,
                )


def _newest(versions: "list[SecretProperties]", used: Secret) -> "SecretProperties | None":
    """Return the newest of the versions that are at least as new as the used one.

    Times are in whole seconds, so a newer version may have the same time.
    """
    oldest = used.stored_at or datetime.max.replace(tzinfo=UTC)
    dated = [(one.created_on, one) for one in versions if one.created_on]
    newer = [pair for pair in dated if pair[0] >= oldest]
    return max(newer, key=lambda pair: pair[0])[1] if newer else None
