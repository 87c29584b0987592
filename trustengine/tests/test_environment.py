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
