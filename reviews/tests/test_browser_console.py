"""A moderator's work in a real browser: the system's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator

import pytest

from reviews.models import ProductRating
from reviews.screening import screen
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import StaffFactory

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"
DESKTOP, PHONE = (1440, 900), (390, 844)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Chromium; without one the tests are skipped, but never in CI, where that would hide them."""
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium, which CI must have for the browser tests.")
        pytest.skip("There is no Chromium on this machine.")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as environment:
        # Playwright's event loop runs in this thread; the ORM beside it is still called by one thread only.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield chromium
            chromium.close()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request, browser, live_server):
    """A fresh browser window at the console; what the browser complains about fails the test."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=live_server.url)
    window = context.new_page()
    complaints: list[str] = []
    window.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    yield window
    context.close()
    assert complaints == []  # refusals of the content security policy are console errors


def sign_in(page, user):
    page.goto("/admin/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Home").wait_for()


def fits(page):
    """Whether nothing makes the page wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


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
