"""How people use the tenant: registered sign-in methods, last sign-ins, usage reports."""

from domain.data_set import Cadence, DataSet, Many, Report

_GRAPH = "https://learn.microsoft.com/graph/api"
_AUDIT_READERS = ("Security Reader", "Reports Reader", "Global Reader")
_P1 = ("AAD_PREMIUM", "AAD_PREMIUM_P2")
_REPORTS = ("Reports.Read.All",)
_REPORTS_READER = ("Reports Reader",)

# Microsoft lists enabled users only.
REGISTRATION_DETAILS = DataSet(
    name="registrationDetails",
    path="/reports/authenticationMethods/userRegistrationDetails",
    shape=Many(),
    keep=(
        *("id", "userPrincipalName", "userType", "isAdmin", "isMfaCapable"),
        *("isMfaRegistered", "methodsRegistered", "lastUpdatedDateTime"),
    ),
    cadence=Cadence.DAILY,
    permissions=("AuditLog.Read.All",),
    roles=_AUDIT_READERS,
    plans=_P1,
    docs=f"{_GRAPH}/authenticationmethodsroot-list-userregistrationdetails",
)

# null means never, or before April 2020. It can be a day old.
SIGN_IN_ACTIVITY = DataSet(
    name="signInActivity",
    path="/users?$select=id,signInActivity&$top=500",
    shape=Many(),
    keep=(
        "id",
        *(f"signInActivity.last{kind}SignInDateTime" for kind in ("", "NonInteractive")),
        "signInActivity.lastSuccessfulSignInDateTime",
    ),
    cadence=Cadence.DAILY,
    permissions=("AuditLog.Read.All", "User.Read.All"),
    roles=_AUDIT_READERS,
    plans=_P1,
    docs="https://learn.microsoft.com/graph/api/resources/signinactivity",
)

APP_USAGE = DataSet(
    name="appUsage",
    path="/reports/getM365AppUserDetail(period='D30')",
    shape=Report(),
    cadence=Cadence.DAILY,
    permissions=_REPORTS,
    roles=_REPORTS_READER,
    docs=f"{_GRAPH}/reportroot-getm365appuserdetail",
)

ACTIVE_USERS = DataSet(
    name="activeUsers",
    path="/reports/getOffice365ActiveUserDetail(period='D30')",
    shape=Report(),
    cadence=Cadence.DAILY,
    permissions=_REPORTS,
    roles=_REPORTS_READER,
    docs=f"{_GRAPH}/reportroot-getoffice365activeuserdetail",
)

# Only licensed users have a row.
COPILOT_USAGE = DataSet(
    name="copilotUsage",
    path="/copilot/reports/getMicrosoft365CopilotUsageUserDetail(period='D30')",
    shape=Report(),
    cadence=Cadence.DAILY,
    permissions=_REPORTS,
    roles=_REPORTS_READER,
    docs=f"{_GRAPH}/reportroot-getmicrosoft365copilotusageuserdetail",
)
