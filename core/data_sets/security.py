"""Security: scores, incidents, alerts, risk, service health, audit log and sign-ins."""

from datetime import timedelta

from domain.data_set import Cadence, DataSet, History, Many, Since

_GRAPH = "https://learn.microsoft.com/graph/api"
_SECURITY_READER = ("Security Reader", "Global Reader")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

SECURE_SCORE = DataSet(
    name="secureScore",
    path="/security/secureScores?$top=90",
    shape=Many(key="createdDateTime"),
    cadence=Cadence.REGULAR,
    permissions=("SecurityEvents.Read.All",),
    roles=_SECURITY_READER,
    history=History("createdDateTime", 90),
    docs=f"{_GRAPH}/security-list-securescores",
)

SECURE_SCORE_CONTROLS = DataSet(
    name="secureScoreControls",
    path="/security/secureScoreControlProfiles",
    shape=Many(),
    cadence=Cadence.DAILY,
    permissions=("SecurityEvents.Read.All",),
    roles=_SECURITY_READER,
    docs=f"{_GRAPH}/security-list-securescorecontrolprofiles",
)

INCIDENTS = DataSet(
    name="incidents",
    path="/security/incidents?$filter=lastUpdateDateTime ge {since}&$top=50",
    shape=Since(overlap=_HOUR, first=30 * _DAY),
    keep=(
        *("id", "displayName", "severity", "status", "classification", "determination"),
        *("createdDateTime", "lastUpdateDateTime", "assignedTo", "redirectIncidentId"),
        *("incidentWebUrl", "customTags", "systemTags"),
    ),
    cadence=Cadence.QUARTER_HOURLY,
    permissions=("SecurityIncident.Read.All",),
    roles=_SECURITY_READER,
    plans=("WINDEFATP", "ATP_ENTERPRISE", "ADALLOM_S_STANDALONE", "MTP"),
    history=History("lastUpdateDateTime", 180),
    docs=f"{_GRAPH}/security-list-incidents",
)

SECURITY_ALERTS = DataSet(
    name="securityAlerts",
    path="/security/alerts_v2?$filter=lastUpdateDateTime ge {since}",
    shape=Since(overlap=_HOUR, first=30 * _DAY),
    keep=(
        *("id", "title", "severity", "status", "category", "serviceSource", "incidentId"),
        *("createdDateTime", "lastUpdateDateTime", "resolvedDateTime", "assignedTo"),
        *("classification", "determination", "alertWebUrl"),
    ),
    cadence=Cadence.QUARTER_HOURLY,
    permissions=("SecurityAlert.Read.All",),
    roles=_SECURITY_READER,
    history=History("lastUpdateDateTime", 180),
    docs=f"{_GRAPH}/security-list-alerts_v2",
)

RISKY_USERS = DataSet(
    name="riskyUsers",
    path=(
        "/identityProtection/riskyUsers"
        "?$filter=riskState eq 'atRisk' or riskState eq 'confirmedCompromised'"
    ),
    shape=Many(),
    keep=(
        *("id", "userDisplayName", "userPrincipalName", "riskLevel", "riskState"),
        *("riskDetail", "riskLastUpdatedDateTime", "isDeleted"),
    ),
    cadence=Cadence.QUARTER_HOURLY,
    permissions=("IdentityRiskyUser.Read.All",),
    roles=_SECURITY_READER,
    plans=("AAD_PREMIUM_P2",),
    is_paced=True,
    docs=f"{_GRAPH}/riskyuser-list",
)

SERVICE_HEALTH = DataSet(
    name="serviceHealth",
    path="/admin/serviceAnnouncement/issues?$filter=isResolved eq false",
    shape=Many(),
    keep=(
        *("id", "title", "service", "status", "classification", "feature", "featureGroup"),
        *("impactDescription", "startDateTime", "lastModifiedDateTime", "isResolved"),
    ),
    cadence=Cadence.QUARTER_HOURLY,
    permissions=("ServiceHealth.Read.All",),
    roles=("Global Reader",),
    docs=f"{_GRAPH}/serviceannouncement-list-issues",
)

DIRECTORY_AUDITS = DataSet(
    name="directoryAudits",
    path=(
        "/auditLogs/directoryAudits?$filter=activityDateTime ge {since}&$orderby=activityDateTime"
    ),
    shape=Since(overlap=2 * _HOUR, first=7 * _DAY),
    keep=(
        *("id", "activityDateTime", "activityDisplayName", "category", "result", "initiatedBy"),
        *(f"targetResources.{name}" for name in ("id", "type", "displayName")),
        "targetResources.modifiedProperties",
    ),
    cadence=Cadence.QUARTER_HOURLY,
    permissions=("AuditLog.Read.All",),
    roles=("Reports Reader", "Security Reader", "Global Reader"),
    history=History("activityDateTime", 30),
    docs=f"{_GRAPH}/directoryaudit-list",
)

# Never all sign-ins of a tenant: only those of watched accounts, at most 15 in a request.
SIGN_INS = DataSet(
    name="signIns",
    path="/auditLogs/signIns?$filter=createdDateTime ge {since} and ({accounts})",
    shape=Since(overlap=2 * _HOUR, first=7 * _DAY, watched=True),
    keep=(
        *("id", "createdDateTime", "userId", "appDisplayName", "ipAddress", "status"),
        *("conditionalAccessStatus", "riskLevelAggregated"),
    ),
    cadence=Cadence.QUARTER_HOURLY,
    permissions=("AuditLog.Read.All",),
    roles=("Reports Reader", "Security Reader", "Global Reader"),
    plans=("AAD_PREMIUM", "AAD_PREMIUM_P2"),
    history=History("createdDateTime", 30),
    docs=f"{_GRAPH}/signin-list",
)
