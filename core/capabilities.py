"""Capabilities: what an MSP can choose to do with tenants, and what each needs at Microsoft.

The permissions of the app registration are those of the chosen capabilities; by default it may
only read.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from core.data_sets.identity import USERS
from core.data_sets.roles import ROLE_ASSIGNMENTS
from core.graph_permissions import MANAGE_GDAP, READ_ORGANIZATION
from core.known_data_sets import DATA_SETS
from domain.data_set import DataSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something that an MSP can do with tenants.

    Args:
        reads: The data sets that it needs.
        permissions: The Graph permissions that it needs besides those of its data sets.
        app_permissions: Those that only the app itself needs, in the partner tenant.
        roles: The Entra roles that the service account needs in a customer's tenant, all of them.
        app_roles: The Entra roles that the app's service principal needs in the partner tenant.
        plans: The service plans of which a tenant needs one; none if every tenant can have it.
    """

    name: str
    title: str
    reads: tuple[DataSet, ...] = ()
    permissions: tuple[str, ...] = ()
    app_permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    app_roles: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()

    @property
    def delegated(self) -> frozenset[str]:
        """The permissions that are needed in customers' tenants."""
        read = {name for data_set in self.reads for name in data_set.permissions}
        return frozenset(read.union(self.permissions))

    @property
    def application(self) -> frozenset[str]:
        """The permissions that are needed in the partner tenant."""
        return self.delegated | set(self.app_permissions)


READING = Capability(
    name="reading",
    title="Read tenants",
    reads=tuple(data_set for data_set in DATA_SETS.values() if data_set.is_default),
    app_permissions=(READ_ORGANIZATION, MANAGE_GDAP),
)

# Data sets that few checks need, with permissions that few MSPs want to give.
EXTENDED_READING = Capability(
    name="extended-reading",
    title="Read more settings: access reviews, apps and services, Forms, guests' domains",
    reads=tuple(data_set for data_set in DATA_SETS.values() if not data_set.is_default),
)

MANAGING_USERS = Capability(
    name="users",
    title="Manage users",
    reads=(USERS, ROLE_ASSIGNMENTS),
    permissions=("User.EnableDisableAccount.All",),
    roles=("User Administrator",),
    app_roles=("User Administrator",),
)

CAPABILITIES = {
    capability.name: capability for capability in (READING, EXTENDED_READING, MANAGING_USERS)
}

# Increase it with every change of the default permissions: /my-tenant then shows MSPs that
# consented to an earlier version that they are behind.
MANIFEST_VERSION = 2
MANIFEST = READING.application


def application_permissions(chosen: Iterable[Capability]) -> frozenset[str]:
    """Return the application permissions of some capabilities; reading is always among them."""
    return MANIFEST.union(*(capability.application for capability in chosen))


def delegated_permissions(chosen: Iterable[Capability]) -> frozenset[str]:
    """Return the delegated permissions of some capabilities; reading is always among them."""
    return READING.delegated.union(*(capability.delegated for capability in chosen))
