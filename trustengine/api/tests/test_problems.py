import json
import threading
from functools import partial
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import OperationalError, connections, transaction

from trustengine.accounts.models import Profile
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.api.problems import is_retryable
from trustengine.api.tests import urls
from trustengine.testing import api_client_for, at_once
from trustengine.wsgi_request import Utf8Handler

pytestmark = [pytest.mark.django_db, pytest.mark.urls("trustengine.api.tests.urls")]

ECHO = "/api/test/echo/"


@pytest.fixture
def client():
    return api_client_for()


def assert_problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert problem["status"] == status
    assert problem["request_id"] == answer["X-Request-ID"]
    return problem


def post(client, body, content_type="application/json", **headers):
    return client.generic("POST", ECHO, body, content_type, **headers)


# What a client may get wrong


@pytest.mark.parametrize("path", ["/api/", "/api/v1/nowhere/", "/api/v1/me", "/api/v1/\u20ac/"])
def test_an_address_that_leads_nowhere(client, path):
    assert_problem(client.get(path), 404, "NOT_FOUND")


def test_outside_of_the_api_a_missing_page_is_a_page(client):
    answer = client.get("/nowhere/")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_method_that_is_not_allowed(client):
    answer = client.delete(ECHO)

    assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer["Allow"]


def test_a_media_type_that_cannot_be_given(client):
    assert_problem(client.get("/api/test/raises/missing/", HTTP_ACCEPT="text/csv"), 406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x"])
def test_a_body_of_another_media_type(client, content_type):
    assert_problem(post(client, "name=x", content_type), 415, "FILE_TYPE_NOT_ALLOWED")


BROKEN_JSON = {
    "truncated": b'{"name": ',
    "a word": b"name",
    "not UTF-8": b'{"name": "\xff"}',
    "half a character": b'{"name": "\\ud800"}',
    "half a character in a name": b'{"\\uDC00": 1}',
    "NaN": b'{"name": NaN}',
    "a huge number": b'{"name": ' + b"9" * 5_000 + b"}",
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "two documents": b"{}{}",
    "empty with a length": b" ",
}


@pytest.mark.parametrize("body", BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_a_body_that_is_no_json(client, body):
    assert_problem(post(client, body), 400, "INVALID_INPUT")


@pytest.mark.parametrize("deep", ["[" * 33 + "]" * 33, '{"a":' * 33 + "0" + "}" * 33, '{"a":[' * 17 + "]}" * 17])
def test_a_body_that_is_nested_too_deeply(client, deep):
    problem = assert_problem(post(client, f'{{"name": "x", "items": [], "tags": {deep}}}'), 400, "INVALID_INPUT")

    assert "32 deep" in problem["detail"]


def test_a_character_spelled_in_two_halves_is_whole(client):
    answer = post(client, '{"name": "\\ud83d\\ude00 \\\\ud800", "items": []}')

    assert answer.json()["name"] == "😀 \\ud800"


def test_many_brackets_are_not_deep(client):
    body = json.dumps({"name": "[[[[[[[" * 20, "items": [{"name": "{"} for _ in range(200)]})

    assert post(client, body).status_code == 200


@pytest.mark.parametrize("body", ["[]", "[1]", "1", '"x"', "true", "null", "{}", '{"name": null, "items": 5}', ""])
def test_a_body_that_is_no_such_object(client, body):
    problem = assert_problem(post(client, body), 400, "INVALID_INPUT")

    assert all(set(error) == {"field", "message", "code"} for error in problem["errors"])
    assert problem["errors"]


@pytest.mark.parametrize("charset", ["zlib", "base64", "rot13", "utf-16", "idna", "punycode", "undefined", "no-such"])
def test_whatever_charset_is_named_json_is_utf_8(charset):
    body = '{"name": "é", "items": []}'.encode()
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": ECHO, "QUERY_STRING": "a=%E9", "HTTP_HOST": "localhost"}
    environ |= {"CONTENT_TYPE": f"application/json; charset={charset}", "CONTENT_LENGTH": str(len(body))}
    environ["wsgi.input"] = BytesIO(body)
    setup_testing_defaults(environ)
    started = []

    answer = Utf8Handler()(environ, lambda *head: started.append(head))

    assert started[0][0] == "200 OK"
    assert json.loads(b"".join(answer))["name"] == "é"


def test_fields_are_named_by_their_path(client):
    problem = post(client, '{"items": [{"name": "a"}, {}], "tags": [1, "x"]}').json()

    assert [(error["field"], error["code"]) for error in problem["errors"]] == [
        ("name", "required"),
        ("items.1.name", "required"),
        ("tags.1", "invalid"),
    ]


def test_a_body_that_is_too_large(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    smaller, larger = ('{"items": [], "name": "' + "x" * size + '"}' for size in (900, 1_000))

    assert post(client, smaller).status_code == 200
    assert_problem(post(client, larger), 413, "FILE_TOO_LARGE")


def test_a_host_that_is_not_ours(client):
    assert_problem(client.get("/api/v1/me/", HTTP_HOST="evil.example"), 400, "INVALID_INPUT")


def test_permissions(client):
    assert_problem(client.get("/api/test/staff/"), 401, "AUTH_REQUIRED")
    assert_problem(api_client_for(UserFactory()).get("/api/test/staff/"), 403, "PERMISSION_DENIED")


# What views raise


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("missing", 404, "NOT_FOUND"),
        ("throttled", 429, "RATE_LIMIT_EXCEEDED"),
        ("domain", 409, "INVALID_TRANSITION"),
        ("code", 400, "INVALID_INPUT"),
        ("plain", 400, "INVALID_INPUT"),
        ("teapot", 500, "INTERNAL_ERROR"),
    ],
)
def test_errors_of_views_are_problems(client, name, status, code):
    assert_problem(client.get(f"/api/test/raises/{name}/"), status, code)


def test_a_throttled_client_is_told_how_long_to_wait(client):
    assert client.get("/api/test/raises/throttled/")["Retry-After"] == "8"


def test_a_domain_error_brings_its_own_members_and_headers(client):
    answer = client.get("/api/test/raises/domain/")

    assert (answer.json()["detail"], answer.json()["current"], answer["X-Extra"]) == ("No.", "shipped", "1")


def test_a_bug_is_answered_with_the_request_id_and_without_its_reason(client):
    answer = client.get("/api/test/raises/bug/", HTTP_X_REQUEST_ID="quote-this-id")

    problem = assert_problem(answer, 500, "INTERNAL_ERROR")
    assert problem["request_id"] == answer["X-Request-ID"]
    assert "no client may read" not in answer.content.decode()


# The database


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_not_had_in_time_says_try_again(client):
    VendorFactory()
    locked, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            list(Profile.objects.select_for_update())
            locked.set()
            done.wait(10)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(10)
    answer = client.post("/api/test/waits/")
    done.set()
    holder.join()

    assert_problem(answer, 503, "TRY_AGAIN")
    assert answer["Retry-After"] == "1"
    assert client.post("/api/test/waits/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_says_try_again(client):
    assert_problem(client.get("/api/test/slow/"), 503, "TRY_AGAIN")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keyed", [False, True])
def test_of_two_requests_in_a_deadlock_one_is_served_and_one_may_try_again(keyed):
    rows, user = [str(VendorFactory().pk) for _ in range(2)], UserFactory()
    urls.LocksTwo.both_hold_one.reset()

    def lock(order, key):
        headers = {"HTTP_IDEMPOTENCY_KEY": key} if keyed else {}
        return api_client_for(user).post("/api/test/locks/", {"rows": order}, **headers)

    answers = at_once(partial(lock, rows, "one"), partial(lock, rows[::-1], "another"))

    served, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert served.status_code == 200
    assert_problem(refused, 503, "TRY_AGAIN")
    assert refused["Retry-After"] == "1"


@pytest.fixture
def database_away():
    """No database of this name, until the test ends."""
    connection = connections["default"]
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "not_there"
    yield
    connection.close()
    connection.settings_dict["NAME"] = name


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_says_try_again(client, request):
    token = api_client_for(UserFactory())
    request.getfixturevalue("database_away")

    for answer in [
        client.get("/api/test/profiles/"),
        token.get("/api/v1/me/"),
        token.patch("/api/v1/me/", {}, HTTP_IDEMPOTENCY_KEY="a-key"),
    ]:
        assert_problem(answer, 503, "TRY_AGAIN")
        assert answer["Retry-After"] == "1"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/reviews/review/"])
def test_a_database_that_is_away_gives_people_a_page_to_read(client, database_away, path):
    client.cookies["sessionid"] = "of-somebody-who-was-signed-in"  # its session is looked up before any view

    answer = client.get(path)

    assert answer.status_code == 503
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Retry-After"] == "1"
    assert "Not available at the moment" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_pool_that_has_no_connection_left_says_try_again():
    first, second = (connections["default"].copy(alias="pooled") for _ in range(2))
    for connection in (first, second):
        connection.settings_dict["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 1, "timeout": 0.2}
        connection.settings_dict["CONN_MAX_AGE"] = 0
    try:
        first.ensure_connection()
        with pytest.raises(OperationalError) as refusal:
            second.ensure_connection()
    finally:
        first.close()
        first.close_pool()

    assert is_retryable(refusal.value)
