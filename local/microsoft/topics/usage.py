"""Reports of the use of Microsoft 365: CSV with one row for each user.

https://learn.microsoft.com/graph/api/resources/report
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from local.microsoft.contents import current
from local.microsoft.filters import Document
from local.microsoft.products import COPILOT, SKUS, plans_of
from local.microsoft.resources import V1, Access, find, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics import organization
from local.microsoft.topics.readers import REPORTS

type Row = dict[str, Any]

_READ = Access(
    words("Reports.Read.All"),
    REPORTS | words("Exchange Administrator|SharePoint Administrator|Teams Administrator"),
)
_PLATFORMS = ("Windows", "Mac", "Mobile", "Web")
_APPS = ("Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams")
_WORKLOADS = {
    "Exchange": "EXCHANGE",
    "OneDrive": "SHAREPOINT",
    "SharePoint": "SHAREPOINT",
    "Skype For Business": "MCO",
    "Yammer": "YAMMER",
    "Teams": "TEAMS",
}
_COPILOT_APPS = (
    *("Copilot Chat", "Microsoft Teams Copilot", "Word Copilot", "Excel Copilot"),
    *("PowerPoint Copilot", "Outlook Copilot", "OneNote Copilot", "Loop Copilot"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report.

    Args:
        row: Returns a user's row, or None if the user is not in the report.
        concealed: The columns whose text is concealed if the tenant wants it.
    """

    row: Callable[[Tenant, Document, str], Row | None]
    concealed: tuple[str, ...]
    periods: frozenset[str] = words("D7|D30|D90|D180")
    access: Access = _READ


def content(tenant: Tenant, report: Report, period: str) -> bytes:
    """Return a report, with a byte-order mark as Microsoft's have.

    The last column is one that no client knows: Microsoft adds columns without notice.
    """
    found = (tenant.directory.user(i, listed=True) for i in tenant.directory.indices())
    rows = [row for user in found if (row := report.row(tenant, user, period)) is not None]
    sample = {"id": "", "userPrincipalName": "", "displayName": "", "assignedLicenses": _EVERY}
    columns = [*(report.row(tenant, sample, period) or {}), "Added Later"]
    if _conceals(tenant):
        rows = [_hidden(row, report.concealed) for row in rows]
    return _csv(columns, rows)


_EVERY = [{"skuId": COPILOT}]


def _csv(columns: list[str], rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _conceals(tenant: Tenant) -> bool:
    found = find(organization.RESOURCES, V1, "admin/reportSettings")
    return bool(found and current(tenant, found, V1)["displayConcealedNames"])


def _hidden(row: Row, names: tuple[str, ...]) -> Row:
    hidden = {
        name: hashlib.sha256(str(row[name]).encode()).hexdigest()[:32].upper() for name in names
    }
    return {**row, **hidden}


def _refreshed(tenant: Tenant) -> str:
    """Return the day of the report's data: it lags two days behind."""
    return (tenant.began - timedelta(days=2)).date().isoformat()


def _random(tenant: Tenant, user: Document, topic: str) -> Random:
    return tenant.random(f"{topic}/{user['id']}")


def _day(tenant: Tenant, random: Random) -> str:
    """Return a day of the last weeks; often, nothing happened at all."""
    ages = tenant.by_profile((2, 3, 5, 9), (2, 3, 20, None), (40, 90, None, None))
    age = random.choice(ages)
    return "" if age is None else (tenant.began - timedelta(days=age)).date().isoformat()


def _apps_of(tenant: Tenant, user: Document, period: str) -> Row | None:
    if not user["assignedLicenses"]:
        return None
    random = _random(tenant, user, "apps")
    last = _day(tenant, random)

    def used() -> str:
        return "Yes" if last and random.random() < 0.5 else "No"

    return {
        "Report Refresh Date": _refreshed(tenant),
        "User Principal Name": user["userPrincipalName"],
        "Last Activation Date": last,
        "Last Activity Date": last,
        "Report Period": period.removeprefix("D"),
        **{platform: used() for platform in _PLATFORMS},
        **{app: used() for app in _APPS},
        **{f"{app} ({platform})": used() for platform in _PLATFORMS for app in _APPS},
    }


def _activity_of(tenant: Tenant, user: Document, _period: str) -> Row:
    random = _random(tenant, user, "activity")
    parts = dict(SKUS)
    products = [parts.get(item["skuId"], "") for item in user["assignedLicenses"]]
    plans = {name for part in products for name in plans_of(part, tenant.service_plans)}
    has = {
        workload: any(name.startswith(start) for name in plans)
        for workload, start in _WORKLOADS.items()
    }
    days = {workload: _day(tenant, random) if has[workload] else "" for workload in has}
    return {
        "Report Refresh Date": _refreshed(tenant),
        "User Principal Name": user["userPrincipalName"],
        "Display Name": user["displayName"],
        "Is Deleted": "False",
        "Deleted Date": "",
        **{f"Has {workload} License": str(there) for workload, there in has.items()},
        **{f"{workload} Last Activity Date": day for workload, day in days.items()},
        **{f"{name} License Assign Date": "2024-01-01" if has[name] else "" for name in has},
        "Assigned Products": "+".join(products),
    }


def _copilot_of(tenant: Tenant, user: Document, period: str) -> Row | None:
    """Return the row of a user with a Copilot licence; others are not in the report."""
    if COPILOT not in {item["skuId"] for item in user["assignedLicenses"]}:
        return None
    random = _random(tenant, user, "copilot")
    days = {f"{app} Last Activity Date": _day(tenant, random) for app in _COPILOT_APPS}
    return {
        "Report Refresh Date": _refreshed(tenant),
        "User Principal Name": user["userPrincipalName"],
        "Display Name": user["displayName"],
        "Last Activity Date": max(days.values()),
        **days,
        "Report Period": period.removeprefix("D"),
    }


_NAMES = ("User Principal Name", "Display Name")
BY_PATH = {
    "reports/getM365AppUserDetail": Report(_apps_of, _NAMES[:1]),
    "reports/getOffice365ActiveUserDetail": Report(_activity_of, _NAMES),
    "copilot/reports/getMicrosoft365CopilotUsageUserDetail": Report(
        _copilot_of, _NAMES, words("D7|D30|D90|D180|ALL")
    ),
}
