"""The database's set-up, proved on the running system by ``manage.py check --database default``."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pgtrigger
from django.db import connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from trustengine.database.bounds import held, own_models, wanted
from trustengine.database.proving import proves
from trustengine.database.timeouts import timeout_problems
from trustengine.operations.schema import compare_schema
from trustengine.row_security import Wall
from trustengine.stored_functions import Install

MIGRATE = "Run manage.py migrate."
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, convalidated, pg_get_constraintdef(con.oid),
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey))
    FROM pg_constraint con WHERE conrelid = ANY(%s::regclass[])
    UNION ALL
    SELECT indrelid::regclass::text, relname, 'i', indisvalid, '', '{}'
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = ANY(%s::regclass[])
"""
WALL = """
    SELECT relrowsecurity, relforcerowsecurity, quote_ident(nspname) || '.' || quote_ident(relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = to_regclass(%s)
"""
POLICIES = """
    SELECT polname, polcmd::text, polpermissive, polroles::text,
        pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    FROM pg_policy WHERE polrelid = to_regclass(%s) ORDER BY polname
"""


@proves("operations.E001", hint=f"{MIGRATE} It sets them on the role of DATABASE_URL; poolers must reconnect.")
def database_timeouts() -> Iterator[str]:
    """A fresh connection has the time-outs that the settings name."""
    for problem in timeout_problems():
        yield f"{problem}: requests may wait for each other without an end."


@proves("operations.E002", hint=MIGRATE)
def migrations_applied() -> Iterator[str]:
    for app, name in compare_schema().pending:
        yield f"The migration {app}.{name} is not applied."


@proves("operations.E003", hint=f"{MIGRATE} Rows that break a bound must be corrected before it can be proved.")
def column_bounds() -> Iterator[str]:
    """Every bounded column has its CHECK, and no row breaks it."""
    bounds = wanted()
    state = held({bound.table for bound in bounds})
    for bound in bounds:
        if bound.key not in state:
            yield f"{bound.table}.{bound.column} may hold anything: the constraint {bound.name} is missing."
        elif not state[bound.key]:
            yield f"{bound.table}.{bound.column} has rows from before that break {bound.name}: {bound.condition}."


@proves("operations.E004", hint="Add it by hand, as `manage.py sqlmigrate` shows it.")
def model_constraints() -> Iterator[str]:
    """Every constraint and index of the models is there, and valid; so are foreign keys and signs of counts."""
    tables = {model._meta.db_table: model for model in own_models()}
    names: dict[str, dict[str, bool]] = defaultdict(dict)
    foreign, positive = set(), set()
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS, [list(tables), list(tables)])
        for table, name, kind, is_valid, definition, columns in cursor.fetchall():
            names[table][name] = is_valid
            foreign |= {(table, column) for column in columns if kind == "f"}
            positive |= {(table, column) for column in columns if kind == "c" and ">= 0" in definition}
    for table, model in tables.items():
        for each in [*model._meta.constraints, *model._meta.indexes]:
            if each.name not in names[table]:
                yield f"{table} lacks {each.name}."
            elif not names[table][each.name]:
                yield f"{table} has {each.name}, which is not valid."
        for field in model._meta.local_concrete_fields:
            has_constraint = isinstance(field, models.ForeignKey) and getattr(field, "db_constraint", True)
            if has_constraint and (table, field.column) not in foreign:
                yield f"{table}.{field.column} lacks its foreign key."
            if _is_positive(field) and (table, field.column) not in positive:
                yield f"{table}.{field.column} may be negative."


def _is_positive(field: Any) -> bool:
    kinds = models.PositiveIntegerField | models.PositiveSmallIntegerField | models.PositiveBigIntegerField
    return isinstance(field, kinds)


@proves("operations.E005", hint="Run manage.py pgtrigger install.")
def triggers() -> Iterator[str]:
    """Every trigger is there as the models declare it, and enabled, and so is the function that it calls."""
    for model, trigger in pgtrigger.registered():
        table, (status, is_enabled) = model._meta.db_table, trigger.get_installation_status(model)
        if status != pgtrigger.core.INSTALLED:
            yield f"The trigger {trigger.name} of {table} is {status.lower()}."
        elif not is_enabled:
            yield f"The trigger {trigger.name} of {table} is switched off."
        else:
            installation = trigger.compile(model).install_sql
            for function in (trigger.get_pgid(model), "_pgtrigger_should_ignore"):
                if _body(function) != _written_body(function, installation):
                    yield f"The trigger {trigger.name} of {table} calls {function}, which was altered."


@proves("operations.E006", hint="Bring back the policies that the migrations of the table made (row_security.wall).")
def row_security() -> Iterator[str]:
    """Every walled table has its policies, as the migrations wrote them, also for its owner."""
    for wall in _last(Wall, lambda operation: operation.table):
        with connection.cursor() as cursor:
            cursor.execute(WALL, [wall.table])
            enabled, forced, place = cursor.fetchone() or (False, False, "")
        if not (enabled and forced):
            yield f"Row-level security of {wall.table} is {'not forced on its owner' if enabled else 'switched off'}."
        elif _policies(wall.table) != _intended(wall, place):
            yield f"The policies of {wall.table} are not those of its migrations."


def _policies(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(POLICIES, [table])
        return cursor.fetchall()  # type: ignore[no-any-return]


def _intended(wall: Wall, place: str) -> list[tuple[Any, ...]]:
    """The policies as PostgreSQL itself words them: made on an empty copy of the table, which is taken back."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {wall.table} (LIKE {place})")
            for policy in wall.policies:
                cursor.execute(policy)
        intended = _policies(f"pg_temp.{wall.table}")
        transaction.set_rollback(True)
    return intended


@proves("operations.E007", hint="Install it again: the migration that has it with Install() shows how.")
def stored_functions() -> Iterator[str]:
    """Every stored function is there as the code has it."""
    for install in _last(Install, lambda operation: operation.function.name):
        function = install.function
        with connection.cursor() as cursor:
            signature = f"{function.name}({function.parameters})"
            cursor.execute("SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure(%s)", [signature])
            found = cursor.fetchone()
        if found is None:
            yield f"The function {function.name} is missing."
        elif found[0].strip() not in function.definition:
            yield f"The function {function.name} was altered."


def _last(kind: type[Operation], name: Any) -> list[Any]:
    """The last operation of a kind for each name, in the order of migrations."""
    graph = MigrationLoader(None).graph
    last: dict[str, Any] = {}
    for node in graph.leaf_nodes():
        for key in graph.forwards_plan(node):  # type: ignore[arg-type]
            operations = graph.nodes[key].operations  # type: ignore[index, union-attr]
            last |= {name(operation): operation for operation in operations if isinstance(operation, kind)}
    return list(last.values())


def _written_body(function: str, installation: str) -> str:
    found = re.search(rf"FUNCTION\s+\S*{function}\(.*?\$\$(.*?)\$\$", installation, re.DOTALL)
    return _spaceless(found[1]) if found else ""


def _body(function: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s AND pg_function_is_visible(oid)", [function])
        found = cursor.fetchone()
    return _spaceless(found[0]) if found else ""


def _spaceless(text: str) -> str:
    return re.sub(r"\s+", "", text)
