"""Telemetry turned on and off, each in its own process: OpenTelemetry is set up only once."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.bench.cold_start import SETTINGS
from tests.simulation import ROOT

KEY = "00000000-0000-4000-8000-000000000000"
OFF = """
import sys
import function_app
print([name for name in sys.modules if name.startswith(("opentelemetry", "azure.monitor"))])
"""
ON = """
import function_app
from opentelemetry import metrics, trace
from telemetry import count, span

with span("sync users", rows=3):
    count("sync.tenants", outcome="failed")
trace.get_tracer_provider().force_flush()
metrics.get_meter_provider().force_flush()
"""


async def run(code: str, **settings: str) -> tuple[str, str]:
    """Run Python with the app's settings; return its output."""
    environment = {**os.environ, **SETTINGS, **settings, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode(), errors.decode()


@pytest.fixture
async def application_insights() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server that receives telemetry as Azure does, and what it received."""
    taken: list[dict[str, Any]] = []

    async def track(request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        items = json.loads(body)
        taken.extend(items)
        return web.json_response(
            {"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}
        )

    app = web.Application()
    app.router.add_post("/v2.1/track", track)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield f"InstrumentationKey={KEY};IngestionEndpoint={address}", taken
    await runner.cleanup()


async def test_telemetry_that_is_off_is_not_even_loaded() -> None:
    out, _ = await run(OFF)
    assert out == "[]\n"


async def test_telemetry_goes_to_application_insights_under_the_alerts_names(
    application_insights: tuple[str, list[dict[str, Any]]],
) -> None:
    connection_string, taken = application_insights
    await run(
        ON,
        APPLICATIONINSIGHTS_CONNECTION_STRING=connection_string,
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        TELEMETRY_SHARE="1",
    )
    told = [item["data"] for item in taken]
    spans = [t["baseData"] for t in told if t["baseType"] == "RemoteDependencyData"]
    assert [(s["name"], s["properties"]["rows"]) for s in spans] == [("sync users", "3")]
    metrics = [t["baseData"] for t in told if t["baseType"] == "MetricData"]
    (ours,) = (m for m in metrics if m["metrics"][0]["name"] == "manage365.sync.tenants")
    assert ours["properties"] == {"outcome": "failed"}
    assert ours["metrics"][0]["value"] == 1
    # The Functions host records these already; the app must not record them too.
    assert not [t for t in told if t["baseType"] in ("RequestData", "MessageData")]


async def test_telemetry_goes_to_the_console_of_a_developer() -> None:
    out, errors = await run(ON, TELEMETRY_CONSOLE="true")
    assert out == ""
    assert '"name": "sync users"' in errors
    assert '"name": "manage365.sync.tenants"' in errors
