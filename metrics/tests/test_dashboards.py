"""The dashboards' figures over HTTP, by the contract, and whose they are."""

import csv
from datetime import date, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from metrics.spreadsheets import cell
from metrics.tests.factories import (
    PlatformDailyFactory,
    ProductDailyFactory,
    VendorDailyFactory,
    VendorRatingDailyFactory,
)
from orders.tests.factories import ProductFactory
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory, VendorFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db
VENDOR, STAFF = "/api/v1/vendor/dashboard/", "/api/v1/staff/dashboard/"
IN_MAY = "?from=2026-05-01&to=2026-05-04"
CONTRACT = {
    "orders",
    "units",
    "gmv_cents",
    "refunds_cents",
    "platform_fees_cents",
    "pending_payout_cents",
    "reviews",
    "average_rating",
}


@pytest.fixture
def vendor():
    return VendorFactory()


@pytest.fixture
def client(vendor):
    return api_client_for(MembershipFactory(profile=vendor, role="viewer").user)


@pytest.fixture
def staff():
    return api_client_for(StaffFactory(groups=["Operators"]))


def may(day):
    return date(2026, 5, day)


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def test_a_vendor_reads_every_day_of_a_period_and_their_totals(vendor, client):
    VendorDailyFactory(vendor=vendor, day=may(2), refunds_cents=333, platform_fees_cents=1_450)
    VendorDailyFactory(vendor=vendor, day=may(4), orders=1, units=1, gmv_cents=999, platform_fees_cents=150)
    VendorDailyFactory(vendor=vendor, day=may(5))
    VendorDailyFactory(day=may(2))
    VendorRatingDailyFactory(vendor=vendor, day=may(4), stars_5=2, stars_4=1)
    VendorRatingDailyFactory(day=may(4), stars_1=9)
    told = client.get(f"{VENDOR}{IN_MAY}").json()

    assert (told["currency"], told["from"], told["to"]) == ("EUR", "2026-05-01", "2026-05-04")
    assert [day["day"] for day in told["series"]] == [f"2026-05-0{day}" for day in (1, 2, 3, 4)]
    assert all(set(day) > CONTRACT for day in (told["totals"], *told["series"]))
    assert {name: told["totals"][name] for name in CONTRACT} == {
        "orders": 4,
        "units": 5,
        "gmv_cents": 10_999,
        "refunds_cents": 333,
        "platform_fees_cents": 1_600,
        "pending_payout_cents": 9_066,
        "reviews": 3,
        "average_rating": 4.67,
    }
    quiet = told["series"][2]
    assert {quiet[name] for name in CONTRACT - {"average_rating"}} == {0}
    assert quiet["average_rating"] is None


def test_rates_and_means_come_from_the_sums_not_from_the_days(vendor, client):
    VendorDailyFactory(vendor=vendor, day=may(1), orders=1, gmv_cents=101, platform_fees_cents=0, placed_items=1)
    VendorDailyFactory(
        vendor=vendor,
        day=may(2),
        orders=3,
        gmv_cents=101,
        platform_fees_cents=0,
        placed_items=9,
        cancelled_items=1,
        refunded_items=3,
        delivered_items=4,
        delivery_seconds=4 * 86_400 + 2,
    )
    totals = client.get(f"{VENDOR}{IN_MAY}").json()["totals"]

    assert totals["average_order_value_cents"] == 50  # 50.5, half to even
    assert (totals["cancellation_rate"], totals["refund_rate"]) == (0.1, 0.3333)
    assert totals["average_delivery_seconds"] == 86_400


def test_the_period_before_has_as_many_days(vendor, client):
    for day, cents in ((date(2026, 4, 26), 1), (date(2026, 4, 27), 20), (date(2026, 4, 30), 300), (may(1), 4_000)):
        VendorDailyFactory(vendor=vendor, day=day, gmv_cents=cents, platform_fees_cents=0)
    told = client.get(f"{VENDOR}{IN_MAY}").json()

    assert (told["previous"]["gmv_cents"], told["totals"]["gmv_cents"]) == (320, 4_000)


def test_without_days_it_is_the_last_thirty_and_says_that_today_is_not_over(vendor, client):
    today = timezone.localdate()
    made = timezone.now() - timedelta(hours=1)
    VendorDailyFactory(vendor=vendor, day=today, aggregated_at=made)
    VendorDailyFactory(vendor=vendor, day=today - timedelta(days=30), aggregated_at=made - timedelta(hours=1))
    told = client.get(VENDOR).json()

    assert (told["from"], told["to"]) == (str(today - timedelta(days=29)), str(today))
    assert (len(told["series"]), told["totals"]["orders"], told["is_partial"]) == (30, 3, True)
    assert parse_datetime(told["fresh_at"]) == made
    assert client.get(f"{VENDOR}{IN_MAY}").json()["is_partial"] is False


def test_an_empty_dashboard_is_all_zeros_in_the_marketplaces_currency(client, settings):
    settings.MARKETPLACE_CURRENCY = "CHF"
    told = client.get(f"{VENDOR}?from=2024-02-28&to=2024-03-01").json()

    assert (told["currency"], told["currencies"], told["fresh_at"]) == ("CHF", ["CHF"], None)
    assert [day["day"] for day in told["series"]] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert told["totals"]["gmv_cents"] == 0
    assert told["top_products"] == []


def test_currencies_are_apart_and_chosen(vendor, client, settings):
    settings.MARKETPLACE_CURRENCY = "EUR"
    for code, cents in (("USD", 500), ("GBP", 700)):
        VendorDailyFactory(vendor=vendor, day=may(2), currency=code, gmv_cents=cents, platform_fees_cents=0)
    most = client.get(f"{VENDOR}{IN_MAY}").json()
    assert (most["currency"], most["totals"]["gmv_cents"], most["currencies"]) == ("GBP", 700, ["GBP", "USD"])

    VendorDailyFactory(vendor=vendor, day=may(3), gmv_cents=1, platform_fees_cents=0)
    own = client.get(f"{VENDOR}{IN_MAY}").json()
    assert (own["currency"], own["totals"]["gmv_cents"], own["currencies"]) == ("EUR", 1, ["EUR", "GBP", "USD"])
    chosen = client.get(f"{VENDOR}{IN_MAY}&currency=USD").json()
    assert (chosen["currency"], chosen["totals"]["gmv_cents"]) == ("USD", 500)
    assert client.get(f"{VENDOR}{IN_MAY}&currency=JPY").json()["totals"]["gmv_cents"] == 0


def test_products_are_ranked_by_what_they_sold_for(vendor, client):
    pot, cup = (ProductFactory(vendor=vendor, title=title) for title in ("Pot", "Cup"))
    ProductDailyFactory(product=pot, day=may(1), gmv_cents=900)
    ProductDailyFactory(product=cup, day=may(1), units=2, gmv_cents=500)
    ProductDailyFactory(product=cup, day=may(2), units=3, gmv_cents=600)
    ProductDailyFactory(product=cup, day=may(9), gmv_cents=99)
    ProductDailyFactory(day=may(1), gmv_cents=10_000)
    told = client.get(f"{VENDOR}{IN_MAY}").json()["top_products"]

    assert told == [
        {"id": str(cup.pk), "title": "Cup", "orders": 2, "units": 5, "gmv_cents": 1_100},
        {"id": str(pot.pk), "title": "Pot", "orders": 1, "units": 1, "gmv_cents": 900},
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-05-02&to=2026-05-01", "from"),
        ("from=2024-01-01&to=2027-01-01", "from"),
        ("from=2026-02-30", "from"),
        ("to=tomorrow", "to"),
        ("to=20260501", "to"),
        ("from=2026-W01-1", "from"),
        ("to=0001-01-01", "to"),
        ("to=9999-12-31", "to"),
        ("from=٢٠٢٦-01-01", "from"),
        ("from=%00", "from"),
        ("currency=euro", "currency"),
        ("currency=QQQ", "currency"),
        ("profile=me", "profile"),
    ],
)
def test_what_is_no_period_is_refused_with_the_field(client, query, field):
    answer = client.get(f"{VENDOR}?{query}")

    assert refusal(answer) == (400, "INVALID_INPUT")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_three_years_are_the_most(client):
    assert len(client.get(f"{VENDOR}?from=2024-01-01&to=2026-12-31").json()["series"]) == 1_096
    assert client.get(f"{VENDOR}?from=2000-01-01&to=2000-01-01").status_code == 200
    assert client.get(f"{VENDOR}?from=2099-12-31&to=2099-12-31").status_code == 200


def test_a_member_of_several_vendors_names_one(vendor):
    user = MembershipFactory(profile=vendor, role="viewer").user
    second = MembershipFactory(user=user, role="owner").profile
    VendorDailyFactory(vendor=second, day=may(2))
    client = api_client_for(user)

    assert refusal(client.get(f"{VENDOR}{IN_MAY}")) == (400, "INVALID_INPUT")
    told = client.get(f"{VENDOR}{IN_MAY}&profile={second.pk}").json()
    assert (told["profile"], told["totals"]["orders"]) == (str(second.pk), 3)
    assert client.get(f"{VENDOR}{IN_MAY}&profile={vendor.pk}").json()["totals"]["orders"] == 0


@pytest.mark.parametrize("path", ["", "export/"])
def test_nobody_reads_the_figures_of_another_vendor(client, staff, path):
    other = VendorDailyFactory(day=may(2)).vendor
    customer = UserFactory()

    assert refusal(client.get(f"{VENDOR}{path}?profile={other.pk}")) == (404, "NOT_FOUND")
    assert refusal(client.get(f"{VENDOR}{path}?profile={customer.customer_profile.pk}")) == (404, "NOT_FOUND")
    for somebody in (api_client_for(customer), staff):
        assert refusal(somebody.get(f"{VENDOR}{path}")) == (404, "NOT_FOUND")
        assert refusal(somebody.get(f"{VENDOR}{path}?profile={other.pk}")) == (404, "NOT_FOUND")
    own = api_client_for(customer).get(f"{VENDOR}{path}?profile={customer.customer_profile.pk}")
    assert refusal(own) == (404, "NOT_FOUND")
    assert refusal(api_client_for().get(f"{VENDOR}{path}")) == (401, "AUTH_REQUIRED")


def test_a_suspended_member_reads_nothing(vendor):
    user = MembershipFactory(profile=vendor, role="owner", user__suspended_at=timezone.now()).user

    assert refusal(api_client_for(user).get(VENDOR)) == (403, "ACCOUNT_SUSPENDED")
    assert refusal(api_client_for(user).get(f"{VENDOR}?profile={VendorFactory().pk}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["", "export/"])
def test_the_marketplaces_figures_are_for_staff_with_the_permission(client, path):
    for somebody in (client, api_client_for(UserFactory()), api_client_for(StaffFactory(groups=["Moderators"]))):
        assert refusal(somebody.get(f"{STAFF}{path}")) == (403, "PERMISSION_DENIED")
    for group in ("Operators", "Finance", "Senior moderators"):
        assert api_client_for(StaffFactory(groups=[group])).get(f"{STAFF}{path}").status_code == 200


def test_an_outside_token_never_opens_the_marketplaces_figures(settings):
    """Neither by claims nor by naming the subject of somebody who is staff here."""
    import jwt

    settings.JWT_SECRET = "a secret of the tests, and of no other place"
    user = StaffFactory(is_superuser=True)
    user.groups.add(Group.objects.get(name="Operators"))
    claims = {
        "sub": user.subject,
        "exp": timezone.now() + timedelta(hours=1),
        "is_staff": True,
        "groups": ["Operators"],
        "permissions": ["metrics.view_platformdaily"],
    }
    client = api_client_for()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {jwt.encode(claims, settings.JWT_SECRET, 'HS256')}")

    assert client.get("/api/v1/me/").status_code == 200
    assert refusal(client.get(STAFF)) == (403, "PERMISSION_DENIED")
    assert refusal(client.get("/api/v1/staff/trust/")) == (403, "PERMISSION_DENIED")


def test_staff_reads_the_platform_and_who_sold_most(staff, vendor):
    PlatformDailyFactory(day=may(2), orders=4, gmv_cents=12_000)
    first = VendorDailyFactory(vendor=vendor, day=may(2)).vendor
    second = VendorDailyFactory(day=may(2), gmv_cents=2_000, platform_fees_cents=300).vendor
    VendorRatingDailyFactory(vendor=first, day=may(2), stars_1=1)
    VendorRatingDailyFactory(vendor=second, day=may(2), stars_5=1, stars_4=1)
    told = staff.get(f"{STAFF}{IN_MAY}").json()

    assert (told["totals"]["orders"], told["totals"]["gmv_cents"]) == (4, 12_000)  # one order was of both
    assert (told["totals"]["reviews"], told["totals"]["average_rating"]) == (3, 3.33)
    assert [top["id"] for top in told["top_vendors"]] == [str(first.pk), str(second.pk)]
    assert told["top_products"] == []
    assert staff.get(f"{STAFF}?from=2026-01-01&to=2026-05-04").json()["top_products"] is None


def test_an_export_has_a_line_for_each_day_and_no_formula(vendor, client):
    vendor.display_name = "=HYPERLINK(1)"
    vendor.save()
    VendorDailyFactory(vendor=vendor, day=may(2))
    VendorRatingDailyFactory(vendor=vendor, day=may(2), stars_5=1)
    answer = client.get(f"{VENDOR}export/{IN_MAY}", HTTP_ACCEPT="text/csv")
    rows = list(csv.DictReader(StringIO(answer.content.decode())))

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="dashboard-EUR-2026-05-01-2026-05-04.csv"'
    assert [row["day"] for row in rows] == [f"2026-05-0{day}" for day in (1, 2, 3, 4)]
    assert (rows[1]["gmv_cents"], rows[1]["stars_5"], rows[0]["average_rating"]) == ("10000", "1", "")
    assert {row["vendor"] for row in rows} == {"'=HYPERLINK(1)"}


def test_an_export_as_json_is_what_the_dashboard_answers(client, staff):
    for somebody, url in ((client, VENDOR), (staff, STAFF)):
        answer = somebody.get(f"{url}export/{IN_MAY}&as=json")
        assert answer["Content-Disposition"].endswith('.json"')
        assert answer.json() == somebody.get(f"{url}{IN_MAY}").json()
        assert refusal(somebody.get(f"{url}export/?as=xlsx")) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_begins_like_a_formula(text):
    assert cell(text) == f"'{text}"
    assert cell(-1) == -1


def test_a_dashboard_takes_the_same_statements_for_any_period_and_any_data(
    vendor, client, staff, django_assert_num_queries
):
    def sell(days):
        for number in range(days):
            day = may(1) + timedelta(days=number)
            VendorDailyFactory(vendor=vendor, day=day)
            VendorDailyFactory(vendor=vendor, day=day, currency="USD")
            PlatformDailyFactory(day=day)
            VendorRatingDailyFactory(vendor=vendor, day=day, stars_5=1)
            ProductDailyFactory(product=ProductFactory(vendor=vendor), day=day)
            VendorDailyFactory(day=day)

    sell(2)
    with django_assert_num_queries(7):
        client.get(f"{VENDOR}{IN_MAY}")
    with django_assert_num_queries(9):
        staff.get(f"{STAFF}{IN_MAY}")
    for model in (VendorDailyFactory, PlatformDailyFactory, VendorRatingDailyFactory, ProductDailyFactory):
        model._meta.model.objects.all().delete()
    sell(14)
    with django_assert_num_queries(7):
        client.get(f"{VENDOR}?from=2025-12-01&to=2026-05-30")
    with django_assert_num_queries(9):
        staff.get(f"{STAFF}?from=2026-03-01&to=2026-05-30")
