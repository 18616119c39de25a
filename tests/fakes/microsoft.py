"""Users at Microsoft, in memory: what an operation reads and changes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, override

from core.operations.checks import GUARD_PERMISSIONS
from domain.identifiers import ObjectId, TenantId
from domain.msp import Msp
from domain.ports.directory import Directory, DirectoryUser
from domain.ports.graph_writer import AnswerLost, Applied, GraphWrite, GraphWriter, WriteAnswer
from domain.ports.tenant_access import TenantAccess
from domain.tenant import Tenant

PERMISSIONS = frozenset({*GUARD_PERMISSIONS, "User.EnableDisableAccount.All"})


@dataclass(frozen=True, slots=True)
class FakeUser:
    properties: Mapping[str, Any]
    roles: frozenset[str] = frozenset()
    is_synced: bool = False


@dataclass(frozen=True, slots=True)
class LostAfter:
    """The change is made, and the answer is lost."""


class FakeMicrosoft(GraphWriter, Directory, TenantAccess):
    """Microsoft Graph, as operations use it.

    Args:
        script: Answers to the next writes; without one a write is applied.
    """

    def __init__(self) -> None:
        self.users: dict[tuple[TenantId, str], FakeUser] = {}
        self.held = PERMISSIONS
        self.held_when_fresh: frozenset[str] | None = None
        self.script: list[WriteAnswer | LostAfter | Exception] = []
        self.writes: list[GraphWrite] = []
        self.account: ObjectId | None = None
        self.failure: Exception | None = None

    def add(self, tenant: Tenant, user_id: str, **facts: Any) -> None:
        roles, is_synced = facts.pop("roles", ()), facts.pop("is_synced", False)
        properties = {
            "id": user_id,
            "userPrincipalName": f"{user_id[:4]}@contoso.com",
            "accountEnabled": True,
            **facts,
        }
        self.users[tenant.tenant_id, user_id] = FakeUser(properties, frozenset(roles), is_synced)

    def change(self, tenant: Tenant, user_id: str, **properties: Any) -> None:
        known = self.users[tenant.tenant_id, user_id]
        changed = replace(known, properties={**known.properties, **properties})
        self.users[tenant.tenant_id, user_id] = changed

    def enabled(self, tenant: Tenant, user_id: str) -> bool:
        return bool(self.users[tenant.tenant_id, user_id].properties["accountEnabled"])

    def _check(self) -> None:
        if self.failure:
            raise self.failure

    @override
    async def permissions(self, msp: Msp, tenant: Tenant, *, fresh: bool = False) -> frozenset[str]:
        self._check()
        return self.held_when_fresh if fresh and self.held_when_fresh else self.held

    @override
    async def user(self, msp: Msp, tenant: Tenant, user_id: str) -> DirectoryUser | None:
        self._check()
        for (tenant_id, key), user in self.users.items():
            name = user.properties["userPrincipalName"]
            if tenant_id == tenant.tenant_id and user_id.lower() in {key, name}:
                return DirectoryUser(ObjectId(key), name, user.is_synced)
        return None

    @override
    async def role_holders(self, msp: Msp, tenant: Tenant) -> Mapping[ObjectId, frozenset[str]]:
        self._check()
        return {
            ObjectId(key): user.roles
            for (tenant_id, key), user in self.users.items()
            if tenant_id == tenant.tenant_id and user.roles
        }

    @override
    async def enabled_users(
        self, msp: Msp, tenant: Tenant, user_ids: Collection[ObjectId]
    ) -> frozenset[ObjectId]:
        self._check()
        return frozenset(key for key in user_ids if self.enabled(tenant, key))

    @override
    async def service_account(self, msp: Msp) -> ObjectId | None:
        self._check()
        return self.account

    @override
    async def read(self, msp: Msp, tenant: Tenant, path: str) -> Mapping[str, Any] | None:
        self._check()
        user_id, _, selected = path.removeprefix("/users/").partition("?$select=")
        user = self.users.get((tenant.tenant_id, user_id))
        return {name: user.properties.get(name) for name in selected.split(",")} if user else None

    @override
    async def write(self, msp: Msp, tenant: Tenant, write: GraphWrite) -> WriteAnswer:
        self.writes.append(write)
        answer = self.script.pop(0) if self.script else Applied({})
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Applied | LostAfter) and write.method == "PATCH":
            self.change(tenant, write.path.removeprefix("/users/"), **(write.body or {}))
        return AnswerLost("ServiceResponseError") if isinstance(answer, LostAfter) else answer
