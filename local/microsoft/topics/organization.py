"""The tenant itself."""

from local.microsoft.filters import Document
from local.microsoft.resources import Access, Resource, words
from local.microsoft.roles import EVERY
from local.microsoft.tenant import Tenant

READ = Access(words("Organization.Read.All|Organization.ReadWrite.All|Directory.Read.All"), EVERY)


def organization(tenant: Tenant) -> list[Document]:
    """Return the only organization of a tenant, with its verified domains."""
    initial = tenant.domain.split(".")[0].replace("-", "") + ".onmicrosoft.com"
    domain = {"capabilities": "Email, OfficeCommunicationsOnline", "type": "Managed"}
    return [
        {
            "id": tenant.tenant_id,
            "displayName": tenant.display_name,
            "countryLetterCode": "AU",
            "verifiedDomains": [
                {**domain, "name": initial, "isDefault": False, "isInitial": True},
                {**domain, "name": tenant.domain, "isDefault": True, "isInitial": False},
            ],
        }
    ]


RESOURCES = (Resource("organization", "microsoft.graph.organization", READ, organization),)
