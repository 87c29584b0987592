"""The pages: whose they are, what they say, and that they can be read without a script."""

import re
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from metrics import presenting
from metrics.tests.factories import (
    PlatformDailyFactory,
    ProductDailyFactory,
    VendorDailyFactory,
    VendorRatingDailyFactory,
)
from orders.tests.factories import ProductFactory
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory, VendorFactory

pytestmark = pytest.mark.django_db
PAGE, EXPORT = "/vendor/dashboard/", "/vendor/dashboard/export/"
CONSOLE, TRUST = "/admin/dashboard/", "/admin/trust/"
IN_MAY = "?from=2026-05-01&to=2026-05-04"


def signed_in(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def vendor():
    return VendorFactory(display_name="Kitchen & Co.")


@pytest.fixture
def client(vendor):
    return signed_in(MembershipFactory(profile=vendor, role="viewer").user)


@pytest.fixture
def operator():
    return signed_in(StaffFactory(groups=["Operators"]))


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.parametrize("path", [PAGE, EXPORT])
def test_a_stranger_signs_in_first(path):
    answer = Client().get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={path}")


def test_whoever_is_signed_in_finds_the_way_if_there_is_one(client):
    assert b'href="/vendor/dashboard/"' in client.get("/sign-in/").content
    assert b'href="/vendor/dashboard/"' not in signed_in(UserFactory()).get("/sign-in/").content


@pytest.mark.parametrize("path", [PAGE, EXPORT])
def test_only_members_see_a_vendors_page(client, vendor, path):
    other = VendorDailyFactory(vendor__display_name="Somebody else").vendor
    operator = signed_in(StaffFactory(is_superuser=True))
    for somebody, query in (
        (client, f"?profile={other.pk}"),
        (signed_in(UserFactory()), ""),
        (signed_in(UserFactory()), f"?profile={vendor.pk}"),
        (operator, f"?profile={vendor.pk}"),
    ):
        answer = somebody.get(f"{path}{query}")
        assert answer.status_code == 404
        assert "Somebody else" not in text(answer)
    suspended = MembershipFactory(profile=vendor, role="owner", user__suspended_at=timezone.now()).user
    assert signed_in(suspended).get(path).status_code == 403


def test_the_figures_stand_there_in_words_and_tables_without_a_script(client, vendor):
    VendorDailyFactory(vendor=vendor, day=date(2026, 5, 2), gmv_cents=1_234_567, refunds_cents=5_000, delivered_items=2)
    VendorDailyFactory(vendor=vendor, day=date(2026, 4, 29), gmv_cents=617_283)
    VendorRatingDailyFactory(vendor=vendor, day=date(2026, 5, 3), stars_5=1, stars_2=1)
    product = ProductFactory(vendor=vendor, title="<script>pot</script>")
    ProductDailyFactory(product=product, day=date(2026, 5, 2))
    answer = client.get(f"{PAGE}{IN_MAY}")
    told = text(answer)

    assert "Kitchen &amp; Co." in told
    for words in ("12,345.67 EUR", "+100 %", "before: 6,172.83 EUR", "3.50 ★", "Sat 02 May 2026", "50.00 EUR"):
        assert words in told
    assert "&lt;script&gt;pot&lt;/script&gt;" in answer.content.decode()
    assert f'href="/products/{product.pk}/"' in answer.content.decode()
    assert "today so far" not in told
    assert answer["Cache-Control"] == "private, no-cache"


def test_today_is_marked_as_not_over_and_is_refreshed(client, vendor):
    VendorDailyFactory(vendor=vendor)
    page = client.get(PAGE)
    assert "today so far" in text(page)
    assert 'data-seconds="15"' in page.content.decode()
    assert "data-seconds" not in client.get(f"{PAGE}{IN_MAY}").content.decode()


def test_a_page_left_open_overnight_goes_on_to_the_next_day(client, vendor):
    VendorDailyFactory(vendor=vendor)

    assert 'data-part="?part=1"' in client.get(PAGE).content.decode()
    chosen = "from=2026-05-01&amp;to=2026-05-04&amp;part=1"
    assert f'data-part="?{chosen}"' in client.get(f"{PAGE}{IN_MAY}").content.decode()


def test_a_part_that_has_not_changed_is_not_sent_again(client, vendor):
    VendorDailyFactory(vendor=vendor)
    part = client.get(f"{PAGE}?part=1")
    assert part.content.lstrip().startswith(b'<div class="db-figures"')
    again = {"HTTP_IF_NONE_MATCH": part["ETag"]}

    assert client.get(f"{PAGE}?part=1", **again).status_code == 304
    VendorDailyFactory(vendor=vendor, day=timezone.localdate() - timedelta(days=1))
    assert client.get(f"{PAGE}?part=1", **again).status_code == 200


def test_a_vendor_without_orders_is_welcomed(client, vendor):
    told = text(client.get(PAGE))
    assert "No order yet" in told
    assert "Sales" not in told

    VendorDailyFactory(vendor=vendor, day=date(2025, 1, 1))
    assert "Nothing in this time" in text(client.get(PAGE))


def test_a_period_that_cannot_be_shown_is_told_and_another_is_shown(client, vendor):
    VendorDailyFactory(vendor=vendor)
    for query in ("from=2026-05-04&to=2026-05-01", "from=x", "to=9999-12-31", "from=%ff", "currency=%ff&profile=%ff"):
        answer = client.get(f"{PAGE}?{query}")
        assert answer.status_code == 200
        assert ("cannot be shown" in text(answer)) == ("currency" not in query)


def test_periods_and_currencies_are_links_that_keep_the_rest(client, vendor):
    VendorDailyFactory(vendor=vendor, day=date(2026, 5, 2))
    VendorDailyFactory(vendor=vendor, day=date(2026, 5, 2), currency="USD", gmv_cents=777)
    page = client.get(f"{PAGE}{IN_MAY}&profile={vendor.pk}").content.decode()
    link = f"?from=2026-05-01&amp;to=2026-05-04&amp;currency=USD&amp;profile={vendor.pk}"

    assert f'href="{link}"' in page
    assert "7.77 USD" in text(client.get(f"{PAGE}{link.replace('&amp;', '&')}"))


def test_a_member_of_several_vendors_chooses(vendor):
    user = MembershipFactory(profile=vendor, role="viewer").user
    second = MembershipFactory(user=user, profile__display_name="Garden & Son").profile
    client = signed_in(user)

    assert "<h1>Garden &amp; Son</h1>" in client.get(PAGE).content.decode()
    assert "<h1>Kitchen &amp; Co.</h1>" in client.get(f"{PAGE}?profile={vendor.pk}").content.decode()
    assert f"profile={second.pk}" in client.get(PAGE).content.decode()


@pytest.mark.parametrize(("asked", "kind"), [("csv", "text/csv"), ("json", "application/json"), ("exe", "text/csv")])
def test_figures_can_be_taken_away_from_both_pages(client, operator, asked, kind):
    for somebody, url in ((client, EXPORT), (operator, f"{CONSOLE}export/")):
        answer = somebody.get(f"{url}{IN_MAY}&as={asked}")
        assert answer["Content-Type"].startswith(kind)
        assert "attachment" in answer["Content-Disposition"]


def test_the_consoles_pages_are_for_those_with_their_permissions(client, operator):
    PlatformDailyFactory(day=date(2026, 5, 2), gmv_cents=4_200)
    VendorDailyFactory(day=date(2026, 5, 2), vendor__display_name="Garden & Son", gmv_cents=4_200)
    told = text(operator.get(f"{CONSOLE}{IN_MAY}"))
    assert "42.00 EUR" in told
    assert "Garden &amp; Son" in told
    assert operator.get(f"{TRUST}{IN_MAY}").status_code == 200
    for path in (CONSOLE, TRUST, f"{CONSOLE}export/"):
        assert client.get(path).status_code == 302  # to the admin's door
        assert signed_in(StaffFactory(groups=["Moderators"])).get(path).status_code == 403
    finance = signed_in(StaffFactory(groups=["Finance"]))
    assert (finance.get(CONSOLE).status_code, finance.get(TRUST).status_code) == (200, 403)
    assert b"/admin/trust/" not in finance.get(CONSOLE).content
    assert operator.get(f"{TRUST}?part=1").content.lstrip().startswith(b'<div class="db-figures"')


def test_the_home_page_tells_of_todays_sales(operator):
    PlatformDailyFactory(orders=1, gmv_cents=1_250)

    assert "12.50 EUR 1 order so far" in text(operator.get("/admin/"))


def test_a_page_takes_the_same_statements_for_any_data(client, vendor, django_assert_num_queries):
    def sell():
        for number in range(1, 4):
            VendorDailyFactory(vendor=vendor, day=date(2026, 5, number), currency="EUR")
            ProductDailyFactory(product=ProductFactory(vendor=vendor), day=date(2026, 5, number))

    sell()
    with django_assert_num_queries(10):
        client.get(f"{PAGE}{IN_MAY}")
    VendorDailyFactory._meta.model.objects.all().delete()
    sell()
    with django_assert_num_queries(10):
        client.get(f"{PAGE}?from=2026-01-01&to=2026-05-30")


@pytest.mark.parametrize(
    ("value", "was", "direction", "text", "tone"),
    [
        (110, 100, 1, "+10 %", "good"),
        (90, 100, 1, "\N{MINUS SIGN}10 %", "bad"),
        (110, 100, -1, "+10 %", "bad"),
        (110, 100, 0, "+10 %", ""),
        (1_001, 1_000, 1, "unchanged", ""),
        (5, 0, 1, "new", ""),
        (5, None, 1, "new", ""),
        (0, 5, 1, "none now", ""),
        (None, 5, 1, "none now", ""),
        (0, 0, 1, "", ""),
        (None, None, 1, "", ""),
        (20_000, 100, 1, "200 times", "good"),
        (5, -10, 1, "+150 %", "good"),
    ],
)
def test_changes_are_told_in_words(value, was, direction, text, tone):
    change = presenting.relative(value, was, direction)

    assert (change.text, change.tone) == (text, tone)
