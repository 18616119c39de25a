"""Rolling an operation back: another operation, which sets what the before-image has."""

from core.operations.plan import EXPECTS, RESTORES
from core.operations.ports import OperationPorts, tenant_of
from core.operations.request import Wanted
from domain.errors import InvalidOperationState, TenantNotFound
from domain.operation import Operation, OperationState


async def rollback_of(ports: OperationPorts, operation: Operation) -> Wanted:
    """Return the request for the operation that reverts another one.

    Raises:
        InvalidOperationState: It has not succeeded, or has nothing that could be put back.
        TenantNotFound: Its tenant was removed.
    """
    kind, tenant = ports.kinds.get(operation.kind), await tenant_of(ports.msps, operation.ref)
    if tenant is None:
        raise TenantNotFound("No such tenant.")
    if operation.state is not OperationState.SUCCEEDED:
        raise InvalidOperationState(f"The operation is {operation.state}: nothing to put back.")
    if kind is None or not kind.can_be_rolled_back or not operation.before:
        raise InvalidOperationState("This kind of operation cannot be rolled back.")
    return Wanted(
        kind=kind,
        tenant=tenant,
        target=operation.target_id,
        parameters={RESTORES: operation.before, EXPECTS: operation.after},
        rolls_back=operation.operation_id,
    )
