"""It stays up: new models come in under load, bad ones do not; what is away is told."""

import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from itertools import pairwise

import httpx
import pyarrow.parquet as pq
import pytest

from features.settings import load_workspace
from serving.audit.reading import Records
from serving.online.score_records import read_score
from serving.online.served_models import ServedModels
from serving.online.standing import open_standing
from tests.serving.service.corner_shop import corner_shop, forestay
from tests.serving.service.served import Served, free_port, until
from training.promotion.history import open_history
from training.registry import find_version
from training.tracking import open_existing

SECOND = "2"


@pytest.fixture(scope="module")
def two_models(tmp_path_factory):
    """Train a second churn model, which does not serve yet."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("stays") / "shop")
    with (folder / "forestay.yaml").open("a") as file:
        file.write("promotion: second_person\nmodels:\n  churn: {params: {num_leaves: 4}}\n")
    made = ("keys", "create", "--role", "scientist", "--name", "ana")
    ana = forestay(folder, *made)["key"]
    trained = forestay(folder, "train", "--target", "churn", key=ana)["churn"]
    assert (trained["model_version"], trained["promoted"]) == (SECOND, False)
    return folder


def approver(folder):
    """Make the key of somebody who approves."""
    return forestay(folder, "keys", "create", "--role", "approver", "--name", "ben")["key"]


def promote_second(folder):
    """Let an approver promote the second version."""
    forestay(folder, "models", "promote", "churn", SECOND, key=approver(folder))


@pytest.fixture
def folder(two_models, tmp_path):
    """Copy the shop: every test breaks its own."""
    shutil.copytree(two_models, tmp_path / "shop", symlinks=True)
    return tmp_path / "shop"


def make_champion(folder, version):
    """Put a promotion on record that no gate has seen, as only another program could."""
    workspace = load_workspace(folder)
    with open_history(workspace) as history:
        found = find_version(open_existing(workspace), workspace, "churn", version)
        model = {n: getattr(found, n) for n in ("target", "version", "sha256", "run_id")}
        after = len(history.of("churn"))
        history.append("promote", model, after=after, by="another program", evidence={})


def customers(folder):
    """Return who is on the list with a churn risk."""
    rows = pq.read_table(folder / "lists" / "latest" / "risk_list.parquet", partitioning=None)
    return [r["customer_id"] for r in rows.to_pylist() if r["churn_risk"] is not None]


class Load:
    """Callers that ask all the time, and what they were answered."""

    def __init__(self, service, ids, callers=3):
        """Begin when entered."""
        self.service, self.ids = service, ids
        self.statuses, self.versions, self.failures = Counter(), [], []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(callers)]

    def __enter__(self):
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        """End."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        key = self.service.keys["crm"]
        with httpx.Client(base_url=self.service.url, timeout=10) as client:
            while not self._ended.is_set():
                try:
                    found = client.post(
                        "/score",
                        json={"customer_ids": self.ids[number : number + 5]},
                        headers={"Authorization": f"Bearer {key}"},
                    )
                    self.statuses[found.status_code] += 1
                    if found.status_code == 200:
                        self.versions.append(found.json()["models"]["churn"]["version"])
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                time.sleep(0.02)


def test_champions_come_and_go_without_one_failed_request(folder):
    """Under load: old answers, new ones, old ones again; each from one version, and at once."""
    with Served(folder) as service, Load(service, customers(folder)) as load:
        promote_second(folder)
        until(lambda: load.versions and load.versions[-1] == SECOND, 30)
        time.sleep(1)
        ids = customers(folder)[:50]
        online = service.score(*ids)
        asked = time.monotonic()
        forestay(folder, "models", "rollback", "churn")
        until(lambda: load.versions[-1] == "1", 60)
        assert time.monotonic() - asked < 60
        time.sleep(1)
    assert set(load.statuses) == {200}
    assert not load.failures
    assert {a for a, b in pairwise(load.versions) if a != b} == {"1", SECOND}
    forestay(folder, "models", "promote", "churn", SECOND, key=approver(folder))
    forestay(folder, "nightly", "--supersede")
    rows = pq.read_table(folder / "lists" / "latest" / "risk_list.parquet", partitioning=None)
    risks = {r["customer_id"]: r["churn_risk"] for r in rows.to_pylist()}
    assert {r["customer_id"]: r["churn"]["risk"] for r in online["results"]} == {
        one: risks[one] for one in ids
    }


@pytest.mark.parametrize(
    "damage",
    ["changed", *(pytest.param(one, marks=pytest.mark.slow) for one in ("cut", "gone"))],
)
def test_a_damaged_champion_is_refused_and_the_old_one_serves_on(folder, damage):
    """By its hash: the process does not load it, does not die, and says what it refused."""
    with Served(folder) as service, Load(service, customers(folder)) as load:
        first = service.process.pid
        newest = max(folder.glob("mlruns/artifacts/corner-shop-churn/*/artifacts/risk_model"),
                     key=lambda path: path.stat().st_mtime)  # fmt: skip
        file = max(newest.glob("*.txt"), key=lambda path: path.stat().st_size)
        content = file.read_bytes()
        if damage == "gone":
            shutil.rmtree(newest)
        elif damage == "cut":
            file.write_bytes(content[: len(content) // 2])
        else:
            file.write_bytes(content.replace(b"leaf_value=", b"leaf_value=1", 1))
        make_champion(folder, SECOND)

        def told():
            return "model:churn" in service.client.get("/readyz").json()["degraded"]

        until(told, 30)
        answer = service.score(customers(folder)[0])
        assert answer["models"]["churn"]["version"] != SECOND
        assert answer["results"][0]["degraded"] == ["model:churn"]
        assert service.process.poll() is None
        assert service.process.pid == first
    assert set(load.statuses) == {200}


def test_without_its_registry_it_answers_from_the_night_and_says_so(folder):
    """MLflow is away: 200 with `degraded`; back again: none. A start without it is ready, too."""
    with Served(folder) as service:
        (folder / "mlruns").rename(folder / "away")
        until(lambda: service.client.get("/readyz").json()["degraded"] == ["models"])
        (found,) = service.score(customers(folder)[0])["results"]
        assert found["degraded"] == ["models"]
        assert found["churn"]["risk"] > 0
        service.stop()
        service.start()
        assert service.score(customers(folder)[0])["results"][0]["degraded"] == ["models"]
        (folder / "away").rename(folder / "mlruns")
        until(lambda: not service.client.get("/readyz").json()["degraded"])


@pytest.mark.parametrize("has_scored", [True, False], ids=["the night's", "a new one"])
def test_a_server_of_models_that_is_away_refuses_none_of_them(folder, monkeypatch, has_scored):
    """They are told as away and asked for again, those that must be tried elsewhere first, too."""
    workspace = load_workspace(folder)
    if not has_scored:
        make_champion(folder, SECOND)
    standing, models = open_standing(workspace), ServedModels(workspace)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    models.look(standing)
    assert (models.current, models.problems, models.refused) == ({}, ("models",), {})
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    models.look(standing)
    assert models.current["churn"].version == ("1" if has_scored else SECOND)
    assert models.problems == ()


def test_what_is_too_old_does_not_stand_in(folder):
    """Older than `max_score_age`: stale; and with something away as well: 503 with what to do."""
    with (folder / "forestay.yaml").open("a") as file:
        file.write("service: {max_score_age: 1h}\n")
    facts = folder / ".forestay" / "standing" / "current" / "standing.json"
    old = json.loads(facts.read_text())
    old["published_at"] = "2026-01-01T00:00:00+00:00"
    facts.write_text(json.dumps(old))
    with Served(folder) as service:
        (found,) = service.score(customers(folder)[0])["results"]
        assert found["status"] == "stale"
        assert found["churn"]["risk"] > 0
        (folder / "mlruns").rename(folder / "away")
        until(lambda: service.client.get("/readyz").status_code == 503)
        refused = service.ask("POST", "/score", json={"customer_ids": ["x"]})
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert "forestay nightly" in refused.json()["error"]["remedy"]


def test_nothing_is_told_that_cannot_be_put_on_record(folder):
    """The ledger is away: 503; it is back: answers again, by the same process."""
    with Served(folder) as service:
        ledger = folder / ".forestay" / "ledger" / "ledger.sqlite"
        blocking = sqlite3.connect(ledger, isolation_level=None)
        blocking.execute("PRAGMA journal_mode=WAL")
        blocking.execute("BEGIN IMMEDIATE")
        question = {"customer_ids": customers(folder)[:1]}
        refused = service.ask("POST", "/score", json=question)
        assert refused.status_code == 503
        blocking.execute("ROLLBACK")
        blocking.close()
        until(lambda: service.ask("POST", "/score", json=question).status_code == 200, 20)


def test_a_killed_service_is_back_within_seconds_and_lost_nothing(folder):
    """SIGKILL under load: every answer that was told is on record after the restart."""
    told = []
    with Served(folder) as service:
        told += [service.score(one)["results"][0] for one in customers(folder)[:20]]
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        assert service.start() < 20
        service.score(customers(folder)[0])
    records = Records(load_workspace(folder))
    assert [read_score(records, one["record_id"])[1]["answer"] for one in told] == told


def test_two_workers_answer_as_one(folder):
    """The same answers, one ledger, figures added up; it ends when told to."""
    with Served(folder, "--workers", "2") as service:
        ids = customers(folder)
        with Load(service, ids, callers=6) as load:
            time.sleep(3)
        assert set(load.statuses) == {200}
        text = service.ask("GET", "/metrics", "auditor").text
        count = next(line for line in text.splitlines() if 'requests_total{route="score"' in line)
        assert float(count.split()[-1]) == sum(load.statuses.values())
        pid = service.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
