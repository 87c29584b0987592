"""Numbers on the moderators' pages count everything, whatever part of it is shown."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.http import QueryDict
from django.urls import reverse

from reports.admin.console.listing import Filters, take_next
from reports.models import Case
from reports.services.claiming import claim_case
from reports.tests.factories import decided, moderator, reported
from reviews.models import Review
from reviews.services.strikes import give_strike
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

# Lists that are whole on their page, so that their length is their number.
WHOLE = {
    "console/moderation/batch.html": {"lines"},
    "console/moderation/review.html": {"photos"},
    "console/reviews/photos.html": {"photos"},
    "console/billing/batch.html": {"skips", "changed"},
}
SHOWN = re.compile(r"(latest|first) \{\{ \w+\|length \}\}")  # said to be a part


@pytest.fixture
def console(client):
    client.force_login(moderator())
    return client


def test_a_case_counts_all_of_its_reports(console):
    review = approved_review()
    for _ in range(23):
        reported(review)
    case = Case.objects.get()

    page = console.get(reverse("admin:moderation"), {"case": case.pk}).content.decode()
    assert "23 reports" in page
    assert "the latest 20" in page
    assert "the latest 20 of 23" in console.get(reverse("admin:reports_case_change", args=[case.pk])).content.decode()


def test_the_gravest_of_all_reports_is_suggested(console):
    review = approved_review()
    case = reported(review, reason="illegal").case
    for _ in range(21):
        reported(review, reason="off_topic")

    page = console.get(reverse("admin:moderation"), {"case": case.pk})
    assert page.context["suggested"] == "illegal"


def test_an_authors_decisions_and_warnings_are_all_counted(console):
    author = UserFactory()
    for _ in range(8):
        decided(reported(review_by(author)).case, "warn")
        give_strike(author, actor=None, reason="spam")
    case = reported(review_by(author)).case

    page = console.get(reverse("admin:moderation"), {"case": case.pk}).content.decode()
    assert "16 in force" in page
    assert "Earlier decisions about them (8, the latest 6 here)" in page


def review_by(author):
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(author=author)
    return Review.objects.get(pk=review.pk)


def test_no_page_gives_the_length_of_a_part_as_a_number():
    """Whoever shows a length names a list that is whole, or says that it is the latest part."""
    found = {}
    for path in (Path(settings.BASE_DIR) / "templates/console").rglob("*.html"):
        name = path.relative_to(Path(settings.BASE_DIR) / "templates").as_posix()
        text = SHOWN.sub("", path.read_text())
        names = set(re.findall(r"\{\{ ?(\w+)\|length", text)) - WHOLE.get(name, set())
        if names:
            found[name] = names
    assert found == {}


def test_next_gives_the_case_that_one_holds_already_first():
    held, graver, person = reported(reason="off_topic").case, reported(reason="illegal").case, moderator()
    claim_case(held.pk, moderator=person)

    def taken_next(query="", skipping=()):
        return take_next(Filters.of(QueryDict(query)), person, skipping=list(skipping))

    assert taken_next() == held
    assert taken_next("type=review") == held
    assert taken_next(skipping=[held.pk]) == graver
    assert take_next(Filters.of(QueryDict("")), moderator(), skipping=[]) is None
