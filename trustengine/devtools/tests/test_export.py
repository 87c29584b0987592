"""An export holds everything about somebody, and nothing that is others'."""

import io
import json
import tracemalloc
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models

from reviews.models import Restriction, ReviewVote, Screening
from reviews.services import restrict_review
from reviews.tests.factories import approved_review, moderator
from trustengine.accounts.exporting import export_of, sections
from trustengine.accounts.models import Profile, User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.bulk import insert_rows
from trustengine.devtools.tests import somebody as planted
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db

EXPORT = "/api/v1/me/export/"

# Tables that know a user or a profile and are in no export, each with the reason. Whoever adds such a table
# exports it, in the module ``export`` of its app, or explains here why not.
NOT_EXPORTED = {
    "metrics.productdaily": "belongs to a vendor, whose members see it on their dashboard; sums name no person",
    "metrics.vendordaily": "belongs to a vendor, whose members see it on their dashboard; sums name no person",
    "metrics.vendorslice": "belongs to a vendor; hours of the same sums",
    "metrics.vendorratingdaily": "belongs to a vendor, whose members see it on their dashboard; sums name no person",
    "orders.product": "belongs to a vendor, which is a business and not a person",
    "billing.holding": "belongs to a vendor, whose members see it with the ledger",
    "billing.ledgeraccount": "belongs to a vendor, which is a business and not a person",
    "billing.ledgerentry": "belongs to a vendor, whose members read the ledger; it names no person",
    "billing.planversion": "is the marketplace's; who wrote and published it stands in the audit entries",
    "orders.vendorterms": "belongs to a vendor, which is a business and not a person",
    "billing.payout": "belongs to a vendor, whose members read it; kept for accounting",
    "billing.payoutbatch": "is the marketplace's; who drew up and approved it stands in the audit entries",
    "billing.payoutdestination": "belongs to a vendor; who set it stands in the audit entries",
    "billing.destinationchange": "belongs to a vendor; who set and approved it stands in the audit entries",
    "billing.payoutline": "belongs to a vendor, whose members read it with the payout",
    "billing.payoutskip": "belongs to a vendor; orders the work of those who pay",
    "reviews.vendorreply": "belongs to a vendor; who wrote which of its texts is told with the revisions",
    "reviews.quarantine": "is about a product; who opened or decided it stands in the audit entries",
    "reviews.screeningpolicy": "is the marketplace's; who wrote and published it stands in the audit entries",
    "reviews.denyterm": "is the marketplace's; who added and retired it stands in the audit entries",
    "accounts.usersession": "opens the account to whoever holds its key; ends by itself, and with an erasure",
    "accounts.suspensionproposal": "orders the work of staff; that they are suspended is told with the account",
    "reports.case": "orders the moderators' work; what came of it is told in the statements of reasons",
    "reports.proposal": "is a draft of a decision; who proposed and settled it stands in the audit entries",
    "reports.lookback": "orders the moderators' work; what came of it is told in the statements of reasons",
}
IDS_OF_USERS = {"user_id", "actor_id", "author_id", "voter_id", "reporter_id", "customer_id", "profile_id", "caller"}


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def somebody():
    return planted.somebody()


def knows_people(model) -> bool:
    """Whether a row is somebody's: by a foreign key, or by an id without one."""
    return model in {User, Profile} or any(
        field.related_model in {User, Profile} if isinstance(field, models.ForeignKey) else field.column in IDS_OF_USERS
        for field in model._meta.concrete_fields
    )


def test_every_table_that_knows_people_is_exported_or_explained():
    covered = {model for section in sections() for model in section.covers}
    people = {model._meta.label_lower for model in apps.get_models(include_auto_created=True) if knows_people(model)}

    assert people - covered - NOT_EXPORTED.keys() == set()
    assert covered & NOT_EXPORTED.keys() == set()
    for label in covered | NOT_EXPORTED.keys():
        apps.get_model(label)  # each of them exists


def test_everything_that_was_planted_is_in_it(somebody):
    answer = api_client_for(somebody).get(EXPORT)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "private, no-store"
    text = answer.getvalue().decode()
    told = json.loads(text)
    assert (told["version"], told["user"]) == (1, str(somebody.pk))
    assert [trace for trace in planted.TRACES if trace not in text] == []
    rows = {name: len(section) for name, section in told["sections"].items()}
    assert {name for name, count in rows.items() if not count} == {"accounts.erasure", "accounts.console_log"}
    assert (rows["reviews.reviews"], rows["reviews.votes"], rows["orders.orders"]) == (2, 3, 3)
    reviews = {review["status"]: review for review in told["sections"]["reviews.reviews"]}
    assert [revision["state"] for revision in reviews["approved"]["revisions"]] == ["approved", "superseded", "pending"]
    assert [photo["state"] for photo in reviews["approved"]["photos"]] == ["pending"]
    assert [each["ground"] for each in reviews["approved"]["restrictions"]] == ["manipulated_rating"]
    assert {report["status"] for report in told["sections"]["reports.reports"]} == {"pending", "dismissed"}
    assert {(each["role"], each["decision"]["action"]) for each in told["sections"]["reports.statements"]} == {
        ("author", "warn"),
        ("reporter", "dismiss"),
    }
    assert [each["state"] for each in told["sections"]["reports.appeals"]] == ["pending", "upheld"]
    assert all(entry["by_you"] for entry in told["sections"]["audit.entries"])


def test_it_names_no_moderator_and_nobody_else(somebody):
    stranger = UserFactory(email="stranger@example.org", display_name="Stranger")
    planted.vote(stranger)

    text = "".join(export_of(somebody))

    others = User.objects.exclude(pk=somebody.pk)
    assert others.count() > 5
    assert [other for other in others if str(other.pk) in text] == []
    assert "stranger" not in text.lower()


def test_a_restriction_that_is_excepted_from_notice_stays_silent():
    review = approved_review()
    Screening.objects.create(revision=review.revisions.get(), verdict="restrict", policy_version=1)
    silent = Restriction.Ground.DECEPTIVE_HIGH_VOLUME_COMMERCIAL
    restrict_review(review.pk, actor=moderator(), ground=silent, notify=False)
    run_due_jobs()

    text = "".join(export_of(review.author))

    (row,) = json.loads(text)["sections"]["reviews.reviews"]
    assert (row["status"], row["restrictions"]) == ("approved", [])
    assert [revision["screening"] for revision in row["revisions"]] == [None]
    assert "restrict" not in text.replace('"restrictions"', "")


def test_the_command_writes_the_same_into_a_file_that_is_whole_or_not_there(somebody, tmp_path, monkeypatch):
    file = tmp_path / "export.json"
    call_command("export_user", planted.EMAIL.upper(), output=file)
    first = file.read_text()
    assert first == "".join(export_of(somebody))
    assert file.stat().st_mode & 0o077 == 0

    def dying(user):
        yield first[:100]
        raise KeyboardInterrupt

    monkeypatch.setattr("trustengine.accounts.management.commands.export_user.export_of", dying)
    with pytest.raises(KeyboardInterrupt):
        call_command("export_user", str(somebody.pk), output=file)
    assert file.read_text() == first
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("given", ["id", "subject", "username", "email"])
def test_a_user_is_found_by_any_name_of_theirs(given):
    user = UserFactory(subject="idp|ada", username="ada", email="ada@example.org")
    output = io.StringIO()

    call_command("export_user", str(getattr(user, given)), stdout=output)

    assert json.loads(output.getvalue())["user"] == str(user.pk)


def test_nobody_and_several_are_told():
    UserFactory.create_batch(2, email="shared@example.org")

    for given in ["nobody", "shared@example.org", str(uuid4()), ""]:
        with pytest.raises(CommandError) as refusal:
            call_command("export_user", given)
        assert refusal.value.returncode == 2


def test_an_export_is_never_whole_in_memory_nor_in_one_query(django_assert_max_num_queries):
    user = UserFactory()
    add_votes(user, 1_000)
    peaks = [peak_of(user)]
    add_votes(user, 5_000)

    with django_assert_max_num_queries(66):
        peaks.append(peak_of(user))

    assert ReviewVote.objects.count() == 6_000
    assert peaks[1] < 1.5 * peaks[0]


def add_votes(user, count):
    ids = sorted(uuid4() for _ in range(count))
    insert_rows(ReviewVote, [{"review_id": key, "user_id": user.pk, "helpful": True, "shard": 0} for key in ids])


def peak_of(user) -> int:
    tracemalloc.start()
    try:
        for _ in export_of(user):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_exports_are_limited(settings):
    settings.EXPORTS_PER_MINUTE = 1
    client = api_client_for(UserFactory())

    assert client.get(EXPORT).status_code == 200
    again = client.get(EXPORT)
    assert (again.status_code, again.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert int(again["Retry-After"]) >= 1
