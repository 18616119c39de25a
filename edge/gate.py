"""The gate: from a bearer token to a staff member who may."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import MspSuspended, NotStaff, PermissionMissing
from domain.identifiers import MspId
from domain.msp import Msp
from domain.ports import Clock, MspStore, StaffIndex
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
    """A verified staff member and the MSP that they work for."""

    member: StaffMember
    msp: Msp

    @property
    def msp_id(self) -> MspId:
        """The only MSP whose rows the caller's requests ever name."""
        return self.member.msp_id


class Gate:
    """Lets staff pass who hold a route's permission.

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
        self._known: dict[Person, tuple[datetime, Caller]] = {}

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
        now = self._clock.now()
        known = self._known.get(person)
        # A suspension is not remembered: payment lifts it at once.
        if known and known[0] > now and not (fresh or known[1].msp.suspended_at):
            return known[1]
        self._known.pop(person, None)
        caller = await self._look_up(person)
        if self._remember:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[person] = (now + self._remember, caller)
        return caller

    async def _look_up(self, person: Person) -> Caller:
        claim = await self._index.msp_of(person.tid, person.oid)
        if claim is None:
            raise NotStaff("You are not staff of an MSP here.")
        member, head = await asyncio.gather(
            self._msps.staff_member(claim.value, person.tid, person.oid),
            self._msps.head(claim.value),
        )
        if member is None or head is None or head.msp.value.closed_at is not None:
            raise NotStaff("You are not staff of an MSP here.")
        return Caller(member.value, head.msp.value)
