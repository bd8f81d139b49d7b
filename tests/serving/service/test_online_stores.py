"""Feast's online store in a file, in Redis and in PostgreSQL: the same service and answers."""

import contextlib
import os
import shutil
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.feature_store import OnlineFeatures, empty_online
from features.settings import load_workspace
from tests.serving.service.corner_shop import corner_shop, forestay
from tests.serving.service.served import Served, free_port, until

#: Feast leaves it to the collector to close what it opened.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SERVERS = {"redis": (6379, "redis://127.0.0.1:{port}/3"),
           "postgresql": (5432, "postgresql://postgres@127.0.0.1:{port}/test")}  # fmt: skip


def require(kind):
    """Skip where a server is absent; fail where it must be there."""
    try:
        socket.create_connection(("127.0.0.1", SERVERS[kind][0]), 3).close()
    except OSError as error:
        words = f"{kind} does not answer on the loopback ({type(error).__name__})"
        if os.environ.get("FORESTAY_REQUIRE_SERVICES") == "1":
            pytest.fail(words)
        pytest.skip(words)


class Way:
    """The way to a server, which can be cut and opened again."""

    def __init__(self, to):
        """Open it."""
        self.port, self._to, self._open = free_port(), to, []
        self.restore()

    def cut(self):
        """Take every connection away, and let none come."""
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # who waits in it wakes up
            one.close()
        self._open.clear()

    def restore(self):
        """Let connections come."""
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, target):
        with contextlib.suppress(OSError):  # the way was cut
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            one.close()


class File:
    """The embedded store, which can be moved away and back."""

    def __init__(self, folder):
        """Know where it lies."""
        self._path = folder / ".forestay" / "feast" / "online.db"

    def cut(self):
        """Move it away."""
        self._path.rename(self._path.with_suffix(".away"))

    def restore(self):
        """Move it back."""
        self._path.unlink(missing_ok=True)  # who looks for a file that is not there makes one
        self._path.with_suffix(".away").rename(self._path)


@pytest.fixture(scope="module", params=["file", *SERVERS])
def world(request, tmp_path_factory):
    """Copy the shop, with its features online in one of the stores; return the way to it, too."""
    folder = tmp_path_factory.mktemp(request.param) / "shop"
    if request.param == "file":
        yield corner_shop(tmp_path_factory, folder), File(folder)
        return
    require(request.param)
    corner_shop(tmp_path_factory, folder)
    server, uri = SERVERS[request.param]
    way = Way(server)
    shutil.rmtree(folder / ".forestay" / "feast")
    with (folder / "forestay.yaml").open("a") as file:
        file.write(f"online_store: {uri.format(port=way.port)}\n")
    assert forestay(folder, "nightly")["status"] == "already_done"
    yield folder, way
    empty_online(load_workspace(folder))


def online(folder):
    """Open the store."""
    workspace = load_workspace(folder)
    return OnlineFeatures(workspace, catalogue_for(open_accepted(workspace), workspace))


def customers(folder):
    """Name the customers of the list."""
    rows = pq.read_table(folder / "lists" / "latest" / "risk_list.parquet", partitioning=None)
    return [r["customer_id"] for r in rows.to_pylist() if r["churn_risk"] is not None]


def send(service, customer, amount):
    """Send an order of one minute ago."""
    row = {"customer_id": customer, "order_id": f"o-{time.time()}", "amount": amount,
           "ordered_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()}  # fmt: skip
    found = service.ask("POST", "/events", json={"table": "orders", "rows": [row]},
                        headers={"Idempotency-Key": f"event-{time.time()}"})  # fmt: skip
    assert found.status_code == 200, found.text
    return found.json()["results"][0]


def degraded(service):
    """Tell what is away."""
    return service.client.get("/readyz").json()["degraded"]


def test_an_older_push_never_overwrites_a_newer_one(world):
    """Whatever Feast would do: what is newer stays."""
    folder, _ = world
    store, customer = online(folder), customers(folder)[0]
    row = store.read([customer])
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)

    def at(instant, amount):
        times = pa.array([instant], pa.timestamp("us", tz="UTC"))
        table = row.set_column(1, "event_timestamp", times).add_column(2, "created", times)
        place = table.column_names.index("amount_last")
        return table.set_column(place, "amount_last", pa.array([amount]))

    assert store.push(at(now, 2.0)) == 1
    assert store.push(at(now - timedelta(days=1), 1.0)) == 0
    assert store.read([customer])["amount_last"].to_pylist() == [2.0]


def test_unknown_customers_have_no_features(world):
    """Nothing is made up for an id the store does not have."""
    found = online(world[0]).read(["nobody at all"]).to_pylist()[0]
    assert found["event_timestamp"] is None
    assert found["recency_days"] is None


def test_the_store_has_what_came_in_and_its_loss_stops_nothing(world):
    """Lost under load: answers go on and say so, rows are kept; back: it has all of them."""
    folder, way = world
    first, second, other = customers(folder)[1:4]
    with Served(folder) as service:
        until(lambda: degraded(service) == [])
        assert send(service, first, 7.25)["degraded"] == []
        assert online(folder).read([first])["amount_last"].to_pylist() == [7.25]
        way.cut()
        until(lambda: degraded(service) == ["online_store"])
        for _ in range(20):
            (still,) = service.score(other)["results"]
            assert still["status"] == "ok"
            assert still["churn"]["risk"] > 0
            assert still["degraded"] == ["online_store"]
        meanwhile = send(service, second, 3.5)
        assert meanwhile["events_since_list"] == 1
        assert meanwhile["churn"]["risk"] > 0
        way.restore()
        until(lambda: degraded(service) == [], 30)
        until(lambda: online(folder).read([second])["amount_last"].to_pylist() == [3.5], 30)
        assert set(service.score(first, second)["results"][0]["degraded"]) == set()
