"""The Microsoft Graph permissions of a partner app registration, in the format of Entra's manifest.

https://learn.microsoft.com/graph/api/resources/requiredresourceaccess
"""

from collections.abc import Iterable
from typing import Any

from core.capabilities import Capability, application_permissions, delegated_permissions
from core.graph_permissions import (
    MICROSOFT_GRAPH,
    PARTNER_CENTER,
    PARTNER_CENTER_SCOPE,
    PERMISSION_IDS,
)


def app_manifest(chosen: Iterable[Capability] = ()) -> dict[str, Any]:
    """Return the permissions of some capabilities; reading is always among them.

    The app itself acts in the partner tenant, with application permissions. In customers' tenants
    the MSP's service account acts, because GDAP gives only delegated access.
    """
    chosen = tuple(chosen)
    roles = [
        {"id": PERMISSION_IDS[name].role, "type": "Role"}
        for name in sorted(application_permissions(chosen))
    ]
    scopes = [
        {"id": PERMISSION_IDS[name].scope, "type": "Scope"}
        for name in sorted(delegated_permissions(chosen))
    ]
    access = {"resourceAppId": MICROSOFT_GRAPH, "resourceAccess": roles + scopes}
    impersonation = {"id": PARTNER_CENTER_SCOPE, "type": "Scope"}
    consenting = {"resourceAppId": PARTNER_CENTER, "resourceAccess": [impersonation]}
    return {"requiredResourceAccess": [access, consenting]}
