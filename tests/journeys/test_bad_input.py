"""Whatever is wrong, the user reads one message that says what to do, and nothing is lost.

Each case breaks one thing of a workspace that has a finished list, and calls a command.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from features.ingest import ingest
from features.settings import load_workspace
from serving.cli.group import forestay
from serving.nightly import nightly
from tests.serving.small_shop import write_shop

YAML, ORDERS = "forestay.yaml", "orders.csv"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Bring a small shop to its first list, without a model."""
    folder = tmp_path_factory.mktemp("finished")
    write_shop(folder)
    ingest(load_workspace(folder))
    nightly(load_workspace(folder))
    return folder


@pytest.fixture
def shop(finished, tmp_path):
    """Copy the finished shop."""
    folder = tmp_path / "shop"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace a text of a file that must hold it."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def fill(name: str, content: bytes) -> Callable[[Path], None]:
    """Replace a file's content."""
    return lambda folder: (folder / name).write_bytes(content) and None


def drop(pattern: str) -> Callable[[Path], None]:
    """Remove files or folders."""

    def remove(folder: Path) -> None:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def flip(pattern: str) -> Callable[[Path], None]:
    """Change one byte in the middle of each file."""

    def change(folder: Path) -> None:
        for path in sorted(folder.glob(pattern)):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(bytes(content))

    return change


def cut(pattern: str) -> Callable[[Path], None]:
    """Keep the first half of each file."""

    def change(folder: Path) -> None:
        for path in folder.glob(pattern):
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2])

    return change


def break_dates(folder: Path) -> None:
    """Write every tenth order with a date that is none."""
    lines = (folder / ORDERS).read_text().splitlines()
    lines[1::10] = [re.sub(r"2011-\d\d-\d\d", "31st of June", line) for line in lines[1::10]]
    (folder / ORDERS).write_text("\n".join(lines))


def nothing(_: Path) -> None:
    """Break nothing: the command itself is wrong here."""


ACCEPTED = ".forestay/accepted-*/orders/*.parquet"
SNAPSHOT = ".forestay/snapshots/as_of=2011-07-01/*.parquet"
CASES = {
    "no forestay.yaml": (drop(YAML), "check", "there is none"),
    "empty yaml": (fill(YAML, b""), "check", "empty"),
    "yaml that is no yaml": (fill(YAML, b"name: {a\n"), "check", "forestay.yaml"),
    "yaml that is a list": (fill(YAML, b"- a\n- b\n"), "check", "forestay.yaml"),
    "yaml in no known encoding": (fill(YAML, b"name: \xff\xfe\xff"), "check", "forestay.yaml"),
    "unknown key": (edit(YAML, "currency", "curency"), "check", "currency"),
    "key given twice": (edit(YAML, "name:", "name: a\nname:"), "check", "forestay.yaml, line"),
    "unknown table": (edit(YAML, "consents:", "consent:"), "check", "consents"),
    "unknown column of the contract": (edit(YAML, "amount:", "amuont:"), "check", "amount"),
    "unknown column of the file": (edit(YAML, "amount: amount", "amount: amuont"), "ingest",
                                   "amount"),
    "needed column not mapped": (edit(YAML, ", amount: amount", ""), "check", "amount"),
    "expression with a subquery": (edit(YAML, "amount: amount", "amount: (SELECT 1)"), "check",
                                   "amount"),
    "expression that reads a file": (
        edit(YAML, "amount: amount", "amount: \"read_text('/etc/passwd')\""), "check", "amount"),
    "unknown time zone": (edit(YAML, "currency: EUR", "time_zone: Mars/Olympus"), "check",
                          "Mars/Olympus"),
    "unknown target kind": (edit(YAML, "kind: lapse", "kind: laps"), "check", "lapse"),
    "horizon of no days": (edit(YAML, "horizon_days: 30", "horizon_days: 0"), "check",
                           "horizon_days"),
    "unset variable": (edit(YAML, "uri: orders.csv", "uri: ${FORESTAY_NOWHERE}/o.csv"), "ingest",
                       "FORESTAY_NOWHERE"),
    "missing file": (drop(ORDERS), "ingest", "orders.csv"),
    "empty file": (fill(ORDERS, b""), "ingest", "orders.csv"),
    "file of a kind unknown": (edit(YAML, "uri: orders.csv", "uri: orders.docx"), "ingest",
                               "orders.docx"),
    "parquet that is none": (
        lambda f: (fill("o.parquet", b"PAR1 not really PAR1")(f),
                   edit(YAML, "uri: orders.csv", "uri: o.parquet")(f)), "ingest", "o.parquet"),
    "header only": (fill(ORDERS, b"id,customer,day,amount\n"), "ingest", ""),
    "too many bad dates": (break_dates, "ingest", "orders"),
    "database that is not there": (
        edit(YAML, "uri: orders.csv", "uri: duckdb://gone.duckdb\n    table: orders"), "ingest",
        "gone.duckdb"),
    "damaged accepted rows": (flip(ACCEPTED), "features --as-of 2011-06-15", "orders/bucket"),
    "cut accepted rows": (cut(ACCEPTED), "features --as-of 2011-06-15", "orders/bucket"),
    "removed accepted rows": (drop(ACCEPTED), "features --as-of 2011-06-15", "missing"),
    "changed record of what was accepted": (
        edit(".forestay/accepted.json", '"buckets": ', '"buckets": 1'), "nightly", "accepted.json"),
    "nothing ingested": (drop(".forestay"), "nightly", "forestay ingest"),
    "nothing ingested to train on": (drop(".forestay"), "train", "forestay ingest"),
    "damaged snapshot": (
        lambda f: (drop("lists/2011-07-01")(f), cut(SNAPSHOT)(f)), "nightly", "as_of=2011-07-01"),
    "damaged summary of the list": (fill("lists/2011-07-01/summary.json", b"{"), "nightly",
                                    "summary.json"),
    "a date before the data": (nothing, "nightly --as-of 2001-01-01", "no data before"),
    "list far shorter than the last": (
        edit(YAML, "active_within_days: 90", "active_within_days: 1"),
        "nightly --as-of 2011-08-25", ""),
    "training set of a kind unknown": (nothing, "features --training-set rows.docx", "docx"),
    "no model to show": (nothing, "models show churn", "forestay train"),
    "no model to promote": (nothing, "models promote churn 99", "forestay train"),
    "no model to roll back": (nothing, "models rollback churn", "forestay train"),
    "init over a workspace": (nothing, "init orders.csv", "already there"),
    "demo over a workspace": (nothing, "demo", "not the demo's"),
}  # fmt: skip


def kept(folder: Path) -> dict[str, bytes]:
    """Read everything a user would miss: the lists and what was accepted."""
    paths = [*folder.glob("lists/*/*"), *folder.glob(".forestay/accepted*/**/*.parquet")]
    return {f"{p.relative_to(folder)}": p.read_bytes() for p in paths if p.is_file()}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_once_and_loses_nothing(name, shop, monkeypatch):
    """One readable message, exit 1, no traceback; lists and accepted rows as they were."""
    breaks, arguments, words = CASES[name]
    monkeypatch.chdir(shop)
    breaks(shop)
    before = kept(shop)
    command = [*arguments.split(), "--workspace", str(shop)]
    done = CliRunner().invoke(forestay, command)
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    assert "bug of Forestay" not in done.output, _log(shop)
    assert words in done.stderr
    assert re.search(r"^Expected: .+\.$", done.stderr, re.MULTILINE)
    assert re.search(r"^To fix: .+\.$", done.stderr, re.MULTILINE)
    assert kept(shop) == before


def test_bad_input_is_told_to_machines_too(shop):
    """The same message as four fields of JSON, alone on stdout."""
    drop(ORDERS)(shop)
    done = CliRunner().invoke(forestay, ["ingest", "--workspace", str(shop), "--json"])
    assert set(json.loads(done.stdout)["error"]) >= {"where", "problem", "expected", "remedy"}


def test_messages_hold_no_personal_data(shop):
    """No customer id of a bad row is ever repeated."""
    break_dates(shop)
    done = CliRunner().invoke(forestay, ["ingest", "--workspace", str(shop)])
    assert not re.search(r"\d{20}", done.output)


def _log(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.glob(".forestay/log/*"))
