"""Microsoft's products: SKUs and their service plans, with the IDs that Microsoft publishes.

https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

# (SKU ID, part number)
SKUS = (
    ("05e9a617-0261-4cee-bb44-138d3ef5d965", "SPE_E3"),
    ("06ebc4ee-1bb5-47dd-8120-11324bc54e06", "SPE_E5"),
    ("cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "SPB"),
    ("f245ecc8-75af-4f8e-b61f-27d8114de5f3", "O365_BUSINESS_PREMIUM"),
    ("f30db892-07e9-47e9-837c-80727f46fd3d", "FLOW_FREE"),
)
COPILOT = "639dec6b-bb19-468b-871c-c5c441c4b0cb"
# SKUs that a tenant has only if it is given them.
OTHER_SKUS = (
    (COPILOT, "Microsoft_365_Copilot"),
    ("078d2b04-f1bd-4111-bbd4-b4b1b354cef4", "AAD_PREMIUM"),
    ("84a661c4-e949-4bd2-a560-ed7766fcaf2b", "AAD_PREMIUM_P2"),
)
# Service plans by name: (ID, service).
PLANS = {
    "AAD_PREMIUM": ("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AADPremiumService"),
    "AAD_PREMIUM_P2": ("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AADPremiumService"),
    "INTUNE_A": ("c1ec4a95-1f05-45b3-a911-aa3fa01094f5", "SCO"),
    "EXCHANGE_S_STANDARD": ("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "exchange"),
    "EXCHANGE_S_ENTERPRISE": ("efb87545-963c-4e0d-99df-69c6916d9eb0", "exchange"),
    "SHAREPOINTSTANDARD": ("c7699d2e-19aa-44de-8edf-1736da088ca1", "SharePoint"),
    "SHAREPOINTENTERPRISE": ("5dbe027f-2339-4123-9542-606e4d348a72", "SharePoint"),
    "SHAREPOINTDESKLESS": ("902b47e5-dcb2-4fdc-858b-c63a90a2bdb9", "SharePoint"),
    "SHAREPOINTWAC": ("e95bec33-7c88-4a70-8e19-b10bd9d0c014", "MicrosoftOffice"),
    "TEAMS1": ("57ff2da0-773e-42df-b2af-ffb7a2317929", "TeamspaceAPI"),
    "OFFICESUBSCRIPTION": ("43de0ff5-c92c-492b-9116-175376d08c38", "MicrosoftOffice"),
    "OFFICE_BUSINESS": ("094e7854-93fc-4d55-b2c0-3ab5369ebdc1", "MicrosoftOffice"),
    "FORMS_PLAN_E1": ("159f4cd6-e380-449f-a816-af1a9ef76344", "OfficeForms"),
    "FORMS_PLAN_E3": ("2789c901-c14e-48ab-a76a-be334d9d793a", "OfficeForms"),
    "FORMS_PLAN_E5": ("e212cbc7-0961-4c40-9825-01117710dcb1", "OfficeForms"),
    "WINDEFATP": ("871d91ec-ec1a-452b-a83f-bd76c7d770ef", "WindowsDefenderATP"),
    "MDE_SMB": ("bfc1bbd9-981b-4f71-9b82-17c35fd0e2a4", "WindowsDefenderATP"),
    "ATP_ENTERPRISE": ("f20fedf3-f3c3-43c3-8267-2bfdd51c0939", "exchange"),
    "ADALLOM_S_STANDALONE": ("2e2ddb96-6af9-4b1d-a3f0-d6ecfd22edb2", "Adallom"),
    "MTP": ("bf28f719-7844-4079-9c78-c1307898e192", "M365Defender"),
    "M365_COPILOT_APPS": ("a62f8878-de10-42f3-b68f-6149a25ceb97", "MicrosoftOffice"),
    "FLOW_P2_VIRAL": ("50e68c76-46c6-4674-81f9-75456511b170", "ProcessSimple"),
}
# The plans of each SKU that matter here.
PLANS_OF = {
    "SPE_E3": (
        *("AAD_PREMIUM", "INTUNE_A", "EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE"),
        *("SHAREPOINTWAC", "TEAMS1", "OFFICESUBSCRIPTION", "FORMS_PLAN_E3"),
    ),
    "SPE_E5": (
        *("AAD_PREMIUM", "AAD_PREMIUM_P2", "INTUNE_A", "EXCHANGE_S_ENTERPRISE"),
        *("SHAREPOINTENTERPRISE", "SHAREPOINTWAC", "TEAMS1", "OFFICESUBSCRIPTION"),
        *("FORMS_PLAN_E5", "WINDEFATP", "ATP_ENTERPRISE", "ADALLOM_S_STANDALONE", "MTP"),
    ),
    "SPB": (
        *("AAD_PREMIUM", "INTUNE_A", "EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD"),
        *("SHAREPOINTWAC", "TEAMS1", "OFFICE_BUSINESS", "FORMS_PLAN_E1"),
        *("ATP_ENTERPRISE", "MDE_SMB"),
    ),
    "O365_BUSINESS_PREMIUM": (
        *("EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "SHAREPOINTWAC", "TEAMS1"),
        *("OFFICE_BUSINESS", "FORMS_PLAN_E1"),
    ),
    "FLOW_FREE": ("FLOW_P2_VIRAL",),
    "Microsoft_365_Copilot": ("M365_COPILOT_APPS",),
    "AAD_PREMIUM": ("AAD_PREMIUM",),
    "AAD_PREMIUM_P2": ("AAD_PREMIUM", "AAD_PREMIUM_P2"),
}


def plans_of(part_number: str, allowed: frozenset[str] | None) -> list[str]:
    """Return the names of a SKU's service plans.

    Args:
        allowed: The only plans that the tenant has, or None for all.
    """
    names = PLANS_OF.get(part_number, ())
    return [name for name in names if allowed is None or name in allowed]
