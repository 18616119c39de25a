"""Graph's reports: each a redirect to where its file can be downloaded.

https://learn.microsoft.com/graph/api/resources/report
"""

import re

from local.microsoft.answers import GraphAnswer, Refused
from local.microsoft.callers import Caller
from local.microsoft.downloads import Downloads
from local.microsoft.resources import Refusal
from local.microsoft.tenant import Tenant
from local.microsoft.topics.usage import BY_PATH, content

_CALL = re.compile(r"^(?P<path>.*?)\(period='(?P<period>\w*)'\)$")
_DENIED = Refusal(403, "S2SUnauthorized", "Invalid permission.")


def is_report(path: str) -> bool:
    """Return whether a path calls a report, known or not."""
    return _CALL.match(path) is not None


def redirect(downloads: Downloads, tenant: Tenant, caller: Caller, path: str) -> GraphAnswer:
    """Answer a request of Graph for a report."""
    call = _CALL.match(path)
    report = BY_PATH.get(call["path"]) if call else None
    if call is None or report is None:
        raise Refused(400, "BadRequest", f"Resource not found for the segment '{path}'.")
    caller.check(report.access, _DENIED)
    if call["period"] not in report.periods:
        raise Refused(400, "InvalidArgument", f"Invalid period value: {call['period']}.")
    location = downloads.add(content(tenant, report, call["period"]))
    return GraphAnswer(302, None, {"Location": location, "Content-Type": "text/plain"})
