"""The reader of requests, with real clients against a real granian."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

from trustengine.operations.tests.running import PROJECT, free_port, wait_for


@pytest.fixture(scope="module")
def port():
    number = free_port()
    granian = [sys.executable, "-m", "granian", "--interface", "rsgi", "--loop", "asyncio", "--no-ws"]
    granian += ["--host", "127.0.0.1", "--port", str(number), "--log-level", "error", "trustengine.tests.echo_rsgi:app"]
    process = subprocess.Popen(granian, cwd=PROJECT, env={**os.environ}, start_new_session=True)
    try:
        wait_for(lambda: answers(number), "granian")
        yield number
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port):
    try:
        return ask(port, b"GET /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    except OSError:
        return False


def connect(port, data):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(data)
    return connection


def answer_of(connection):
    """All that comes until the server closes the connection."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def ask(port, data):
    with closing(connect(port, data)) as connection:
        return answer_of(connection)


def told(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def post(path=b"/", *headers, body=b""):
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_a_slow_body_is_refused_in_time_and_its_connection_closed(port):
    began = time.monotonic()
    answer = ask(port, post(b"/slow", b"Content-Length: 50", body=b"hello"))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < time.monotonic() - began < 8


def test_a_body_that_drips_is_refused_too(port):
    with closing(connect(port, post(b"/drip", b"Content-Length: 5000"))) as connection:
        connection.settimeout(0.2)
        began, answer = time.monotonic(), b""
        while not answer and time.monotonic() - began < 10:
            connection.sendall(b"x")
            try:
                answer = connection.recv(1_000)
            except TimeoutError:
                continue

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_slow_clients_hold_no_thread(port):
    slow = [connect(port, post(b"/held", b"Content-Length: 50", body=b"x")) for _ in range(10)]  # of two threads
    began = time.monotonic()
    answer = ask(port, post(b"/fast", b"Content-Length: 2", body=b"ok"))
    took = time.monotonic() - began
    for connection in slow:
        connection.close()

    assert told(answer)["body"] == "ok"
    assert took < 0.9, "before any of the slow ones was given up"


def test_a_large_body_that_keeps_coming_is_read(port):
    answer = ask(port, post(b"/", b"Content-Length: 90000", body=b"x" * 90_000))

    assert len(told(answer)["body"]) == 90_000


def test_a_chunked_body_arrives_whole(port):
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    seen = told(ask(port, post(b"/", b"Transfer-Encoding: chunked", body=chunks)))

    assert (seen["body"], seen["CONTENT_LENGTH"]) == ("hello world", "11")
    assert "HTTP_TRANSFER_ENCODING" not in seen


@pytest.mark.parametrize(
    "request_data",
    [
        post(b"/large", b"Content-Length: 100001"),
        post(b"/large", b"Transfer-Encoding: chunked", body=b"186A1\r\n" + b"x" * 100_001 + b"\r\n0\r\n\r\n"),
    ],
    ids=["announced", "chunked"],
)
def test_a_body_that_is_too_large_is_refused(port, request_data):
    assert ask(port, request_data).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_ends_early_is_not_acted_upon(port):
    connection = connect(port, post(b"/early", b"Content-Length: 50", body=b"hello"))
    connection.shutdown(socket.SHUT_WR)
    connection.close()
    time.sleep(0.5)
    seen = told(ask(port, post(b"/look")))["seen"]

    assert "POST /early" not in seen


def test_a_header_with_an_underscore_does_not_stand_for_another(port):
    headers = [b"X-Forwarded-For: 203.0.113.1", b"X-Forwarded_For: 198.51.100.9", b"X_Forwarded_Proto: https"]
    for order in (headers, headers[::-1]):
        seen = told(ask(port, post(b"/", *order)))
        assert seen["HTTP_X_FORWARDED_FOR"] == "203.0.113.1"
        assert "HTTP_X_FORWARDED_PROTO" not in seen


def test_repeated_headers_are_joined(port):
    seen = told(ask(port, post(b"/", b"X-Forwarded-For: a", b"X-Forwarded-For: b", b"Cookie: a=1", b"Cookie: b=2")))

    assert (seen["HTTP_X_FORWARDED_FOR"], seen["HTTP_COOKIE"]) == ("a,b", "a=1; b=2")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Idempotency-Key", "Authorization", "Cookie"])
def test_a_header_that_is_not_ascii_does_not_vanish(port, name):
    """granian hands no such value over; without X-Forwarded-For a client would be taken for its proxy."""
    for value in (b"caf\xc3\xa9", b"\xe9, 203.0.113.7"):
        seen = told(ask(port, post(b"/", name.encode() + b": " + value)))

        assert seen["HTTP_" + name.upper().replace("-", "_")].encode("latin-1").decode() == "\ufffd"


def test_a_body_over_http_2_needs_no_announced_length(port):
    """HTTP/2 has no Transfer-Encoding: a streamed upload there has neither header."""
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    fields = b"\x83\x86\x84\x41\x01x"  # POST, http, /, and the authority x (RFC 7541, appendix A)
    headers = len(fields).to_bytes(3, "big") + b"\x01\x04\x00\x00\x00\x01" + fields
    data = (5).to_bytes(3, "big") + b"\x00\x01\x00\x00\x00\x01" + b"hello"
    with closing(connect(port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers + data)) as connection:
        answer = b""
        while b'"seen"' not in answer:
            part = connection.recv(65_536)
            assert part, answer
            answer += part

    assert b'"body": "hello"' in answer


@pytest.mark.parametrize("path", [b"/%ff", b"/%00", b"/%C3%A9", b"/a%2Fb%25", b"//x/../y"])
def test_any_path_and_query_arrives_as_bytes_in_latin_1(port, path):
    seen = told(ask(port, post(path + b"?q=%ff&e=%C3%A9")))

    assert seen["PATH_INFO"].encode("latin-1").decode()
    assert seen["QUERY_STRING"] == "q=%ff&e=%C3%A9"
    assert (seen["REMOTE_ADDR"], seen["SERVER_PORT"]) == ("127.0.0.1", str(port))


def test_answers_come_in_pieces_or_at_once_or_without_a_body(port):
    head = ask(port, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    pieces = ask(port, b"GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    empty = ask(port, b"GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    assert b"one" in pieces
    assert b"two" in pieces
    assert empty.startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize(
    "data",
    [
        post(b"/", b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
        post(b"/", b"Content-Length: -1"),
        post(
            b"/", b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
        ),
    ],
    ids=["two lengths", "negative", "length and chunks"],
)
def test_lengths_that_contradict_each_other_smuggle_nothing(port, data):
    ask(port, data)

    assert not [line for line in told(ask(port, post(b"/look")))["seen"] if "smuggled" in line]
