"""Incidents and alerts, risky users, the health of services, and score controls."""

from datetime import timedelta

from local.microsoft.filters import Document
from local.microsoft.plans import DEFENDER, PROTECTION
from local.microsoft.resources import Access, Refusal, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import SCOPES_MISSING, SECURITY, SETTINGS, stamp

_P = "microsoft.graph."
_WRITERS = words("Security Operator|Security Administrator")
_EVENTS = words("SecurityEvents.Read.All|SecurityEvents.ReadWrite.All")
_RISK = words("IdentityRiskyUser.Read.All")
# (title, severity, status, hours since its last update)
_INCIDENTS = (
    ("Email messages with a malicious link were removed", "low", "resolved", 300),
    ("Unfamiliar sign-in properties", "medium", "active", 30),
    ("Possible ransomware activity on several devices", "high", "active", 3),
    ("Password spray from one address", "medium", "inProgress", 50),
)
_CONTROLS = (
    ("AdminMFAV2", "Ensure multifactor authentication for administrators", "Identity", 10.0),
    ("BlockLegacyAuthentication", "Block legacy authentication", "Identity", 8.0),
    ("mdo_safelinks", "Turn on Safe Links in messages", "Apps", 9.0),
)


def _missing(names: frozenset[str]) -> Refusal:
    """Return how the security service refuses an app: it names the permissions."""
    needed = ", ".join(sorted(names))
    text = f"Missing application roles. API required roles: {needed}, application roles: ."
    return Refusal(403, "Forbidden", text)


def _count(tenant: Tenant) -> int:
    return tenant.by_profile(1, 3, 4)


def incidents(tenant: Tenant) -> list[Document]:
    """Return the incidents; the more, the less a tenant is looked after."""
    shown = _INCIDENTS[: _count(tenant)]
    return [_incident(tenant, 1000 + at, *one) for at, one in enumerate(shown)]


def _incident(
    tenant: Tenant, number: int, title: str, severity: str, status: str, hours: int
) -> Document:
    updated = tenant.began - timedelta(hours=hours)
    return {
        "@odata.type": "#microsoft.graph.security.incident",
        "id": str(number),
        "tenantId": tenant.tenant_id,
        "displayName": title,
        "severity": severity,
        "status": status,
        "classification": "unknown",
        "determination": "unknown",
        "createdDateTime": stamp(updated - timedelta(hours=2)),
        "lastUpdateDateTime": stamp(updated),
        "assignedTo": None,
        "redirectIncidentId": None,
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{number}",
        "customTags": [],
        "systemTags": [],
        "comments": [],
        "description": None,
        "lastModifiedBy": None,
        "resolvingComment": None,
        "summary": None,
        "priorityScore": None,
    }


def alerts(tenant: Tenant) -> list[Document]:
    """Return an alert for each incident."""
    return [_alert(tenant, incident) for incident in incidents(tenant)]


def _alert(tenant: Tenant, incident: Document) -> Document:
    shared = ("severity", "classification", "determination", "createdDateTime")
    statuses = {"active": "new", "redirected": "resolved"}
    key = f"al{incident['id']}_1"
    return {
        "@odata.type": "#microsoft.graph.security.alert",
        "id": key,
        "providerAlertId": key,
        "incidentId": incident["id"],
        "tenantId": tenant.tenant_id,
        "title": incident["displayName"],
        "description": incident["displayName"],
        "category": "InitialAccess",
        "status": statuses.get(incident["status"], incident["status"]),
        "serviceSource": "microsoft365Defender",
        "detectionSource": "microsoft365Defender",
        **{name: incident[name] for name in (*shared, "lastUpdateDateTime")},
        "assignedTo": None,
        "comments": [],
        "evidence": [],
        "mitreTechniques": [],
        "alertWebUrl": f"https://security.microsoft.com/alerts/{key}",
        "incidentWebUrl": incident["incidentWebUrl"],
    }


def of_incident(tenant: Tenant, incident: Document) -> list[Document]:
    """Return the alerts of an incident."""
    return [_alert(tenant, incident)]


def risky_users(tenant: Tenant) -> list[Document]:
    """Return users at risk: none, one or three."""
    count = tenant.by_profile(0, 1, 3)
    levels = (("medium", "atRisk"), ("high", "confirmedCompromised"), ("low", "atRisk"))
    indices = tenant.directory.indices()[7 : 7 + count]
    risks = zip(indices, levels, strict=False)
    return [_risky(tenant, index, level, state) for index, (level, state) in risks]


def _risky(tenant: Tenant, index: int, level: str, state: str) -> Document:
    user = tenant.directory.user(index)
    return {
        "id": user["id"],
        "userDisplayName": user["displayName"],
        "userPrincipalName": user["userPrincipalName"],
        "riskLevel": level,
        "riskState": state,
        "riskDetail": "none",
        "riskLastUpdatedDateTime": stamp(tenant.began - timedelta(hours=5 + index)),
        "isDeleted": False,
        "isProcessing": False,
    }


def health_issues(tenant: Tenant) -> list[Document]:
    """Return one open issue of a service and one that is resolved: the same in all tenants."""
    start = tenant.began - timedelta(days=1)
    common = {
        "classification": "advisory",
        "feature": "E-Mail and calendar access",
        "featureGroup": "E-Mail and calendar access",
        "impactDescription": "Some users may see delays.",
        "origin": "microsoft",
        "startDateTime": stamp(start),
        "lastModifiedDateTime": stamp(start + timedelta(hours=3)),
        "details": [],
        "posts": [],
    }
    ended = stamp(start + timedelta(hours=3))
    return [
        {
            **common,
            "id": "EX100001",
            "title": "Delays when opening a mailbox",
            "service": "Exchange Online",
            "status": "serviceDegradation",
            "isResolved": False,
            "endDateTime": None,
        },
        {
            **common,
            "id": "TM100002",
            "title": "Some meetings could not be joined",
            "service": "Microsoft Teams",
            "status": "serviceRestored",
            "isResolved": True,
            "endDateTime": ended,
        },
    ]


def score_controls(tenant: Tenant) -> list[Document]:
    """Return the controls of which the secure score consists."""
    return [
        {
            "id": key,
            "azureTenantId": tenant.tenant_id,
            "title": title,
            "controlCategory": category,
            "maxScore": score,
            "actionType": "Config",
            "actionUrl": "https://entra.microsoft.com",
            "service": "AzureAD",
            "tier": "Core",
            "rank": rank,
            "implementationCost": "Low",
            "userImpact": "Moderate",
            "deprecated": False,
            "threats": ["Account breach"],
            "remediation": title,
            "remediationImpact": "Users sign in differently.",
            "lastModifiedDateTime": None,
            "controlStateUpdates": [],
            "complianceInformation": [],
            "vendorInformation": {"provider": "SecureScore", "vendor": "Microsoft"},
        }
        for rank, (key, title, category, score) in enumerate(_CONTROLS, start=1)
    ]


_CLASSES = words("unknown|falsePositive|truePositive|informationalExpectedActivity")
_INCIDENT_READ = words("SecurityIncident.Read.All|SecurityIncident.ReadWrite.All")
_ALERT_READ = words("SecurityAlert.Read.All|SecurityAlert.ReadWrite.All")
RESOURCES = (
    Resource(
        "security/incidents",
        f"{_P}security.incident",
        Access(_INCIDENT_READ, SECURITY),
        incidents,
        plan=DEFENDER,
        writes={"PATCH": Access(words("SecurityIncident.ReadWrite.All"), _WRITERS)},
        read_only=words("id|tenantId|createdDateTime|lastUpdateDateTime|incidentWebUrl|severity"),
        expands={"alerts": of_incident},
        page=50,
        largest_page=50,
        refuses_larger=True,
        order="createdDateTime",
        touches="lastUpdateDateTime",
        choices={
            "status": words("active|resolved|inProgress|redirected"),
            "classification": _CLASSES,
        },
        denied=_missing(_INCIDENT_READ),
    ),
    Resource(
        "security/alerts_v2",
        f"{_P}security.alert",
        Access(_ALERT_READ, SECURITY),
        alerts,
        writes={"PATCH": Access(words("SecurityAlert.ReadWrite.All"), _WRITERS)},
        read_only=words("id|tenantId|createdDateTime|lastUpdateDateTime|incidentId|severity"),
        order="createdDateTime",
        touches="lastUpdateDateTime",
        choices={"status": words("new|inProgress|resolved"), "classification": _CLASSES},
        denied=_missing(_ALERT_READ),
    ),
    Resource(
        "identityProtection/riskyUsers",
        f"{_P}riskyUser",
        Access(_RISK, SECURITY),
        risky_users,
        plan=PROTECTION,
        largest_page=500,
        denied=SCOPES_MISSING,
    ),
    Resource(
        "admin/serviceAnnouncement/issues",
        f"{_P}serviceHealthIssue",
        Access(words("ServiceHealth.Read.All"), SETTINGS | words("Service Support Administrator")),
        health_issues,
        denied=Refusal(403, "UnknownError", "The required permissions are missing."),
    ),
    Resource(
        "security/secureScoreControlProfiles",
        f"{_P}secureScoreControlProfile",
        Access(_EVENTS, SECURITY),
        score_controls,
        writes={"PATCH": Access(words("SecurityEvents.ReadWrite.All"), _WRITERS)},
        read_only=words("id|azureTenantId|title|maxScore|rank"),
    ),
)
