"""What an answer of the score service costs, beside the least it could and what others would take.

    python benchmarks/score_service.py WORKSPACE [--seconds 3]

WORKSPACE has a finished night (`forestay run`). In one run, alternately: the floor (an empty JSON
answer over HTTP + a raw read of Feast's SQLite + one prediction of each model + one append to a
ledger of its own), ours, and the plain way (BentoML + Feast + the models, nothing recorded). Then
batches, where the time goes, Feast's own feature server with a plain scorer, and `mlflow models
serve` of the same LightGBM model.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from features.settings import load_workspace, prepare_process

prepare_process()
FORESTAY = str(Path(sys.executable).with_name("forestay"))
WARM = 20

EMPTY = """
import uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=PORT, log_level="critical", access_log=False, lifespan="off")
"""
PLAIN = """
import sys
sys.path.insert(0, "ROOT")
from pathlib import Path
from features.settings import load_workspace, prepare_process
prepare_process()
import bentoml
import lightgbm
import pyarrow as pa
from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.feature_store import open_store
from features.feature_store.registry import feast_name, reference
from training.registry import load_champion

workspace = load_workspace(Path("WORKSPACE"))
catalogue = catalogue_for(open_accepted(workspace), workspace)
champions = [load_champion(workspace, name) for name in workspace.targets]
store = open_store(workspace)
names = sorted({n for one in champions for n in {*one.feature_names, *one.groups_read}})

@bentoml.service(name="plain", logging={"access": {"enabled": False}})
class Plain:
    @bentoml.api(route="/score")
    def score(self, customer_ids: list[str]) -> dict:
        found = store.get_online_features(
            features=[reference(catalogue, n) for n in names],
            entity_rows={"customer_id": customer_ids}).to_dict()
        types = {f.name: pa.string() if f.dtype == "text" else pa.float64()
                 for f in catalogue.features}
        rows = pa.table({n: pa.array(found[feast_name(n)], types[n]) for n in names}
                        | {"customer_id": customer_ids})
        return {one.target: one.model.calibrate(one.model.margin(rows), rows).tolist()
                for one in champions}

if __name__ == "__main__":
    import uvicorn
    uvicorn.run(Plain.to_asgi(), port=PORT, log_level="critical", access_log=False)
"""


def main() -> None:
    """Measure and print."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("workspace", type=Path)
    read.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    chosen = read.parse_args()
    workspace = load_workspace(chosen.workspace.resolve())
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "workspace"
        shutil.copytree(workspace.folder, copy, symlinks=True)
        measure(copy, Path(scratch), chosen.seconds)


def measure(folder: Path, scratch: Path, seconds: float) -> None:
    """Print all tables for a workspace that may be written to."""
    ids = customers(folder)
    key = create_key(folder)
    port, empty, plain = free_port(), free_port(), free_port()
    served = [FORESTAY, "serve", "--workspace", str(folder), "--port", str(port)]
    with (
        running(served, port, "/readyz", scratch / "ours.log"),
        running(script(EMPTY, empty, folder), empty, "/", scratch / "empty.log"),
        running(script(PLAIN, plain, folder), plain, "/readyz", scratch / "plain.log"),
    ):
        ours = asking(port, key, lambda some: {"customer_ids": some})
        others = asking(plain, "", lambda some: {"customer_ids": some})
        nothing = asking(empty, "", lambda _: {})
        read, predict, append = floors(folder, scratch)
        print(f"{'customers':>9} {'floor ms':>9} {'ours p50':>9} {'p99':>7} {'ratio':>6}"
              f" {'plain p50':>9} {'plain/ours':>10}")  # fmt: skip
        for count in (1, 10, 100, 1000):
            some = [ids[n % len(ids)] for n in range(count)]
            timed = alternately(
                {
                    "http": lambda some=some: nothing(some),
                    "read": lambda some=some: read(some),
                    "predict": lambda some=some: predict(some),
                    "append": lambda count=count: append(count),
                    "ours": lambda some=some: ours(some),
                    "plain": lambda some=some: others(some),
                },
                seconds,
            )
            floor = sum(median(timed[one]) for one in ("http", "read", "predict", "append"))
            mine, theirs = median(timed["ours"]), median(timed["plain"])
            print(f"{count:>9} {floor:>9.2f} {mine:>9.2f} {p99(timed['ours']):>7.2f}"
                  f" {mine / floor:>6.2f} {theirs:>9.2f} {theirs / mine:>10.2f}")  # fmt: skip
            if count == 1:
                parts = ("http", "read", "predict", "append")
                print("          of the floor:", ", ".join(
                    f"{one} {median(timed[one]):.2f}" for one in parts))  # fmt: skip
    where_the_time_goes(folder, ids, seconds)
    against_feast(folder, scratch, ids, seconds)
    against_mlflow(folder, scratch, seconds)


def floors(folder: Path, scratch: Path) -> tuple[Callable, Callable, Callable]:
    """Return the least that reading, predicting and recording can cost."""
    from serving.ledger.ledger import Ledger
    from serving.ledger.sqlite_store import SqliteStore
    from training.registry import load_champion

    workspace = load_workspace(folder)
    store = sqlite3.connect(folder / ".forestay" / "feast" / "online.db")
    (table,) = store.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%rfm%'"
        " OR type = 'table' AND name LIKE '%profile%' LIMIT 1"
    ).fetchone()
    keys = [row[0] for row in store.execute(f"SELECT DISTINCT entity_key FROM {table} LIMIT 1000")]
    champions = [one for t in workspace.targets if (one := load_champion(workspace, t))]
    nothing = {o.target: np.zeros((1000, o.model.trees.num_feature())) for o in champions}
    (scratch / "keys").mkdir()
    ledger = Ledger(SqliteStore(scratch / "ledger.sqlite"), scratch / "keys", None, "floor")

    def read(some: list[str]) -> None:
        for number in range(len(some)):
            store.execute(f"SELECT * FROM {table} WHERE entity_key = ?",
                          (keys[number % len(keys)],)).fetchall()  # fmt: skip

    def predict(some: list[str]) -> None:
        for one in champions:  # LightGBM alone: no encoding, no lines, no calibration
            one.model.trees.predict(nothing[one.target][: len(some)], num_threads=1)

    def append(count: int) -> None:
        ledger.append("floor", {}, [os.urandom(1200) for _ in range(min(count, 1000))])

    return read, predict, append


def where_the_time_goes(folder: Path, ids: list[str], seconds: float) -> None:
    """Print what the steps of one answer take, in this process."""
    from serving.keyring import open_keyring
    from serving.online.engine import Engine
    from serving.service.messages import ScoreQuestion
    from serving.service.strict_json import read_message

    engine = Engine(load_workspace(folder))
    engine.start()
    keyring, body = open_keyring(engine.workspace), json.dumps({"customer_ids": ids[:1]}).encode()
    names, record = keyring.pseudonyms(ids[:1]), keyring.record_ids(["x"])

    def whole() -> None:
        scored = engine.score(ids[:1], "en", "benchmark", "r")
        assert scored.recorded is not None  # noqa: S101 - the customer is known
        scored.recorded.result()

    steps = alternately(
        {
            "read and check the question": lambda: read_message(body, ScoreQuestion),
            "who moved": lambda: engine.movements.of(engine.view, ids[:1]),
            "find and word the answer": partial(engine.bodies, engine.view, ids[:1], "en"),
            "seal it": partial(keyring.seal, names, [b"x" * 1500], record),
            "all, until it is durable": whole,
        },
        seconds,
    )
    print("\nwhere the time of one answer goes (ms, without HTTP)")
    for name, times in steps.items():
        print(f"  {name:<28} {median(times):>7.3f}")
    engine.close()


def against_mlflow(folder: Path, scratch: Path, seconds: float) -> None:
    """Print what MLflow's own server takes for one prediction of the churn model alone."""
    from training.registry import list_models
    from training.tracking import open_existing

    workspace = load_workspace(folder)
    model = next(one for one in list_models(workspace) if one.champion)
    store = open_existing(workspace)
    version = store.client.get_model_version(f"{workspace.name}-{model.target}", model.version)  # type: ignore[union-attr]
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("mlflow")), "models", "serve", "--env-manager", "local",
        "-m", version.source, "-p", str(port),
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"MLFLOW_TRACKING_URI": store.uri, "PATH": path}  # type: ignore[union-attr]
    with running(command, port, "/ping", scratch / "mlflow.log", environment):
        from training.registry import load_champion

        champion = load_champion(workspace, model.target)
        names = champion.model.trees.feature_name()  # type: ignore[union-attr]
        asked = {"dataframe_split": {"columns": names, "data": [[0.0] * len(names)]}}
        ask = asking(port, "", lambda _: asked, "/invocations")
        timed = alternately({"mlflow": lambda: ask([])}, seconds)
    print(f"\nmlflow models serve, one prediction, no features, no reasons, no record:"
          f" p50 {median(timed['mlflow']):.2f} ms, p99 {p99(timed['mlflow']):.2f}")  # fmt: skip


def against_feast(folder: Path, scratch: Path, ids: list[str], seconds: float) -> None:
    """Print what Feast's own feature server takes for one customer, before anything is scored."""
    from features.accepted import open_accepted
    from features.catalogue import catalogue_for
    from features.feature_store.registry import reference

    workspace = load_workspace(folder)
    catalogue = catalogue_for(open_accepted(workspace), workspace)
    names = [reference(catalogue, one.name) for one in catalogue.features if one.model]
    port, repository = free_port(), Path(__file__).parent.parent / "features" / "feast_repo"
    command = [
        str(Path(sys.executable).with_name("feast")), "-c", str(repository), "serve",
        "-p", str(port), "--no-access-log",
    ]  # fmt: skip
    environment = {"FORESTAY_WORKSPACE": str(folder)}
    with running(command, port, "/health", scratch / "feast.log", environment):
        asked = {"features": names, "entities": {"customer_id": ids[:1]}}
        ask = asking(port, "", lambda _: asked, "/get-online-features")
        timed = alternately({"feast": lambda: ask([])}, seconds)
    print(f"\nfeast serve, features of one customer, nothing scored or recorded:"
          f" p50 {median(timed['feast']):.2f} ms, p99 {p99(timed['feast']):.2f}")  # fmt: skip


def alternately(tasks: dict[str, Callable], seconds: float) -> dict[str, list[float]]:
    """Time tasks one after the other, over and over; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(WARM):
        for task in tasks.values():
            task()
    until = time.monotonic() + seconds * len(tasks)
    while time.monotonic() < until or len(times[next(iter(tasks))]) < WARM:
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            times[name].append(1000 * (time.perf_counter() - began))
    return times


def median(times: list[float]) -> float:
    """Return the median."""
    return statistics.median(times)


def p99(times: list[float]) -> float:
    """Return the time that one in a hundred exceeds."""
    return sorted(times)[int(len(times) * 0.99)]


def asking(port: int, key: str, body: Callable, path: str = "/score") -> Callable:
    """Return a function that asks over one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

    def ask(some: list[str]) -> None:
        while True:
            connection.request("POST", path, json.dumps(body(some)), headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 429:  # noqa: PLR2004 - faster than one key may ask
                break
            time.sleep(0.2)
        assert answer.status == 200, content[:300]  # noqa: S101, PLR2004

    return ask


def customers(folder: Path) -> list[str]:
    """Return the ids of the list."""
    import pyarrow.parquet as pq

    path = folder / "lists" / "latest" / "risk_list.parquet"
    found = pq.read_table(path, columns=["customer_id"], partitioning=None)["customer_id"]
    return list(found.to_pylist())


def create_key(folder: Path) -> str:
    """Make a key."""
    from serving.service.access.keys import Keys

    return Keys(load_workspace(folder)).create("crm", "benchmark", by="benchmark")[1]


def script(text: str, port: int, folder: Path) -> list[str]:
    """Return the command of a small server."""
    root = str(Path(__file__).parent.parent)
    filled = text.replace("PORT", str(port)).replace("WORKSPACE", str(folder))
    return [sys.executable, "-c", filled.replace("ROOT", root)]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(
    command: list[str], port: int, path: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """Run a server until it is not needed any more."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        try:
            began = time.monotonic()
            while not answers(port, path):
                assert process.poll() is None, log.read_text()  # noqa: S101
                assert time.monotonic() - began < 90, log.read_text()  # noqa: S101, PLR2004
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(30)


def answers(port: int, path: str) -> bool:
    """Tell whether a server answers."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004
    except OSError:
        return False


if __name__ == "__main__":
    main()
