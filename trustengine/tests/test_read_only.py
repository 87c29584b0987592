import pytest
from django.test import override_settings

from orders.models import Product
from orders.tests.factories import ProductFactory
from reviews.models import Review
from reviews.tests.factories import delivered_purchase, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, run_due_jobs


@pytest.mark.django_db
def test_in_read_only_mode_reads_are_served_and_writes_are_told_when_to_return():
    product, item = ProductFactory(), delivered_purchase()
    client = api_client_for(item.order.customer.user)
    body = {"product": item.product_id, "order": item.order_id, "rating": 5}

    with override_settings(READ_ONLY=True):
        assert client.get(f"/api/v1/products/{product.pk}/").status_code == 200
        refused = client.post("/api/v1/reviews/", body)

    assert (refused.status_code, refused.json()["code"]) == (503, "READ_ONLY_MODE")
    assert int(refused["Retry-After"]) > 0
    assert Product.objects.count() == 2
    assert not Review.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/api/v1/me/", "/api/v1/auth/token/", "/api/v1/nowhere/"])
def test_in_read_only_mode_no_write_reaches_the_api(method, path):
    with override_settings(READ_ONLY=True):
        refused = getattr(api_client_for(), method)(path, {}, HTTP_IDEMPOTENCY_KEY="a-key")

    assert (refused.status_code, refused.json()["code"]) == (503, "READ_ONLY_MODE")
    assert refused["Content-Type"] == "application/problem+json"


def test_in_read_only_mode_the_console_says_so_on_a_page():
    with override_settings(READ_ONLY=True):
        refused = api_client_for().post("/admin/login/", {"username": "ada"})

    assert refused.status_code == 503
    assert refused["Content-Type"].startswith("text/html")
    assert int(refused["Retry-After"]) > 0
    assert "read-only mode" in refused.content.decode()


@pytest.mark.django_db
def test_in_read_only_mode_a_newcomer_is_told_to_return_and_a_known_user_reads(settings):
    settings.JWT_SECRET, settings.READ_ONLY = SECRET, True
    known = api_client_for(UserFactory())

    newcomer = api_client_for().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {outside_token()}")

    assert (newcomer.status_code, newcomer.json()["code"]) == (503, "READ_ONLY_MODE")
    assert known.get("/api/v1/me/").status_code == 200


@pytest.mark.django_db
def test_jobs_pause_in_read_only_mode_and_go_on_afterwards():
    pending_review()

    with override_settings(READ_ONLY=True):
        assert run_due_jobs() == 0
    waiting = sorted(Job.objects.due().values_list("kind", flat=True))
    assert waiting == ["billing.count_review", "reviews.screen_review"]
    assert run_due_jobs() >= 1  # further jobs follow from it
    assert not Job.objects.due().exists()
