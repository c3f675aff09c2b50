"""Logs: one stable event name and its fields; as text for people or as JSON lines for machines.

An event may carry `says`, the sentence that operators know, with its fields in braces; the text form prints that.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger


def configure(form: Literal["text", "json"]) -> None:
    """Send all logs to standard output in one form, unbuffered by line."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    rendering: list[Any] = (
        [structlog.processors.TimeStamper(fmt="iso", utc=True), _drop_sentence, structlog.processors.JSONRenderer()]
        if form == "json"
        else [_as_text]
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(),  # to what standard output is when a logger is bound
        cache_logger_on_first_use=False,
    )


def _drop_sentence(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("says", None)
    return event


def _as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    name, level = event.pop("event"), event.pop("level")
    says, exception = event.pop("says", None), event.pop("exception", None)
    mark = "" if level == "info" else f" {level.upper()}"
    if says:
        line = says.format_map(event)
    else:
        line = " ".join([f"[remora]{mark} {name}", *(f"{key}={value}" for key, value in event.items())])
    return f"{line}\n{exception}" if exception else line
