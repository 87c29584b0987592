"""Moderation as plain lists: who sees them, what the filters find, and that every change goes through a service."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reports.models import Appeal, Case, Decision, LookBack, Report
from reports.services.appeals import appeal
from reports.services.claiming import claim_case
from reports.services.reporting import submit_report
from reports.services.statements import deliver
from reports.tests.console_pages import author_of, found, hidden, in_bulk, listing, page, said, text
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.services import approve_review, edit_review, withdraw_review
from reviews.tests.factories import approved_review, pending_review
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

LISTS = ("case", "report", "decision", "appeal", "proposal", "lookback", "statementofreasons")


@pytest.fixture
def staff():
    return moderator()


@pytest.fixture
def console(client, staff):
    client.force_login(staff)
    return client


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_for_moderators_and_nobody_else(client, name):
    client.force_login(StaffFactory(groups=["Finance"]))
    assert client.get(listing(name)).status_code == 403

    client.force_login(moderator())
    assert client.get(listing(name)).status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_the_number_of_queries_of_a_list_does_not_grow_with_its_rows(console, name, django_assert_max_num_queries):
    def some_of_each():
        reported()
        decision = hidden()
        deliver(decision.pk)
        appeal(decision.pk, appellant=author_of(decision), text="No.")
        decided(reported(reason="illegal").case, "remove", "illegal")
        LookBack.objects.create(author=UserFactory(), reason="spam")

    some_of_each()
    console.get(listing(name))
    with django_assert_max_num_queries(45) as before:
        text(console.get(listing(name)))
    some_of_each()
    with django_assert_max_num_queries(len(before)):
        text(console.get(listing(name)))


def test_saved_filters_find_what_is_overdue_mine_and_in_each_queue(console, staff):
    late, own = reported().case, reported().case
    Case.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
    claim_case(own.pk, moderator=staff)
    pending_review()
    run_due_jobs()

    assert found(console, "case", saved="overdue") == [late]
    assert found(console, "case", saved="mine") == [own]
    assert {case.pk for case in found(console, "case", saved="reports")} == {late.pk, own.pk}
    assert len(found(console, "case", saved="pending")) == 1
    assert len(found(console, "case", saved="open")) == 3
    links = {link["title"]: link["count"] for link in console.get(listing("case")).context_data["saved_filters"]}
    assert (links["Overdue"], links["Mine"], links["Reports"], links["Appeals"]) == (1, 1, 2, 0)


def test_the_most_pressing_case_stands_first(console):
    mild, grave = reported(reason="off_topic").case, reported(reason="illegal").case

    assert found(console, "case", saved="open") == [grave, mild]


def test_overdue_reports_and_appeals_have_filters_of_their_own(console):
    fresh, late = reported(), reported()
    Report.objects.filter(pk=late.pk).update(created_at=timezone.now() - timedelta(days=3))
    decision = hidden()
    made = appeal(decision.pk, appellant=author_of(decision), text="No.")

    assert found(console, "report", saved="overdue") == [late]
    assert set(found(console, "report", saved="pending")) == {fresh, late}
    assert found(console, "appeal", saved="overdue") == []
    Appeal.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert found(console, "appeal", saved="overdue") == [made]


def test_a_case_tells_why_it_is_pressing_and_what_was_said(console):
    report = reported(reason="offensive")
    Report.objects.filter(pk=report.pk).update(description="The <b>last</b> sentence.")

    shown = text(console.get(page(report.case)))

    assert "reported as “offensive or hateful”" in shown
    assert "The &lt;b&gt;last&lt;/b&gt; sentence." in shown
    assert "no report decided yet" in shown


def test_names_of_reporters_are_for_those_who_may_see_identities(client):
    report = reported(reporter=UserFactory(username="Rhoda Reporter"))
    client.force_login(moderator())
    assert "Rhoda" not in text(client.get(page(report))) + text(client.get(listing("report")))
    assert "Rhoda" not in text(client.get(page(report.case)))

    client.force_login(senior())
    assert "Rhoda Reporter" in text(client.get(page(report)))
    assert "Rhoda Reporter" in text(client.get(listing("report")))


def test_a_report_shows_the_content_as_it_was_beside_what_it_is(console):
    review = pending_review(comment="A fine spoon.")
    report = reported(approved_review(comment="A fine spoon for soup and stew."))
    edited = Review.objects.get(pk=report.content_id)
    edit_review(edited.pk, author=edited.author, changes={"comment": "A poor spoon for soup and stew."})
    approve_review(edited.pk, actor=moderator(), reason="approved_ok")

    shown = text(console.get(page(report)))
    assert "<del>fine </del><ins>poor </ins>" in shown
    assert review.comment not in shown

    withdraw_review(edited.pk, author=edited.author)
    assert "withdrawn since" in text(console.get(page(report)))


def test_many_cases_are_decided_at_once_with_a_reason(console, staff):
    cases = [reported().case, reported().case]

    assert "choose a reason" in said(in_bulk(console, "hide", *cases))
    assert not Decision.objects.filter(action="hide").exists()
    answer = in_bulk(console, "hide", *cases, reason="spam")

    assert said(answer).count("decided (hide)") == 2
    assert Decision.objects.filter(action="hide", reason="spam", moderator=staff).count() == 2
    assert not Case.objects.open().exists()


def test_a_case_that_has_changed_since_it_was_shown_is_left_alone(console):
    case = reported().case
    shown = Case.objects.get(pk=case.pk)
    review = Review.objects.get(pk=case.content_id)
    edit_review(review.pk, author=review.author, changes={"comment": "Something else entirely."})
    run_due_jobs()

    in_bulk(console, "dismiss", shown)
    in_bulk(console, "dismiss", shown, seen=False)

    assert Case.objects.get(pk=case.pk).state == "open"
    assert not Decision.objects.filter(action="dismiss").exists()


def test_cases_are_claimed_and_released_and_a_colleagues_is_refused_in_words(console, staff):
    own, other = reported().case, reported().case
    claim_case(other.pk, moderator=moderator())

    answer = in_bulk(console, "claim", own, other)
    own.refresh_from_db()
    assert own.claimed_by == staff
    assert "Somebody else is working on this case." in said(answer)

    in_bulk(console, "release", own)
    own.refresh_from_db()
    assert not own.is_claimed


def test_one_case_is_decided_on_its_page_with_words_for_the_author(console):
    case = reported(reason="privacy").case
    address = reverse("admin:reports_case_decide", args=[case.pk])

    assert "choose a reason" in said(console.post(address, {"action": "remove", "version": case.version}))
    words = {"facts": "It names a street.", "note": "See the second line."}
    console.post(address, {"action": "remove", "reason": "privacy", "version": case.version, **words})

    decision = Decision.objects.get(action="remove")
    assert (decision.text.facts, decision.text.note) == ("It names a street.", "See the second line.")
    assert console.get(address).status_code == 405


def test_who_may_only_look_decides_nothing(client):
    reader = StaffFactory()
    reader.user_permissions.add(Permission.objects.get(codename="view_case"))
    client.force_login(reader)
    case = reported().case

    assert "Your decision" not in text(client.get(page(case)))
    given = {"action": "hide", "reason": "spam", "version": case.version}
    assert client.post(reverse("admin:reports_case_decide", args=[case.pk]), given).status_code == 403
    in_bulk(client, "hide", case, reason="spam")
    assert not Decision.objects.filter(action="hide").exists()


def test_decisions_are_found_by_action_reason_rule_and_moderator(console, staff):
    mine, other = hidden(staff), hidden()

    assert set(found(console, "decision", action__exact="hide")) == {mine, other}
    assert found(console, "decision", moderator=str(staff.pk)) == [mine]
    assert found(console, "decision", saved="mine") == [mine]
    assert set(found(console, "decision", automated__exact="1")) == set(Decision.objects.filter(automated=True))
    assert found(console, "decision", moderator="nobody") == found(console, "decision")


def test_a_decision_is_undone_from_the_list_while_there_is_time(console):
    decision = hidden()
    assert decision in found(console, "decision", saved="undoable")
    in_bulk(console, "undo", decision)
    assert not Review.objects.get(pk=decision.content_id).is_hidden
    assert decision not in found(console, "decision", saved="undoable")

    assert "does not stand any more" in said(in_bulk(console, "undo", decision))
    assert "undo" in text(console.get(page(decision)))


def test_a_decision_shows_what_it_changed_and_who_was_told(console):
    decision = hidden()
    deliver(decision.pk)

    shown = text(console.get(page(decision)))

    assert "Is hidden" in shown
    assert "It insults a person." in shown
    assert "We have taken your review" in shown
    (told, _) = decision.statements.order_by("role")
    assert "We have taken your review" in text(console.get(page(told)))


def test_the_home_page_tells_of_queues_what_is_overdue_and_decisions(console):
    late = reported().case
    Case.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=30))
    hidden()

    home = console.get("/admin/")

    cards = {card.title: card for card in home.context["cards"]}
    assert (cards["Overdue cases"].value, cards["Overdue cases"].urgent) == (1, True)
    assert cards["Overdue cases"].note == "the oldest by 30 h"
    charts = {chart.title: chart for chart in home.context["charts"]}
    assert "1 taken out of sight" in charts["Decisions per day"].summary
    assert "1 overdue" in text(home)


def test_reports_of_products_and_of_what_is_gone_have_their_lines(console):
    product = ProductFactory(title="A lamp")
    submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="illegal")
    gone = reported()
    Report.objects.filter(pk=gone.pk).update(content_id="01a1fed6-0000-7000-8000-000000000000")

    shown = text(console.get(listing("report")))

    assert "A lamp" in shown
    assert "review 00000000" in shown
    assert "withdrawn since" in text(console.get(page(gone)))
