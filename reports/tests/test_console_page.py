"""The moderators' page: who sees it, which cases it lists, and what it shows of one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reports.admin.console.listing import ROWS, Filters, rows
from reports.models import Case
from reports.services.claiming import claim_case
from reports.services.reporting import submit_report
from reports.tests.factories import decided, moderator, reported, senior
from reviews.screening import screen
from reviews.services import edit_review
from reviews.services.reply_moderation import approve_reply
from reviews.tests.factories import approved_review, delivered_purchase, pending_reply, pending_review
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

PAGE = "/admin/moderation/"
LIST = f"{PAGE}list/"
COUNTS = f"{PAGE}counts/"
PART = {"HX-Request": "true"}
HOSTILE = '<script>alert("x")</script><b>bold</b>'


@pytest.fixture
def viewer():
    return moderator()


@pytest.fixture
def console(client, viewer):
    client.force_login(viewer)
    return client


def text(answer):
    return answer.content.decode()


def listed(console, query=""):
    return [row.case for row in console.get(f"{LIST}?{query}", headers=PART).context["rows"]]


@pytest.mark.parametrize("address", [PAGE, LIST, COUNTS])
def test_the_page_is_for_moderators(client, address):
    assert client.get(address)["Location"].startswith("/admin/login/")
    client.force_login(StaffFactory(groups=["Finance"]))
    assert client.get(address).status_code == 403
    client.force_login(moderator())
    assert client.get(address, headers=PART).status_code == 200


def test_the_sidebar_leads_there_and_counts_what_waits(console):
    reported()
    home = text(console.get("/admin/"))

    assert f'href="{PAGE}"' in home
    assert "none overdue" in home


def test_the_most_pressing_stands_first_with_its_reason_and_whoever_works_on_it(console):
    slight, grave = reported(reason="off_topic"), reported(reason="illegal")
    claim_case(slight.case_id, moderator=moderator(username="grace"))

    answer = console.get(PAGE)

    assert [row.case.pk for row in answer.context["rows"]] == [grave.case_id, slight.case_id]
    assert "reported as “against the law”" in text(answer)
    assert ">grace<" in text(answer)


def test_filters_live_in_the_address(console, viewer):
    review = reported().case
    product = submit_report(
        reporter=UserFactory(), content_type="product", content_id=approved_review().product_id, reason="illegal"
    ).case
    late = reported(reason="spam").case
    Case.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
    claim_case(review.pk, moderator=viewer)
    closed = reported().case
    decided(closed, "dismiss", "no_violation")

    assert listed(console, "type=product") == [product]
    assert listed(console, "overdue=1") == [late]
    assert listed(console, "mine=1") == [review]
    assert listed(console, "state=closed") == [closed]
    assert listed(console, "queue=appeals") == []
    assert listed(console, f"q={late.pk}") == [late]
    assert listed(console, f"q=user+{str(late.author_id)[-8:]}") == [late]
    answer = console.get(f"{LIST}?type=product&queue=reports", headers=PART)
    assert answer["HX-Push-Url"] == f"{PAGE}?queue=reports&type=product"


@pytest.mark.parametrize(
    "query",
    [
        "queue=x&state=x",
        "q=%25_%5C",
        "case=x",
        "after=x",
        "after=nan_%s",
        "after=1e400_%s",
        "state=closed&after=2020-01-01_%s",
    ],
)
def test_whatever_the_address_says_is_answered(console, query):
    case = reported().case
    query = query.replace("%s", str(case.pk))

    assert console.get(f"{PAGE}?{query}").status_code == 200
    assert console.get(f"{LIST}?{query}", headers=PART).status_code == 200


@pytest.mark.parametrize("state", ["open", "closed"])
def test_pages_follow_each_other_without_gap_or_repeat(viewer, state):
    now = timezone.now()
    made = Case.objects.bulk_create(
        Case(
            content_type="product",
            content_id=viewer.pk if state == "closed" else UserFactory.build().pk,
            queue="reports",
            state=state,
            pressure=number // 3,  # ties
            opened_at=now - timedelta(minutes=number // 3),
            due_at=now,
            closed_at=now if state == "closed" else None,
        )
        for number in range(2 * ROWS + 5)
    )
    seen, after = [], ""
    for _ in range(3):
        found, after = rows(Filters(state=state), viewer, after=after)
        seen += [row.case.pk for row in found]

    assert after == ""
    assert len(seen) == len(set(seen)) == len(made)


def test_the_list_takes_as_many_queries_for_more_cases(console):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            console.get(LIST, headers=PART)
        return len(captured)

    for _ in range(2):
        claim_case(reported().case_id, moderator=moderator())
    few = queries()
    for _ in range(4):
        claim_case(reported().case_id, moderator=moderator())

    assert queries() == few


def test_a_case_takes_as_many_queries_with_more_reports(console):
    review = approved_review()
    case = reported(review).case

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert console.get(f"{PAGE}?case={case.pk}").status_code == 200
        return len(captured)

    reported(review, reason="fake")
    few = queries()
    for _ in range(4):
        reported(review, reason="privacy")

    assert queries() == few


def test_the_numbers_are_told_again_only_when_they_have_changed(console):
    reported()
    first = console.get(COUNTS)
    assert first.json()["reports"] == first.json()["all"] == 1
    assert console.get(COUNTS, headers={"If-None-Match": first["ETag"]}).status_code == 304
    reported()

    assert console.get(COUNTS, headers={"If-None-Match": first["ETag"]}).json()["all"] == 2


def test_a_case_shows_the_text_as_reported_beside_what_became_of_it(console):
    review = approved_review(comment="A terrible seller and a bowl.")
    case = reported(review, reason="offensive").case
    edit_review(review.pk, author=review.author, changes={"comment": "A bowl."})
    run_due_jobs()

    page = text(console.get(f"{PAGE}?case={case.pk}"))

    assert "An edit waits" in page
    assert "<del>" in page
    assert "Offensive or hateful" in page


def test_a_case_tells_when_it_was_opened_and_what_its_priority_is_made_of(console):
    case = reported(reason="illegal").case
    assert ">just now</time>," in text(console.get(f"{PAGE}?case={case.pk}"))
    Case.objects.update(opened_at=timezone.now() - timedelta(minutes=5))
    page = text(console.get(f"{PAGE}?case={case.pk}"))

    assert ">5 min</time> ago, due" in page
    assert "1 report, the weightiest reporter unproven" in page


def test_reporters_stay_unnamed_for_those_who_may_not_see_identities(console, client):
    case = reported(reporter=UserFactory(username="tattler")).case
    assert "tattler" not in text(console.get(f"{PAGE}?case={case.pk}"))
    client.force_login(senior())

    assert "tattler" in text(client.get(f"{PAGE}?case={case.pk}"))


def test_looking_at_a_case_by_its_address_claims_nothing(console):
    case = reported().case
    console.get(f"{PAGE}?case={case.pk}")

    case.refresh_from_db()
    assert case.claimed_by is None


def test_every_kind_of_content_is_shown_and_its_text_stays_text(console):
    review = pending_review(delivered_purchase(), title=HOSTILE, comment=HOSTILE)
    screen(review.pk)
    reply = approve_reply(pending_reply(text=HOSTILE).pk, actor=None)
    product = approved_review().product
    submit_report(
        reporter=UserFactory(), content_type="reply", content_id=reply.pk, reason="offensive", description=HOSTILE
    )
    submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="illegal")
    run_due_jobs()

    assert Case.objects.open().count() == 3
    for case in Case.objects.open():
        page = text(console.get(f"{PAGE}?case={case.pk}"))
        assert "Your decision" in page
        assert "<script>alert" not in page
        assert "<b>bold" not in page
