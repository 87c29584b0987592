import threading
import time

import jwt
import pytest

from trustengine.accounts.signing_keys import COOLDOWN_SECONDS, REFRESH_SECONDS, SigningKeys
from trustengine.accounts.tests.identity_provider import Key, running
from trustengine.testing import at_once


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="module")
def first():
    return Key("first")


@pytest.fixture(scope="module")
def second():
    return Key("second")


@pytest.fixture
def provider(first):
    with running(first) as provider:
        yield provider


@pytest.fixture
def keys(provider, clock):
    return SigningKeys(provider.url, clock)


def test_a_key_is_fetched_once_and_found_from_then_on(keys, provider):
    assert all(keys.find("first") for _ in range(5))

    assert provider.requests == 1


@pytest.mark.parametrize("mode", ["fail", "garbage", "stall"])
def test_known_keys_stay_while_the_issuer_misbehaves(keys, provider, clock, mode):
    assert keys.find("first")
    provider.mode = mode
    clock.now += REFRESH_SECONDS + 1

    assert keys.find("first")
    assert provider.requests == 2


def test_known_keys_stay_when_nothing_listens_any_more(first, clock):
    with running(first) as provider:
        keys = SigningKeys(provider.url, clock)
        assert keys.find("first")
    clock.now += 100 * REFRESH_SECONDS

    assert keys.find("first")


def test_a_rotated_key_is_found_after_the_cooldown(keys, provider, clock, second):
    assert keys.find("first")
    provider.keys = [second]
    assert keys.find("second") is None
    clock.now += COOLDOWN_SECONDS

    assert keys.find("second")


def test_a_withdrawn_key_goes_with_the_next_refresh(keys, provider, clock, second):
    assert keys.find("first")
    provider.keys = [second]
    clock.now += REFRESH_SECONDS + 1

    assert keys.find("first") is None


def test_made_up_key_ids_cost_the_issuer_one_request_per_cooldown(keys, provider, clock):
    for number in range(50):
        assert keys.find(f"made-up-{number}") is None
    assert provider.requests == 1

    clock.now += COOLDOWN_SECONDS
    keys.find("made-up")
    assert provider.requests == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.django_db(transaction=True)  # for the connections that at_once opens
def test_threads_that_need_the_same_key_at_once_make_one_request(keys, provider):
    found = at_once(*[lambda: keys.find("first")] * 8)

    assert all(found)
    assert provider.requests == 1


def test_whoever_has_a_key_does_not_wait_for_a_stalled_refresh(keys, provider, clock):
    assert keys.find("first")
    provider.mode = "stall"
    clock.now += REFRESH_SECONDS + 1
    unlucky = threading.Thread(target=keys.find, args=["first"])
    unlucky.start()
    while provider.requests < 2:
        time.sleep(0.01)

    began = time.monotonic()
    assert keys.find("first")
    assert time.monotonic() - began < 0.5
    unlucky.join()


@pytest.mark.parametrize("mode", ["stall", "drip"])
def test_an_issuer_that_stalls_or_drips_is_given_up_within_seconds(keys, provider, mode):
    provider.mode = mode
    began = time.monotonic()

    assert keys.find("first") is None
    assert time.monotonic() - began < 4


def test_a_token_without_a_key_id_is_verified_by_the_only_key(keys, provider, clock, second):
    assert keys.find(None)
    provider.keys.append(second)
    clock.now += REFRESH_SECONDS + 1

    keys.find("first")
    assert keys.find(None) is None


def test_keys_that_may_not_verify_are_left_out(first, clock):
    private = Key("private", d="AQAB")
    encryption = Key("encryption", use="enc")
    symmetric = Key("symmetric", kty="oct", alg=None, k="c2VjcmV0")
    misfit = Key("misfit", alg="HS256")
    broken = Key("broken", n="!!")
    with running(first, private, encryption, symmetric, misfit, broken) as provider:
        keys = SigningKeys(provider.url, clock)

        assert keys.find("first")
        for kid in ["private", "encryption", "symmetric", "misfit", "broken"]:
            assert keys.find(kid) is None, kid


def test_the_algorithms_come_from_the_key(clock):
    with running(Key("rsa", alg=None), Key("ec", "ES256", alg=None), Key("strict")) as provider:
        keys = SigningKeys(provider.url, clock)

        assert {"RS256", "RS512", "PS256"} <= keys.find("rsa").algorithms
        assert keys.find("ec").algorithms == {"ES256"}
        assert keys.find("strict").algorithms == {"RS256"}
        assert jwt.decode(provider.keys[1].token(), keys.find("ec").material, algorithms=["ES256"])
