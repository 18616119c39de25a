"""Microsoft's worker library indexes every function, as called by the local host."""

from tests.e2e.portal import Portal

QUEUES = {"sync-tenant", "purge-tenant", "complete-consent"}


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
