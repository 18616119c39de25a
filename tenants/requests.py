"""Queries, bodies and answers of the tenant routes."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, RootModel, model_validator

from domain.errors import FlagNotEditable
from domain.folding import fold
from domain.tenant import TenantScope, TenantStatus
from edge.models import ListQuery, Name, Notes, RequestModel


class TenantsQuery(ListQuery):
    """Filters of the tenant list."""

    scope: TenantScope = TenantScope.ALL
    status: TenantStatus | None = None


def _searchable(text: str) -> str:
    """Return the folded text; a text that folds to nothing is refused, since it would match all."""
    folded = fold(text.strip()).strip()
    if not folded:
        raise ValueError("must hold a character")
    return folded


class UsersQuery(ListQuery):
    """Filter of a tenant's users."""

    search: (
        Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_searchable)] | None
    ) = None


class EditBody(RequestModel):
    """What an edit may change. The flag is no part of it, whatever its value."""

    display_name: Name | None = None
    notes: Notes | None = None

    @model_validator(mode="before")
    @classmethod
    def _flag_stays(cls, body: Any) -> Any:
        if isinstance(body, dict) and "is_own_msp_tenant" in body:
            raise FlagNotEditable(
                "is_own_msp_tenant cannot be edited. Use POST /my-tenant/enable or"
                " POST /my-tenant/disable."
            )
        return body


class SyncedDocument(RootModel[dict[str, Any]]):
    """A record with Microsoft Graph's property names and values."""

    model_config = ConfigDict(title="SyncedRecord", defer_build=True)
