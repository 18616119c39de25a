"""Intune: devices and the policies that apply to them.

https://learn.microsoft.com/graph/api/resources/intune-graph-overview
"""

from datetime import timedelta

from local.microsoft.filters import Document
from local.microsoft.plans import DEVICES
from local.microsoft.resources import BETA, Access, Refusal, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics import readers
from local.microsoft.topics.readers import identity, stamp

_P = "microsoft.graph."
_WRITERS = words("Intune Administrator|Global Administrator")
_CONFIGURATION = "DeviceManagementConfiguration"
_READ = Access(words(f"{_CONFIGURATION}.Read.All|{_CONFIGURATION}.ReadWrite.All"), readers.DEVICES)
_WRITE = Access(words(f"{_CONFIGURATION}.ReadWrite.All"), _WRITERS)
_WRITES = dict.fromkeys(("POST", "PATCH", "DELETE"), _WRITE)
_FIXED = words("id|createdDateTime|lastModifiedDateTime|version")
_DENIED = Refusal(
    403, "Forbidden", "Application is not authorized to perform this operation (missing scopes)."
)
# (operating system, newest version, an old one)
_SYSTEMS = (
    ("Windows", "10.0.26100.4349", "10.0.19045.3803"),
    ("iOS", "18.5", "15.8"),
    ("macOS", "15.5", "12.7"),
    ("Android", "15", "11"),
)


def managed_devices(tenant: Tenant) -> list[Document]:
    """Return a device for two in three of the first 300 members."""
    indices = [i for i in tenant.directory.indices()[:300] if i % 3]
    return [_device(tenant, index) for index in indices]


def _device(tenant: Tenant, index: int) -> Document:
    random = tenant.random(f"device/{index}")
    user = tenant.directory.user(index)
    system, newest, old = random.choice(_SYSTEMS)
    is_good = random.random() < tenant.by_profile(1.0, 0.85, 0.4)
    seen = timedelta(days=random.choice((0, 1, 2) if is_good else (0, 5, 45, 120)))
    return {
        "id": identity(tenant, f"device/{index}"),
        "deviceName": f"DEVICE-{tenant.number}-{index}",
        "operatingSystem": system,
        "osVersion": newest if is_good else old,
        "complianceState": "compliant" if is_good else "noncompliant",
        "isEncrypted": is_good or random.random() < 0.5,
        "lastSyncDateTime": stamp(tenant.began - seen),
        "enrolledDateTime": stamp(tenant.began - timedelta(days=200)),
        "userId": user["id"],
        "userPrincipalName": user["userPrincipalName"],
        "managedDeviceOwnerType": random.choice(("company", "company", "personal")),
        "managementAgent": "mdm",
        "jailBroken": "False",
    }


def device_management(tenant: Tenant) -> Document:
    """Return Intune's own settings."""
    return {
        "id": identity(tenant, "device management"),
        "intuneAccountId": identity(tenant, "intune account"),
        "subscriptionState": "active",
        "settings": {
            "deviceComplianceCheckinThresholdDays": tenant.by_profile(7, 30, 30),
            "isScheduledActionEnabled": True,
            "secureByDefault": tenant.is_hardened,
        },
    }


def _everywhere(target: str) -> list[Document]:
    return [{"id": "all", "target": {"@odata.type": f"#{_P}{target}AssignmentTarget"}}]


def _stored(tenant: Tenant, kind: str, name: str, **more: object) -> Document:
    return {
        "@odata.type": f"#{_P}{kind}",
        "id": identity(tenant, f"{kind}/{name}"),
        "displayName": name,
        "description": None,
        "createdDateTime": "2024-03-01T02:03:04Z",
        "lastModifiedDateTime": "2025-03-01T02:03:04Z",
        "version": 1,
        **more,
    }


def compliance_policies(tenant: Tenant) -> list[Document]:
    """Return when a device is compliant; a neglected tenant never says."""
    windows = _stored(
        tenant,
        "windows10CompliancePolicy",
        "Windows compliance",
        bitLockerEnabled=True,
        secureBootEnabled=tenant.is_hardened,
        codeIntegrityEnabled=tenant.is_hardened,
        osMinimumVersion="10.0.19045",
        passwordRequired=True,
        passwordMinimumLength=tenant.by_profile(14, 8, 8),
        passwordRequiredType="deviceDefault",
        storageRequireEncryption=True,
        requireHealthyDeviceReport=False,
    )
    return tenant.by_profile([windows], [windows], [])


def device_configurations(tenant: Tenant) -> list[Document]:
    """Return the update rings."""
    ring = _stored(
        tenant,
        "windowsUpdateForBusinessConfiguration",
        "Update ring",
        automaticUpdateMode="autoInstallAtMaintenanceTime",
        businessReadyUpdatesOnly="businessReadyOnly",
        qualityUpdatesDeferralPeriodInDays=tenant.by_profile(0, 7, 30),
        qualityUpdatesPaused=tenant.is_neglected,
        deadlineForQualityUpdatesInDays=tenant.by_profile(2, 7, None),
        featureUpdatesDeferralPeriodInDays=tenant.by_profile(0, 30, 365),
        featureUpdatesPaused=False,
        microsoftUpdateServiceAllowed=True,
        driversExcluded=False,
    )
    return [ring]


def assigned_everywhere(_tenant: Tenant, document: Document) -> list[Document]:
    """Return to whom a policy is assigned."""
    own = document.get("assignments")
    return own if isinstance(own, list) else _everywhere("allDevices")


def catalogue_policies(tenant: Tenant) -> list[Document]:
    """Return the policies of the settings catalogue, which only beta knows."""
    rule = "device_vendor_msft_policy_config_defender_attacksurfacereductionrules"
    key = "blockofficeapplicationsfromcreatingexecutablecontent"
    mode = tenant.by_profile("block", "audit", "off")
    definition = f"{rule}_{key}"
    policy = {
        "id": identity(tenant, "catalogue/attack surface"),
        "name": "Attack surface reduction",
        "description": "",
        "platforms": "windows10",
        "technologies": "mdm,microsoftSense",
        "createdDateTime": "2024-03-01T02:03:04Z",
        "lastModifiedDateTime": "2025-03-01T02:03:04Z",
        "settingCount": 1,
        "templateReference": {
            "templateId": "e8c053d6-9f95-42b1-a7f1-ebfd71c67a4b_1",
            "templateFamily": "endpointSecurityAttackSurfaceReduction",
        },
    }
    choice = {"value": f"{definition}_{mode}", "children": []}
    tenant_choice = {
        "@odata.type": f"#{_P}deviceManagementConfigurationChoiceSettingInstance",
        "settingDefinitionId": definition,
        "choiceSettingValue": choice,
    }
    settings = [{"id": "0", "settingInstance": tenant_choice}]
    return tenant.by_profile(
        [{**policy, "settings": settings}], [{**policy, "settings": settings}], []
    )


def catalogue_settings(_tenant: Tenant, document: Document) -> list[Document]:
    """Return the settings of a policy of the catalogue."""
    settings: list[Document] = document.get("settings", [])
    return settings


def settings_of(tenant: Tenant, key: str) -> list[Document]:
    """Return the settings of the policy with a key."""
    return [s for p in catalogue_policies(tenant) if p["id"] == key for s in p["settings"]]


def enrollment_configurations(tenant: Tenant) -> list[Document]:
    """Return who may enrol which devices."""
    blocked = tenant.is_hardened
    rule = {
        "platformBlocked": False,
        "personalDeviceEnrollmentBlocked": blocked,
        "osMinimumVersion": None,
        "osMaximumVersion": None,
    }
    platforms = ("ios", "windows", "windowsMobile", "macOS")
    restrictions = _stored(
        tenant,
        "deviceEnrollmentPlatformRestrictionsConfiguration",
        "All users and all devices",
        priority=0,
        **{f"{platform}Restriction": dict(rule) for platform in platforms},
    )
    limit = _stored(tenant, "deviceEnrollmentLimitConfiguration", "All users", priority=0, limit=5)
    return [limit, restrictions]


def _in_beta(_tenant: Tenant, known: Document) -> Document:
    """Return an enrolment configuration with the restriction that only beta has."""
    rule = known.get("windowsRestriction")
    return {"androidForWorkRestriction": rule, **known} if rule else known


_ASSIGNMENTS = {"assignments": assigned_everywhere}
_BASE = "deviceManagement"
_WINDOWS = words(
    "displayName|description|@odata.type|bitLockerEnabled|secureBootEnabled|osMinimumVersion",
    "passwordRequired|passwordMinimumLength|storageRequireEncryption|roleScopeTagIds",
    "qualityUpdatesDeferralPeriodInDays|featureUpdatesDeferralPeriodInDays|automaticUpdateMode",
)
RESOURCES = (
    Resource(
        f"{_BASE}/managedDevices",
        f"{_P}managedDevice",
        Access(
            words(
                "DeviceManagementManagedDevices.Read.All",
                "DeviceManagementManagedDevices.ReadWrite.All",
            ),
            readers.DEVICES,
        ),
        managed_devices,
        plan=DEVICES,
        is_kept=True,
        largest_page=1000,
        page=1000,
        denied=_DENIED,
    ),
    Resource(
        _BASE,
        f"{_P}deviceManagement",
        _READ,
        device_management,
        is_list=False,
        plan=DEVICES,
        writes={"PATCH": _WRITE},
        read_only=words("id|intuneAccountId|subscriptionState"),
        denied=_DENIED,
    ),
    Resource(
        f"{_BASE}/deviceCompliancePolicies",
        f"{_P}deviceCompliancePolicy",
        _READ,
        compliance_policies,
        plan=DEVICES,
        writes=_WRITES,
        read_only=_FIXED,
        optional=_WINDOWS,
        expands=_ASSIGNMENTS,
        denied=_DENIED,
    ),
    Resource(
        f"{_BASE}/deviceConfigurations",
        f"{_P}deviceConfiguration",
        _READ,
        device_configurations,
        plan=DEVICES,
        writes=_WRITES,
        read_only=_FIXED,
        optional=_WINDOWS,
        expands=_ASSIGNMENTS,
        denied=_DENIED,
    ),
    Resource(
        f"{_BASE}/configurationPolicies",
        f"{_P}deviceManagementConfigurationPolicy",
        _READ,
        catalogue_policies,
        versions=(BETA,),
        plan=DEVICES,
        expands={**_ASSIGNMENTS, "settings": catalogue_settings},
        denied=_DENIED,
    ),
    Resource(
        f"{_BASE}/configurationPolicies/{{id}}/settings",
        f"{_P}deviceManagementConfigurationSetting",
        _READ,
        settings_of,
        versions=(BETA,),
        plan=DEVICES,
        largest_page=1000,
        denied=_DENIED,
    ),
    Resource(
        f"{_BASE}/deviceEnrollmentConfigurations",
        f"{_P}deviceEnrollmentConfiguration",
        _READ,
        enrollment_configurations,
        in_beta=_in_beta,
        plan=DEVICES,
        expands=_ASSIGNMENTS,
        denied=_DENIED,
    ),
)
