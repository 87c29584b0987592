"""The console as a whole: every page opens, each person sees their own part, nothing can be changed by a form."""

import json
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone

from orders.admin.stuck import SavedFilters
from orders.models import Product
from orders.tests.factories import CheckoutFactory, NoticeFactory, OrderItemFactory, PaymentEventFactory
from reports.admin.lists import ModerationList
from reports.services.appeals import appeal
from reports.services.looking_back import look_back
from reports.services.statements import deliver
from reports.tests.factories import decided, reported, senior
from reviews.models import Review
from reviews.services import edit_review, open_quarantine
from reviews.tests.factories import approved_review, pending_reply, pending_review
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.admin import Card, Chart, EvidenceAdmin, Series
from trustengine.audit.sealing import seal_batch
from trustengine.audit.verification import keep, verify
from trustengine.jobs.jobs import prune
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.services import enqueue
from trustengine.operations.runs import begin

pytestmark = pytest.mark.django_db

HOME = "/admin/"


@pytest.fixture
def superuser():
    return StaffFactory(is_superuser=True)


def as_member_of(client, *groups):
    client.force_login(StaffFactory(groups=groups))
    return client


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def links(content):
    """The sidebar's entries, by their addresses."""
    sidebar = content.split('id="nav-sidebar-apps"')[1].split("</ol></div>")[0]
    return {part.split('"')[0] for part in sidebar.split('<a href="')[1:]}


def lively_marketplace():
    edited = approved_review()
    edit_review(edited.pk, author=edited.author, changes={"comment": "Different words altogether."})
    pending_review()
    NoticeFactory(order=OrderItemFactory().order)
    PaymentEventFactory(checkout=CheckoutFactory())
    pending_reply(edited)
    begin("backfill", "ratings")
    enqueue(prune)
    Job.objects.create(
        kind="reviews.screen_review",
        key="some-key",
        state="dead",
        attempts=8,
        max_attempts=8,
        dead_letter_at=timezone.now(),
        error_details={"type": "KeyError", "message": "<b>oops</b>", "traceback": "Traceback …"},
    )
    CronSlot.objects.create(schedule="jobs.prune", slot=timezone.now())
    seal_batch()
    keep(verify())


def moderated_marketplace():
    """A report that waits, a decision that somebody was told of and appeals against, a proposal, a look-back."""
    reported()
    report = reported(reason="offensive")
    author = Review.objects.get(pk=report.content_id).author
    decision = decided(report.case, "hide", "offensive", facts="It is an insult.")
    deliver(decision.pk)
    appeal(decision.pk, appellant=author, text="It is not.")
    decided(reported(reason="illegal").case, "remove", "illegal")
    look_back(author.pk, moderator=senior(), reason="spam")


def changelist(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])


def test_every_list_and_every_row_of_the_admin_opens_full_and_empty(client, superuser):
    client.force_login(superuser)
    models = list(admin.site._registry)

    for model in models:
        text(client.get(changelist(model)))
        text(client.get(changelist(model), {"q": "nothing like this"}))
    lively_marketplace()
    moderated_marketplace()
    for model in models:
        text(client.get(changelist(model)))
        for row in model._default_manager.all()[:3]:
            text(client.get(change(row)))


def test_evidence_has_no_form_that_changes_it_even_for_superusers(client, superuser):
    client.force_login(superuser)
    lively_marketplace()
    open_quarantine(Product.objects.first().pk, actor=None, reason="product_burst")
    moderated_marketplace()
    bases = {EvidenceAdmin, SavedFilters, ModerationList}
    evidence = [model for model, page in admin.site._registry.items() if type(page).__mro__[1] in bases]

    tried = 0
    for model in evidence:
        row = model._default_manager.first()
        if row is None:  # nothing of it in this marketplace
            continue
        tried += 1
        assert client.post(change(row), {}).status_code == 403, model
        assert client.get(change(row).replace("/change/", "/delete/")).status_code == 403, model
        assert client.get(changelist(model) + "add/").status_code == 403, model
    assert tried >= 15


def test_moderators_see_what_waits_and_no_jobs(client):
    content = text(as_member_of(client, "Moderators").get(HOME))

    assert "Reviews waiting" in content
    assert "Decisions today" in content
    assert "Dead letters" not in content
    assert {"/admin/reviews/review/pending/", "/admin/reviews/review/", "/admin/audit/entry/"} <= links(content)
    assert "/admin/jobs/job/" not in links(content)
    assert "/admin/accounts/user/" not in links(content)


def test_operators_see_jobs_and_no_reviews(client):
    content = text(as_member_of(client, "Operators").get(HOME))

    assert "Due jobs" in content
    assert "Reviews waiting" not in content
    assert {"/admin/jobs/job/", "/admin/jobs/cronslot/", "/admin/accounts/user/"} <= links(content)
    assert "/admin/reviews/review/" not in links(content)


def test_finance_sees_orders_and_neither_jobs_nor_reviews(client):
    content = text(as_member_of(client, "Finance").get(HOME))

    assert "Orders per day" in content
    assert not {"/admin/jobs/job/", "/admin/reviews/review/", "/admin/reviews/review/pending/"} & links(content)


def test_whoever_may_see_nothing_is_told_so(client):
    assert "Nothing is shown to you yet." in text(as_member_of(client, "Services").get(HOME))


def test_every_link_of_the_sidebar_leads_somewhere(client, superuser):
    client.force_login(superuser)

    for address in links(text(client.get(HOME))):
        assert client.get(address).status_code == 200, address


def test_a_queue_below_a_list_marks_only_itself_in_the_sidebar(client):
    content = text(as_member_of(client, "Moderators").get("/admin/reviews/review/pending/"))

    active = [part for part in content.split('<a href="')[1:] if " active" in part.split(">")[0]]
    assert [part.split('"')[0] for part in active] == ["/admin/reviews/review/pending/"]


def test_an_empty_marketplace_is_described_in_words(client, superuser):
    client.force_login(superuser)

    content = text(client.get(HOME))

    for words in ("Nothing waits.", "No order in 14 days.", "No review in 14 days.", "Nothing has been recorded yet."):
        assert words in content


def test_the_home_page_counts_what_waits(client, superuser):
    lively_marketplace()
    client.force_login(superuser)

    cards = {card.title: card for card in client.get(HOME).context["cards"]}

    assert cards["Reviews waiting"].value == 2
    assert cards["Decisions today"].value == 1
    assert cards["Decisions today"].note == "1 by rule"
    assert cards["Dead letters"].value == 1
    assert cards["Dead letters"].urgent
    assert cards["Due jobs"].value >= 1


def test_a_review_that_has_waited_for_more_than_a_day_is_urgent(client, superuser):
    pending_review().revisions.update(created_at=timezone.now() - timedelta(days=3))
    client.force_login(superuser)

    card = client.get(HOME).context["cards"][0]

    assert card.urgent
    assert card.note == "the oldest for 3 days"


def test_the_home_page_takes_a_constant_number_of_queries(client, superuser, django_assert_max_num_queries):
    client.force_login(superuser)
    lively_marketplace()
    client.get(HOME)
    with django_assert_max_num_queries(50) as before:
        client.get(HOME)
    for _ in range(3):
        lively_marketplace_again()
    with django_assert_max_num_queries(len(before)):
        client.get(HOME)


def lively_marketplace_again():
    pending_review()
    OrderItemFactory()
    enqueue(prune)


def test_a_chart_takes_its_colours_from_the_theme_and_says_when_it_is_empty():
    chart = Chart("Orders", "two", ["1", "2"], [Series("Orders", [0, 2])], kind="line")

    (dataset,) = json.loads(chart.data)["datasets"]
    assert dataset["data"] == [0, 2]
    assert dataset["borderColor"] == "var(--color-primary-500)"
    assert not chart.is_empty
    assert Chart("Orders", "none", ["1"], [Series("Orders", [0])]).is_empty
    assert not Card("Waiting", 0, "Nothing waits.", "icon").urgent


def test_no_page_carries_a_script_of_its_own(client, superuser):
    """The content security policy would refuse it."""
    lively_marketplace()
    moderated_marketplace()
    client.force_login(superuser)
    rows = [model._default_manager.first() for model in admin.site._registry]

    for address in [HOME, *(change(row) for row in rows if row)]:
        for script in text(client.get(address)).split("<script")[1:]:
            assert script.split(">")[0].find("src=") >= 0, address


def test_the_sign_in_page_names_the_product(client):
    content = text(client.get("/admin/login/"))

    assert "TrustEngine" in content
    assert "Moderation console" in content


def test_the_pages_of_the_queues_are_reachable_within_the_console_only(client, superuser):
    client.force_login(superuser)

    assert client.get("/admin/django_rq/dashboard/").status_code == 200
    assert client.get("/django-rq/").status_code == 404
