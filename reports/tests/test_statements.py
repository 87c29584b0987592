"""Statements of reasons: complete, readable, told once."""

import pytest
from django.core import mail
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reports.models import Action, Case, Decision, ReasonCode, StatementOfReasons
from reports.services.appeals import appeal, rule
from reports.services.reporting import submit_report
from reports.services.statements import compose, deliver, mail_ruling
from reports.services.statements import mail as send
from reports.tests.factories import decided, moderator, reported
from reviews.models import Restriction, Review
from reviews.services import edit_review
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, run_due_jobs

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


def told_by_mail(settings, *people):
    settings.UNDO_SECONDS, settings.PUBLIC_URL = 0, "https://trust.example"
    User.objects.filter(pk__in=[person.pk for person in people]).update(email="somebody@example.org")


def test_mail_and_list_say_which_text_and_how_to_appeal(settings):
    product = ProductFactory(title="Moka pot,\n6 cups")
    review = approved_review(delivered_purchase(product=product), title="Good coffee", comment="It spouts. " * 40)
    Review.objects.filter(pk=review.pk).update(comment="Something else by now")  # what was judged is a revision
    told_by_mail(settings, review.author)
    run_due_jobs()
    mail.outbox.clear()
    decision = decided(reported(review).case, "hide", facts="It is about the shop.")
    run_due_jobs()

    own = api_client_for(review.author).get("/api/v1/me/decisions/").json()["results"][0]
    written = timezone.localtime(review.created_at)
    body = mail.outbox[0].body
    assert own["content"]["product_title"] == "Moka pot, 6 cups"
    assert (own["content"]["title"], own["content"]["product"]) == ("Good coffee", str(product.pk))
    assert own["content"]["quotation"].startswith("It spouts. It spouts.")
    assert len(own["content"]["quotation"]) <= 200
    assert own["appeal_url"] == f"https://trust.example/api/v1/decisions/{decision.pk}/appeal/"
    for text in (own["text"], body):
        assert f"the review of “Moka pot, 6 cups” of {written.day} {written:%B %Y}, titled “Good coffee”" in text
        assert "It says: “It spouts. It spouts." in text
        assert "Something else" not in text
        assert f"by POST to {own['appeal_url']}" in text
        assert "Facts: It is about the shop." in text
        assert "\n\n\n" not in text


def test_a_rejected_edit_is_quoted_and_not_what_stays_public(settings):
    review = approved_review(comment="The approved words.")
    edit_review(review.pk, author=review.author, changes={"comment": "The refused words."})
    told_by_mail(settings, review.author)
    run_due_jobs()
    decided(Case.objects.open().get(content_id=review.pk), "reject")
    run_due_jobs()

    own = api_client_for(review.author).get("/api/v1/me/decisions/").json()["results"][0]
    assert (own["action"], own["content"]["quotation"]) == ("reject", "The refused words.")


def test_reporters_read_what_they_reported_and_members_which_product(settings):
    settings.UNDO_SECONDS = 0
    review = approved_review(comment="Reported words.")
    report = reported(review)
    edit_review(review.pk, author=review.author, changes={"comment": "Other words."})
    run_due_jobs()
    decided(report.case, "hide")
    member = MembershipFactory(profile=review.product.vendor, role="owner").user
    about_product = submit_report(
        reporter=UserFactory(), content_type="product", content_id=review.product_id, reason="spam"
    )
    decided(about_product.case, "hide")
    run_due_jobs()

    seen = api_client_for(report.reporter).get("/api/v1/me/decisions/").json()["results"][0]
    assert (seen["role"], seen["content"]["quotation"]) == ("reporter", "Reported words.")
    told = api_client_for(member).get("/api/v1/me/decisions/").json()["results"][0]
    assert told["content"]["product_title"] == review.product.title
    assert f"the product “{review.product.title}”" in told["text"]


def test_the_answer_to_an_appeal_says_which_text_too(settings):
    review = approved_review(title="Good coffee")
    told_by_mail(settings, review.author)
    made = appeal(decided(reported(review).case, "hide").pk, appellant=review.author, text="No.")
    run_due_jobs()
    mail.outbox.clear()
    rule(made.pk, moderator=moderator(), ruling="uphold", text="")
    run_due_jobs()

    assert "titled “Good coffee”" in mail.outbox[0].body


def test_an_erasure_empties_the_quotations_of_reporters_too(settings):
    settings.UNDO_SECONDS = 0
    report = reported(approved_review(title="My name is Ada"))
    decided(report.case, "hide")
    run_due_jobs()
    request_erasure(Review.objects.get(pk=report.content_id).author, actor=None)
    run_due_jobs()

    assert not StatementOfReasons.objects.exclude(about={}).exists()
    assert api_client_for(report.reporter).get("/api/v1/me/decisions/").json()["results"][0]["content"] is None


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
