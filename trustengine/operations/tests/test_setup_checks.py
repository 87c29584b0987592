"""Each step of the database's set-up is broken once, and ``check --database default`` names it."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from reviews.models import Review
from trustengine.database.bounds import bounds_of
from trustengine.jobs.models import CronSlot
from trustengine.jobs.registry import schedules
from trustengine.jobs.sweep import open_slot

pytestmark = pytest.mark.django_db


def found():
    """The messages about the database, by their identifiers."""
    messages = run_checks(databases=["default"], tags=["database"])
    # The tests' database is one that is given: nobody has separated its audit.
    return [(message.id, message.msg) for message in messages if message.id != "audit.W010"]


def execute(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def bound_of_status():
    return next(bound.name for bound in bounds_of(Review) if bound.column == "status")


IGNORE = (
    "CREATE OR REPLACE FUNCTION {}(trigger_name NAME) RETURNS BOOLEAN AS $$ BEGIN RETURN TRUE; END; $$ LANGUAGE plpgsql"
)
NO_TRIGGER = "CREATE OR REPLACE FUNCTION {}() RETURNS TRIGGER AS $$ BEGIN RETURN NEW; END; $$ LANGUAGE plpgsql"
BROKEN = {
    "a migration": (
        "DELETE FROM django_migrations WHERE app = 'metrics' AND name = '0002_functions'",
        ("operations.E002", "metrics.0002_functions is not applied"),
    ),
    "a bound": (
        lambda: f"ALTER TABLE reviews_review DROP CONSTRAINT {bound_of_status()}",
        ("operations.E003", "reviews_review.status may hold anything"),
    ),
    "a constraint": (
        "ALTER TABLE reviews_review DROP CONSTRAINT review_rating_1_to_5",
        ("operations.E004", "reviews_review lacks review_rating_1_to_5"),
    ),
    "a unique index": (
        "DROP INDEX review_one_live_per_author",
        ("operations.E004", "reviews_review lacks review_one_live_per_author"),
    ),
    "a foreign key": (
        "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE orders_orderitem DROP CONSTRAINT ' || conname FROM pg_constraint "
        "WHERE conrelid = 'orders_orderitem'::regclass AND contype = 'f' AND conname LIKE '%order_id%'); END $$",
        ("operations.E004", "orders_orderitem.order_id lacks its foreign key"),
    ),
    "a sign": (
        "ALTER TABLE reviews_review DROP CONSTRAINT reviews_review_report_count_check",
        ("operations.E004", "reviews_review.report_count may be negative"),
    ),
    "a trigger": (
        "DO $$ BEGIN EXECUTE (SELECT 'DROP TRIGGER ' || tgname || ' ON audit_entry' FROM pg_trigger "
        "WHERE tgrelid = 'audit_entry'::regclass AND tgname LIKE 'pgtrigger_append_only%'); END $$",
        ("operations.E005", "The trigger append_only of audit_entry is uninstalled"),
    ),
    "a trigger switched off": (
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        ("operations.E005", "The trigger no_truncate of audit_entry is switched off"),
    ),
    "a trigger's function": (
        NO_TRIGGER.format("pgtrigger_append_only_a6b88"),
        ("operations.E005", "The trigger append_only of audit_entry calls pgtrigger_append_only_a6b88, which was"),
    ),
    "what all triggers ask": (
        IGNORE.format("_pgtrigger_should_ignore"),
        ("operations.E005", "The trigger append_only of audit_seal calls _pgtrigger_should_ignore, which was altered"),
    ),
    "row security": (
        "ALTER TABLE billing_payout DISABLE ROW LEVEL SECURITY",
        ("operations.E006", "Row-level security of billing_payout is switched off"),
    ),
    "row security for the owner": (
        "ALTER TABLE billing_usageevent NO FORCE ROW LEVEL SECURITY",
        ("operations.E006", "Row-level security of billing_usageevent is not forced on its owner"),
    ),
    "a policy": (
        "ALTER POLICY seen_by_caller ON billing_ledgerentry USING (true)",
        ("operations.E006", "The policies of billing_ledgerentry are not those of its migrations"),
    ),
    "one policy more": (
        "CREATE POLICY open_door ON billing_payoutbatch USING (true)",
        ("operations.E006", "The policies of billing_payoutbatch are not those of its migrations"),
    ),
    "a stored function": (
        "DROP FUNCTION jobs_finish(text, integer)",
        ("operations.E007", "The function jobs_finish is missing"),
    ),
    "a group": (
        "DELETE FROM auth_group_permissions WHERE permission_id IN "
        "(SELECT id FROM auth_permission WHERE codename = 'approve_payout')",
        ("accounts.E010", "The group Finance lacks billing.approve_payout"),
    ),
    "the default plan": (
        "UPDATE billing_planversion SET is_default = false",
        ("billing.E010", "There is no default plan"),
    ),
    "the screening policy": (
        "UPDATE reviews_screeningpolicy SET state = 'draft'",
        ("reviews.E010", "No screening policy is in force"),
    ),
    "the moderation service's limits": (
        "DELETE FROM billing_providerendpoint",
        ("reviews.E010", "calls to the moderation service have none"),
    ),
    "a reason": (
        "DELETE FROM reports_reasoncode WHERE code = 'privacy'",
        ("reports.E010", "The reason privacy is missing"),
    ),
}


def test_a_migrated_database_is_set_up():
    assert found() == []


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named(what):
    statement, (identifier, message) = BROKEN[what]
    execute(statement() if callable(statement) else statement)

    messages = found()

    assert [text for name, text in messages if name == identifier and message in text], messages
    assert {name for name, _ in messages} == {identifier}


def test_the_command_fails_and_says_what_to_do(capsys):
    execute("DELETE FROM reports_reasoncode WHERE code = 'privacy'")

    with pytest.raises(SystemCheckError, match=r"The reason privacy is missing(.|\n)*HINT: Run manage\.py migrate"):
        call_command("check", databases=["default"])


def test_a_table_that_is_gone_is_a_finding_and_no_crash():
    execute("DROP TABLE reports_reasoncode CASCADE")

    assert "reports.E010" in {name for name, _ in found()}


def test_a_schedule_that_does_not_run_is_named_once_a_scheduler_has_run():
    for schedule in schedules():
        open_slot(schedule)
    assert found() == []

    CronSlot.objects.filter(schedule="jobs.prune").delete()

    assert [name for name, message in found() if "jobs.prune has not run since" in message] == ["jobs.W001"]
