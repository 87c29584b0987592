import pytest
from django.test import override_settings

from orders.models import Product
from orders.tests.factories import ProductFactory
from reviews.models import Review
from reviews.tests.factories import delivered_purchase, pending_review
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
def test_jobs_pause_in_read_only_mode_and_go_on_afterwards():
    pending_review()

    with override_settings(READ_ONLY=True):
        assert run_due_jobs() == 0
    assert Job.objects.due().count() == 1
    assert run_due_jobs() == 1
