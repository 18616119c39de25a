"""The gate: from a bearer token to a staff member who may."""

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
# A remembered role answers reads alone: whoever was removed changes nothing from then on.
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
    """A verified staff member and the MSP that they work for, as it stands at this moment."""

    member: StaffMember
    head: MspHead

    @property
    def msp(self) -> Msp:
        """The MSP's profile."""
        return self.head.msp.value

    @property
    def msp_id(self) -> MspId:
        """The only MSP whose rows the caller's requests ever name."""
        return self.member.msp_id


class Gate:
    """Lets staff pass who hold a route's permission.

    The MSP is read for each request, so that a suspension, its end and a closing show at once.

    Args:
        remember: For how long a caller's role is remembered for reads, so that a removed member
            is out within that time; zero asks storage each time, as each change does.
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
        """Return the caller, if the role holds the permission.

        Raises:
            Unauthenticated: No token that can be believed.
            NotStaff: Nobody's staff.
            MspSuspended: The MSP is suspended, and the route is not billing.
            PermissionMissing: The role lacks the permission.
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
