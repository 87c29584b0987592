"""The demo's rows agree with each other, and with what the services would have made of them."""

import io
import re
from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F, Q, Sum
from django.test import override_settings
from django.utils import timezone

from orders.models import Order, OrderItem, Product
from orders.stuck import KINDS
from reports.models import Appeal, Case, Decision, Proposal, Report
from reports.services.appeals import rule
from reports.services.cases import follow
from reports.services.proposals import approve_proposal
from reviews.fingerprints import bands_of, find_copies
from reviews.models import (
    ProductRating,
    Quarantine,
    Reputation,
    Restriction,
    Review,
    ReviewRevision,
    ReviewVote,
    ReviewVoteShard,
    VendorReply,
    shard_of,
)
from reviews.ratings import counted_stars
from reviews.reputation import derive
from reviews.screening.run import edit_of, find_signals
from reviews.services import cast_vote, submit_review
from trustengine.accounts.models import User
from trustengine.audit.models import Entry
from trustengine.devtools.demo.accounts import ACCOUNTS
from trustengine.identifiers import uuid7
from trustengine.jobs.models import Job
from trustengine.operations.reconciling import Findings, Scope, compare
from trustengine.operations.registry import reconcilers

FAST_HASHING = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])


@pytest.fixture(scope="module", autouse=True)
def printed(django_db_setup, django_db_blocker):
    """What the command prints. All tests of this module look at the one marketplace that it has made."""
    with django_db_blocker.unblock(), FAST_HASHING, transaction.atomic():
        yield seed_demo()
        transaction.set_rollback(True)
    connection.close()


def seed_demo():
    output = io.StringIO()
    call_command("seed_demo", stdout=output)
    return output.getvalue()


def test_a_second_start_changes_nothing_and_prints_the_accounts_again(printed):
    counts = [model.objects.count() for model in (User, Order, Review, Entry)]

    assert seed_demo() == printed
    assert [model.objects.count() for model in (User, Order, Review, Entry)] == counts
    for account in ACCOUNTS:
        assert account.password in printed
        assert User.objects.get(username=account.username).check_password(account.password)


def test_staff_have_their_groups_and_nobody_else_has_staff_rights():
    staff = User.objects.filter(is_staff=True).values_list("username", "groups__name")

    assert dict(staff) == {account.username: account.group or None for account in ACCOUNTS[:5]}


def test_the_printed_lines_name_a_purchase_to_review_and_a_review_to_vote_on(printed):
    product, order = re.search(r'"product": "(\S+)", "order": "(\S+)"', printed).groups()
    review = re.search(r"/reviews/(\S{36})/vote/", printed).group(1)
    with transaction.atomic():
        submission = submit_review(author=user("customer"), product_id=product, order_id=order, rating=4)
        outcome = cast_vote(review, voter=user("customer2"), vote_type="helpful")

        assert not submission.is_update
        assert outcome.changed
        assert product not in seed_demo()  # reviewed by now: another one is proposed
        transaction.set_rollback(True)


def test_all_rows_refer_to_rows_that_exist():
    connection.check_constraints()


def test_every_order_has_the_status_that_its_items_give_it():
    drifted = Order.objects.with_derived_status().exclude(
        Q(status=F("derived_status")) & (Q(delivered_at=F("derived_delivered_at")) | Q(derived_delivered_at=None))
    )

    assert not drifted.exists()
    assert not Order.objects.exclude(status="delivered").exclude(delivered_at=None).exists()
    assert set(Order.objects.values_list("status", flat=True)) == set(Order.Status.values)


def test_every_rating_equals_a_recount_of_its_counted_reviews():
    stored = ProductRating.objects.values("product_id", *(f"stars_{star}" for star in range(1, 6)))

    assert {row["product_id"]: row for row in stored} == {
        row["product_id"]: row for row in counted_stars(Review.objects.all())
    }


def test_shards_and_totals_equal_the_votes():
    votes = Counter((vote.review_id, vote.shard, vote.helpful) for vote in ReviewVote.objects.all())
    shards = Counter()
    for shard in ReviewVoteShard.objects.all():
        shards[shard.review_id, shard.shard, True] = shard.helpful
        shards[shard.review_id, shard.shard, False] = shard.unhelpful
    totals = Review.objects.aggregate(helpful=Sum("helpful_votes"), unhelpful=Sum("unhelpful_votes"))

    assert +shards == votes
    assert totals == ReviewVoteShard.objects.aggregate(helpful=Sum("helpful"), unhelpful=Sum("unhelpful"))
    assert all(vote.shard == shard_of(vote.user_id) for vote in ReviewVote.objects.all())
    assert Review.objects.filter(helpful_votes__gt=300).count() == 1


def test_nobody_votes_on_their_own_review():
    authors = dict(Review.objects.values_list("pk", "author_id"))

    assert not [vote for vote in ReviewVote.objects.all() if authors[vote.review_id] == vote.user_id]


def test_every_reputation_is_the_derived_one():
    standings = derive(list(User.objects.values_list("pk", flat=True)))
    stored = {row.user_id: (row.score, row.consecutive_approved) for row in Reputation.objects.all()}

    assert stored == {user: (standing.score, standing.consecutive_approved) for user, standing in standings.items()}


def test_what_waits_has_been_screened_by_the_real_checks():
    waiting = ReviewRevision.objects.filter(state="pending").select_related("review", "screening")

    assert 30 <= waiting.count() <= 45
    for revision in waiting:
        found = [signal.name for signal in find_signals(edit_of(revision.review, revision))]
        assert [signal["name"] for signal in revision.screening.signals] == found
    assert any(revision.screening.signals for revision in waiting)
    assert waiting.filter(review__status="approved").count() >= 3


def test_only_trusted_authors_are_approved_without_a_person():
    automatic = ReviewRevision.objects.filter(state="approved", decided_by=None)

    assert automatic.count() > 20
    for revision in automatic.select_related("review"):
        decided = ReviewRevision.objects.filter(
            review__author=revision.review.author_id, state="approved", decided_at__lt=revision.decided_at
        )
        assert decided.count() >= 5  # and a year as a member: 50 + 5 × 2 + 20


def test_reviews_come_in_every_state():
    reviews = Review.objects.all()

    assert set(reviews.values_list("status", flat=True)) == set(Review.Status.values)
    for some in ({"is_hidden": True}, {"deleted_at__isnull": False}, {"purchase_refunded_at__isnull": False}):
        assert reviews.filter(**some).exists()
    assert 500 < reviews.count() < 750


def test_reviews_are_of_items_that_had_arrived_and_were_not_refunded():
    early = Q(created_at__lt=F("order_item__delivered_at")) | Q(created_at__gte=F("order_item__refunded_at"))

    assert not Review.objects.filter(early | Q(order_item__delivered_at=None)).exists()
    assert (
        not Review.objects.exclude(purchase_refunded_at=F("order_item__refunded_at"))
        .filter(order_item__refunded_at__isnull=False)
        .exists()
    )


def test_a_burst_of_praise_by_fresh_accounts_stands_out():
    praise = Review.objects.filter(product__title="Fjord Portable Speaker", rating=5, comment__contains="est purchase")
    burst = list(praise.order_by("created_at").select_related("author"))

    assert len(burst) == 25
    assert (burst[-1].created_at - burst[0].created_at).total_seconds() < 2 * 3_600
    assert all((review.created_at - review.author.date_joined).days < 10 for review in burst)


def test_the_burst_is_in_quarantine_and_out_of_the_rating():
    row = Quarantine.objects.get()
    kept_out = Review.objects.filter(quarantine=row)

    assert row.is_open
    assert row.product.title == "Fjord Portable Speaker"
    assert kept_out.count() >= 5
    assert not kept_out.filter(quarantined_at=None).exists()
    assert all(review.rating == 5 for review in kept_out)
    assert row.product.rating.count == Review.objects.counted().filter(product=row.product).count()


def test_copies_of_the_demos_texts_are_found():
    text = Review.objects.live().filter(fingerprint__isnull=False).first()

    copies = find_copies(text.comment, bands_of(f"{text.title}\n{text.comment}"), review_id=uuid7())

    assert copies


def test_fulfilment_goes_forward_in_time():
    backwards = (
        Q(shipped_at__lt=F("order__placed_at"))
        | Q(delivered_at__lt=F("shipped_at"))
        | Q(returned_at__lt=F("delivered_at"))
        | Q(refunded_at__lt=F("order__placed_at"))
    )

    assert not OrderItem.objects.filter(backwards).exists()
    assert set(OrderItem.objects.values_list("fulfilment_status", flat=True)) == set(OrderItem.Fulfilment.values)


def test_nothing_lies_in_the_future_and_every_decision_is_in_the_audit():
    now = timezone.now()

    assert not Entry.objects.filter(at__gt=now).exists()
    assert not Review.objects.filter(updated_at__gte=timezone.localtime().replace(hour=0, minute=1)).exists()
    assert (
        not Order.objects.filter(updated_at__gte=now - timedelta(minutes=1)).exclude(placed_at=F("updated_at")).exists()
    )
    for state in ("approved", "rejected"):
        decisions = ReviewRevision.objects.filter(state=state).count()
        assert Entry.objects.filter(verb=f"review.{state}").count() == decisions
    assert Entry.objects.filter(verb="vote.cast").count() == ReviewVote.objects.count()
    assert Entry.objects.filter(verb="review.approved", actor_kind="user").values("actor_id").distinct().count() == 2


def test_each_report_count_is_that_of_the_reports_that_stand():
    standing = Counter(Report.objects.standing().values_list("content_id", flat=True))
    counts = {}
    for model in (Review, VendorReply, Product):
        counts |= dict(model.objects.filter(report_count__gt=0).values_list("pk", "report_count"))

    assert counts == standing
    assert max(counts.values()) == 7  # a brigade
    assert set(Report.objects.values_list("status", flat=True)) == set(Report.Status.values)


def test_whatever_waits_has_an_open_case_and_every_queue_has_some():
    cases = Case.objects.open()

    assert set(cases.values_list("queue", flat=True)) == set(Case.Queue.values)
    for content_type, model in (("review", Review), ("reply", VendorReply)):
        waiting = set(model.objects.pending().values_list("pk", flat=True))
        assert waiting <= set(cases.filter(content_type=content_type).values_list("content_id", flat=True))
    assert all(case.parts and case.fingerprint for case in cases)
    assert cases.overdue().exists()


def test_following_the_cases_once_more_changes_none():
    before = dict(Case.objects.values_list("pk", "version"))
    with transaction.atomic():
        for case in Case.objects.open():
            follow(case.content_type, case.content_id)

        assert dict(Case.objects.values_list("pk", "version")) == before
        transaction.set_rollback(True)


def test_decisions_have_a_history_and_some_wait_for_somebody_else():
    for action in ("approve", "reject", "hide", "restore", "remove", "restrict", "dismiss", "overturn"):
        assert Decision.objects.filter(action=action).exists(), action
    for state, action in (("approved", "approve"), ("rejected", "reject")):
        revisions = ReviewRevision.objects.filter(state=state).count()
        assert Decision.objects.filter(content_type="review", action=action).count() == revisions
    assert set(Appeal.objects.values_list("state", flat=True)) == {"pending", "overturned"}
    assert Proposal.objects.get().state == "open"
    assert set(VendorReply.objects.values_list("status", flat=True)) == {"approved", "pending"}
    assert Restriction.objects.active().filter(review__restricted_at__isnull=False).count() == 1


def test_the_waiting_proposal_can_be_carried_out_and_the_waiting_appeal_overturned():
    with transaction.atomic():
        approve_proposal(Proposal.objects.get().pk, approver=user("senior"))
        appeal = Appeal.objects.get(state="pending")
        rule(appeal.pk, moderator=user("senior"), ruling="overturn", text="It may stay.")

        assert not Review.objects.get(pk=appeal.decision.content_id).is_hidden
        transaction.set_rollback(True)


def test_nothing_derived_has_drifted():
    for name, target in reconcilers().items():
        findings = Findings()
        list(compare(target(), scope=Scope(), fix=False, batch_size=500, findings=findings))
        assert not findings.drifted, (name, findings.examples)


def test_finance_finds_a_payment_that_waits():
    assert KINDS["payment"].count() == 1


def test_no_work_is_left_to_do():
    assert not Job.objects.exists()


def user(username):
    return User.objects.get(username=username)
