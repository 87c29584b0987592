from ipaddress import ip_network

import pytest

from trustengine.client_address import client_address, client_network, is_shared, network_of
from trustengine.rsgi import UNREADABLE

PROXY, OTHER_PROXY, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.9"


@pytest.fixture
def behind_proxies(settings):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.fixture
def address(rf):
    def of(remote, forwarded=None):
        headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
        return client_address(rf.get("/", REMOTE_ADDR=remote, **headers))

    return of


def test_without_trusted_proxies_the_header_is_not_read(address):
    assert address(PROXY, CLIENT) == PROXY


@pytest.mark.usefixtures("behind_proxies")
class TestBehindTrustedProxies:
    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            (CLIENT, CLIENT),
            (f"{CLIENT}, {OTHER_PROXY}", CLIENT),
            (f" {CLIENT} ,, {OTHER_PROXY} , ", CLIENT),
            (None, PROXY),
            ("", PROXY),
            (OTHER_PROXY, OTHER_PROXY),
        ],
    )
    def test_the_nearest_untrusted_hop_is_the_client(self, address, forwarded, expected):
        assert address(PROXY, forwarded) == expected

    @pytest.mark.parametrize("forged", ["127.0.0.1", "10.9.9.9", "198.51.100.1, 10.9.9.9", "unknown"])
    def test_what_the_client_wrote_itself_is_never_reached(self, address, forged):
        assert address(PROXY, f"{forged}, {CLIENT}") == CLIENT

    def test_somebody_who_is_no_proxy_is_not_believed(self, address):
        assert address(CLIENT, "198.51.100.1") == CLIENT

    @pytest.mark.parametrize("garbage", ["unknown", "_hidden", "1.2.3", "1.2.3.4.5", "999.1.1.1", "x" * 9_000, "\0"])
    def test_garbage_ends_the_walk_at_the_last_address_known(self, address, garbage):
        assert address(PROXY, f"{CLIENT}, {garbage}") == PROXY
        assert address(PROXY, f"{CLIENT}, {garbage}, {OTHER_PROXY}") == OTHER_PROXY

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("203.0.113.9:4711", CLIENT),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:0DB8:0:0::1", "2001:db8::1"),
            ("::ffff:203.0.113.9", CLIENT),
            ("fe80::1%eth0", "fe80::1"),
        ],
    )
    def test_one_address_has_one_spelling(self, address, written, expected):
        assert address(PROXY, written) == expected

    @pytest.mark.parametrize("remote", ["fd00::1", "::ffff:10.0.0.1", "10.0.0.1"])
    def test_a_proxy_is_known_in_any_clothes(self, address, remote):
        assert address(remote, CLIENT) == CLIENT

    @pytest.mark.parametrize("remote", ["", "unix:", "/run/web.sock"])
    def test_a_unix_socket_has_no_address_and_is_no_trusted_proxy(self, address, remote):
        assert address(remote, CLIENT) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2002:cb00:7109::1", "203.0.113.9"),
        ("64:ff9b::cb00:7109", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_a_client_has_one_network(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "shared"),
    [
        ("127.0.0.1", None, True),
        ("127.0.0.1", CLIENT, True),
        ("::1", None, True),
        ("", None, True),
        ("172.17.0.1", CLIENT, True),  # a container's bridge, not named
        ("172.17.0.1", None, False),
        ("fd12::1", CLIENT, True),
        (CLIENT, None, False),
        (CLIENT, "198.51.100.1", False),  # whoever writes the header itself is counted
        ("2001:db8::1", "198.51.100.1", False),
    ],
)
def test_an_unnamed_proxy_stands_for_nobody_in_particular(rf, peer, forwarded, shared):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    request = rf.get("/", REMOTE_ADDR=peer, **headers)

    assert is_shared(request) is shared
    assert bool(client_network(request)) is not shared


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    ("forwarded", "network"),
    [(CLIENT, CLIENT), ("2001:db8:1:2::9", "2001:db8:1:2::/64"), ("10.1.1.1", "10.1.1.1"), (None, ""), ("::1", "")],
)
def test_a_named_proxy_stands_for_whom_it_says(rf, forwarded, network):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    assert client_network(rf.get("/", REMOTE_ADDR=PROXY, **headers)) == network


@pytest.mark.usefixtures("behind_proxies")
def test_a_header_that_cannot_be_read_escapes_no_limit(rf):
    """``trustengine.rsgi`` gives it in this form: the client counts as its proxy, and is limited."""
    assert client_network(rf.get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=UNREADABLE)) == PROXY
