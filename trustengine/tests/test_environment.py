"""Variables that name other servers and how mails leave: what cannot be used stops the start, by name."""

import pytest

from trustengine import environment as env


@pytest.mark.parametrize("given", ["https://api.stripe.com", "http://127.0.0.1:12111/", "https://[::1]:8443"])
def test_the_address_of_a_service_is_taken_without_a_slash_at_its_end(monkeypatch, given):
    monkeypatch.setenv("SOME_ADDRESS", given)

    assert env.web_address("SOME_ADDRESS", "") == given.rstrip("/")


@pytest.mark.parametrize("given", ["api.stripe.com", "ftp://x", "https://", "https://x:99999", "https://[x"])
def test_what_is_no_address_stops_the_start_with_the_variables_name(monkeypatch, given):
    monkeypatch.setenv("SOME_ADDRESS", given)

    with pytest.raises(env.SettingError, match="SOME_ADDRESS"):
        env.web_address("SOME_ADDRESS", "https://x")


@pytest.mark.parametrize("given", ["https://shop.example", "http://127.0.0.1:8000", "https://shop.example/trust/", ""])
def test_a_web_address_is_taken_without_its_last_slash(monkeypatch, given):
    monkeypatch.setenv("PUBLIC_URL", given)

    assert env.web_address("PUBLIC_URL") == given.rstrip("/")


@pytest.mark.parametrize(
    "given", ["shop.example", "ftp://shop.example", "https://", "javascript:x", "https://[x", "a?b"]
)
def test_what_is_no_web_address_is_named(monkeypatch, given):
    monkeypatch.setenv("PUBLIC_URL", given)

    with pytest.raises(env.SettingError, match="PUBLIC_URL"):
        env.web_address("PUBLIC_URL")


@pytest.mark.parametrize("given", ["no-reply@shop.example", "Shop <no-reply@shop.example>"])
def test_a_mailbox_may_have_a_name(monkeypatch, given):
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", given)

    assert env.mailbox("DEFAULT_FROM_EMAIL", "x@y") == given


@pytest.mark.parametrize("given", ["Shop", "Shop <>", "a@b\nBcc: c@d"])
def test_what_is_no_mailbox_or_breaks_out_of_its_header_is_named(monkeypatch, given):
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", given)

    with pytest.raises(env.SettingError, match="DEFAULT_FROM_EMAIL"):
        env.mailbox("DEFAULT_FROM_EMAIL", "x@y")
