"""Queries and bodies of the ledger's routes."""

from pydantic import Field

from domain.operation import OperationState
from edge.models import GuidText, ListQuery, Name, Notes, RequestModel


class OperationsQuery(ListQuery):
    """Filters of the ledger; a user is named by object ID or user principal name."""

    tenant_id: GuidText | None = None
    user_id: str | None = Field(None, min_length=1, max_length=320)
    state: OperationState | None = None
    kind: str | None = Field(None, min_length=1, max_length=100)


class RollbackBody(RequestModel):
    """Why an operation is rolled back, and what the rollback itself may need."""

    reason: Notes | None = None
    override: bool = False
    confirm: Name | None = None
    require_approval: bool = False
