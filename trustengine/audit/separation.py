"""The tables of the audit belong to a role of their own; the application's role inserts and reads, and no more.

So whoever can make the application run SQL cannot alter or remove what was recorded, and
cannot replace the triggers either. Roles and owners are changed by a superuser: by ``migrate``
and ``up`` on the embedded PostgreSQL, by an operator on another, with the statements that
``manage.py audit_owner`` prints. Migrations need the tables back for as long as they run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from trustengine.database.timeouts import MIGRATION_LOCK_MS
from trustengine.embedded import addresses
from trustengine.embedded.addresses import POSTGRES_PORT
from trustengine.embedded.postgres import DATABASE, SUPERUSER

OWNER = "trustengine_audit"
# Sealing takes away the rows of what waited. An entry without such a row is found by its seal, or by its lack of one.
RIGHTS = {
    "audit_entry": "SELECT, INSERT",
    "audit_seal": "SELECT, INSERT",
    "audit_verification": "SELECT, INSERT",
    "audit_unsealed": "SELECT, INSERT, DELETE",
}
# No pooler stands before the embedded PostgreSQL. Whatever the role has made elsewhere is not called by mistake.
SUPERUSER_OPTIONS = f"-c lock_timeout={MIGRATION_LOCK_MS} -c search_path=public"
SEQUENCES = ("audit_entry_positions", "audit_verification_id_seq")
# Whoever owns a trigger's function can make it do nothing.
FUNCTIONS = """
    SELECT tgfoid::regprocedure FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = ANY({tables}::regclass[])
    UNION SELECT oid::regprocedure FROM pg_proc WHERE proname = '_pgtrigger_should_ignore'
"""
HAND_OVER = """
DO $do$
DECLARE
    part text;
    named regprocedure;
BEGIN
    IF to_regclass('audit_entry') IS NULL THEN
        RETURN;
    END IF;
    FOREACH part IN ARRAY {tables} LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO %I', part, {owner});
    END LOOP;
    FOR named IN {functions} LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', named, {owner});
    END LOOP;
END $do$;
"""
PREPARE = """
DO $do$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {owner}) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', {owner});
    END IF;
    -- The owner of a schema may drop its tables, whoever owns those.
    EXECUTE format('ALTER SCHEMA public OWNER TO %I', current_user);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', {role});
END $do$;
"""
FOUND = """
    SELECT relname, pg_get_userbyid(relowner), pg_has_role(relowner, 'MEMBER'),
        has_table_privilege(pg_class.oid, 'UPDATE, TRUNCATE'), has_table_privilege(pg_class.oid, 'DELETE')
    FROM pg_class WHERE pg_class.oid = ANY(%s::regclass[]) ORDER BY relname
"""
OWNED = """
    SELECT named::text FROM ({functions}) AS function (named) JOIN pg_proc ON pg_proc.oid = named
    WHERE pg_has_role(proowner, 'MEMBER') ORDER BY 1
"""
SCHEMAS = """
    SELECT DISTINCT nspname::text FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid
    WHERE pg_class.oid = ANY(%s::regclass[]) AND pg_has_role(nspowner, 'MEMBER')
"""


def separating(role: str) -> str:
    """Statements for a superuser, which leave ``role`` the rights of ``RIGHTS`` and no others."""
    to = sql.Identifier(role)
    grants = [
        part
        for table, rights in RIGHTS.items()
        for part in (
            sql.SQL("REVOKE ALL ON {} FROM {};").format(sql.Identifier(table), to),
            sql.SQL("GRANT {} ON {} TO {};").format(sql.SQL(rights), sql.Identifier(table), to),  # type: ignore[arg-type]
        )
    ]
    grants += [sql.SQL("GRANT USAGE, SELECT ON SEQUENCE {} TO {};").format(sql.Identifier(s), to) for s in SEQUENCES]
    prepare = sql.SQL(PREPARE).format(owner=sql.Literal(OWNER), role=sql.Literal(role)).as_string(None)
    return "\n".join([prepare, _hand_over(OWNER), *(grant.as_string(None) for grant in grants)])


def giving_back(role: str) -> str:
    """Statements for a superuser, which make ``role`` the owner of everything again, for migrations."""
    return _hand_over(role)


@contextmanager
def given_back() -> Iterator[None]:
    """Own everything inside the block, on the embedded PostgreSQL; afterwards the audit is separated (again)."""
    if settings.DATABASE_URL:
        yield
        return
    role = connection.settings_dict["USER"]
    _as_superuser(giving_back(role))
    try:
        yield
    finally:
        separate()


def separate() -> None:
    """Separate the audit on the embedded PostgreSQL. Runs again without harm."""
    if not settings.DATABASE_URL and any(problems()):
        _as_superuser(separating(connection.settings_dict["USER"]))


def problems() -> Iterator[str]:
    """Ways by which the application's role could alter or remove what was recorded."""
    tables = list(RIGHTS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolname::text FROM pg_roles WHERE rolname = current_user")
        is_superuser, role = cursor.fetchone()
        if is_superuser:
            yield f"The application's role {role} is a superuser: it may alter what was recorded."
            return
        cursor.execute(FOUND, [tables])
        for table, owner, is_mine, may_update, may_delete in cursor.fetchall():
            if is_mine:
                yield f"{table} belongs to {owner}, by which the application's role may alter what was recorded."
            elif may_update or (may_delete and "DELETE" not in RIGHTS[table]):
                yield f"The application's role may change rows of {table}."
        cursor.execute(OWNED.format(functions=FUNCTIONS.format(tables="%s")), [tables])
        for (function,) in cursor.fetchall():
            yield f"The function {function} of the audit's triggers belongs to the application's role."
        cursor.execute(SCHEMAS, [tables])
        for (schema,) in cursor.fetchall():
            yield f"The schema {schema} belongs to the application's role, which may drop the audit's tables by that."


def _hand_over(owner: str) -> str:
    tables = sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(sql.Literal(table) for table in RIGHTS))
    functions = sql.SQL(FUNCTIONS).format(tables=tables)
    return sql.SQL(HAND_OVER).format(tables=tables, functions=functions, owner=sql.Literal(owner)).as_string(None)


def _as_superuser(statements: str) -> None:
    """Run statements on the embedded PostgreSQL by a connection of its own."""
    sockets = str(addresses(settings.DATA_DIR).directory)
    with (
        connection.wrap_database_errors,
        psycopg.connect(
            host=sockets, port=POSTGRES_PORT, user=SUPERUSER, dbname=DATABASE, options=SUPERUSER_OPTIONS
        ) as superuser,
    ):
        superuser.execute(statements)
    superuser.close()
