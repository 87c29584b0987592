"""The function in the database that follows orders: the statements of ``metrics.statements``, their plans kept.

Sent as text, they took PostgreSQL longer to parse and to plan than to run. A session keeps
the plans of a function's statements, and here they are made once, for any keys
(``force_generic_plan``): few rows, each looked up by its index.

A migration installs the function, and names the digest of its text. So whoever changes a
definition is told by a test to add another migration, and a deployment that has not run it
is not ready.
"""

import re
from hashlib import sha256

from django.db.migrations.operations import RunSQL

from metrics import statements
from metrics.statements import TOUCHED

PARAMETERS = {
    "vendors": "uuid[]",
    "days": "date[]",
    "currencies": "text[]",
    "minutes": "integer[]",
    "default_bps": "integer",
}
NAME = "metrics_follow_minutes"


def follow_minutes() -> str:
    """Its definition."""
    signature = ", ".join(f"_{name} {kind}" for name, kind in PARAMETERS.items())
    body = _body(statements.vendor_days(TOUCHED) + statements.platform_days())
    return f"""
CREATE OR REPLACE FUNCTION {NAME}({signature}) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
AS $$
#variable_conflict use_column
BEGIN
{body}
END
$$;
"""


def digest() -> str:
    """Of its definition, however it is laid out."""
    return sha256(" ".join(follow_minutes().split()).encode()).hexdigest()[:16]


def install(told: str) -> RunSQL:
    """For a migration: make the function what it is now. ``told`` is its ``digest()``."""
    types = ", ".join(PARAMETERS.values())
    operation = RunSQL(follow_minutes(), f"DROP FUNCTION IF EXISTS {NAME}({types})")
    operation.digest = told  # type: ignore[attr-defined]
    return operation


def _body(text: str) -> str:
    """The statements with the function's parameters in place of a client's."""
    named = re.sub(r"%\((\w+)\)s(::[a-z]+(\[\])?)?", r"_\1", text).replace("%%", "%")
    each = (" ".join(statement.split()) for statement in named.split(";"))
    return "\n".join(f"    {re.sub(r'^SELECT ', 'PERFORM ', statement)};" for statement in each if statement)
