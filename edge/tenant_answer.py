"""A tenant as all routes return it."""

from typing import Literal

from pydantic import Field

from domain.row_changes import Versioned
from domain.sync_state import FIRST_SYNC, DataSetState, ReadState, SyncPhase, SyncState
from domain.tenant import Tenant, TenantConnection, TenantStatus
from edge.models import ApiModel, Timestamp

_ADVICE = (
    "The GDAP relationship has ended: the tenant is neither synced nor billed, and its data is"
    " kept. Invite the customer again, or offboard the tenant."
)


class DataSetAnswer(ApiModel):
    """The last read of one data set."""

    name: str
    state: ReadState
    count: int | None
    synced_at: Timestamp | None
    duration_ms: int | None
    missing_permission: str | None
    error: str | None

    @classmethod
    def of(cls, state: DataSetState) -> "DataSetAnswer":
        """Return a data set's answer."""
        return cls(
            name=state.name,
            state=state.state,
            count=state.count,
            synced_at=state.synced_at,
            duration_ms=state.duration_ms,
            missing_permission=state.missing_permission,
            error=state.error,
        )


class SyncAnswer(ApiModel):
    """The sync as a whole and its data sets."""

    state: SyncPhase
    data_sets: list[DataSetAnswer]

    @classmethod
    def of(cls, state: SyncState | None) -> "SyncAnswer":
        """Return a sync's state; before the first request everything is pending."""
        data_sets = state.first_sets if state else [DataSetState(name) for name in FIRST_SYNC]
        return cls(
            state=state.phase if state else SyncPhase.PENDING,
            data_sets=[DataSetAnswer.of(entry) for entry in data_sets],
        )


class LostConnection(ApiModel):
    """Why a customer cannot be reached, and what to do."""

    reason: str
    since: Timestamp
    advice: str

    @classmethod
    def of(cls, tenant: Tenant) -> "LostConnection | None":
        """Return the lost connection, or None if the tenant can be reached."""
        if tenant.connection_lost_at is None:
            return None
        reason = tenant.connection_lost_reason or "ended"
        return cls(reason=reason, since=tenant.connection_lost_at, advice=_ADVICE)


class ConnectionTrouble(ApiModel):
    """What keeps a customer that can be reached from being read, and what to do.

    POST to `consentLink` returns the page on which an administrator of the customer consents.
    """

    code: Literal["consent_required"] = "consent_required"
    reason: str
    since: Timestamp | None
    advice: str
    consent_link: str

    @classmethod
    def of(cls, tenant: Tenant) -> "ConnectionTrouble | None":
        """Return the trouble with a customer's consent, or None if there is none."""
        consent = tenant.app_consent
        if consent is None or consent.refused is None or tenant.is_own_msp_tenant:
            return None
        return cls(
            reason=consent.refused,
            since=consent.at,
            advice=consent.advice or "",
            consent_link=f"/tenants/{tenant.tenant_id}/consent-link",
        )


class TenantAnswer(ApiModel):
    """A tenant, its connection, and how its sync stands."""

    tenant_id: str
    display_name: str
    primary_domain: str | None
    is_own_msp_tenant: bool = Field(alias="is_own_msp_tenant")
    badge: str | None
    connection: TenantConnection
    connection_lost: LostConnection | None
    connection_trouble: ConnectionTrouble | None
    status: TenantStatus
    notes: str | None
    created_at: Timestamp
    first_synced_at: Timestamp | None
    last_synced_at: Timestamp | None
    sync: SyncAnswer
    etag: str

    @classmethod
    def of(cls, known: Versioned[Tenant], state: SyncState | None) -> "TenantAnswer":
        """Return a tenant's answer."""
        tenant = known.value
        return cls(
            tenant_id=tenant.tenant_id,
            display_name=tenant.display_name,
            primary_domain=tenant.primary_domain,
            is_own_msp_tenant=tenant.is_own_msp_tenant,
            badge=tenant.badge,
            connection=tenant.connection,
            connection_lost=LostConnection.of(tenant),
            connection_trouble=ConnectionTrouble.of(tenant),
            status=tenant.status,
            notes=tenant.notes,
            created_at=tenant.created_at,
            first_synced_at=state.first_synced_at if state else None,
            last_synced_at=state.last_synced_at if state else None,
            sync=SyncAnswer.of(state),
            etag=known.version,
        )
