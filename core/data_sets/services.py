"""Settings of Microsoft 365's services."""

from domain.data_set import Cadence, DataSet, One

_GRAPH = "https://learn.microsoft.com/graph/api"

SHAREPOINT_SETTINGS = DataSet(
    name="sharePointSettings",
    path="/admin/sharepoint/settings",
    shape=One(),
    cadence=Cadence.HOURLY,
    permissions=("SharePointTenantSettings.Read.All",),
    roles=("SharePoint Administrator", "Global Reader"),
    plans=(
        *("SHAREPOINTENTERPRISE", "SHAREPOINTSTANDARD", "SHAREPOINTDESKLESS"),
        "SHAREPOINTWAC",
    ),
    docs=f"{_GRAPH}/sharepointsettings-get",
)

REPORT_SETTINGS = DataSet(
    name="reportSettings",
    path="/admin/reportSettings",
    shape=One(),
    cadence=Cadence.REGULAR,
    permissions=("ReportSettings.Read.All",),
    roles=("Global Reader",),
    docs=f"{_GRAPH}/adminreportsettings-get",
)

APPS_AND_SERVICES = DataSet(
    name="appsAndServicesSettings",
    path="/admin/appsAndServices/settings",
    version="beta",
    shape=One(),
    cadence=Cadence.DAILY,
    permissions=("OrgSettings-AppsAndServices.Read.All",),
    roles=("Global Reader",),
    is_default=False,
    docs=f"{_GRAPH}/adminappsandservices-get?view=graph-rest-beta",
)

FORMS_SETTINGS = DataSet(
    name="formsSettings",
    path="/admin/forms/settings",
    version="beta",
    shape=One(),
    cadence=Cadence.DAILY,
    permissions=("OrgSettings-Forms.Read.All",),
    roles=("Global Reader",),
    plans=(
        *("FORMS_PLAN_E1", "FORMS_PLAN_E3", "FORMS_PLAN_E5", "FORMS_PLAN_K"),
        *("OFFICE_FORMS_PLAN_2", "OFFICE_FORMS_PLAN_3"),
    ),
    is_default=False,
    docs=f"{_GRAPH}/adminforms-get?view=graph-rest-beta",
)
