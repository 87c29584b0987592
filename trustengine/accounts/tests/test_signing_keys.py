import threading
import time

import jwt
import pytest
from structlog.testing import capture_logs

from trustengine import VERSION
from trustengine.accounts.signing_keys import COOLDOWN_SECONDS, REFRESH_SECONDS, SigningKeys, fetch, usable_keys
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
    assert all(keys.find("first", "RS256") for _ in range(5))

    assert provider.requests == 1


@pytest.mark.parametrize("mode", ["fail", "garbage", "stall"])
def test_known_keys_stay_while_the_issuer_misbehaves(keys, provider, clock, mode):
    assert keys.find("first", "RS256")
    provider.mode = mode
    clock.now += REFRESH_SECONDS + 1

    assert keys.find("first", "RS256")
    assert provider.requests == 2


def test_known_keys_stay_when_nothing_listens_any_more(first, clock):
    with running(first) as provider:
        keys = SigningKeys(provider.url, clock)
        assert keys.find("first", "RS256")
    clock.now += 100 * REFRESH_SECONDS

    assert keys.find("first", "RS256")


def test_a_rotated_key_is_found_after_the_cooldown(keys, provider, clock, second):
    assert keys.find("first", "RS256")
    provider.keys = [second]
    assert keys.find("second", "RS256") == []
    clock.now += COOLDOWN_SECONDS

    assert keys.find("second", "RS256")


def test_a_withdrawn_key_goes_with_the_next_refresh(keys, provider, clock, second):
    assert keys.find("first", "RS256")
    provider.keys = [second]
    clock.now += REFRESH_SECONDS + 1

    assert keys.find("first", "RS256") == []


def test_made_up_key_ids_cost_the_issuer_one_request_per_cooldown(keys, provider, clock):
    for number in range(50):
        assert keys.find(f"made-up-{number}", "RS256") == []
    assert provider.requests == 1

    clock.now += COOLDOWN_SECONDS
    keys.find("made-up", "RS256")
    assert provider.requests == 2


@pytest.mark.django_db(transaction=True)  # for the connections that at_once opens
def test_threads_that_need_the_same_key_at_once_make_one_request(keys, provider):
    found = at_once(*[lambda: keys.find("first", "RS256")] * 8)

    assert all(found)
    assert provider.requests == 1


def test_whoever_has_a_key_does_not_wait_for_a_stalled_refresh(keys, provider, clock):
    assert keys.find("first", "RS256")
    provider.mode = "stall"
    clock.now += REFRESH_SECONDS + 1
    unlucky = threading.Thread(target=keys.find, args=["first", "RS256"])
    unlucky.start()
    while provider.requests < 2:
        time.sleep(0.01)

    began = time.monotonic()
    assert keys.find("first", "RS256")
    assert time.monotonic() - began < 0.5
    unlucky.join()


@pytest.mark.parametrize("mode", ["stall", "drip", "drip_head"])
def test_an_issuer_that_stalls_or_drips_is_given_up_within_seconds(keys, provider, mode):
    provider.mode = mode
    began = time.monotonic()

    assert keys.find("first", "RS256") == []
    assert time.monotonic() - began < 4


# Which key fits a token: RFC 7517 allows keys and tokens with and without ids


def decoded(keys, token):
    header = jwt.get_unverified_header(token)
    return keys.decode(token, header.get("kid"), header["alg"])


@pytest.mark.parametrize("token_kid", ["", None], ids=["named", "unnamed"])
@pytest.mark.parametrize("key_kids", [("one", "two"), (None, None), ("one", None), ("same", "same")])
def test_keys_and_tokens_fit_with_and_without_ids(clock, key_kids, token_kid):
    published = [Key(key_kids[0]), Key(key_kids[1])]
    with running(*published) as provider:
        keys = SigningKeys(provider.url, clock)

        for key in published:
            assert decoded(keys, key.token(kid=token_kid, sub="ada"))["sub"] == "ada"
        assert decoded(keys, Key(None).token(kid=token_kid and key_kids[0])) is None


def test_a_token_with_an_id_may_be_of_a_key_without_one(clock):
    key = Key(None)
    with running(key) as provider:
        assert decoded(SigningKeys(provider.url, clock), key.token(kid="only the token says so"))


def test_a_token_with_another_id_is_of_no_key_that_has_one(keys, first):
    assert decoded(keys, first.token(kid="other")) is None


@pytest.mark.parametrize("kid", ["kept", None])
def test_a_key_that_rotates_under_the_same_id_is_found(clock, kid):
    old, new = Key(kid), Key(kid)
    with running(old) as provider:
        keys = SigningKeys(provider.url, clock)
        assert decoded(keys, old.token())
        provider.keys = [new]
        assert decoded(keys, new.token()) is None  # within the cooldown
        clock.now += COOLDOWN_SECONDS

        assert decoded(keys, new.token())
        assert decoded(keys, old.token()) is None


def test_wrong_signatures_cost_the_issuer_one_request_per_cooldown(keys, provider, clock):
    for _ in range(20):
        assert decoded(keys, Key("first", "ES256").token()) is None
        assert decoded(keys, provider.keys[0].token()[:-8] + "AAAAAAAA") is None

    assert provider.requests == 1


@pytest.mark.parametrize("published", ["EdDSA", "Ed25519", None])
@pytest.mark.parametrize("used", ["EdDSA", "Ed25519"])
def test_ed25519_goes_by_both_of_its_names(clock, published, used):
    key = Key("curve", "EdDSA", alg=published)
    with running(key) as provider:
        keys = SigningKeys(provider.url, clock)

        assert decoded(keys, key.token(used))
        assert keys.find("curve", "RS256") == []


# Which keys may verify

LEFT_OUT = {
    "private": {"d": "AQAB"},
    "a prime": {"p": "AQAB"},
    "encryption": {"use": "enc"},
    "wraps keys": {"use": None, "key_ops": ["wrapKey", "encrypt"]},
    "signs only": {"use": None, "key_ops": ["sign"]},
    "key_ops is text": {"key_ops": "verify"},
    "symmetric": {"kty": "oct", "alg": None, "k": "c2VjcmV0"},
    "HMAC": {"alg": "HS256"},
    "no algorithm": {"alg": "none"},
    "encrypts": {"alg": "RSA-OAEP"},
    "alg is a list": {"alg": ["RS256"]},
    "unknown type": {"kty": "XYZ"},
    "type is a list": {"kty": ["RSA"]},
    "no type": {"kty": None},
    "broken modulus": {"n": "!!"},
    "no modulus": {"n": None},
    "modulus is a number": {"n": 5},
    "exponent 0": {"e": "AA"},
    "short": {"n": "u" * 100},
    "another curve": {"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "alg": None},
    "no point": {"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB", "alg": None},
    "unknown curve": {"kty": "EC", "crv": "P-1", "x": "AQAB", "y": "AQAB", "alg": None},
}


def test_a_key_that_may_not_verify_is_left_out_and_spoils_no_other(first, clock):
    odd = [Key(name, **changes) for name, changes in LEFT_OUT.items()]
    with running(*odd, first) as provider:
        keys = SigningKeys(provider.url, clock)

        assert [key.kid for key in fetch(provider.url)] == ["first"]
        for key in odd:
            for algorithm in ["RS256", "HS256", "ES256", "EdDSA", "none"]:
                assert keys.find(key.kid, algorithm) == [], key.kid


@pytest.mark.parametrize("odd", [None, 7, "key", [], {}, {"kty": None}])
def test_what_is_no_key_at_all_is_left_out(first, odd):
    assert len(usable_keys({"keys": [odd, first.public(), odd]})) == 1


@pytest.mark.parametrize("document", [None, [], "x", {}, {"keys": None}, {"keys": {}}, {"keys": []}, {"keys": [{}]}])
def test_a_document_without_a_usable_key_is_an_error(document):
    with pytest.raises(ValueError, match="no usable key"):
        usable_keys(document)


@pytest.mark.parametrize("member", [{"key_ops": ["verify"]}, {"use": None}, {"use": None, "alg": None}, {"x5c": ["?"]}])
def test_members_that_rfc_7517_leaves_open_do_not_matter(first, member):
    assert usable_keys({"keys": [{name: v for name, v in (first.public() | member).items() if v is not None}]})


def test_the_algorithms_come_from_the_key(clock):
    with running(Key("rsa", alg=None), Key("ec", "ES256", alg=None), Key("strict")) as provider:
        found = {key.kid: key for key in fetch(provider.url)}

        assert {"RS256", "RS512", "PS256"} <= found["rsa"].algorithms
        assert found["ec"].algorithms == {"ES256"}
        assert found["strict"].algorithms == {"RS256"}
        assert jwt.decode(provider.keys[1].token(), found["ec"].material, algorithms=["ES256"])


# The request


def test_the_request_names_this_product(keys, provider):
    provider.mode = "firewall"

    assert keys.find("first", "RS256")
    assert provider.agents == [f"TrustEngine/{VERSION}"]


@pytest.mark.parametrize(("mode", "status"), [("fail", 503), ("redirect", 302), ("stall", None), ("garbage", None)])
def test_the_log_tells_the_status_of_the_answer(keys, provider, mode, status):
    provider.mode, provider.target = mode, "https://elsewhere.example/jwks.json"

    with capture_logs() as lines:
        keys.find("first", "RS256")

    assert [line["status"] for line in lines if line["event"] == "signing_keys_not_fetched"] == [status]


def test_a_redirect_within_the_scheme_is_followed(keys, provider):
    provider.mode, provider.target = "redirect", "/moved"

    assert keys.find("first", "RS256")


@pytest.mark.parametrize("target", ["https://127.0.0.1:1/x", "ftp://127.0.0.1/x", "file:///etc/hostname", "/jwks.json"])
def test_a_redirect_to_another_scheme_or_in_a_circle_is_refused(keys, provider, target):
    provider.mode, provider.target = "redirect", target

    assert keys.find("first", "RS256") == []
    assert provider.requests <= 5


def test_a_document_without_an_end_is_given_up(keys, provider):
    provider.mode = "too_long"

    assert keys.find("first", "RS256") == []
