"""A moderator's work in a real browser: the system's Chromium, driven by Playwright."""

import pytest

from reviews.models import ProductRating
from reviews.screening import screen
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.tests.browsing import PHONE, fits

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def sign_in(page, user):
    page.goto("/admin/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Home").wait_for()


def follow_sidebar(page, name):
    if page.viewport_size["width"] == PHONE[0]:
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name=name).first.click()


def test_a_moderator_approves_a_review_and_sees_the_rating_change(page):
    moderator = StaffFactory(groups=["Moderators"], password=PASSWORD)
    first = approved_review(rating=3)
    review = pending_review(delivered_purchase(product=first.product), rating=5, title="Lovely bowl")
    screen(review.pk)

    sign_in(page, moderator)
    assert fits(page)
    page.get_by_text("Reviews waiting").wait_for()
    follow_sidebar(page, "Pending reviews")
    page.get_by_role("heading", name="Pending reviews").wait_for()
    assert fits(page)
    page.get_by_role("link", name="Lovely bowl").click()
    assert page.locator("[data-average]").inner_text() == "3.00"
    assert fits(page)

    page.get_by_role("button", name="Approve").click()

    page.get_by_text("Approved: “Lovely bowl”.").wait_for()
    page.get_by_text("Nothing waits.").wait_for()
    page.goto(f"/admin/orders/product/{first.product_id}/change/")
    assert page.locator("[data-average]").inner_text() == "4.00"
    assert page.locator("[data-count]").inner_text() == "2"
    rating = page.request.get(f"/api/v1/products/{first.product_id}/rating/").json()
    assert (rating["average"], rating["count"]) == (4.0, 2)


def test_a_moderator_rejects_from_the_queue_with_a_reason(page):
    moderator = StaffFactory(groups=["Moderators"], password=PASSWORD)
    spam, fine = pending_review(title="Cheap pills"), pending_review(title="Fine bowl")

    sign_in(page, moderator)
    page.goto("/admin/reviews/review/pending/")
    page.locator(f"input.action-select[value='{spam.pk}']").check()
    page.locator("select[name=action]").select_option("reject")
    page.locator("select[name=reason]").select_option("spam")
    page.get_by_role("button", name="Run").click()

    page.get_by_text("Rejected: “Cheap pills”.").wait_for()
    page.get_by_role("link", name="Fine bowl").wait_for()
    spam.refresh_from_db()
    fine.refresh_from_db()
    assert (spam.status, fine.status) == ("rejected", "pending")
    assert not ProductRating.objects.exists()


def test_the_charts_are_drawn_and_dark_follows_the_system(page):
    moderator = StaffFactory(groups=["Moderators"], password=PASSWORD)
    approved_review()
    page.emulate_media(color_scheme="dark")

    sign_in(page, moderator)

    assert page.locator("html.dark").count() == 1
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    for canvas in page.locator("canvas.chart").all():
        assert canvas.evaluate(drawn)


def test_hostile_text_stays_text(page):
    moderator = StaffFactory(groups=["Moderators"], password=PASSWORD)
    hostile = '<img src=x onerror="window.taken = 1"><script>window.taken = 1</script>'
    review = pending_review(title=hostile, comment=hostile)

    sign_in(page, moderator)
    for address in ("/admin/reviews/review/pending/", f"/admin/reviews/review/{review.pk}/change/", "/admin/"):
        page.goto(address)
        assert page.evaluate("window.taken") is None
        assert page.locator("img[src=x]").count() == 0
