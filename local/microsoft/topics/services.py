"""Settings of the services: SharePoint, Forms, and what users may install."""

from local.microsoft.filters import Document
from local.microsoft.plans import FILES
from local.microsoft.plans import FORMS as FORMS_PLAN
from local.microsoft.resources import BETA, Access, Refusal, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import SETTINGS

_SHAREPOINT = SETTINGS | words("SharePoint Administrator")
_DENIED = Refusal(403, "accessDenied", "Caller does not have required permissions for this API")


def sharepoint(tenant: Tenant) -> Document:
    """Return the settings of SharePoint and OneDrive."""
    seconds = {"warnAfterInSeconds": 3300, "signOutAfterInSeconds": 3600}
    return {
        "allowedDomainGuidsForSyncApp": [],
        "availableManagedPathsForSiteCreation": ["/sites/", "/teams/"],
        "deletedUserPersonalSiteRetentionPeriodInDays": 30,
        "excludedFileExtensionsForSyncApp": [],
        "idleSessionSignOut": {"isEnabled": tenant.is_hardened, **seconds},
        "imageTaggingOption": "basic",
        "isCommentingOnSitePagesEnabled": True,
        "isLegacyAuthProtocolsEnabled": not tenant.is_hardened,
        "isRequireAcceptingUserToMatchInvitedUserEnabled": tenant.is_hardened,
        "isResharingByExternalUsersEnabled": not tenant.is_hardened,
        "isSiteCreationEnabled": True,
        "isUnmanagedSyncAppForTenantRestricted": tenant.is_hardened,
        "sharingAllowedDomainList": tenant.by_profile(["fabrikam.com"], [], []),
        "sharingBlockedDomainList": [],
        "sharingCapability": tenant.by_profile(
            "existingExternalUserSharingOnly",
            "externalUserAndGuestSharing",
            "externalUserAndGuestSharing",
        ),
        "sharingDomainRestrictionMode": tenant.by_profile("allowList", "none", "none"),
        "siteCreationDefaultManagedPath": "/sites/",
        "siteCreationDefaultStorageLimitInMB": 26214400,
        "tenantDefaultTimezone": "(UTC+10:00) Canberra, Melbourne, Sydney",
    }


def forms(tenant: Tenant) -> Document:
    """Return whether forms are scanned for phishing."""
    return {
        "isExternalSendFormEnabled": True,
        "isExternalShareResultEnabled": not tenant.is_hardened,
        "isInOrgFormsPhishingScanEnabled": not tenant.is_neglected,
        "isRecordIdentityByDefaultEnabled": True,
    }


def apps_and_services(tenant: Tenant) -> Document:
    """Return whether users may use the store and start trials."""
    may = not tenant.is_hardened
    return {"isOfficeStoreEnabled": may, "isAppAndServicesTrialEnabled": may}


_APPS, _FORMS = "OrgSettings-AppsAndServices", "OrgSettings-Forms"
RESOURCES = (
    Resource(
        "admin/sharepoint/settings",
        "microsoft.graph.sharepointSettings",
        Access(
            words("SharePointTenantSettings.Read.All|SharePointTenantSettings.ReadWrite.All"),
            _SHAREPOINT,
        ),
        sharepoint,
        is_list=False,
        plan=FILES,
        writes={"PATCH": Access(words("SharePointTenantSettings.ReadWrite.All"), _SHAREPOINT)},
        read_only=words("id|availableManagedPathsForSiteCreation"),
        denied=_DENIED,
    ),
    Resource(
        "admin/forms/settings",
        "microsoft.graph.formsSettings",
        Access(words(f"{_FORMS}.Read.All|{_FORMS}.ReadWrite.All"), SETTINGS),
        forms,
        is_list=False,
        versions=(BETA,),
        plan=FORMS_PLAN,
        writes={"PATCH": Access(words(f"{_FORMS}.ReadWrite.All"), SETTINGS)},
    ),
    Resource(
        "admin/appsAndServices/settings",
        "microsoft.graph.appsAndServicesSettings",
        Access(words(f"{_APPS}.Read.All|{_APPS}.ReadWrite.All"), SETTINGS),
        apps_and_services,
        is_list=False,
        versions=(BETA,),
        writes={"PATCH": Access(words(f"{_APPS}.ReadWrite.All"), SETTINGS)},
    ),
)
