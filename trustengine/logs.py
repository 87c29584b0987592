"""Structured logs: JSON lines for machines, short coloured lines for a terminal.

Two loggers have a meaning of their own: ``security`` holds every attempt that was
refused for a reason of trust, and ``access`` one line per request. Lines within a
request carry its ``request_id``, lines within a job its ``job_id``. Nothing logs a
token, a password, an e-mail address or a text that a person wrote; what would slip
in through a library's message or a traceback is redacted.
"""

import logging
from typing import Any

import structlog

from trustengine.redaction import redact

SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


def logging_config(style: str, *, level: str) -> dict[str, Any]:
    """The dictConfig of the process; ``style`` is json or console."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": {"()": formatter, "style": style}},
        "filters": {"exceptions": {"()": "django.utils.log.CallbackFilter", "callback": _has_exception}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR", "filters": ["exceptions"]},  # the access line says the rest
            "psycopg.pool": {"level": "ERROR"},  # a line per attempt while PostgreSQL is away
            "rq": {"level": "WARNING"},
            "rq.worker": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},  # below it, it quotes what was sent and answered
        },
    }


def _has_exception(record: logging.LogRecord) -> bool:
    return record.exc_info is not None


def formatter(style: str = "json", **ignored: Any) -> logging.Formatter:
    """What turns a record into a line, ours as well as those of libraries and of the web server."""
    renderer: Any = structlog.dev.ConsoleRenderer() if style == "console" else structlog.processors.JSONRenderer()
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer],
        foreign_pre_chain=SHARED_PROCESSORS,
    )
