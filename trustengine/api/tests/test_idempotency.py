import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.urls import get_resolver
from django.utils import timezone

from reviews.models import Review
from reviews.tests.factories import delivered_purchase
from trustengine.accounts.models import Profile, User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.api.idempotency import UNSAFE_METHODS, Idempotent
from trustengine.api.jobs import prune
from trustengine.api.models import StoredAnswer
from trustengine.api.tests import urls
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, at_once, run_due_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.urls("trustengine.api.tests.urls")]

SHOPS = "/api/test/shops/"


@pytest.fixture
def client():
    return api_client_for(UserFactory())


def send(client, body=None, key="a-key", method="post", path=SHOPS, **extra):
    return getattr(client, method)(path, {"name": "Blue"} if body is None else body, HTTP_IDEMPOTENCY_KEY=key, **extra)


def shops():
    return Profile.objects.vendors().count()


def refusal(answer):
    return answer.status_code, answer.json()["code"]


# Once


def test_the_same_key_and_body_replays_the_stored_answer(client):
    first = send(client)
    again = send(client)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"] == "application/json"
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert shops() == 1


def test_a_replay_has_a_request_id_of_its_own(client):
    assert send(client)["X-Request-ID"] != send(client)["X-Request-ID"]


def test_without_a_key_every_request_takes_effect(client):
    for _ in range(2):
        assert "Idempotency-Replayed" not in client.post(SHOPS, {"name": "Blue"})

    assert shops() == 2
    assert not StoredAnswer.objects.exists()


def test_an_answer_without_a_body_is_replayed_without_one(client):
    answers = [send(client, {}, method="delete") for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert "Content-Type" not in answers[1]


@pytest.mark.parametrize(
    "spelling",
    [
        '{ "name":"Blue", "items": [1, 2] }',
        '{"items":[1,2],"name":"Bl\\u0075e"}',
        '\ufeff{"items":[1,2],"name":"Blue"}',
    ],
)
def test_two_spellings_of_one_json_document_are_the_same_body(client, spelling):
    send(client, {"name": "Blue", "items": [1, 2]})

    again = client.generic("POST", SHOPS, spelling, "application/json", HTTP_IDEMPOTENCY_KEY="a-key")

    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"name": "Red"}},
        {"body": {"name": "Blue", "items": []}},
        {"body": {"name": "Blue", "items": [True, 2]}},
        {"method": "delete"},
        {"path": f"{SHOPS}?profile=2"},
    ],
    ids=str,
)
def test_another_request_under_the_same_key_is_refused(client, other):
    send(client)
    send(client, {"name": "Blue", "items": [1, 2]}, key="another-key")

    assert refusal(send(client, **other)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert shops() == 2


def test_a_number_and_a_truth_value_are_not_the_same_body(client):
    send(client, {"name": "Blue", "items": [1]})

    assert refusal(send(client, {"name": "Blue", "items": [True]})) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_uploaded_files_are_part_of_the_body_and_reach_the_view(client):
    def upload(content):
        file = SimpleUploadedFile("photo.png", content)
        return send(client, {"file": file, "name": "x"}, path="/api/test/files/", format="multipart")

    assert upload(b"blue").json() == {"size": 4}
    assert upload(b"blue")["Idempotency-Replayed"] == "true"
    assert refusal(upload(b"teal")) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_belongs_to_its_caller_and_path(client):
    send(client)

    for who, path in [(api_client_for(UserFactory()), SHOPS), (client, "/api/test/shops/second/")]:
        assert "Idempotency-Replayed" not in send(who, path=path)
    assert shops() == 3


@pytest.mark.parametrize("key", ["", "a b", "é", "tab\there", "a" * 256, "\x7f"])
def test_a_key_of_another_shape_is_invalid_input(client, key):
    answer = send(client, key=key)

    assert refusal(answer) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert shops() == 0


@pytest.mark.parametrize("key", ["k", "~!" * 100, "a" * 255, '"quoted-as-in-the-draft"', "018f-" * 7])
def test_any_visible_ascii_is_a_key(client, key):
    send(client, key=key)

    assert send(client, key=key)["Idempotency-Replayed"] == "true"


def test_reading_takes_no_notice_of_a_key(client):
    for _ in range(2):
        answer = client.get("/api/v1/me/", HTTP_IDEMPOTENCY_KEY="no good key")
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer


# Successes only


@pytest.mark.parametrize("answers", [{"status": 409}, {"status": 302}, {"raises": "domain"}, {"raises": "bug"}])
def test_an_answer_that_is_no_success_rolls_back_and_leaves_the_key_unused(client, answers):
    failed = send(client, {"name": "Blue", **answers})
    assert failed.status_code >= 300
    assert shops() == 0
    assert not StoredAnswer.objects.exists()

    assert send(client).status_code == 201
    assert shops() == 1


def test_a_body_that_cannot_be_read_is_refused_as_ever(client):
    answer = client.generic("POST", SHOPS, "{", "application/json", HTTP_IDEMPOTENCY_KEY="a-key")

    assert refusal(answer) == (400, "INVALID_INPUT")
    assert send(client).status_code == 201


def test_the_caller_is_asked_for_first():
    for token in ({}, {"HTTP_AUTHORIZATION": "Bearer forged"}):
        assert send(api_client_for(), key="no good key", **token).status_code == 401


def test_given_tokens_are_never_stored():
    user = User.objects.create_user("ada", password="correct horse battery")
    credentials = {"username": "ada", "password": "correct horse battery"}

    for _ in range(2):
        answer = send(api_client_for(), credentials, path="/api/v1/auth/token/")
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer
    assert not StoredAnswer.objects.exists()
    assert user.is_active


# For a day


def test_after_a_day_a_key_is_new_again(client):
    send(client)
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24))

    answer = send(client, {"name": "Red"})

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer
    assert send(client, {"name": "Red"})["Idempotency-Replayed"] == "true"
    assert shops() == 2


def test_answers_are_forgotten_after_a_day(client, settings):
    settings.IDEMPOTENCY_HOURS = 24
    for key in ("older", "newer"):
        send(client, key=key)
    StoredAnswer.objects.filter(key="older").update(created_at=timezone.now() - timedelta(hours=25))

    assert prune()["answers"] == 1
    assert StoredAnswer.objects.get().key == "newer"


# At once


@pytest.mark.django_db(transaction=True)
def test_of_eight_parallel_requests_with_one_key_one_takes_effect():
    user = UserFactory()

    answers = at_once(*[lambda: send(api_client_for(user))] * 8)

    assert shops() == 1
    created = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in created}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in created) == 1
    for answer in answers:
        assert answer in created or refusal(answer) == (409, "IDEMPOTENCY_IN_PROGRESS")


@pytest.mark.django_db(transaction=True)
def test_parallel_reviews_with_one_key_are_one_review_with_one_history():
    item = delivered_purchase()
    body = {"product": item.product_id, "order": item.order_id, "rating": 5}
    calls = [lambda: send(api_client_for(item.order.customer.user), body, path="/api/v1/reviews/")] * 8

    statuses = {answer.status_code for answer in at_once(*calls)}

    assert 201 in statuses <= {201, 409}
    assert Review.objects.get().revisions.count() == 1
    assert Entry.objects.filter(verb="review.submitted").count() == 1


@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs_a_second_is_told_at_once_and_then_gets_the_answer():
    user, outcome = UserFactory(), []
    urls.Shops.inside.clear()
    urls.Shops.go_on.clear()

    def slow():
        outcome.append(send(api_client_for(user), {"name": "Blue", "waits": True}))
        connections.close_all()

    first = threading.Thread(target=slow)
    first.start()
    assert urls.Shops.inside.wait(10)
    begin = time.monotonic()
    meanwhile = send(api_client_for(user), {"name": "Blue", "waits": True})
    took = time.monotonic() - begin
    elsewhere = send(api_client_for(user), key="another-key")
    urls.Shops.go_on.set()
    first.join(10)

    assert refusal(meanwhile) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert int(meanwhile["Retry-After"]) >= 1
    assert took < 5  # the first one would have been waited for until it was let go
    assert (outcome[0].status_code, elsewhere.status_code) == (201, 201)
    assert send(api_client_for(user), {"name": "Blue", "waits": True})["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_jobs_are_written_and_rung_for_with_the_effect():
    item = delivered_purchase()
    client = api_client_for(item.order.customer.user)
    body = {"product": item.product_id, "order": item.order_id, "rating": 5, "comment": "Works."}
    post = partial(send, client, path="/api/v1/reviews/")

    assert post({**body, "rating": 9}).status_code == 400
    assert not Job.objects.exists()
    assert post(body).status_code == 201
    assert post(body)["Idempotency-Replayed"] == "true"
    assert Job.objects.filter(kind="reviews.screen_review").count() == 1
    assert run_due_jobs() >= 1


# Everywhere


def test_every_unsafe_endpoint_of_the_api_takes_keys():
    def endpoints(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from endpoints(pattern.url_patterns)
            else:
                yield pattern.callback.cls

    api = next(each for each in get_resolver("trustengine.urls").url_patterns if str(each.pattern) == "api/v1/")
    unsafe = [view for view in endpoints(api.url_patterns) if any(hasattr(view, m.lower()) for m in UNSAFE_METHODS)]

    assert len(unsafe) >= 6
    assert all(issubclass(view, Idempotent) for view in unsafe)
