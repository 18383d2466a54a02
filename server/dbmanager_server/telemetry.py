"""OpenTelemetry spans, which the SDK makes of every message: sent only where the usual environment variables say so."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbmanager.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

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


def _discreet(inner: SpanProcessor) -> SpanProcessor:
    """Return a processor that passes spans on without what errors say: names from arguments may stand in it."""
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.trace import Status

    class Discreet(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            said = ReadableSpan(
                span.name, span.context, span.parent, span.resource, span.attributes, (), span.links, span.kind,
                span.instrumentation_info, Status(span.status.status_code), span.start_time, span.end_time,
                span.instrumentation_scope,
            )  # fmt: skip
            inner.on_end(said)

        def shutdown(self) -> None:
            inner.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return inner.force_flush(timeout_millis)

    return Discreet()


def _sending(wanted: str) -> Callable[[], None]:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
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
    provider.add_span_processor(_discreet(processor))
    trace.set_tracer_provider(provider)

    def send_last() -> None:
        thread = threading.Thread(target=provider.shutdown, daemon=True)
        thread.start()
        thread.join(LAST_SECONDS)  # a collector that is away must not hold the process

    return send_last
