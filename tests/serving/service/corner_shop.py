"""A shop whose customers have habits, some of whom leave, with real models, learnt once."""

import csv
import fcntl
import json
import os
import random
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from serving.cli.group import forestay as group

YAML = """\
name: corner-shop
currency: EUR
sources:
  orders:
    uri: orders.csv
    columns: {order_id: id, customer_id: customer, ordered_at: moment, amount: amount}
  interactions:
    uri: calls.csv
    columns: {interaction_id: id, customer_id: customer, occurred_at: moment, kind: kind}
  customers:
    uri: customers.csv
    columns: {customer_id: customer, language: language}
targets:
  churn: {kind: lapse, active_within_days: 90, horizon_days: 45}
  complaint: {active_within_days: 90, horizon_days: 30}
"""
FIRST, LAST = datetime(2025, 1, 1), datetime(2026, 6, 30)  # noqa: DTZ001 - as a file has them
FORESTAY = str(Path(sys.executable).with_name("forestay"))
#: Known to the shop, without any history.
NEW_CUSTOMER = "c-new"


def write_corner_shop(folder: Path, customers: int = 400) -> None:
    """Write its files."""
    draw = random.Random(3)  # noqa: S311 - a world, no secret
    orders, calls = [], []
    for number in range(customers):
        customer, gap = f"c{number:05d}", draw.choice([7, 14, 21, 30])
        at = FIRST + timedelta(days=draw.random() * gap * 2 + draw.random() * 200)
        leaves = at + timedelta(days=draw.expovariate(1 / 300))
        grumpy = draw.random() < 0.25
        count = 0
        while at < min(LAST, leaves):
            amount = round(draw.lognormvariate(3, 0.6), 2)
            orders.append((f"o{number}-{count}", customer, at.isoformat(" ", "seconds"), amount))
            if draw.random() < (0.25 if grumpy else 0.02):
                said = (at + timedelta(hours=20)).isoformat(" ", "seconds")
                calls.append((f"i{number}-{count}", customer, said, "complaint"))
            count += 1
            at += timedelta(days=gap * draw.uniform(0.6, 1.4))
    folder.mkdir(parents=True, exist_ok=True)
    languages = [(f"c{n:05d}", "zh" if n % 5 == 0 else "en") for n in range(customers)]
    _write(folder / "orders.csv", ["id", "customer", "moment", "amount"], orders)
    _write(folder / "calls.csv", ["id", "customer", "moment", "kind"], calls)
    _write(folder / "customers.csv", ["customer", "language"], [*languages, (NEW_CUSTOMER, "en")])
    (folder / "forestay.yaml").write_text(YAML)


def _write(path: Path, names, rows) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def corner_shop(tmp_path_factory, folder: Path) -> Path:
    """Copy the shop, ingested, with champions and one night; made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "corner-shop"
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "lists" / "latest").exists():
            write_corner_shop(home)
            forestay(home, "run")
    shutil.copytree(home, folder, symlinks=True)
    return folder


def forestay(folder: Path, *words: str, key: str = "") -> dict:
    """Run a command, as the owner of a key if there is one, and return what it says."""
    command = [*words, "--workspace", str(folder), "--json"]
    done = CliRunner(env={"FORESTAY_KEY": key}).invoke(group, command)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
