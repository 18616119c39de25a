"""The permissions of a partner app registration, in the format of Entra's manifest.

https://learn.microsoft.com/graph/api/resources/requiredresourceaccess
"""

from collections.abc import Iterable
from typing import Any

from adapters.graph.registrations import Access, Permission
from core.capabilities import (
    CAPABILITIES,
    READING,
    Capability,
    application_permissions,
    delegated_permissions,
)
from core.graph_permissions import (
    MICROSOFT_GRAPH,
    PARTNER_CENTER,
    PARTNER_CENTER_SCOPE,
    PERMISSION_IDS,
)


def add_capability_option(command: Any) -> None:
    """Add the option that chooses capabilities."""
    command.add_argument(
        "--capability",
        action="append",
        default=[],
        choices=sorted(CAPABILITIES),
        metavar="NAME",
        help="what the MSP wants to do besides reading: "
        + ", ".join(sorted(CAPABILITIES.keys() - {READING.name}))
        + "; may be repeated",
    )


def chosen_capabilities(names: Iterable[str]) -> list[Capability]:
    """Return the capabilities with these names, and reading; a later release's are ignored."""
    known = CAPABILITIES.keys() & set(names) | {READING.name}
    return [CAPABILITIES[name] for name in sorted(known)]


def app_manifest(chosen: Iterable[Capability] = ()) -> dict[str, list[Access]]:
    """Return the permissions of some capabilities; reading is always among them.

    The app itself acts in the partner tenant, with application permissions. In customers' tenants
    the MSP's service account acts, because GDAP gives only delegated access.
    """
    chosen = list(chosen)
    roles = [
        Permission(id=PERMISSION_IDS[name].role, type="Role")
        for name in sorted(application_permissions(chosen))
    ]
    scopes = [
        Permission(id=PERMISSION_IDS[name].scope, type="Scope")
        for name in sorted(delegated_permissions(chosen))
    ]
    graph = Access(resourceAppId=MICROSOFT_GRAPH, resourceAccess=roles + scopes)
    impersonation = Permission(id=PARTNER_CENTER_SCOPE, type="Scope")
    consenting = Access(resourceAppId=PARTNER_CENTER, resourceAccess=[impersonation])
    return {"requiredResourceAccess": [graph, consenting]}
