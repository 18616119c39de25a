"""Queries and answers of the portfolio's routes."""

from typing import Annotated

from pydantic import AfterValidator, Field

from domain.folding import fold
from domain.sync_state import RollUp
from domain.tenant import ListedTenant, TenantScope
from edge.models import ApiModel, RequestModel, Timestamp
from portfolio.search import FoundUser
from portfolio.summary import PortfolioSummary, TenantSummary

_SHORTEST = 2


def _searchable(text: str) -> str:
    """Return the text in the form that the index uses."""
    folded = fold(text.strip()).strip()
    if min(len(text.strip()), len(folded)) < _SHORTEST:
        raise ValueError("must hold at least 2 characters")
    return folded


class UserSearch(RequestModel):
    """The text that is searched for."""

    search: Annotated[str, Field(min_length=_SHORTEST, max_length=200), AfterValidator(_searchable)]


class SummaryQuery(RequestModel):
    """Filter of the summary."""

    scope: TenantScope = TenantScope.ALL


class PortfolioTenantAnswer(ApiModel):
    """A tenant by its name."""

    tenant_id: str
    display_name: str
    is_own_msp_tenant: bool = Field(alias="is_own_msp_tenant")

    @classmethod
    def of(cls, tenant: ListedTenant) -> "PortfolioTenantAnswer":
        """Return a tenant's answer."""
        return cls(
            tenant_id=tenant.ref.tenant_id,
            display_name=tenant.display_name,
            is_own_msp_tenant=tenant.is_own_msp_tenant,
        )


class PortfolioUserAnswer(ApiModel):
    """A user and the tenant that it is in."""

    id: str
    display_name: str | None
    user_principal_name: str | None
    mail: str | None
    account_enabled: bool | None
    user_type: str | None
    tenant: PortfolioTenantAnswer

    @classmethod
    def of(cls, found: FoundUser) -> "PortfolioUserAnswer":
        """Return a user's answer."""
        return cls(**found.user, tenant=PortfolioTenantAnswer.of(found.tenant))


class PortfolioUsersAnswer(ApiModel):
    """The users found, and the tenants whose users may be missing."""

    items: list[PortfolioUserAnswer]
    failed_tenants: list[PortfolioTenantAnswer]


class PoliciesAnswer(ApiModel):
    """Conditional Access policies by their state."""

    enabled: int | None
    disabled: int | None
    report_only: int | None


class FiguresAnswer(ApiModel):
    """Figures; null for what was never read."""

    users: int | None
    enabled_users: int | None
    licences_bought: int | None
    licences_assigned: int | None
    secure_score: float | None
    secure_score_max: float | None
    conditional_access: PoliciesAnswer
    synced_at: Timestamp | None


class TenantFiguresAnswer(FiguresAnswer):
    """A tenant's figures."""

    tenant_id: str
    display_name: str
    is_own_msp_tenant: bool = Field(alias="is_own_msp_tenant")


class PortfolioSummaryAnswer(ApiModel):
    """All tenants' figures, and their sum."""

    total: FiguresAnswer
    tenants: list[TenantFiguresAnswer]

    @classmethod
    def of(cls, summary: PortfolioSummary) -> "PortfolioSummaryAnswer":
        """Return a summary's answer."""
        return cls(
            total=FiguresAnswer(**_figures(summary.total), synced_at=summary.synced_at),
            tenants=[_tenant(tenant) for tenant in summary.tenants],
        )


def _tenant(summary: TenantSummary) -> TenantFiguresAnswer:
    return TenantFiguresAnswer(
        tenant_id=summary.tenant.ref.tenant_id,
        display_name=summary.tenant.display_name,
        is_own_msp_tenant=summary.tenant.is_own_msp_tenant,
        **_figures(summary.roll_up),
        synced_at=summary.synced_at,
    )


def _figures(roll_up: RollUp) -> dict[str, object]:
    return {
        "users": roll_up.users,
        "enabled_users": roll_up.enabled_users,
        "licences_bought": roll_up.licences_bought,
        "licences_assigned": roll_up.licences_assigned,
        "secure_score": roll_up.secure_score,
        "secure_score_max": roll_up.secure_score_max,
        "conditional_access": PoliciesAnswer(
            enabled=roll_up.policies_enabled,
            disabled=roll_up.policies_disabled,
            report_only=roll_up.policies_report_only,
        ),
    }
