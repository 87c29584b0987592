"""Many rows in few statements: COPY for new ones, one UPDATE from arrays for others, one array to find them by.

These go around model instances, whose making costs more than their storing. Defaults,
``auto_now`` and JSON are honoured; ``save()`` overrides and signals do not exist here.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import NOT_PROVIDED, BooleanField, F, Field, Func, JSONField, Model
from psycopg.types.json import Jsonb

from trustengine.database_time import database_now

Values = dict[str, Any]


class Among(Func):
    """``column = ANY(array)``, for ``filter()``: the same as ``__in``, but one parameter instead of thousands."""

    output_field = BooleanField()

    def __init__(self, name: str, members: Iterable[Any]) -> None:
        super().__init__(F(name))
        self.members = list(members)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        column, parameters = compiler.compile(self.source_expressions[0])
        return f"{column} = ANY(%s)", [*parameters, self.members]


def insert_rows(model: type[Model], rows: Iterable[Values]) -> None:
    """COPY rows, all with the same members by column attribute (``product_id``), and the defaults for the rest.

    Raises IntegrityError where a key exists.
    """
    waiting = list(rows)
    if not waiting:
        return
    database_now()  # its clock cannot be read during the COPY
    fields = [field for field in model._meta.concrete_fields if not field.generated and _is_written(field, waiting[0])]
    names = ", ".join(_quoted(str(field.column)) for field in fields)
    # Errors of a COPY come past Django's cursor, so they are translated here.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {_table(model)} ({names}) FROM STDIN") as copy,
    ):
        for row in waiting:
            copy.write_row(
                [_plain(field, row[field.attname]) if field.attname in row else _default(field) for field in fields]
            )


def insert_row(row: Model) -> None:
    """INSERT one new row as it is: for what is written with every request, where ``save()`` costs more than the row.

    What the database makes itself is not read back.
    """
    statement, fields = _insertion(type(row))
    values = [_plain(field, getattr(row, field.attname)) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    row._state.adding = False


@cache
def _insertion(model: type[Model]) -> tuple[str, "list[Field[Any, Any]]"]:
    fields = [field for field in model._meta.concrete_fields if not field.generated and _is_written(field, {})]
    names = ", ".join(_quoted(str(field.column)) for field in fields)
    return f"INSERT INTO {_table(model)} ({names}) VALUES ({', '.join(['%s'] * len(fields))})", fields


def update_rows(model: type[Model], key: Sequence[str], rows: Sequence[Values]) -> None:
    """Update rows by their key, all with the same members, in one statement."""
    if not rows:
        return
    now = database_now()
    touched = {field.attname: now for field in model._meta.concrete_fields if getattr(field, "auto_now", False)}
    complete = [touched | row for row in rows]
    fields = {field.attname: field for field in model._meta.concrete_fields if field.attname in complete[0]}
    columns = {name: _quoted(str(field.column)) for name, field in fields.items()}
    assignments = ", ".join(f"{column} = given.{column}" for name, column in columns.items() if name not in key)
    arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields.values())
    match = " AND ".join(f"stored.{columns[name]} = given.{columns[name]}" for name in key)
    with connection.cursor() as cursor:
        cursor.execute(  # names come from the model, quoted
            f"UPDATE {_table(model)} AS stored SET {assignments} "  # nosec B608
            f"FROM unnest({arrays}) AS given ({', '.join(columns.values())}) WHERE {match}",
            [[_plain(field, row[name]) for row in complete] for name, field in fields.items()],
        )


def _is_written(field: "Field[Any, Any]", row: Values) -> bool:
    """Leave out what the database makes itself: identity keys, and defaults of its own."""
    made = (field.primary_key and field.default is NOT_PROVIDED) or field.has_db_default()  # type: ignore[attr-defined]
    return field.attname in row or not made


def _default(field: "Field[Any, Any]") -> Any:
    return database_now() if getattr(field, "auto_now", False) else _plain(field, field.get_default())


def _plain(field: "Field[Any, Any]", value: Any) -> Any:
    return Jsonb(value) if isinstance(field, JSONField) and value is not None else value


def _table(model: type[Model]) -> str:
    return _quoted(model._meta.db_table)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
