"""Microsoft's worker library indexes every function, as called by the local host."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.portal import Portal
from tests.simulation import app_environment

QUEUES = {
    "sync-tenant",
    "purge-tenant",
    "complete-consent",
    "find-due-tenants",
    "poll-msp-gdap",
    "bill-msp",
    "consent-customer",
    "run-operation",
}


async def test_every_function_indexes_in_microsofts_worker(portal: Portal) -> None:
    functions = (await portal.call(None, "GET", "/admin/functions")).body
    named = {function["name"]: function["trigger"] for function in functions}
    document = (await portal.call(None, "GET", "/openapi.json")).body
    operations = {
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "head"  # the function of its GET
    }
    triggered = {name for name, trigger in named.items() if trigger["type"] == "httpTrigger"}
    assert triggered == operations | {"zz_unrouted"}
    queues = {t["queueName"] for t in named.values() if t["type"] == "queueTrigger"}
    assert queues == QUEUES | {f"{queue}-poison" for queue in QUEUES}
    timers = {name for name, trigger in named.items() if trigger["type"] == "timerTrigger"}
    assert timers == {
        "sync_due_tenants",
        "recover_work",
        "poll_gdap_relationships",
        "issue_invoices",
    }


async def test_health_tells_of_storage(portal: Portal) -> None:
    reply = await portal.call(None, "GET", "/health")
    assert (reply.status, reply.body) == (200, {"status": "ok", "storage": "ok"})


def test_garbage_is_collected_again_once_the_app_is_imported(azurite: str, tmp_path: Path) -> None:
    environment = app_environment(azurite, "https://login.example", tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        environment.pop(name)
    shown = "import gc, function_app; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run(
        [sys.executable, "-c", shown], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
