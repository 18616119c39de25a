"""Services that need a plan, and how each refuses a tenant without it."""

from local.microsoft.products import plans_of
from local.microsoft.resources import Plan, Refusal, words
from local.microsoft.tenant import Tenant

_PREMIUM = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license"
# Premium reports: Entra ID P1, which P2 includes.
REPORTS = Plan(
    words("AAD_PREMIUM|AAD_PREMIUM_P2"),
    Refusal(
        403,
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        "Neither tenant is B2C or tenant doesn't have premium license",
    ),
)
GOVERNANCE = Plan(words("AAD_PREMIUM_P2"), Refusal(400, "AadPremiumLicenseRequired", _PREMIUM))
PROTECTION = Plan(
    words("AAD_PREMIUM_P2"),
    Refusal(403, "Forbidden", "Your tenant is not licensed for this feature (AAD Premium P2)."),
)
DEVICES = Plan(
    words("INTUNE_A"),
    Refusal(400, "BadRequest", "Request not applicable to target tenant."),
)
FILES = Plan(
    words("SHAREPOINTENTERPRISE|SHAREPOINTSTANDARD|SHAREPOINTDESKLESS|SHAREPOINTWAC"),
    Refusal(400, "BadRequest", "Tenant does not have a SPO license."),
)
FORMS = Plan(
    words(
        "FORMS_PLAN_E1|FORMS_PLAN_E3|FORMS_PLAN_E5|FORMS_PLAN_K|OFFICE_FORMS_PLAN_2",
        "OFFICE_FORMS_PLAN_3",
    ),
    Refusal(403, "Forbidden", "Microsoft Forms is not available to this organization."),
)
DEFENDER = Plan(
    words("WINDEFATP|MDE_SMB|ATP_ENTERPRISE|ADALLOM_S_STANDALONE|MTP"),
    Refusal(403, "Forbidden", "The tenant is not provisioned for Microsoft Defender XDR."),
    may_be_empty=True,
)


def held(tenant: Tenant) -> frozenset[str]:
    """Return the names of the service plans of a tenant's SKUs."""
    if tenant.service_plans is not None:
        return tenant.service_plans
    return frozenset(name for _, part in tenant.skus() for name in plans_of(part, None))
