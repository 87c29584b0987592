"""Statements of reasons: complete, readable, told once."""

import pytest
from django.core import mail

from reports.models import Action, Case, Decision, ReasonCode, StatementOfReasons
from reports.services.appeals import appeal, rule
from reports.services.statements import compose, deliver, mail_ruling
from reports.services.statements import mail as send
from reports.tests.factories import decided, moderator, reported
from reviews.models import Restriction, Review
from trustengine.accounts.models import User
from trustengine.jobs.models import Job
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

TOLD = [(action, role) for action in Action.values if action != "undo" for role in ("author", "reporter")]


@pytest.mark.parametrize(("action", "role"), TOLD)
@pytest.mark.parametrize("content_type", ["review", "reply", "product"])
def test_every_statement_reads_well(action, role, content_type):
    reason = "no_violation" if action in {"dismiss", "approve", "restore", "overturn"} else "illegal"
    text = compose(Decision(action=action, content_type=content_type, reason_id=reason), role)

    assert text.startswith(("We ", "You", "Your"))
    assert "\n\n\n" not in text
    assert "  " not in text
    assert "None" not in text
    assert content_type in text
    lines = text.splitlines()
    assert lines == [line.strip() for line in lines]
    assert ("Legal ground:" in text) == (reason == "illegal")
    assert "This was decided by a person." in text
    if role == "author" and action in {"reject", "hide", "remove", "restrict", "warn", "suspend"}:
        assert "you may appeal within 183 days" in text
    if action in {"approve", "restore", "overturn"} and role == "author":
        assert "appeal within" not in text
    if role == "reporter" and action not in {"dismiss", "approve", "restore"}:
        assert "appeal within" not in text  # what was asked for has been done
    if role == "reporter" and action == "dismiss":
        assert "appeal within" in text


def test_facts_machines_and_grounds_are_named(settings):
    settings.MARKETPLACE_NAME = "Kitchen Street"
    ReasonCode.objects.filter(code="illegal").update(legal_basis="§ 185 StGB")
    report = reported(reason="illegal")
    decision = decided(report.case, "hide", "illegal", facts="The second <sentence> & the third.")
    text = compose(Decision.objects.get(pk=decision.pk), "author")

    assert "Facts: The second <sentence> & the third." in text
    assert "Legal ground: § 185 StGB" in text
    assert "Kitchen Street" in text
    assert f"Decision: {decision.pk}" in text
    automated = Decision(action="hide", content_type="review", reason_id="spam", automated=True)
    assert "This was decided automatically." in compose(automated, "author")


def test_author_and_reporter_are_told_once_by_mail_after_the_time_for_undoing(settings):
    report = reported()
    author = User.objects.get(pk=Review.objects.get(pk=report.content_id).author_id)
    User.objects.filter(pk__in=[author.pk, report.reporter_id]).update(email="somebody@example.org")
    decision = decided(report.case, "hide")
    run_due_jobs()
    assert mail.outbox == []
    Job.objects.filter(kind="reports.deliver_statements", key=str(decision.pk)).update(run_at=decision.created_at)
    run_due_jobs()
    assert [message.subject for message in mail.outbox].count("The outcome of your report") == 1
    assert len(mail.outbox) == 2

    deliver(decision.pk)
    for statement in StatementOfReasons.objects.filter(decision=decision):
        send(statement.pk)
    run_due_jobs()
    assert len(mail.outbox) == 2


def test_a_mail_that_does_not_leave_is_tried_again(monkeypatch, settings):
    settings.UNDO_SECONDS = 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    report = reported()
    User.objects.filter(pk=report.reporter_id).update(email="somebody@example.org")
    decision = decided(report.case, "hide")
    run_due_jobs(failing=True)
    statement = StatementOfReasons.objects.get(decision=decision, role="reporter")
    assert statement.mailed_at is None

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Job.objects.filter(kind="reports.mail_statement").update(run_at=decision.created_at)
    run_due_jobs()
    statement.refresh_from_db()
    assert statement.mailed_at is not None
    assert len(mail.outbox) == 1


def test_a_dismissal_is_told_to_the_reporter_alone(settings):
    settings.UNDO_SECONDS = 0
    report = reported()
    decision = decided(report.case, "dismiss", "no_violation")
    run_due_jobs()

    assert [each.role for each in StatementOfReasons.objects.filter(decision=decision)] == ["reporter"]


def test_a_restriction_that_the_law_excepts_is_not_told(settings):
    settings.UNDO_SECONDS = 0
    report = reported(reason="fake")
    decision = decided(report.case, "restrict", "fake")
    restriction = Review.objects.get(pk=report.content_id).restrictions.get()
    excepted = {"is_notified": False, "ground": Restriction.Ground.DECEPTIVE_HIGH_VOLUME_COMMERCIAL}
    Restriction.objects.filter(pk=restriction.pk).update(**excepted)
    run_due_jobs()

    assert [each.role for each in StatementOfReasons.objects.filter(decision=decision)] == ["reporter"]


def test_an_appeal_that_fails_is_answered_by_mail_once():
    report = reported()
    author = User.objects.get(pk=Review.objects.get(pk=report.content_id).author_id)
    User.objects.filter(pk=author.pk).update(email="somebody@example.org")
    made = appeal(decided(report.case, "hide").pk, appellant=author, text="No.")
    rule(made.pk, moderator=moderator(), ruling="uphold", text="It is an advertisement.")
    run_due_jobs()
    mail_ruling(made.pk)

    (message,) = mail.outbox
    assert message.subject == "The outcome of your appeal"
    assert "your review on TrustEngine" in message.body
    assert "It is an advertisement." in message.body
    assert not Case.objects.open().exists()


def test_reporters_hear_of_the_authors_successful_appeal_and_not_of_one_of_their_own(settings):
    settings.UNDO_SECONDS = 0
    report = reported()
    decision = decided(report.case, "hide")
    made = appeal(decision.pk, appellant=User.objects.get(pk=decision.author_id), text="It is true.")
    rule(made.pk, moderator=moderator(), ruling="overturn", text="")
    run_due_jobs()

    told = StatementOfReasons.objects.filter(decision__action="overturn")
    texts = {statement.role: statement.text for statement in told}
    assert texts["author"].startswith("Your appeal was successful.")
    assert "Its author has appealed" in texts["reporter"]
    assert "Your appeal" not in texts["reporter"]
