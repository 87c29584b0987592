"""What the reviews app puts on the home page and into the sidebar."""

from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse

from reviews.admin.waiting import pending_revision, waiting, with_pending_texts
from reviews.models import ReviewRevision, VendorReply
from trustengine.admin import Area, Card, Chart, Link, Panel, Series, register_links, register_panel
from trustengine.admin.days import filled, labels, last_days, start_of
from trustengine.admin.presentation import duration
from trustengine.admin.sidebar import MODERATION
from trustengine.database_time import database_now, database_today

MODERATE = "reviews.moderate_review"
LONG = timedelta(days=1)
OLDEST = 6
State = ReviewRevision.State


@register_panel(Area.CARDS, permission=MODERATE, order=10)
def reviews_waiting(request: HttpRequest) -> Card:
    found = waiting().aggregate(count=Count("pk"), oldest=Min("waiting_since"))
    oldest: datetime | None = found["oldest"]
    waited = database_now() - oldest if oldest else timedelta()
    note = f"the oldest for {duration(waited)}" if waited >= timedelta(minutes=1) else "all of them just arrived"
    return Card(
        "Reviews waiting",
        found["count"],
        note if oldest else "Nothing waits.",
        "rate_review",
        reverse("admin:reviews_review_pending"),
        urgent=waited > LONG,
    )


@register_panel(Area.CARDS, permission=MODERATE, order=20)
def decisions_today(request: HttpRequest) -> Card:
    decided = ReviewRevision.objects.filter(
        state__in=[State.APPROVED, State.REJECTED], decided_at__gte=start_of(database_today())
    ).aggregate(
        count=Count("pk"),
        own=Count("pk", filter=Q(decided_by=request.user.pk)),
        by_rule=Count("pk", filter=Q(decided_by=None)),
    )
    shares = [(decided["own"], "by you"), (decided["by_rule"], "by rule")]
    colleagues = decided["count"] - decided["own"] - decided["by_rule"]
    note = ", ".join(f"{count} {whose}" for count, whose in [*shares, (colleagues, "by colleagues")] if count)
    return Card("Decisions today", decided["count"], note or "None has been taken yet.", "gavel")


@register_panel(Area.CHARTS, permission=MODERATE, order=10)
def reviews_per_day(request: HttpRequest) -> Chart:
    days = last_days()
    since = start_of(days[0])
    revisions = ReviewRevision.objects.order_by()
    submitted = dict(revisions.filter(created_at__gte=since).values_list(TruncDate("created_at")).annotate(Count("pk")))
    decided = (
        revisions.filter(decided_at__gte=since)
        .values_list(TruncDate("decided_at"))
        .annotate(
            approved=Count("pk", filter=Q(state=State.APPROVED)), rejected=Count("pk", filter=Q(state=State.REJECTED))
        )
    )
    approved, rejected = {}, {}
    for day, yes, no in decided:
        approved[day], rejected[day] = yes, no
    totals = [sum(counts.values()) for counts in (submitted, approved, rejected)]
    summary = "{:,} submitted, {:,} approved, {:,} rejected in 14 days".format(*totals)
    return Chart(
        "Reviews per day",
        summary if any(totals) else "No review in 14 days.",
        labels(days),
        [
            Series("Submitted", filled(days, submitted), "--color-base-400"),
            Series("Approved", filled(days, approved), "--color-primary-500"),
            Series("Rejected", filled(days, rejected), "--te-rejected"),
        ],
    )


@register_panel(Area.LISTS, permission=MODERATE, order=10)
def longest_waiting(request: HttpRequest) -> Panel:
    reviews = with_pending_texts(waiting()).order_by("waiting_since", "pk")[:OLDEST]
    rows = [{"review": review, "revision": pending_revision(review)} for review in reviews]
    return Panel(
        "Waiting longest",
        "console/reviews/oldest.html",
        {"rows": rows, "request": request},
        reverse("admin:reviews_review_pending"),
        "Open the queue",
    )


def count_waiting(request: HttpRequest) -> int:
    """The number on the sidebar's link."""
    return waiting().count()


def count_waiting_replies(request: HttpRequest) -> int:
    """The number on the sidebar's link to the replies."""
    return VendorReply.objects.pending().count()


register_links(
    MODERATION,
    Link(
        "Pending reviews", "reviews_review_pending", "rate_review", permission=MODERATE, order=10, badge=count_waiting
    ),
    Link("All reviews", "reviews_review_changelist", "reviews", permission="reviews.view_review", order=20),
    Link(
        "Pending replies",
        "reviews_vendorreply_pending",
        "reply",
        permission=MODERATE,
        order=15,
        badge=count_waiting_replies,
    ),
    Link("All replies", "reviews_vendorreply_changelist", "forum", permission="reviews.view_vendorreply", order=25),
)
