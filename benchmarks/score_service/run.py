"""What an answer of the score service costs, beside the least it could and what others would take.

    python benchmarks/score_service/run.py WORKSPACE [--seconds 3]

WORKSPACE has a finished night (`forestay run`). In one run, alternately: the floor (an empty JSON
answer over HTTP + a raw read of Feast's SQLite + one prediction of each model + one append to a
ledger of its own), ours, and the plain way (BentoML + Feast + the models, nothing recorded). Then
batches, where the time goes, Feast's own feature server with a plain scorer, and `mlflow models
serve` of the same LightGBM model.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from peers import against_feast, against_mlflow
from servers import EMPTY, PLAIN, asking, free_port, running, script
from timing import alternately, median, p99

from features.settings import load_workspace, prepare_process

prepare_process()
FORESTAY = str(Path(sys.executable).with_name("forestay"))
#: Events that are sent, each of another customer.
EVENTS = 30


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
        after_events(port, key, ids)
    where_the_time_goes(folder, ids, seconds)
    against_feast(folder, scratch, ids, seconds)
    against_mlflow(folder, scratch, seconds)


def after_events(port: int, key: str, ids: list[str]) -> None:
    """Print what an event takes, its decision included, and a score of who moved."""
    now = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    send = asking(port, key, lambda rows: {"table": "interactions", "rows": rows}, "/events")
    score = asking(port, key, lambda some: {"customer_ids": some})
    events, scores = [], []
    for number, customer in enumerate(ids[:EVENTS]):
        row = {"customer_id": customer, "interaction_id": f"benchmark-{number}",
               "kind": "complaint", "occurred_at": now}  # fmt: skip
        for task, asked, times in ((send, [row], events), (score, [customer], scores)):
            began = time.perf_counter()
            task(asked)
            times.append(1000 * (time.perf_counter() - began))
    print(f"\n{EVENTS} events, each with its decision: first {events[0]:.0f} ms,"
          f" p50 {median(events):.0f}, slowest {max(events):.0f}")  # fmt: skip
    print(f"a score of whom something came in: p50 {median(scores):.2f} ms")


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


if __name__ == "__main__":
    main()
