"""What a log line holds, and what never stands in one: the real configuration, writing into a stream."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings

from trustengine.logs import formatter
from trustengine.redaction import redacted_text, without_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


class Lines:
    """The lines written so far, each of which has to be JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def last(self) -> dict:
        return json.loads(self.text.splitlines()[-1])


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines()
    handler = logging.StreamHandler(lines.stream)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield lines
    finally:
        root.removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: [redacted] [redacted]"),
        (f"token {JWT} refused", "token [redacted] refused"),
        ("no user ada.lovelace+shop@mail.example.org here", "no user [redacted] here"),
        ('{"password": "hunter2", "rating": 4}', '{"password": "[redacted]", "rating": 4}'),
        ("postgres://shop:hunter2@db:5432/shop", "postgres://shop:[redacted]@db:5432/shop"),
        ("signed with whsec_12345678abcd", "signed with [redacted]"),
        (
            "IntegrityError: refused\nDETAIL:  Failing row contains (Ada\n\nwrote).\n\nThe above exception was",
            "IntegrityError: refused\nDETAIL: [redacted]\n\nThe above exception was",
        ),
        (
            "/api/v1/products/0190f3c2-7e7b-7c3d-8f00-000000000000/",
            "/api/v1/products/0190f3c2-7e7b-7c3d-8f00-000000000000/",
        ),
        ("the token has expired", "the token has expired"),
    ],
)
def test_secrets_tokens_and_addresses_are_taken_out_of_a_text_and_nothing_else(text, left):
    assert redacted_text(text) == left


def test_members_with_telling_names_are_redacted_at_any_depth():
    given = {"user": 7, "body": [{"new_password": "x", "Set-Cookie": ("a", "b"), "rating": 4}], "e-mail": None}

    assert without_secrets(given) == {
        "user": 7,
        "body": [{"new_password": "[redacted]", "Set-Cookie": "[redacted]", "rating": 4}],
        "e-mail": "[redacted]",
    }


def test_a_structure_without_end_is_cut_off():
    endless: list = []
    endless.append(endless)

    assert "[redacted]" in str(without_secrets(endless))


def test_our_own_lines_carry_the_context_and_no_secret(lines):
    with structlog.contextvars.bound_contextvars(request_id="quote-this", job_id="job-1"):
        structlog.get_logger("security").warning("refused", token=JWT, who="ada@example.org", code="TOKEN_INVALID")

    line = lines.last()
    assert (line["request_id"], line["job_id"], line["code"]) == ("quote-this", "job-1", "TOKEN_INVALID")
    assert (line["token"], line["who"]) == ("[redacted]", "[redacted]")
    assert (line["level"], line["logger"]) == ("warning", "security")
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_are_treated_alike_with_their_tracebacks(lines):
    def fail_with(secret: str) -> None:
        raise ValueError(f"cannot mail {secret}")

    with structlog.contextvars.bound_contextvars(request_id="quote-this"):
        try:
            fail_with("ada@example.org")
        except ValueError:
            logging.getLogger("somebody.else").exception("sent %s with Bearer %s", {"password": "hunter2"}, JWT)

    line = lines.last()
    assert line["request_id"] == "quote-this"
    assert line["event"] == "sent {'password': '[redacted]'} with Bearer [redacted]"
    assert "ValueError: cannot mail [redacted]" in line["exception"]
    assert "ada@" not in lines.text
    assert JWT not in lines.text


def test_lines_for_people_hide_the_same():
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "hello ada@example.org", None, None)

    assert "ada@" not in formatter("console").format(record)


def test_no_logger_of_the_project_escapes_the_configuration():
    assert settings.LOGGING["root"]["handlers"] == ["stderr"]
    assert not [name for name, one in settings.LOGGING["loggers"].items() if one.get("handlers")]
