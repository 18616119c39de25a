"""Groups of Entra roles that may read, and small parts of documents."""

from datetime import datetime
from typing import Any

from local import sample_data
from local.microsoft.resources import Access, Refusal, words
from local.microsoft.tenant import Tenant

SECURITY = words("Security Reader|Security Administrator|Security Operator|Global Reader")
POLICIES = words("Global Reader|Security Reader|Security Administrator")
SETTINGS = words("Global Reader|Global Administrator")
DIRECTORY = words("Global Reader|Directory Readers|User Administrator")
REPORTS = words("Reports Reader|Security Reader|Security Administrator|Global Reader")
DEVICES = words("Global Reader|Intune Administrator|Security Reader|Security Administrator")

POLICY = Access(words("Policy.Read.All"), POLICIES)
SCOPES_MISSING = Refusal(
    403,
    "AccessDenied",
    "You cannot perform the requested operation, required scopes are missing in the token.",
)


def identity(tenant: Tenant, name: str) -> str:
    """Return the ID of an object of a tenant, always the same for a name."""
    return sample_data.fixed_id(f"{tenant.tenant_id}/{name}")


def stamp(moment: datetime) -> str:
    """Return a moment as Graph writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def by_name(**values: str) -> list[dict[str, Any]]:
    """Return settings as pairs of a name and a text."""
    return [{"name": name, "value": value} for name, value in values.items()]
