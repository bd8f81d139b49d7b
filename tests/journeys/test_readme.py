"""The README's first hour, command by command, from an empty folder with files of one's own.

The data scientist gets from a file to a promoted model, marketing to the file that is sent.
"""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import httpx
import pytest

from features.simulated import simulate
from tests.serving.service.served import free_port, until

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
#: The simulated company's orders as a shop of two countries would export them.
EXPORT = """
COPY (
    SELECT order_no AS order_id, client_no AS customer_id,
        strftime(ordered, '%Y-%m-%d %H:%M') AS ordered_at, unit_price * pieces AS amount,
        CASE WHEN md5(client_no) < '8' THEN 'UK' ELSE 'CN' END AS country
    FROM '{folder}/orders.parquet' WHERE NOT refund AND unit_price > 0
) TO '{file}'
"""
#: What its CRM sent, as the company's own log has it.
REPORTED = """
COPY (
    SELECT client_no AS customer_id, strftime(sent, '%Y-%m-%d %H:%M') AS sent_at, action, channel
    FROM read_csv('{folder}/contacts.csv', all_varchar = true, types = {{'sent': 'TIMESTAMP'}})
    WHERE arm = 'treated' ORDER BY sent LIMIT 500
) TO '{file}'
"""


def blocks(language: str) -> list[str]:
    """Fenced blocks of the README in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """Run every command of the README, in order; the folder they ran in."""
    folder = tmp_path_factory.mktemp("desk")
    simulate(folder / "company", customers=1_000, seed=11)
    (folder / "data").mkdir()
    duckdb.sql(EXPORT.format(folder=folder / "company", file=folder / "data" / "orders.csv"))
    duckdb.sql(REPORTED.format(folder=folder / "company", file=folder / "data" / "crm.csv"))
    for text in blocks("yaml"):
        file = folder / text.splitlines()[0].removeprefix("# ")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for commands in blocks("bash"):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, commands + done.stdout + done.stderr
    return folder


def test_notebook_gets_rows_and_scores_through_the_door(desk):
    """The Python of the page runs as it stands, after the commands."""
    (code,) = (text for text in blocks("python") if "load_champion" in text)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=desk, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"0\.\d+ \(\d+, \d+\) \(", done.stdout)
    assert duckdb.sql(f"SELECT count(DISTINCT fold) FROM '{desk}/rows.parquet'").fetchone()[0] >= 2


def test_the_crm_asks_as_the_page_says(desk):
    """The lines for curl and the Python run as they stand, against a service of the shop."""
    port = free_port()
    with (desk / "my-shop" / "lists" / "latest" / "risk_list.csv").open(
        encoding="utf-8-sig", newline=""
    ) as file:
        customer = next(csv.DictReader(file))["customer_id"]
    lines = re.search(r"    KEY=\$\(forestay keys.*?(?=\n\n)", README, flags=re.DOTALL)[0]
    asked = lines.replace("3000", str(port)).replace("12748", customer)
    # The shop of this page maps orders alone.
    order = '"order_id": "call-0001", "amount": 9.5, "ordered_at"'
    asked = asked.replace('"interactions"', '"orders"').replace(
        '"interaction_id": "call-0001", "kind": "complaint", "occurred_at"', order
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    served = subprocess.Popen(
        [Path(sys.executable).parent / "forestay", "serve", "--workspace", "my-shop",
         "--port", str(port)],
        cwd=desk, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until(lambda: _answers(port), 60)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", asked + '\necho; echo "$KEY"'],
            cwd=desk, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        *answers, key = done.stdout.strip().splitlines()
        first, second = re.findall(r'\{"request_id".*?(?=\{"request_id"|$)', "".join(answers))
        assert json.loads(first)["results"][0]["status"] == "ok"
        assert json.loads(second)["results"][0]["events_since_list"] == 1
        (code,) = (text for text in blocks("python") if "Client" in text)
        told: dict = {}
        exec(code, told)  # noqa: S102 - the page's own words
        assert told["ask"](f"http://127.0.0.1:{port}", key, customer)
        assert told["ask"](f"http://127.0.0.1:{port}", key, "nobody") == "unknown"
    finally:
        served.terminate()
        _, words = served.communicate(timeout=30)
    assert f"http://127.0.0.1:{port}" in words
    assert "forestay keys create --role crm" in words
    assert "curl -s" in words


def _answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_readme_has_commands_to_run():
    """The page shows commands and mappings, so that the journey below runs something."""
    assert sum(text.count("forestay ") for text in blocks("bash")) >= 8
    assert len(blocks("yaml")) == 2


def test_data_scientist_gets_from_a_file_to_a_promoted_model(desk):
    """The proposed mapping trains a model with skill, which becomes the champion."""
    done = subprocess.run(
        [Path(sys.executable).parent / "forestay", "models", "list", "--json"],
        cwd=desk / "my-shop",
        capture_output=True,
        text=True,
        check=True,
    )
    versions = json.loads(done.stdout)["models"]
    assert any(version["champion"] for version in versions)


def test_marketing_gets_the_file_that_is_sent(desk):
    """Only customers to be contacted are in it, and nothing tells who is held out."""
    latest = desk / "my-shop" / "lists" / "latest"
    with (latest / "risk_list.csv").open(encoding="utf-8-sig", newline="") as file:
        listed = {row["customer_id"]: row for row in csv.DictReader(file)}
    sent = []
    for name in latest.glob("contacts_*.csv"):
        with name.open(encoding="utf-8-sig", newline="") as file:
            sent += list(csv.DictReader(file))
    assert sent
    assert {listed[row["customer_id"]]["decision"] for row in sent} == {"contact"}
    assert not {"held_out", "decision"} & set(sent[0])


def test_the_page_of_the_list_needs_nothing_from_elsewhere(desk):
    """It opens behind a firewall: no address of another host is loaded."""
    page = (desk / "my-shop" / "lists" / "latest" / "risk_list.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_a_finished_night_is_not_redone(desk):
    """Another `nightly` finds the list of `run` and leaves it."""
    market = desk / "markets" / "uk"
    run = json.loads((market / "lists" / "latest" / "run.json").read_text())
    done = subprocess.run(
        [Path(sys.executable).parent / "forestay", "nightly"],
        cwd=market,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "already done" in done.stdout
    assert json.loads((market / "lists" / "latest" / "run.json").read_text()) == run


def test_two_markets_do_not_meet(desk):
    """Each market has its own list in its own language, and no customer is in both."""
    ids, words = [], []
    for market in ("uk", "cn"):
        file = desk / "markets" / market / "lists" / "latest" / "risk_list.parquet"
        table = duckdb.sql(f"SELECT customer_id, reason_1 FROM '{file}'").fetchall()
        ids.append({row[0] for row in table})
        words.append(" ".join(row[1] or "" for row in table))
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]
    assert not re.search(r"[一-鿿]", words[0])
    assert re.search(r"[一-鿿]", words[1])
