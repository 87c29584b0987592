"""The limits that stand before views; that they are counted right is tested in test_limits.py."""

import pytest

from reviews.tests.factories import delivered_purchase
from trustengine.accounts.tests.factories import UserFactory
from trustengine.api.tests.test_limits import DEAD
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"
TOKEN = "/api/v1/auth/token/"


@pytest.fixture(params=["redis", "no redis"])
def redis(request, settings, address):
    if request.param == "no redis":
        settings.REDIS_ADDRESS = DEAD
    return request.param


@pytest.fixture
def address():
    """An address that no other test reads from."""
    number = UserFactory().pk.int
    return f"2001:db8:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}::1"


def assert_limited(answer):
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert answer["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_anonymous_reads_are_limited_by_address(settings, address):
    settings.ANONYMOUS_READS_PER_MINUTE = 2
    client = api_client_for()
    for _ in range(2):
        assert client.get(PRODUCTS, REMOTE_ADDR=address).status_code == 200

    assert_limited(client.get(PRODUCTS, REMOTE_ADDR=address))
    assert client.get(PRODUCTS, REMOTE_ADDR="2001:db9::1").status_code == 200
    assert api_client_for(UserFactory()).get(PRODUCTS, REMOTE_ADDR=address).status_code == 200


def test_the_addresses_of_one_ipv6_network_share_a_limit(settings, address):
    settings.ANONYMOUS_READS_PER_MINUTE = 3
    others = [f"{address[:-1]}{number:x}:{number:x}" for number in (1, 0xFFFF, 0xABC)]
    answers = [api_client_for().get(PRODUCTS, REMOTE_ADDR=each) for each in (address, *others)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_a_client_that_forwards_for_itself_is_limited(settings, address):
    settings.ANONYMOUS_READS_PER_MINUTE = 2
    answers = [
        api_client_for().get(PRODUCTS, REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        for number in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_anonymous_reads_stay_open_without_redis(settings, address):
    settings.ANONYMOUS_READS_PER_MINUTE, settings.REDIS_ADDRESS = 1, DEAD

    for _ in range(4):
        assert api_client_for().get(PRODUCTS, REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("local", ["127.0.0.1", "::1", ""])
def test_a_proxy_on_this_machine_that_nobody_has_named_is_no_single_caller(settings, local):
    settings.ANONYMOUS_READS_PER_MINUTE = 1

    for _ in range(4):
        assert api_client_for().get(PRODUCTS, REMOTE_ADDR=local).status_code == 200


def test_behind_a_trusted_proxy_each_client_is_counted_apart(settings, address):
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES, settings.ANONYMOUS_READS_PER_MINUTE = [ip_network("127.0.0.1")], 1
    client = api_client_for()

    assert client.get(PRODUCTS, HTTP_X_FORWARDED_FOR=address).status_code == 200
    assert_limited(client.get(PRODUCTS, HTTP_X_FORWARDED_FOR=address))
    assert client.get(PRODUCTS, HTTP_X_FORWARDED_FOR="2001:db9:1::2").status_code == 200


@pytest.mark.parametrize("path", [TOKEN, "/api/v1/auth/token/refresh/"])
def test_requests_for_tokens_are_limited_by_address(settings, address, redis, path):
    settings.TOKEN_REQUESTS_PER_MINUTE = 2
    for _ in range(2):
        assert api_client_for().post(path, {}, REMOTE_ADDR=address).status_code == 400

    assert_limited(api_client_for().post(path, {}, REMOTE_ADDR=address))


def test_writing_reviews_is_limited_by_user_and_reading_them_is_not(settings, redis):
    settings.REVIEW_WRITES_PER_MINUTE = 2
    item = delivered_purchase()
    client = api_client_for(item.order.customer.user)
    body = {"product": item.product_id, "order": item.order_id, "rating": 5}
    review = client.post("/api/v1/reviews/", body).json()["id"]
    assert client.patch(f"/api/v1/reviews/{review}/", {"rating": 4}).status_code == 200

    assert_limited(client.delete(f"/api/v1/reviews/{review}/"))
    assert_limited(client.post("/api/v1/reviews/", body))
    for _ in range(3):
        assert client.get(f"/api/v1/reviews/{review}/").status_code == 200
    assert api_client_for(UserFactory()).patch(f"/api/v1/reviews/{review}/", {"rating": 1}).status_code == 404
