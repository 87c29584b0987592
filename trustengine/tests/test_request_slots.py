"""As many requests at once as there are connections, and a queue that is cut short while nothing moves."""

import threading
import time

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import RequestFactory

from trustengine import request_slots
from trustengine.request_slots import RequestSlots, Slots


def test_no_more_requests_run_at_once_than_there_are_slots(settings):
    settings.DATABASE_POOL_SIZE = 4
    running, most = 0, 0
    guard = threading.Lock()

    def view(request):
        nonlocal running, most
        with guard:
            running, most = running + 1, max(most, running + 1)
        time.sleep(0.02)
        with guard:
            running -= 1
        return HttpResponse("done")

    middleware, answers = RequestSlots(view), []
    ask = RequestFactory().get("/api/v1/products/")
    threads = [threading.Thread(target=lambda: answers.append(middleware(ask).status_code)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 12
    assert most == 2


def test_what_waits_while_nothing_moves_is_sent_away_beyond_the_room(monkeypatch):
    monkeypatch.setattr(request_slots, "STUCK_SECONDS", 0.1)
    slots = Slots(1, room=2, patience=5)
    assert slots.take()
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(slots.take()), daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 4
    while len(outcomes) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)

    assert outcomes == [False] * 3

    slots.give_back()
    while len(outcomes) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert outcomes == [False, False, False, True]


def test_a_slot_that_does_not_come_free_is_waited_for_with_an_end(settings):
    settings.DATABASE_POOL_SIZE = 3
    middleware = RequestSlots(lambda request: HttpResponse("done"))
    middleware.slots = Slots(0, patience=0.1)

    answer = middleware(RequestFactory().get("/api/v1/products/"))

    assert (answer.status_code, answer["Retry-After"]) == (503, "3")
    assert b"TRY_AGAIN" in answer.content


def test_an_error_gives_the_slot_back(settings):
    settings.DATABASE_POOL_SIZE = 3

    def view(request):
        raise ZeroDivisionError

    middleware = RequestSlots(view)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            middleware(RequestFactory().get("/"))


def test_without_a_pool_every_thread_has_a_connection_of_its_own(settings):
    settings.DATABASE_POOL_SIZE = 0

    with pytest.raises(MiddlewareNotUsed):
        RequestSlots(lambda request: HttpResponse())
