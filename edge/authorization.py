"""The gate: turns a bearer token into a staff member with the required permission."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import MspSuspended, NotStaff, PermissionMissing
from domain.identifiers import MspId
from domain.msp import Msp
from domain.ports.clock import Clock
from domain.ports.msp_store import MspHead, MspStore
from domain.ports.staff_index import StaffIndex
from domain.roles import Permission, StaffMember
from edge.tokens import Person, TokenVerifier

_REMEMBERED = 10_000
# A cached role is used for reads only, so that a removed member cannot change anything.
_READS = frozenset(
    {
        Permission.STAFF,
        Permission.TENANTS_READ,
        Permission.BILLING_READ,
        Permission.USERS_READ,
        Permission.AUDIT_READ,
    }
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified staff member and the current rows of the MSP that they work for."""

    member: StaffMember
    head: MspHead

    @property
    def msp(self) -> Msp:
        """The MSP's profile."""
        return self.head.msp.value

    @property
    def msp_id(self) -> MspId:
        """The only MSP whose rows the caller's requests can access."""
        return self.member.msp_id


class Gate:
    """Admits staff who have a route's permission.

    The MSP is read for each request, so that its suspension, resumption or deletion takes effect
    at once.

    Args:
        remember: How long a caller's role is cached for reads; a removed member loses access
            within that time. With zero, storage is read each time, as it is for every change.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        index: StaffIndex,
        msps: MspStore,
        clock: Clock,
        remember: timedelta,
    ) -> None:
        self._verifier, self._index, self._msps = verifier, index, msps
        self._clock, self._remember = clock, remember
        self._known: dict[Person, tuple[datetime, StaffMember]] = {}

    async def admit(self, authorization: str | None, permission: Permission) -> Caller:
        """Return the caller, if the role has the permission.

        Raises:
            Unauthenticated: The token is missing or not trusted.
            NotStaff: The person is not staff of any MSP.
            MspSuspended: The MSP is suspended, and the route does not belong to billing.
            PermissionMissing: The role does not have the permission.
        """
        person = await self._verifier.verify(authorization)
        caller = await self._caller(person, fresh=permission not in _READS)
        if not caller.member.may(permission):
            raise PermissionMissing(f"This needs the permission {permission}.")
        if caller.msp.suspended_at is not None and permission is not Permission.BILLING_READ:
            raise MspSuspended("The MSP is suspended for unpaid invoices.")
        return caller

    async def _caller(self, person: Person, *, fresh: bool) -> Caller:
        member = None if fresh else self._remembered(person)
        if member:
            head = await self._msps.head(member.msp_id)
        else:
            member, head = await self._look_up(person)
        if member is None or head is None or head.msp.value.closed_at is not None:
            raise NotStaff("You are not staff of an MSP here.")
        return Caller(member, head)

    def _remembered(self, person: Person) -> StaffMember | None:
        until, member = self._known.get(person, (None, None))
        return member if until and until > self._clock.now() else None

    async def _look_up(self, person: Person) -> tuple[StaffMember | None, MspHead | None]:
        asked_at = self._clock.now()
        self._known.pop(person, None)
        claim = await self._index.msp_of(person.tid, person.oid)
        if claim is None:
            return None, None
        member, head = await asyncio.gather(
            self._msps.find(StaffMember, claim.value, person.tid, person.oid),
            self._msps.head(claim.value),
        )
        if member and self._remember:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[person] = (asked_at + self._remember, member.value)
        return member.value if member else None, head
