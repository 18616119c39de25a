"""Whether a capability can be used at a tenant, and what it lacks there.

It is computed from the permissions in the token and from what the last reads met, never configured.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.capabilities import CAPABILITIES, Capability
from domain.sync_state import DataSetState, SyncState


class ReadinessState(StrEnum):
    """Whether a capability can be used."""

    READY = "ready"
    CONSENT_REQUIRED = "consent_required"
    ROLE_REQUIRED = "role_required"
    NOT_LICENSED = "not_licensed"
    PENDING = "pending"  # the tenant has not been read yet


@dataclass(frozen=True, slots=True)
class Readiness:
    """A capability at a tenant.

    Args:
        missing: The permissions, the roles or the plans that are missing.
    """

    name: str
    state: ReadinessState
    missing: tuple[str, ...] = ()


def all_readiness(state: SyncState | None, *, is_own: bool) -> list[Readiness]:
    """Return the readiness of every capability.

    Args:
        is_own: Whether it is the partner tenant, which the app reads by itself.
    """
    return [readiness(one, state, is_own=is_own) for one in CAPABILITIES.values()]


def readiness(capability: Capability, state: SyncState | None, *, is_own: bool) -> Readiness:
    """Return whether a capability can be used at a tenant, and what it lacks.

    Of the roles only those for reading are judged: the others show only when a change is
    refused.
    """
    name = capability.name
    if state is None or state.access.permissions is None:
        return Readiness(name, ReadinessState.PENDING)
    entries = [state.data_set(one.name) for one in capability.reads]
    needed = capability.application if is_own else capability.delegated
    refused = _distinct(entry.missing_permission for entry in entries)
    if lacking := (needed - state.access.permissions).union(refused):
        return Readiness(name, ReadinessState.CONSENT_REQUIRED, tuple(sorted(lacking)))
    if lacked := _distinct(_role(entry) for entry in entries):
        return Readiness(name, ReadinessState.ROLE_REQUIRED, lacked)
    plans = state.access.plans
    if capability.plans and plans is not None and plans.isdisjoint(capability.plans):
        return Readiness(name, ReadinessState.NOT_LICENSED, capability.plans)
    is_read = all(entry.tried_at for entry in entries)
    return Readiness(name, ReadinessState.READY if is_read else ReadinessState.PENDING)


def _role(entry: DataSetState) -> str | None:
    """Return the least role that a data set needs and that the service account lacks."""
    return entry.missing_roles[0] if entry.missing_roles else None


def _distinct(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))
