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

from domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
    from azure.keyvault.secrets.aio import SecretClient


# Key Vault takes 25 KB; a certificate in PEM with its key is within that.
_LONGEST_VALUE = 64_000
_NONSENSE = "Key Vault's answer does not make sense."


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

    async def replace(self, name: str, used: Secret, value: str) -> None:
        """Store a new value in place of a version, for good before it returns.

        A version that somebody else has stored since stays the newest one.

        Raises:
            LookupError: There is none of the name any more.
            StorageUnavailable: The store does not answer.
        """
        ...


@contextmanager
def _answers() -> Iterator[None]:
    """Turn Key Vault's silence, and what its SDK makes of an odd answer, into the domain's error.

    What the SDK says of an odd answer holds the answer.
    """
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable("Key Vault does not answer.") from error
    except (ValueError, TypeError, AttributeError, LookupError):
        raise StorageUnavailable(_NONSENSE) from None


def _checked(found: "KeyVaultSecret") -> Secret | None:
    """Return Key Vault's answer as a secret; None of one without a value.

    Raises:
        ValueError: The value is no text, or too long.
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
    """Return a value of this type; the SDK hands on what it could not read as it came."""
    return value if isinstance(value, kind) else None


class FileSecrets(Secrets):
    """One file a secret, for local development."""

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

    async def set(self, name: str, value: str) -> None:
        """Write a secret's file in one step."""
        await asyncio.to_thread(self._write, name, value)

    def _write(self, name: str, value: str) -> None:
        with NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            file.write(value)
        Path(file.name).replace(self._folder / name)


class KeyVaultSecrets(Secrets):
    """Azure Key Vault, reached with the app's identity."""

    def __init__(self, vault_url: str, credential: AsyncTokenCredential) -> None:
        self._vault_url, self._credential = vault_url, credential

    @cached_property
    def _client(self) -> "SecretClient":
        # Loaded with the first secret: what only storage answers does not wait for its SDK.
        from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

        return SecretClient(self._vault_url, self._credential)

    @override
    async def read(self, name: str) -> Secret:
        found = None
        with _answers(), suppress(ResourceNotFoundError):
            found = _checked(await self._client.get_secret(name))
        if found is None:
            raise LookupError("there is no secret of this name")
        return found

    @override
    async def replace(self, name: str, used: Secret, value: str) -> None:
        """Write a new version, unless there is one already that is newer than the one used.

        Key Vault cannot compare and set. So it is asked before and after: a version that somebody
        stored in between is written once more, as the newest.
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
    """Return the newest of the versions that are as new as the one used: times are in seconds."""
    oldest = used.stored_at or datetime.max.replace(tzinfo=UTC)
    dated = [(one.created_on, one) for one in versions if one.created_on]
    newer = [pair for pair in dated if pair[0] >= oldest]
    return max(newer, key=lambda pair: pair[0])[1] if newer else None
