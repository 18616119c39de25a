"""The tenant itself, its domains, and settings of its reports."""

from datetime import timedelta

from local.microsoft import plans
from local.microsoft.filters import Document
from local.microsoft.products import PLANS
from local.microsoft.resources import Access, Resource, words
from local.microsoft.roles import EVERY
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import DIRECTORY, REPORTS, SETTINGS, stamp

_READ = Access(words("Organization.Read.All|Organization.ReadWrite.All|Directory.Read.All"), EVERY)


def _initial(tenant: Tenant) -> str:
    return tenant.domain.split(".")[0].replace("-", "") + ".onmicrosoft.com"


def assigned_plans(names: frozenset[str]) -> list[Document]:
    """Return service plans by name, as organizations and users list them."""
    return [
        {
            "assignedDateTime": "2024-01-01T00:00:00Z",
            "capabilityStatus": "Enabled",
            "service": PLANS[name][1],
            "servicePlanId": PLANS[name][0],
        }
        for name in sorted(names & PLANS.keys())
    ]


def organization(tenant: Tenant) -> list[Document]:
    """Return the only organization of a tenant, with its verified domains."""
    domain = {"capabilities": "Email, OfficeCommunicationsOnline", "type": "Managed"}
    is_synced = tenant.number % 2 == 1
    last = stamp(tenant.began - timedelta(minutes=25)) if is_synced else None
    return [
        {
            "id": tenant.tenant_id,
            "displayName": tenant.display_name,
            "countryLetterCode": "AU",
            "createdDateTime": "2019-01-01T00:00:00Z",
            "tenantType": "AAD",
            "onPremisesSyncEnabled": True if is_synced else None,
            "onPremisesLastSyncDateTime": last,
            "assignedPlans": assigned_plans(plans.held(tenant)),
            "verifiedDomains": [
                {**domain, "name": _initial(tenant), "isDefault": False, "isInitial": True},
                {**domain, "name": tenant.domain, "isDefault": True, "isInitial": False},
            ],
        }
    ]


def _in_beta(_tenant: Tenant, known: Document) -> Document:
    """Return the organization with what only beta says of it."""
    last = known.get("onPremisesLastSyncDateTime")
    return {"onPremisesLastPasswordSyncDateTime": last, **known}


def domains(tenant: Tenant) -> list[Document]:
    """Return the domains: whether passwords expire depends on the profile."""
    never, default = 2147483647, None
    return [
        {
            "id": name,
            "authenticationType": "Managed",
            "availabilityStatus": None,
            "isAdminManaged": True,
            "isDefault": name == tenant.domain,
            "isInitial": name != tenant.domain,
            "isRoot": True,
            "isVerified": True,
            "supportedServices": ["Email", "OfficeCommunicationsOnline"],
            "passwordValidityPeriodInDays": tenant.by_profile(never, never, default),
            "passwordNotificationWindowInDays": tenant.by_profile(30, 30, default),
            "state": None,
        }
        for name in (_initial(tenant), tenant.domain)
    ]


def report_settings(tenant: Tenant) -> Document:
    """Return whether reports conceal names, which is Microsoft's default."""
    return {"id": "", "displayConcealedNames": tenant.is_hardened}


RESOURCES = (
    Resource(
        "organization",
        "microsoft.graph.organization",
        _READ,
        organization,
        in_beta=_in_beta,
    ),
    Resource(
        "domains",
        "microsoft.graph.domain",
        Access(words("Domain.Read.All|Domain.ReadWrite.All|Directory.Read.All"), DIRECTORY),
        domains,
        writes={"PATCH": Access(words("Domain.ReadWrite.All"), words("Domain Name Administrator"))},
        read_only=words("id|isInitial|isRoot|isVerified|authenticationType|state"),
    ),
    Resource(
        "admin/reportSettings",
        "microsoft.graph.adminReportSettings",
        Access(words("ReportSettings.Read.All|ReportSettings.ReadWrite.All"), SETTINGS | REPORTS),
        report_settings,
        is_list=False,
        writes={"PATCH": Access(words("ReportSettings.ReadWrite.All"), SETTINGS)},
        read_only=words("id"),
    ),
)
