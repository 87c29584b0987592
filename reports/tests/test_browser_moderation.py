"""The moderators' page in a real browser: by keys, on a desktop and a phone, in the dark, at 400 %."""

import pytest

from reports.models import Case, Decision
from reports.services.appeals import appeal
from reports.services.claiming import claim_case
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.services import edit_review
from reviews.tests.factories import approved_review
from trustengine.testing import run_due_jobs
from trustengine.tests.browsing import fits

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def sign_in(page, user=None):
    page.set_default_timeout(15_000)
    user = user or moderator(password=PASSWORD)
    page.goto("/admin/login/?next=/admin/moderation/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Ready when you are.").wait_for()
    return user


def titled(title, reason="spam", **content):
    return reported(approved_review(title=title, **content), reason=reason).case


def shows(page, title):
    page.get_by_role("heading", name=f"Review: {title}").wait_for()


def taken():
    return Decision.objects.filter(automated=False)


def test_a_moderator_works_through_cases_by_keys_alone(page):
    titled("Grave", "illegal"), titled("Middling", "fake"), titled("Slight", "off_topic")
    page.emulate_media(color_scheme="dark")
    user = sign_in(page)
    assert fits(page)

    page.keyboard.press("n")
    shows(page, "Grave")
    assert fits(page)
    page.keyboard.press("h")
    page.keyboard.press("3")
    assert page.locator("textarea[name=facts]").input_value().startswith("Insults, threats")
    page.keyboard.press("Enter")
    page.get_by_text("Hidden: “Grave”.").wait_for()
    shows(page, "Middling")
    page.keyboard.press("s")
    shows(page, "Slight")
    page.keyboard.press("d")
    page.get_by_text("Dismissed: “Slight”.").wait_for()
    page.get_by_text("You have skipped 1 case in this session.").wait_for()
    assert list(taken().order_by("created_at").values_list("action", "reason", "moderator")) == [
        ("hide", "offensive", user.pk),
        ("dismiss", "no_violation", user.pk),
    ]
    page.keyboard.press("u")
    page.get_by_text("Undone: everything is as it was.").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Undone: everything is as it was.").nth(1).wait_for()
    assert Review.objects.public().count() == 3
    assert page.evaluate("document.documentElement.classList.contains('dark')")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_no_key_fires_while_somebody_types_and_nothing_typed_is_lost(page):
    from playwright.sync_api import expect

    case = titled("Mine", "fake")
    sign_in(page)
    page.keyboard.press("n")
    shows(page, "Mine")
    page.keyboard.press("f")
    page.locator("textarea[name=facts]").fill("")
    page.keyboard.type("had ?sun dab")
    assert page.locator("textarea[name=facts]").input_value() == "had ?sun dab"
    assert page.locator("dialog[open]").count() == 0
    assert not taken().exists()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+d")
    assert not taken().exists()

    review = Review.objects.get(pk=case.content_id)
    edit_review(review.pk, author=review.author, changes={"comment": "Another text than before."})
    run_due_jobs()
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.get_by_text("Nothing was done.").wait_for()
    assert page.locator(".te-refused ins").count() == 1
    page.get_by_role("button", name="Show it as it is now").click()
    page.get_by_text("An edit waits").wait_for()
    expect(page.locator("textarea[name=facts]")).to_have_value("had ?sun dab")
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.get_by_text("Hidden: “").wait_for()
    assert taken().get().text.facts == "had ?sun dab"


# A window of 1280 × 1024 at 400 %
@pytest.mark.parametrize("page", [(320, 256)], ids=["zoomed"], indirect=True)
def test_at_400_percent_everything_is_in_one_column_and_within_reach(page):
    titled("Wide" + "w" * 150, "illegal", comment="unbreakable" * 60)
    sign_in(page)
    assert fits(page)
    page.get_by_role("button", name="List").click()
    page.locator(".te-case-row a").click()
    page.get_by_role("heading", name="Review: Wide").wait_for()
    assert fits(page)
    page.get_by_role("button", name="Hide").click()
    page.get_by_label("Spam or advertising").wait_for()
    assert fits(page)
    page.get_by_role("button", name="Hide Enter").click()
    page.get_by_text("Hidden: “Wide").wait_for()
    assert fits(page)


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_a_batch_is_selected_previewed_decided_and_undone_by_keys(page):
    titled("One"), titled("Two")
    busy = titled("Three", "illegal")
    claim_case(busy.pk, moderator=moderator(username="grace"))
    sign_in(page)
    for _ in range(3):
        page.keyboard.press("j")
        page.keyboard.press("x")
    page.keyboard.press("b")
    page.get_by_role("heading", name="Decide on 3 cases").wait_for()
    page.get_by_text("grace works on it.").wait_for()
    page.get_by_role("button", name="Dismiss 2 cases").click()
    page.get_by_role("heading", name="2 of 3 decided.").wait_for()
    page.locator("dialog .te-confirm [data-close]").click()
    assert taken().filter(action="dismiss").count() == 2
    page.keyboard.press("u")
    page.get_by_text("Undone: 2 decisions.").wait_for()


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_two_moderators_see_each_other_and_never_get_the_same_case(page, browser, live_server):
    titled("Grave", "illegal"), titled("Slight", "off_topic")
    one, other = moderator(username="ada", password=PASSWORD), moderator(username="grace", password=PASSWORD)
    context = browser.new_context(base_url=live_server.url)
    second = context.new_page()
    sign_in(page, one)
    sign_in(second, other)
    page.keyboard.press("n")
    shows(page, "Grave")
    second.keyboard.press("n")
    shows(second, "Slight")
    second.locator(".te-case-row a", has_text="Grave").click()
    second.get_by_text("ada works on this until").wait_for()
    assert second.locator("#te-decide").count() == 0
    assert Case.objects.get(claimed_by=one).is_claimed
    page.goto("/admin/")
    page.get_by_role("heading", name="Home").wait_for()
    second.get_by_role("button", name="Look again").click()
    second.get_by_text("Yours until").wait_for()
    context.close()


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_a_second_approval_has_a_key_of_its_own_and_is_armed_first(page):
    case = titled("Grave", "illegal")
    decided(case, "remove", "illegal")
    sign_in(page, senior(password=PASSWORD))
    page.keyboard.press("n")
    shows(page, "Grave")
    page.get_by_role("heading", name="Second approval").wait_for()
    for key in ("a", "a", "r", "p", "Enter"):
        page.keyboard.press(key)
    assert not taken().exists()
    for _ in range(3):  # armed again each time, and not carried out
        page.keyboard.press("y")
    page.get_by_text("Carry out the proposal: It is carried out at once.").wait_for()
    assert not taken().exists()
    page.keyboard.press("Escape")
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    page.get_by_text("Approved and carried out.").wait_for()
    assert taken().get().action == "remove"


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_pressing_a_restricting_key_twice_carries_nothing_out(page):
    titled("Grave", "illegal")
    sign_in(page)
    page.keyboard.press("n")
    shows(page, "Grave")
    for key in ("h", "h", "w", "w", "t", "t"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Restrict", exact=False).first.wait_for()
    assert not taken().exists()


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_what_was_typed_outlives_the_session_and_a_new_sign_in(page):
    from playwright.sync_api import expect

    titled("Mine", "fake")
    user = sign_in(page)
    page.keyboard.press("n")
    shows(page, "Mine")
    page.keyboard.press("h")
    page.locator("textarea[name=facts]").fill("Two hours of evidence.")
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.get_by_text("You have been signed out.").wait_for()
    assert not taken().exists()

    other = page.context.new_page()  # signs in: the token changes, and the first page sends the new one
    other.goto("/admin/login/")
    other.get_by_label("Username").fill(user.username)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    other.get_by_role("heading", name="Home").wait_for()
    other.close()
    page.context.clear_cookies(name="sessionid")
    page.reload()
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    shows(page, "Mine")
    expect(page.locator("textarea[name=facts]")).to_have_value("Two hours of evidence.")
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.get_by_text("Hidden: “Mine”.").wait_for()
    assert taken().get().text.facts == "Two hours of evidence."


@pytest.mark.parametrize("page", [(1440, 900)], ids=["desktop"], indirect=True)
def test_a_form_that_met_the_end_of_the_session_is_filled_in_again(page):
    from playwright.sync_api import expect

    decision = decided(titled("Mine", "fake"), "hide", "fake")
    made = appeal(decision.pk, appellant=decision.author, text="This is wrong.")
    user = sign_in(page)
    page.goto(f"/admin/reports/appeal/{made.pk}/change/")
    page.locator("textarea[name=text]").fill("An hour of thought.")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Uphold").click()
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("You were signed out before this was sent.").wait_for()
    expect(page.locator("textarea[name=text]")).to_have_value("An hour of thought.")
    page.get_by_role("button", name="Uphold").click()
    page.get_by_text("upheld").first.wait_for()
    made.refresh_from_db()
    assert (made.state, made.ruling_text) == ("upheld", "An hour of thought.")
