"""What a column may hold, as CHECK constraints that are made from the models' fields.

One mechanism for all models, so that a new field cannot be forgotten: closed sets from
``choices``, lengths of text and bytes from ``max_length``, limits of numbers from their
validators. (Django itself makes ``varchar(n)``, and the CHECK of its positive numbers.)
A registry that others add to is no closed set: its model names the field in
``open_choices``.

The constraints are no part of migrations. Each ``migrate`` takes away those that the fields no
longer ask for before it begins, so that a migration may write new values, and adds those
that are missing when it has ended: first ``NOT VALID``, which takes a moment and protects
what is written from then on, then ``VALIDATE``, which reads the table beside the traffic.
Rows from before that break a bound stop nothing, and are named by ``check``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import BaseValidator, MaxValueValidator, MinLengthValidator, MinValueValidator
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, models
from psycopg import sql

from trustengine.database.timeouts import migrating

logger = structlog.get_logger(__name__)

PREFIX = "bound_"
HELD = """
    SELECT relation.relname, con.conname, con.convalidated
    FROM pg_constraint con JOIN pg_class relation ON relation.oid = con.conrelid
    WHERE con.contype = 'c' AND con.conname LIKE 'bound\\_%%' AND relation.relname = ANY(%s)
        AND pg_table_is_visible(relation.oid)
"""
COLUMNS = """
    SELECT relation.relname, attribute.attname
    FROM pg_attribute attribute JOIN pg_class relation ON relation.oid = attribute.attrelid
    WHERE attribute.attnum > 0 AND NOT attribute.attisdropped AND relation.relname = ANY(%s)
        AND pg_table_is_visible(relation.oid)
"""


@dataclass(frozen=True)
class Bound:
    """A condition on one column. Its name changes with the condition."""

    table: str
    column: str
    condition: str

    @property
    def name(self) -> str:
        digest = sha256(self.condition.encode()).hexdigest()[:8]
        return f"{PREFIX}{self.column[:40]}_{digest}"

    @property
    def key(self) -> tuple[str, str]:
        return self.table, self.name


def own_models(app: AppConfig | None = None) -> list[type[models.Model]]:
    """The models of this project's apps that have tables, those of many-to-many fields included."""
    packages = {file.parent.name for file in Path(settings.BASE_DIR).glob("*/__init__.py")}
    found = (app or apps).get_models(include_auto_created=True)
    return [
        model
        for model in found
        if model._meta.managed and not model._meta.proxy and model._meta.app_config.name.split(".")[0] in packages
    ]


def bounds_of(model: type[models.Model]) -> list[Bound]:
    """The bounds of a model's own columns."""
    table = model._meta.db_table
    unlisted: frozenset[str] = getattr(model, "open_choices", frozenset())
    return [
        Bound(table, str(field.column), condition)
        for field in model._meta.local_concrete_fields
        if not field.generated and not field.is_relation  # type: ignore[attr-defined]
        for condition in _conditions(field, is_open=field.name in unlisted)
    ]


def wanted(app: AppConfig | None = None) -> list[Bound]:
    """The bounds of all own models, or of one app's."""
    return [bound for model in own_models(app) for bound in bounds_of(model)]


def held(tables: Iterable[str], using: str = DEFAULT_DB_ALIAS) -> dict[tuple[str, str], bool]:
    """The bounds that these tables have, by table and name: whether every row is known to keep it."""
    with connections[using].cursor() as cursor:
        cursor.execute(HELD, [list(tables)])
        return {(table, name): validated for table, name, validated in cursor.fetchall()}


def drop_outdated(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Take away an app's bounds that its fields no longer ask for. Connected to ``pre_migrate``."""
    asked_for = {bound.key for bound in wanted(sender)}
    outdated = defaultdict(list)
    for table, name in held(_tables(sender), using):
        if (table, name) not in asked_for:
            outdated[table].append(sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)))
    with migrating():
        _alter(using, outdated)


def add_missing(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Add an app's bounds that are not there, and prove them of the rows that are. Connected to ``post_migrate``.

    Runs again without harm.
    """
    bounds = wanted(sender)
    if not bounds:
        return
    tables = _tables(sender)
    with connections[using].cursor() as cursor:
        cursor.execute(COLUMNS, [tables])
        there = set(cursor.fetchall())  # migrating backwards leaves tables and columns out
    state = held(tables, using)
    additions, proofs = defaultdict(list), defaultdict(list)
    for bound in bounds:
        if (bound.table, bound.column) not in there:
            continue
        name = sql.Identifier(bound.name)
        if bound.key not in state:
            check = sql.SQL(bound.condition)  # type: ignore[arg-type]
            additions[bound.table].append(sql.SQL("ADD CONSTRAINT {} CHECK ({}) NOT VALID").format(name, check))
        if not state.get(bound.key):
            proofs[bound.table].append(sql.SQL("VALIDATE CONSTRAINT {}").format(name))
    with migrating():
        _alter(using, additions)
        _prove(using, proofs)


def _prove(using: str, proofs: dict[str, list[sql.Composed]]) -> None:
    """All of a table's in one pass over its rows; where some rows break one, each by itself."""
    for table, clauses in proofs.items():
        try:
            _alter(using, {table: clauses})
        except IntegrityError:
            for clause in clauses:
                try:
                    _alter(using, {table: [clause]})
                except IntegrityError as error:
                    logger.warning("bound_broken_by_earlier_rows", table=table, error=str(error).splitlines()[0])


def _alter(using: str, changes: dict[str, list[sql.Composed]]) -> None:
    connection = connections[using]
    for table, clauses in changes.items():
        statement = sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), sql.SQL(", ").join(clauses))
        with connection.cursor() as cursor:
            # No parameters: percent signs of a condition stay what they are.
            cursor.execute(statement.as_string(None))


def _tables(app: AppConfig) -> list[str]:
    return [model._meta.db_table for model in own_models(app)]


def _conditions(field: "models.Field[Any, Any]", *, is_open: bool) -> Iterator[str]:
    column = sql.Identifier(str(field.column)).as_string(None)
    if isinstance(field, ArrayField):
        if field.base_field.choices and not is_open:
            # The literals take the column's type.
            yield f"{column} <@ ARRAY[{_literals(field.base_field)}]::{field.db_type(connections[DEFAULT_DB_ALIAS])}"
        return
    if field.choices and not is_open:
        yield f"{column} IN ({_literals(field)})"
    if isinstance(field, models.TextField) and field.max_length:
        yield f"char_length({column}) <= {field.max_length}"
    if isinstance(field, models.BinaryField) and field.max_length:
        yield f"octet_length({column}) <= {field.max_length}"
    for kind, form in LIMITS.items():
        for validator in field._validators:  # type: ignore[attr-defined]
            if type(validator) is kind and isinstance(validator, BaseValidator):
                limit = validator.limit_value() if callable(validator.limit_value) else validator.limit_value
                yield form(column, sql.Literal(limit).as_string(None))


def _literals(field: "models.Field[Any, Any]") -> str:
    values = [value for value, _ in field.flatchoices if value is not None]
    if field.blank and field.empty_strings_allowed and "" not in values:
        values.append("")
    return ", ".join(sql.Literal(value.value if hasattr(value, "value") else value).as_string(None) for value in values)


LIMITS: dict[type, Callable[[str, str], str]] = {
    MinValueValidator: lambda column, limit: f"{column} >= {limit}",
    MaxValueValidator: lambda column, limit: f"{column} <= {limit}",
    MinLengthValidator: lambda column, limit: f"char_length({column}) >= {limit}",
}
