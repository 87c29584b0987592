import pytest
from django.core.checks import run_checks

from trustengine.accounts.checks import identity_settings, second_factor_groups


def test_the_defaults_raise_no_concern():
    assert identity_settings(None) == []
    assert identity_settings in _registered()


def _registered():
    from django.core.checks.registry import registry

    return registry.get_checks()


@pytest.mark.parametrize(
    ("setting", "value", "concern"),
    [
        ("JWT_ISSUER", "trustengine", "accounts.E001"),
        ("JWT_SECRET", "-----BEGIN PUBLIC KEY-----\nMIIB", "accounts.E002"),
        ("JWT_SECRET", "short", "accounts.W001"),
        ("JWT_JWKS_URL", "file:///etc/passwd", "accounts.E003"),
        ("JWT_JWKS_URL", "https://", "accounts.E003"),
        ("JWT_JWKS_URL", "http://id.example/jwks.json", "accounts.W002"),
    ],
)
def test_a_setting_that_opens_the_door_too_wide_is_named(settings, setting, value, concern):
    setattr(settings, setting, value)
    settings.JWT_AUDIENCE = "trustengine"

    assert [(found.id, found.msg.split(":")[0]) for found in identity_settings(None)] == [(concern, setting)]


@pytest.mark.parametrize(
    ("setting", "value"), [("JWT_SECRET", "x" * 32), ("JWT_JWKS_URL", "https://id.example/jwks.json")]
)
def test_keys_without_an_audience_are_warned_of(settings, setting, value):
    setattr(settings, setting, value)

    found = {message.id: message.msg for message in run_checks(tags=["security"])}

    assert found["accounts.W003"].startswith("JWT_AUDIENCE:")


@pytest.mark.parametrize(
    ("setting", "value"), [("JWT_SECRET", "x" * 32), ("JWT_JWKS_URL", "https://id.example/jwks.json")]
)
def test_usual_settings_raise_no_concern(settings, setting, value):
    setattr(settings, setting, value)
    settings.JWT_AUDIENCE = "trustengine"

    assert identity_settings(None) == []


@pytest.mark.django_db
def test_a_group_that_does_not_exist_is_named(settings):
    settings.SECOND_FACTOR_GROUPS = ["Finance", "Finnace"]

    assert [found.id for found in second_factor_groups(None, databases=["default"])] == ["accounts.W004"]
    assert "Finnace" in second_factor_groups(None, databases=["default"])[0].msg
    assert second_factor_groups(None) == []
