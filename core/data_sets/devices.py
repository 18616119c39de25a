"""Devices and their policies in Intune."""

from domain.data_set import Cadence, DataSet, Many, One

_GRAPH = "https://learn.microsoft.com/graph/api"
_CONFIGURATION = ("DeviceManagementConfiguration.Read.All",)
_GLOBAL_READER = ("Global Reader",)
_INTUNE = ("INTUNE_A",)

MANAGED_DEVICES = DataSet(
    name="managedDevices",
    path=(
        "/deviceManagement/managedDevices?$select=id,deviceName,operatingSystem,osVersion,"
        "complianceState,isEncrypted,lastSyncDateTime,userId,managedDeviceOwnerType,"
        "managementAgent&$top=1000"
    ),
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=("DeviceManagementManagedDevices.Read.All",),
    roles=_GLOBAL_READER,
    plans=_INTUNE,
    docs=f"{_GRAPH}/intune-devices-manageddevice-list",
)

DEVICE_MANAGEMENT_SETTINGS = DataSet(
    name="deviceManagementSettings",
    path="/deviceManagement?$select=settings",
    shape=One(),
    keep=("settings",),
    cadence=Cadence.DAILY,
    permissions=_CONFIGURATION,
    roles=_GLOBAL_READER,
    plans=_INTUNE,
    docs=f"{_GRAPH}/intune-deviceconfig-devicemanagement-get",
)

COMPLIANCE_POLICIES = DataSet(
    name="compliancePolicies",
    path="/deviceManagement/deviceCompliancePolicies?$expand=assignments",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=_CONFIGURATION,
    roles=_GLOBAL_READER,
    plans=_INTUNE,
    docs=f"{_GRAPH}/intune-deviceconfig-devicecompliancepolicy-list",
)

DEVICE_CONFIGURATIONS = DataSet(
    name="deviceConfigurations",
    path="/deviceManagement/deviceConfigurations?$expand=assignments",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=_CONFIGURATION,
    roles=_GLOBAL_READER,
    plans=_INTUNE,
    docs=f"{_GRAPH}/intune-deviceconfig-deviceconfiguration-list",
)

# The settings catalogue is in beta only.
CONFIGURATION_POLICIES = DataSet(
    name="configurationPolicies",
    path="/deviceManagement/configurationPolicies?$expand=settings,assignments",
    version="beta",
    shape=Many(),
    keep=(
        *("id", "name", "platforms", "technologies", "templateReference.templateFamily"),
        *("settings.settingInstance", "assignments.target"),
    ),
    cadence=Cadence.DAILY,
    permissions=_CONFIGURATION,
    roles=_GLOBAL_READER,
    plans=_INTUNE,
    docs=f"{_GRAPH}/intune-deviceconfigv2-devicemanagementconfigurationpolicy-list?view=graph-rest-beta",
)

ENROLLMENT_CONFIGURATIONS = DataSet(
    name="enrollmentConfigurations",
    path="/deviceManagement/deviceEnrollmentConfigurations",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=_CONFIGURATION,
    roles=_GLOBAL_READER,
    plans=_INTUNE,
    docs=f"{_GRAPH}/intune-onboarding-deviceenrollmentconfiguration-list",
)
