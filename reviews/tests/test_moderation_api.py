import time

import pytest

from reviews import moderation_api
from reviews.moderation_api import Away, Opinion, Throttled, Unusable, ask, estimate_tokens
from reviews.tests.moderation_server import moderation_server, says

GOOD = {"flagged": False, "categories": {}, "category_scores": {}}


@pytest.fixture
def service(settings):
    with moderation_server() as service:
        settings.MODERATION_API_URL = service.url
        settings.MODERATION_API_KEY = "sk-of-the-tests"
        settings.MODERATION_API_MODEL = "test-model"
        yield service


def asked(text="A fine bowl."):
    return ask(text, timeout=5)


def test_a_text_is_asked_about_and_the_answer_read(service):
    opinion = asked("You scoundrel!")

    assert opinion == Opinion(True, ["harassment"], {"harassment": 0.9123, "violence": 0.002}, 7)


def test_nothing_but_the_text_the_model_and_the_key_is_sent(service):
    asked("Fine.")

    ((line, headers, body),) = service.requests
    assert line == "POST /v1/moderations"
    assert body == {"model": "test-model", "input": "Fine."}
    assert headers.pop("Authorization") == "Bearer sk-of-the-tests"
    assert {name.lower() for name in headers} == {
        "accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent",
    }  # fmt: skip


def test_without_a_key_none_is_sent(service, settings):
    settings.MODERATION_API_KEY = ""
    asked()

    assert "Authorization" not in service.requests[0][1]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("17", 17),
        ("0", 1),
        ("-5", 1),
        ("9999999999", 3_600),
        ("soon", 10),
        ("", 10),
        ("Tue, 31 Dec 2999 00:00:00 GMT", 3_600),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
    ],
)
def test_a_provider_that_throttles_says_for_how_long(service, retry_after, seconds):
    service.misbehaviours = [says(429, Retry_After=retry_after)]

    with pytest.raises(Throttled) as refusal:
        asked()

    assert refusal.value.seconds == seconds


def test_a_provider_in_maintenance_that_says_for_how_long_is_left_alone_as_well(service):
    service.misbehaviours = [says(503, Retry_After="30"), says(503)]

    with pytest.raises(Throttled):
        asked()
    with pytest.raises(Away, match="http_503"):
        asked()


@pytest.mark.parametrize(
    ("misbehaviour", "problem", "passes"),
    [
        (says(500, b"oops"), "http_500", True),
        (says(408), "http_408", True),
        (says(401, {"error": "key"}), "http_401", False),
        (says(404), "http_404", False),
        (says(302, Location="/elsewhere"), "http_302", False),
        (says(307, Location="/elsewhere"), "http_307", False),
        (says(200, b"<html>"), "not_json", False),
        (says(200, b"\xff\xfe\xff"), "not_json", False),
        (says(200, b"[" * 200_000), "not_json", False),
        (says(200, b'{"results": [{"flagged": true}]' + b" " * 1_100_000 + b"}"), "too_long", False),
        (says(200, []), "no_results", False),
        (says(200, {"results": []}), "no_results", False),
        (says(200, {"results": [{"flagged": "no"}]}), "no_results", False),
        (says(200, {"results": [GOOD, None]}), "no_results", False),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), "unreachable", True),
        (lambda handler: None, "unreachable", True),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), "cut_short", True),
    ],
)
def test_whatever_else_it_answers_has_a_name(service, misbehaviour, problem, passes):
    service.misbehaviours = [misbehaviour]

    with pytest.raises(Away) as failure:
        asked()

    assert failure.value.problem == problem
    assert isinstance(failure.value, Unusable) is not passes
    assert [line for line, _, _ in service.requests] == ["POST /v1/moderations"], "no redirect is followed"


@pytest.mark.parametrize("way", ["stall", "drip_head", "drip_body"])
def test_who_answers_too_slowly_is_waited_for_no_longer_than_agreed(service, way):
    service.misbehaviours = [getattr(service, way)]
    began = time.monotonic()

    with pytest.raises(Away, match="timeout"):
        ask("Fine.", timeout=0.3)

    assert time.monotonic() - began < 2


def test_a_service_that_is_not_there_is_away(settings):
    with moderation_server() as service:
        settings.MODERATION_API_URL = service.url
    with pytest.raises(Away, match="unreachable"):
        asked()


def test_only_what_has_the_right_shape_is_taken_from_an_answer(service):
    scores = {"a": 0.5, "b": 2, "c": "0.5", "d": True, "<script>": 0.9, "e" * 61: 0.1, "f/g": 1, "": 0.2}
    categories = {"a": True, "b": "yes", "<script>": True, "f/g": 1}
    first = {"flagged": False, "categories": categories, "category_scores": scores}
    second = {"flagged": True, "categories": [], "category_scores": {"a": 0.75}}
    service.misbehaviours = [says(200, {"results": [first, second], "usage": {"total_tokens": -1}})]

    assert asked() == Opinion(True, ["a"], {"a": 0.75, "f/g": 1.0}, None)


@pytest.mark.parametrize("usage", [None, {}, [], {"total_tokens": True}, {"total_tokens": "9"}, {"total_tokens": 1e99}])
def test_a_usage_that_makes_no_sense_is_none(service, usage):
    service.misbehaviours = [says(200, {"results": [GOOD], "usage": usage})]

    assert asked().tokens is None


def test_an_answer_without_number_limits_is_cut_to_what_is_kept(service):
    many = {f"c{number}": True for number in range(500)}
    service.misbehaviours = [says(200, {"results": [{"flagged": True, "categories": many}]})]

    assert len(asked().categories) == moderation_api.MOST_CATEGORIES


@pytest.mark.parametrize(("text", "tokens"), [("", 1), ("abcd", 1), ("abcde", 2), ("a" * 10_201, 2_551)])
def test_tokens_are_estimated_from_the_length(text, tokens):
    assert estimate_tokens(text) == tokens
