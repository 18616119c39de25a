"""Export of telemetry: to Application Insights in Azure, to the console locally, else nowhere.

Only the exporter is used, without its distribution: see docs/decisions/0027. Nothing is loaded
while telemetry is off.
"""

import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

# Metrics that an instance has not sent when it is removed are lost.
_METRICS_EVERY_MS = 15_000
# Libraries that log every request; their lines would hide the app's own.
_CHATTY = ("azure", "msal", "urllib3")


def start_telemetry(connection_string: str | None, share: float, *, console: bool) -> None:
    """Start sending spans and metrics, if a destination is configured.

    Log lines are not sent, since the Functions host already collects them. The requests that the
    host records are not sent again either: the spans here are internal.

    Args:
        connection_string: Connection string of Application Insights; it is used with the managed
            identity if APPLICATIONINSIGHTS_AUTHENTICATION_STRING says so.
        share: Sampling rate of traces, 0 to 1. Metrics are not sampled.
        console: Whether to send everything to standard error instead.
    """
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if console:
        _start(*_console(), 1)
    elif connection_string:
        _start(*_application_insights(connection_string), share)


def _start(spans: "SpanExporter", metrics: "MetricExporter", share: float) -> None:
    from azure.core.settings import settings  # noqa: PLC0415  each of these is slow to load
    from opentelemetry import metrics as metrics_api  # noqa: PLC0415
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    # The host also reports the app under this name.
    resource = Resource.create({"service.name": os.environ.get("WEBSITE_SITE_NAME", "manage365")})
    tracing = TracerProvider(sampler=ParentBasedTraceIdRatio(share), resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    trace.set_tracer_provider(tracing)
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=_METRICS_EVERY_MS)
    metrics_api.set_meter_provider(MeterProvider([reader], resource=resource))
    # The Azure SDK creates spans for storage, Key Vault and Graph's pipeline. They contain URLs
    # without query strings.
    settings.tracing_enabled = True


def _console() -> tuple["SpanExporter", "MetricExporter"]:
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

    return ConsoleSpanExporter(out=sys.stderr), ConsoleMetricExporter(out=sys.stderr)


def _application_insights(connection_string: str) -> tuple["SpanExporter", "MetricExporter"]:
    from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    return (
        AzureMonitorTraceExporter(connection_string=connection_string),
        AzureMonitorMetricExporter(connection_string=connection_string),
    )
