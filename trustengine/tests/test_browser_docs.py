"""The API's documentation in a real browser, under a policy without ``unsafe-eval``."""

import pytest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_the_documentation_is_drawn_without_a_complaint(page):
    page.goto("/api/docs/")
    page.get_by_text("/api/v1/orders/", exact=False).first.wait_for()
