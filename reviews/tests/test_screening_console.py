"""The pages of the policy, the deny list and the quarantines: what they show, to whom, and what their buttons do."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from orders.tests.factories import ProductFactory
from reviews.models import DenyTerm, ProductRating, Quarantine, ScreeningPolicy
from reviews.screening.catalogue import KINDS
from reviews.services import open_quarantine
from reviews.services.screening import add_deny_term
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

POLICIES, TERMS, QUARANTINES = (
    "/admin/reviews/screeningpolicy/",
    "/admin/reviews/denyterm/",
    "/admin/reviews/quarantine/",
)


@pytest.fixture
def senior():
    return StaffFactory(groups=["Senior moderators"])


@pytest.fixture
def console(client, senior):
    client.force_login(senior)
    return client


@pytest.fixture
def moderators_console(client):
    client.force_login(StaffFactory(groups=["Moderators"]))
    return client


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def step(policy, name):
    return reverse(f"admin:reviews_screeningpolicy_{name}", args=[policy.pk])


def filled_in(policy, **changes):
    rules = {}
    for rule in policy.rules.all():
        rules |= {f"{rule.signal}-weight": rule.weight, f"{rule.signal}-action": rule.action}
        rules |= {f"{rule.signal}-enabled": "on"} if rule.enabled else {}
    return {"queue_at": policy.queue_at, **rules, **changes}


def drafted(console):
    console.post(f"{POLICIES}draft/")
    return ScreeningPolicy.objects.get(state="draft")


def test_a_moderator_reads_the_policy_and_changes_nothing(moderators_console):
    policy = ScreeningPolicy.objects.get()

    page = moderators_console.get(f"{POLICIES}{policy.pk}/change/").content.decode()

    assert all(escape(kind.title) in page for kind in KINDS.values())
    assert "Draft a new version" not in page
    assert moderators_console.post(f"{POLICIES}draft/").status_code == 403
    assert moderators_console.post(step(policy, "publish"), filled_in(policy)).status_code == 403


def test_a_senior_moderator_drafts_changes_and_publishes(console):
    draft = drafted(console)

    saved = console.post(step(draft, "save"), filled_in(draft, queue_at="0.7", **{"link-weight": "0.9"}))
    assert said(saved) == ["The draft has been saved. It is not in force yet."]
    assert ScreeningPolicy.objects.get(state="published").version == 1

    console.post(step(draft, "publish"), filled_in(draft, queue_at="0.7", **{"link-action": "note"}))

    draft.refresh_from_db()
    assert (draft.state, draft.version, draft.queue_at) == ("published", 2, 0.7)
    assert draft.rules.get(signal="link").action == "note"
    assert ScreeningPolicy.objects.get(version=1).state == "retired"
    assert console.get(f"{POLICIES}{draft.pk}/change/").status_code == 200
    assert "in force" in console.get(POLICIES).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"queue_at": "2"}, {"queue_at": "nan"}, {"link-weight": "-1"}, {"link-action": "hide"}, {"min_reputation": "x"}],
)
def test_what_a_policy_cannot_hold_is_refused_in_words(console, wrong):
    draft = drafted(console)

    answer = console.post(step(draft, "publish"), filled_in(draft, **wrong))

    assert said(answer)[0].startswith("Nothing was saved.")
    assert ScreeningPolicy.objects.get(state="published").version == 1


def test_a_draft_can_be_discarded_and_what_was_in_force_cannot(console):
    draft = drafted(console)
    console.post(step(draft, "discard"))
    first = ScreeningPolicy.objects.get()

    refused = console.post(step(first, "discard"))

    assert "stays as it is" in said(refused)[-1]
    assert console.get(step(first, "save")).status_code == 405


def test_terms_are_added_and_retired_and_never_changed(console, senior):
    form = {"term": "V1agra", "action": "queue", "reason": "spam", "note": ""}

    assert console.post(f"{TERMS}add/", form).status_code == 302
    term = DenyTerm.objects.get()
    assert (term.folded, term.added_by) == ("viagra", senior)
    again = console.post(f"{TERMS}add/", form | {"term": "viagra"})
    assert "on the list already" in again.content.decode()
    assert "letters or digits" in console.post(f"{TERMS}add/", form | {"term": "!!!"}).content.decode()
    assert "V1agra" in console.get(TERMS).content.decode()

    console.post(TERMS, {"action": "retire", "_selected_action": [term.pk]})

    assert not DenyTerm.objects.active().exists()
    assert "V1agra" not in console.get(TERMS).content.decode()
    assert "V1agra" in console.get(f"{TERMS}?retired=1").content.decode()


def test_a_moderator_sees_the_deny_list_and_adds_nothing(moderators_console, senior):
    add_deny_term(term="viagra", action="queue", reason="spam", actor=senior)

    assert "viagra" in moderators_console.get(TERMS).content.decode()
    assert moderators_console.get(f"{TERMS}add/").status_code == 403


@pytest.mark.parametrize(("what", "state", "count"), [("release", "released", 1), ("drop", "dropped", 0)])
def test_a_quarantine_shows_its_burst_and_is_ended_by_one_button(moderators_console, what, state, count):
    product = ProductFactory(title="Faked <b>thing</b>")
    review = approved_review(delivered_purchase(product=product), title="Too good")
    numbers = {"found": 25, "expected": 0.5, "probability": 1e-30, "since": review.created_at.isoformat()}
    row = open_quarantine(product.pk, actor=None, reason="product_burst", numbers=numbers)
    run_due_jobs()

    page = moderators_console.get(f"{QUARANTINES}{row.pk}/change/").content.decode()
    assert "25 reviews where 0.5 were to be expected" in page
    assert "Too good" in page
    assert "<b>thing" not in page
    assert "Products under attack" in moderators_console.get("/admin/").content.decode()
    assert moderators_console.get(QUARANTINES).status_code == 200

    moderators_console.post(reverse(f"admin:reviews_quarantine_{what}", args=[row.pk]))
    moderators_console.post(reverse(f"admin:reviews_quarantine_{what}", args=[row.pk]))

    assert Quarantine.objects.get().state == state
    assert ProductRating.objects.get(product=product).count == count
    assert "Your decision" not in moderators_console.get(f"{QUARANTINES}{row.pk}/change/").content.decode()


def test_who_is_no_moderator_ends_no_quarantine(client):
    client.force_login(StaffFactory(groups=["Finance"]))
    row = open_quarantine(ProductFactory().pk, actor=None, reason="product_burst")

    assert client.post(reverse("admin:reviews_quarantine_release", args=[row.pk])).status_code == 403
    assert client.get(f"{QUARANTINES}{row.pk}/change/").status_code == 403


def test_lists_cost_the_same_number_of_queries_whatever_their_length(console, senior):

    def grow(number):
        open_quarantine(ProductFactory().pk, actor=None, reason="product_burst")
        add_deny_term(term=f"term {number}", action="queue", reason="spam", actor=senior)
        editor = StaffFactory(groups=["Senior moderators"])
        ScreeningPolicy.objects.create(version=10 + number, created_by=editor)

    def cost():
        with CaptureQueriesContext(connection) as queries:
            for page in (POLICIES, TERMS, QUARANTINES):
                assert console.get(page).status_code == 200
        return len(queries)

    grow(0)
    cost()
    before = cost()
    for number in range(1, 4):
        grow(number)

    assert cost() == before
