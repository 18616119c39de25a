"""An MSP with tenants and users, and everything that an operation needs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from core.catalogue import load
from core.operations.kind import OperationKind
from core.operations.ports import OperationPorts
from core.operations.request import Wanted, request_operation
from core.stored_users import StoredUserUpdates
from domain.audit import Actor, AuditEvent, Cause
from domain.identifiers import ObjectId
from domain.msp import Msp
from domain.operation import Operation, OperationQueue
from domain.roles import Role, StaffMember
from domain.row_changes import Versioned
from domain.sync_state import RollUp, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.user_block import UserBlock, entry_of
from domain.work_queues import RUN_OPERATION
from manage.users import kinds
from tests.fakes.fuse import Fuse
from tests.fakes.microsoft import FakeMicrosoft
from tests.fakes.outside import FakeQueues, FixedClock
from tests.fakes.portfolio import FakeStoredUsers, FakeUserIndex
from tests.fakes.storage import FakeMspStore, FakePendingWork, FakeSyncStates
from tests.samples import CONTOSO, CUSTOMER, MSP, OWN, OWNER, tenant
from work.requeue import WorkPorts, requeue_work

KINDS = load(kinds, OperationKind)
DISABLE, ENABLE = KINDS["disable-user"], KINDS["enable-user"]
USER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
OTHER_USER = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
THEIRS = tenant(CUSTOMER)
OURS = tenant(OWN, is_own_msp_tenant=True, primary_domain="contoso.com")


def member(role: Role, name: str = "Megan Bowen") -> StaffMember:
    oid = ObjectId(f"cccccccc-cccc-4ccc-8ccc-{list(Role).index(role):012d}")
    return StaffMember(CONTOSO, OWN, oid, role, name)


class World:
    """A process of the app and what is outside it; `restarted` is another process."""

    def __init__(self, *rows: Any, fuse: Fuse | None = None) -> None:
        staff = [member(role) for role in Role]
        self.msp: Msp = MSP
        self.store = FakeMspStore(MSP, THEIRS, OURS, OWNER, *staff, *rows)
        self.pending_work, self.queues, self.clock = FakePendingWork(), FakeQueues(), FixedClock()
        self.states, self.index, self.stored = FakeSyncStates(), FakeUserIndex(), FakeStoredUsers()
        self.microsoft = FakeMicrosoft()
        for where in (THEIRS, OURS):
            self.microsoft.add(where, USER)
            self.microsoft.add(where, OTHER_USER)
            self.store_user(where, USER)
        self.kinds = dict(KINDS)
        self.ports = self.guarded(fuse or Fuse())

    def guarded(self, fuse: Fuse) -> OperationPorts:
        microsoft = fuse.guard(self.microsoft)
        return OperationPorts(
            msps=fuse.guard(self.store),
            pending_work=fuse.guard(self.pending_work),
            queues=fuse.guard(self.queues),
            clock=self.clock,
            writer=microsoft,
            directory=microsoft,
            access=microsoft,
            stored_users=StoredUserUpdates(
                fuse.guard(self.stored), fuse.guard(self.index), fuse.guard(self.states)
            ),
            kinds=self.kinds,
        )

    def store_user(self, where: Tenant, user_id: str) -> None:
        """Have a user stored and indexed, as sync does."""
        document = {"id": user_id, "displayName": "Adele", "accountEnabled": True}
        self.stored.add(where.ref, document)
        block = UserBlock.of("", [entry_of(user_id, document)])
        self.index.rows[where.ref, ""] = Versioned(block, "of sync")
        roll_up = RollUp(users=1, enabled_users=1)
        state = SyncState(where.ref, SyncPhase.SUCCEEDED, self.clock.now(), roll_up=roll_up)
        self.states.rows[where.ref] = Versioned(state, "of sync")

    def stored_states(self, where: Tenant) -> tuple[bool, int, int | None]:
        """Return whether the user is enabled: in the row, in the index, and in the roll-up."""
        row = self.stored.rows[where.ref, USER].value["accountEnabled"]
        block = self.index.rows[where.ref, ""].value
        return row, block.enabled, self.states.rows[where.ref].value.roll_up.enabled_users

    def cause(self, who: StaffMember = OWNER) -> Cause:
        return Cause(Actor.staff(who), self.clock.now(), "request-1")

    def wanted(
        self, kind: OperationKind = DISABLE, where: Tenant = THEIRS, **changes: Any
    ) -> Wanted:
        return replace(Wanted(kind=kind, tenant=where, target=USER), **changes)

    async def request(
        self,
        kind: OperationKind = DISABLE,
        where: Tenant = THEIRS,
        who: StaffMember = OWNER,
        **changes: Any,
    ) -> Operation:
        wanted = self.wanted(kind, where, **changes)
        return await request_operation(self.ports, wanted, self.cause(who))

    async def recover(self, rounds: int = 4) -> None:
        """Let time pass, fire the timer, and process what is queued."""
        from core.operations.run import run_operation  # noqa: PLC0415  the process after a restart

        ports = self.guarded(Fuse())
        work = WorkPorts(
            msps=self.store,
            pending_work=self.pending_work,
            queues=self.queues,
            clock=self.clock,
        )
        for _ in range(rounds):
            self.clock.advance(minutes=5)
            await requeue_work(work, timedelta(minutes=2))
            while (message := self.message()) is not None:
                await run_operation(ports, message)

    def message(self) -> Any:
        for sent in self.queues.others:
            if sent[0] == RUN_OPERATION.name:
                self.queues.others.remove(sent)
                return sent[1]
        return None

    @property
    def operations(self) -> list[Operation]:
        return [known.value for known in self.store.of_kind(Operation, CONTOSO)]

    @property
    def queue(self) -> tuple[str, ...]:
        found = self.store.of_kind(OperationQueue, CONTOSO)
        return tuple(each for known in found for each in known.value.waiting)

    @property
    def events(self) -> list[AuditEvent]:
        return [known.value for known in self.store.of_kind(AuditEvent, CONTOSO)]
