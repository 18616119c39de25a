"""Every adapter, built from the settings."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential

from adapters.billing_emails import EmailLog, EmailSender
from adapters.clock import SystemClock
from adapters.credentials import Credentials, ManagedIdentity
from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.partner_center import PartnerCenterConsents
from adapters.queues import StorageQueues
from adapters.secrets import FileSecrets, KeyVaultSecrets, Secrets
from adapters.tables.storage import Storage
from adapters.telemetry import start_telemetry
from core.sync_requests import SyncRequests
from settings import OperatorSettings, SettingMissing, Settings, StorageSettings


@cache
def _credential() -> AsyncTokenCredential:
    # Loaded here: it takes a fifth of a cold start, and is not needed with a connection string.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    return DefaultAzureCredential()


def open_storage(settings: StorageSettings) -> Storage:
    """Open the tables.

    Raises:
        SettingMissing: Neither a connection string nor an endpoint is set, or it is malformed.
    """
    if settings.storage_connection_string:
        return Storage.connect(settings.storage_connection_string)
    if not settings.storage_table_endpoint:
        raise SettingMissing("set STORAGE_CONNECTION_STRING or STORAGE_TABLE_ENDPOINT")
    return Storage.open(settings.storage_table_endpoint, _credential())


def open_queues(settings: StorageSettings) -> StorageQueues:
    """Open the queues.

    Raises:
        SettingMissing: Neither a connection string nor an endpoint is set, or it is malformed.
    """
    if settings.storage_connection_string:
        return StorageQueues.connect(settings.storage_connection_string)
    if not settings.storage_queue_endpoint:
        raise SettingMissing("set STORAGE_CONNECTION_STRING or STORAGE_QUEUE_ENDPOINT")
    return StorageQueues.open(settings.storage_queue_endpoint, _credential())


def open_documents(settings: StorageSettings) -> BlobInvoiceDocuments:
    """Open the store of the invoices' PDFs.

    Raises:
        SettingMissing: Neither a connection string nor an endpoint is set, or it is malformed.
    """
    if settings.storage_connection_string:
        return BlobInvoiceDocuments.connect(settings.storage_connection_string)
    if not settings.storage_blob_endpoint:
        raise SettingMissing("set STORAGE_CONNECTION_STRING or STORAGE_BLOB_ENDPOINT")
    return BlobInvoiceDocuments.open(settings.storage_blob_endpoint, _credential())


def open_emails(settings: Settings) -> EmailSender | EmailLog:
    """Return the sender of e-mails about unpaid invoices."""
    if not settings.email_endpoint:
        return EmailLog()
    return EmailSender.open(settings.email_endpoint, settings.email_sender, _credential())


def open_secrets(settings: OperatorSettings) -> Secrets:
    """Open the secrets.

    Raises:
        SettingMissing: Neither a Key Vault nor a folder is set.
    """
    if settings.key_vault_url:
        return KeyVaultSecrets(vault_url=settings.key_vault_url, credential=_credential())
    if not settings.secrets_dir:
        raise SettingMissing("set KEY_VAULT_URL or SECRETS_DIR")
    return FileSecrets(Path(settings.secrets_dir))


def open_credentials(settings: OperatorSettings) -> Credentials:
    """Open the credentials of the MSPs' partner apps."""
    identity = ManagedIdentity(settings.azure_client_id) if settings.azure_client_id else None
    remembered = timedelta(seconds=settings.credential_cache_seconds)
    return Credentials(
        secrets=open_secrets(settings),
        clock=SystemClock(),
        identity=identity,
        remembered=remembered,
    )


def open_telemetry(settings: Settings) -> None:
    """Start sending spans and metrics, if the settings name a destination."""
    start_telemetry(
        settings.applicationinsights_connection_string,
        settings.telemetry_share,
        console=settings.telemetry_console,
    )


@dataclass(frozen=True, slots=True)
class Services:
    """Every adapter, built once per process."""

    settings: Settings
    clock: SystemClock
    storage: Storage
    queues: StorageQueues
    tokens: TokenSource
    graph: GraphClient
    customer_consents: PartnerCenterConsents

    @classmethod
    def from_settings(cls, settings: Settings) -> "Services":
        """Build the adapters; nothing is connected yet."""
        authority, graph = settings.entra_authority, settings.graph_endpoint
        credentials = open_credentials(settings)
        tokens = TokenSource(authority=authority, graph=graph, credentials=credentials)
        return cls(
            settings=settings,
            clock=SystemClock(),
            storage=open_storage(settings),
            queues=open_queues(settings),
            tokens=tokens,
            graph=GraphClient(graph),
            customer_consents=PartnerCenterConsents(
                tokens=tokens, endpoint=settings.partner_center_endpoint
            ),
        )

    @property
    def sync_requests(self) -> SyncRequests:
        """The mechanism with which every area requests syncs."""
        return SyncRequests(
            states=self.storage.sync_states,
            schedule=self.storage.sync_schedule,
            queues=self.queues,
        )
