"""OpenTelemetry spans, which the SDK makes of every message: sent only where the usual environment variables say so."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from dbmanager.errors import ConfigurationError

VARIABLE = "OTEL_TRACES_EXPORTER"
LAST_SECONDS = 0.5


def switched_on() -> Callable[[], None]:
    """Send spans where `OTEL_TRACES_EXPORTER` says (`otlp`, or `console` for stderr); return what sends the last ones.

    The exporter reads the other variables itself, such as `OTEL_EXPORTER_OTLP_ENDPOINT`. Unset and `none` load nothing.

    Raises: ConfigurationError for another word, or without the package.
    """
    wanted = os.environ.get(VARIABLE, "none")
    if wanted in ("", "none"):
        return lambda: None
    if wanted not in ("otlp", "console"):
        raise ConfigurationError(f"{VARIABLE}={wanted} is not known here", hint="Use otlp, console or none.")
    try:
        return _sending(wanted)
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{VARIABLE}={wanted} needs OpenTelemetry's packages", hint="Run: pip install 'dbmanager-mcp[otel]'"
        ) from None


def _sending(wanted: str) -> Callable[[], None]:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    processor: SpanProcessor
    if wanted == "console":
        processor = SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        processor = BatchSpanProcessor(OTLPSpanExporter())
    provider = TracerProvider(
        resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "dbmanager")})
    )
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)

    def send_last() -> None:
        thread = threading.Thread(target=provider.shutdown, daemon=True)
        thread.start()
        thread.join(LAST_SECONDS)  # a collector that is away must not hold the process

    return send_last
