"""What the service refuses: every wrong body a clear 4xx in the one shape, no value repeated."""

import json
import socket
import time

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.service.corner_shop import corner_shop
from tests.serving.service.served import Served

CANARY = "canary-7f3a"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Serve the shop."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("strict") / "shop")
    with Served(folder) as served:
        yield served


def refused(found, status):
    """Check an error: its status, its one shape, and that it says nothing of the request."""
    assert found.status_code == status, found.text
    error = found.json()["error"]
    assert set(error) == {"where", "problem", "expected", "remedy", "request_id"}
    assert all(error.values())
    assert error["request_id"] == found.headers["x-request-id"]
    assert CANARY not in found.text
    return error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"http://127.0.0.1/x"',
        b"{",
        b"\xff\xfe",
        b'{"customer_ids": []}',
        b'{"customer_ids": "%s"}' % CANARY.encode(),
        b'{"customer_ids": [1]}',
        b'{"customer_ids": [true]}',
        b'{"customer_ids": [null]}',
        b'{"customer_ids": [["%s"]]}' % CANARY.encode(),
        b'{"customer_ids": [""]}',
        b'{"customer_ids": ["%s\\u0000"]}' % CANARY.encode(),
        b'{"customer_ids": ["a\\nb"]}',
        b'{"customer_ids": ["\\ud800"]}',
        b'{"customer_ids": ["%s"]}' % (b"x" * 129),
        b'{"customer_ids": ["a"], "language": "fr"}',
        b'{"customer_ids": ["a"], "language": 1}',
        b'{"customer_ids": ["a"], "%s": 1}' % CANARY.encode(),
        b'{"customer_ids": ["a"], "customer_ids": ["b"]}',
        b'{"customer_ids": ["a"], "x": {"y": 1, "y": 2}}',
        b'{"customer_ids": [NaN]}',
        b'{"customer_ids": [Infinity]}',
        b'{"customer_ids": [1e999]}',
        b'{"customer_ids": [%s]}' % b",".join([b'"a"'] * 1001),
        b"[" * 200_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_means_nothing_is_refused(service, body):
    """422, and nothing of it stands in the answer."""
    refused(service.ask("POST", "/score", content=body, headers=JSON), 422)


@pytest.mark.parametrize(
    "kind",
    [
        "", "text/plain", "application/xml", "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded", "application/vnd.bentoml+pickle", "application/pickle",
        "application/octet-stream", "application/json; charset=utf-16", "APPLICATION/PICKLE",
    ],
)  # fmt: skip
def test_another_kind_of_body_is_refused(service, kind):
    """415: nothing is unpacked, unpickled or fetched."""
    body = b'{"customer_ids": ["a"]}'
    refused(service.ask("POST", "/score", content=body, headers={"Content-Type": kind}), 415)


def test_a_packed_body_is_refused(service):
    """Nothing is inflated."""
    headers = {**JSON, "Content-Encoding": "gzip"}
    refused(service.ask("POST", "/score", content=b"\x1f\x8b", headers=headers), 415)


def test_a_huge_body_is_refused_before_it_is_read(service):
    """413, announced or not."""
    body = b'{"customer_ids": ["%s"]}' % (b"x" * 2**21)
    refused(service.ask("POST", "/score", content=body, headers=JSON), 413)
    chunks = (b" " * 2**16 for _ in range(64))
    try:
        found = service.ask("POST", "/score", content=chunks, headers=JSON)
    except httpx.TransportError:  # the service hung up while more was coming
        return
    refused(found, 413)


def test_a_slow_body_is_cut_off(service):
    """408 after some seconds; meanwhile others are answered."""
    with socket.create_connection(("127.0.0.1", service.port), 20) as slow:
        head = (
            f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.keys['crm']}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        slow.sendall(head.encode())
        began = time.monotonic()
        assert service.score("x")["results"]
        answer = slow.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert 3 < time.monotonic() - began < 10


def test_headers_that_never_end_are_cut_off(service):
    """The connection is closed; nothing waits for ever."""
    with socket.create_connection(("127.0.0.1", service.port), 30) as slow:
        slow.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nX-A: ")
        began = time.monotonic()
        assert slow.recv(10) == b""
    assert 5 < time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/score", 405),
        ("DELETE", "/score", 405),
        ("OPTIONS", "/score", 405),
        ("GET", "/score/", 404),
        ("GET", "/docs.json", 404),
        ("GET", "/static_content/swagger-ui.css", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/lists/2026-01-99", 404),
        ("GET", "/lists/%2e%2e%2fforestay.yaml", 404),
    ],
)
def test_an_address_that_is_none_is_refused(service, method, path, status):
    """In the one shape; the dependency's own doors are not there."""
    refused(service.ask(method, path, "marketing"), status)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "limit=x", "limit=1&limit=2", "offset=-1", "limit=1e3"]
)
def test_a_page_that_is_none_is_refused(service, query):
    """422 names the parameter."""
    error = refused(service.ask("GET", f"/lists/latest?{query}", "marketing"), 422)
    assert error["where"] == query.partition("=")[0]


def test_a_kind_that_is_not_there_is_refused(service):
    """406 says which kinds there are."""
    headers = {"Accept": "application/pdf"}
    error = refused(service.ask("GET", "/lists/latest", "marketing", headers=headers), 406)
    assert "text/csv" in error["expected"]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=400) | ANYTHING.map(lambda one: json.dumps(one).encode()))
def test_for_any_bytes_the_answer_is_documented(service, body):
    """No 5xx, and no question is answered that the messages do not allow."""
    found = service.ask("POST", "/score", content=body, headers=JSON)
    while found.status_code == 429:
        time.sleep(1)
        found = service.ask("POST", "/score", content=body, headers=JSON)
    if found.status_code == 200:
        asked = json.loads(body)
        assert set(asked) <= {"customer_ids", "language"}
        assert all(isinstance(one, str) and one for one in asked["customer_ids"])
    else:
        refused(found, 422)


@settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    question=st.fixed_dictionaries(
        {"customer_ids": st.lists(st.text(max_size=5) | LEAVES, max_size=3)},
        optional={"language": st.sampled_from(["en", "zh"]) | LEAVES},
    )
)
def test_for_any_question_only_a_sound_one_is_answered(service, question):
    """Exactly those that the contract allows get 200."""
    found = service.ask("POST", "/score", content=json.dumps(question), headers=JSON)
    while found.status_code == 429:
        time.sleep(1)
        found = service.ask("POST", "/score", content=json.dumps(question), headers=JSON)
    ids = question["customer_ids"]
    sound = bool(ids) and all(isinstance(one, str) and _is_id(one) for one in ids)
    sound = sound and question.get("language") in (None, "en", "zh")
    assert found.status_code == (200 if sound else 422), (question, found.text)


def _is_id(text):
    whole = not any("\ud800" <= char <= "\udfff" for char in text)
    return bool(text) and whole and not any(ord(char) < 32 or ord(char) == 127 for char in text)


def test_no_canary_is_in_the_log(service):
    """Nothing of any request of this file was logged."""
    time.sleep(0.3)
    text = service.log.read_text()
    assert CANARY not in text
    assert "Traceback" not in text
    assert '"fault"' not in text
