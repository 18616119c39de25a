"""The composition root: builds every adapter from the settings and hands each area its ports."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import azure.functions as func
from azure.core.credentials_async import AsyncTokenCredential

from adapters.billing_emails import EmailLog, EmailSender
from adapters.clock import SystemClock
from adapters.credentials import Credentials, ManagedIdentity
from adapters.entra_keys import EntraKeys
from adapters.graph.client import GraphClient
from adapters.graph.gdap import GraphGdap
from adapters.graph.identity import GraphIdentity
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.invoice_pdf.renderer import PdfInvoiceRenderer
from adapters.queues import StorageQueues
from adapters.secrets import FileSecrets, KeyVaultSecrets, Secrets
from adapters.tables.storage import Storage
from adapters.telemetry import start_telemetry
from audit.functions import audit_functions
from billing.functions import billing_functions
from billing.ports import BillingPorts
from consent.conclude import ConsentPorts
from consent.functions import consent_functions
from consent.start_session import ConsentLink
from domain.invoice import InvoiceParty
from domain.sync_request import SyncRequests
from edge.authorization import Gate
from edge.paging import PageTokens
from edge.routes import Edge
from edge.system import system_functions
from edge.tokens import TokenVerifier
from gdap.functions import gdap_functions
from gdap.poll_relationships import GdapPorts
from mytenant.functions import MyTenantPorts, mytenant_functions
from portfolio.functions import portfolio_functions
from portfolio.user_search_cache import CachedUsers
from settings import SettingMissing, Settings, StorageSettings
from staff.functions import StaffPorts, staff_functions
from sync.functions import sync_functions
from sync.msp_profiles import MspProfiles
from sync.sync_tenant import SyncPorts
from tenants.functions import TenantPorts, tenant_functions
from tenants.synced_data import synced_data_functions
from work.functions import work_functions


@cache
def _credential() -> AsyncTokenCredential:
    # Loaded here: it costs a fifth of a cold start, and a connection string does without it.
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
    """Open the invoices' PDFs.

    Raises:
        SettingMissing: Neither a connection string nor an endpoint is set, or it is malformed.
    """
    if settings.storage_connection_string:
        return BlobInvoiceDocuments.connect(settings.storage_connection_string)
    if not settings.storage_blob_endpoint:
        raise SettingMissing("set STORAGE_CONNECTION_STRING or STORAGE_BLOB_ENDPOINT")
    return BlobInvoiceDocuments.open(settings.storage_blob_endpoint, _credential())


def open_notices(settings: Settings) -> EmailSender | EmailLog:
    """Open the way by which MSPs are told of unpaid invoices."""
    if not settings.email_endpoint:
        return EmailLog()
    return EmailSender.open(settings.email_endpoint, settings.email_sender, _credential())


def open_secrets(settings: Settings) -> Secrets:
    """Open the secrets.

    Raises:
        SettingMissing: Neither a Key Vault nor a folder is set.
    """
    if settings.key_vault_url:
        return KeyVaultSecrets(settings.key_vault_url, _credential())
    if not settings.secrets_dir:
        raise SettingMissing("set KEY_VAULT_URL or SECRETS_DIR")
    return FileSecrets(Path(settings.secrets_dir))


def open_credentials(settings: Settings) -> Credentials:
    """Open what the MSPs' partner apps authenticate with."""
    identity = ManagedIdentity(settings.azure_client_id) if settings.azure_client_id else None
    remembered = timedelta(seconds=settings.credential_cache_seconds)
    return Credentials(open_secrets(settings), SystemClock(), identity, remembered)


def open_telemetry(settings: Settings) -> None:
    """Start to send spans and metrics, if the settings say where to."""
    start_telemetry(
        settings.applicationinsights_connection_string,
        settings.telemetry_share,
        console=settings.telemetry_console,
    )


@dataclass(frozen=True, slots=True)
class Services:
    """Every adapter, built once a process."""

    settings: Settings
    clock: SystemClock
    storage: Storage
    queues: StorageQueues
    tokens: TokenSource
    graph: GraphClient

    @classmethod
    def from_settings(cls, settings: Settings) -> "Services":
        """Build the adapters; nothing is connected yet."""
        authority, graph = settings.entra_authority, settings.graph_endpoint
        return cls(
            settings,
            SystemClock(),
            open_storage(settings),
            open_queues(settings),
            TokenSource(authority, graph, open_credentials(settings)),
            GraphClient(graph),
        )

    @property
    def sync_requests(self) -> SyncRequests:
        """Where every area asks for a sync."""
        return SyncRequests(self.storage.sync_states, self.storage.sync_schedule, self.queues)


def blueprints(services: Services) -> list[func.Blueprint]:
    """Return every area's functions, each with the ports that it needs."""
    edge = Edge(_gate(services), PageTokens(services.settings.page_token_key))
    return [
        *_partner_tenant_areas(edge, services),
        *_tenant_areas(edge, services),
        *_msp_areas(edge, services),
        _sync(services),
        _work(services),
        system_functions(edge, services.storage.probe),
    ]


def _gate(services: Services) -> Gate:
    settings, storage, clock = services.settings, services.storage, services.clock
    keys = EntraKeys(settings.entra_authority, clock)
    verifier = TokenVerifier(keys, settings.entra_authority, settings.api_audience)
    remember = timedelta(seconds=settings.staff_cache_seconds)
    return Gate(verifier, storage.staff_index, storage.msps, clock, remember)


def _partner_tenant_areas(edge: Edge, services: Services) -> list[func.Blueprint]:
    settings, storage, queues, clock = (
        services.settings,
        services.storage,
        services.queues,
        services.clock,
    )
    identity = GraphIdentity(services.tokens, services.graph)
    link = ConsentLink(settings.entra_authority, settings.consent_redirect_uri)
    consent = ConsentPorts(
        msps=storage.msps,
        sessions=storage.consent_sessions,
        sync_requests=services.sync_requests,
        pending_work=storage.pending_work,
        queues=queues,
        identity=identity,
        clock=clock,
    )
    my_tenant = MyTenantPorts(
        storage.msps,
        storage.sync_states,
        services.sync_requests,
        storage.pending_work,
        queues,
        identity,
        clock,
        services.tokens.credentials,
    )
    return [
        consent_functions(edge, consent, link, settings.portal_url.rstrip("/")),
        mytenant_functions(edge, my_tenant),
    ]


def _tenant_areas(edge: Edge, services: Services) -> list[func.Blueprint]:
    storage, clock = services.storage, services.clock
    tenants = TenantPorts(
        storage.msps,
        storage.sync_states,
        services.sync_requests,
        storage.records,
        storage.pending_work,
        services.queues,
        clock,
        storage.user_index,
        storage.whole_reads,
    )
    relationships = GraphGdap(services.tokens, services.graph)
    gdap = GdapPorts(storage.msps, relationships, services.sync_requests, clock)
    return [
        tenant_functions(edge, tenants),
        synced_data_functions(edge, storage.msps, storage.records),
        gdap_functions(edge, gdap),
        _portfolio(edge, services),
    ]


def _portfolio(edge: Edge, services: Services) -> func.Blueprint:
    storage = services.storage
    age = timedelta(seconds=services.settings.search_cache_seconds)
    users = CachedUsers(storage.user_index, storage.portfolio, services.clock, age)
    return portfolio_functions(edge, storage.portfolio, users)


def _msp_areas(edge: Edge, services: Services) -> list[func.Blueprint]:
    storage, clock = services.storage, services.clock
    return [
        billing_functions(edge, billing_ports(services)),
        staff_functions(edge, StaffPorts(storage.msps, storage.staff_index, clock)),
        audit_functions(edge, storage.msps),
    ]


def billing_ports(services: Services) -> BillingPorts:
    """Return what billing needs."""
    settings, storage = services.settings, services.storage
    address = settings.seller_address.replace("\\n", "\n")
    return BillingPorts(
        storage.msps,
        storage.invoices,
        open_documents(settings),
        PdfInvoiceRenderer(settings.payment_details.replace("\\n", "\n")),
        open_notices(settings),
        services.clock,
        InvoiceParty(settings.seller_name, settings.seller_abn or None, address),
    )


def sync_ports(services: Services) -> SyncPorts:
    """Return what a sync needs."""
    storage = services.storage
    return SyncPorts(
        storage.msps,
        storage.sync_states,
        storage.sync_schedule,
        storage.records,
        GraphReaders(services.tokens, services.graph),
        services.sync_requests,
        MspProfiles(storage.msps, services.clock),
        services.clock,
        storage.user_index,
        storage.whole_reads,
    )


def _sync(services: Services) -> func.Blueprint:
    interval = timedelta(hours=services.settings.sync_interval_hours)
    return sync_functions(sync_ports(services), interval)


def _work(services: Services) -> func.Blueprint:
    storage = services.storage
    after = timedelta(seconds=services.settings.work_redelivery_seconds)
    return work_functions(
        storage.msps, storage.pending_work, services.queues, services.clock, after
    )
