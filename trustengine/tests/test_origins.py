import pytest

from trustengine.origins import LENGTH, NOWHERE, keyed_hash, origin_of


@pytest.fixture
def origin(rf):
    def of(address, agent="Mozilla/5.0"):
        return origin_of(rf.get("/", REMOTE_ADDR=address, headers={"user-agent": agent}))

    return of


def test_one_place_has_one_hash_and_another_place_another(origin):
    assert origin("203.0.113.9") == origin("203.0.113.9")
    assert origin("203.0.113.9").ip_hash != origin("203.0.113.10").ip_hash
    assert origin("203.0.113.9").agent_hash == origin("203.0.113.10").agent_hash


def test_the_addresses_of_one_ipv6_household_are_one_place(origin):
    assert origin("2001:db8:1:2::1").ip_hash == origin("2001:db8:1:2:ffff::9").ip_hash
    assert origin("2001:db8:1:2::1").ip_hash != origin("2001:db8:1:3::1").ip_hash


def test_what_is_not_known_stays_empty(origin):
    assert origin("", agent=" ") == NOWHERE


def test_an_agent_that_spells_an_address_is_not_taken_for_one(origin):
    found = origin("203.0.113.9", agent="203.0.113.9")
    assert found.ip_hash != found.agent_hash


def test_hashes_hang_on_the_key_of_the_installation(settings):
    before = keyed_hash("203.0.113.9")
    settings.SECRET_KEY = "another key, of another installation"

    assert keyed_hash("203.0.113.9") != before
    assert len(before) == LENGTH


@pytest.mark.parametrize("agent", ["x" * 100_000, "\udcff", "\0", "é"])
def test_any_header_has_a_hash(agent):
    assert len(keyed_hash(agent)) == LENGTH
