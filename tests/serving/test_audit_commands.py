"""`forestay audit`, called as an auditor calls it, on a small shop with one recorded night."""

import json
import shutil
import sqlite3

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import features.feature_store
from serving.audit.reports import writing
from serving.audit.reports.report import words
from serving.cli.group import forestay
from tests.serving.small_shop import AS_OF, made_up_models, write_recorded


@pytest.fixture(scope="module")
def shop_on_disk(tmp_path_factory):
    """Decide for one night; heads are copied beside the shop."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        write_recorded(folder, patch, "ledger: {copy_heads_to: heads}\n")
    return folder


@pytest.fixture
def shop(shop_on_disk, tmp_path, monkeypatch):
    """Copy the shop."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    made_up_models(monkeypatch)
    monkeypatch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
    return folder


def audit(folder, *arguments):
    """Call a command of `audit`."""
    return CliRunner().invoke(forestay, ["audit", *arguments, "--workspace", str(folder)])


def first(folder):
    """Return the first row of the list."""
    path = folder / "lists" / f"{AS_OF}" / "risk_list.parquet"
    return pq.read_table(path, partitioning=None).to_pylist()[0]


def test_verify_says_what_is_proven(shop):
    """With heads copied elsewhere nothing is left unproven."""
    done = audit(shop, "verify")
    assert done.exit_code == 0
    assert "verified: untouched" in done.stdout
    assert "cut off or rewritten" in done.stdout
    assert "not proven" not in done.stdout


def test_verify_names_the_first_bad_record_and_fails(shop):
    """A byte changed behind its back: one readable message, exit code 1, no traceback."""
    with sqlite3.connect(shop / ".forestay" / "ledger" / "ledger.sqlite") as database:
        database.execute(
            "UPDATE entries SET content = replace(content, 'root', 'noot') WHERE seq=3"
        )
    done = audit(shop, "verify", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["where"] == "ledger, entry 3"


def test_show_tells_a_decision_with_its_sum_and_rules(shop):
    """For people, and the same for machines."""
    row = first(shop)
    done = audit(shop, "show", row["decision_id"])
    assert done.exit_code == 0
    for said in (row["customer_id"], "margin", "because:", "[ ]"):
        assert said in done.stdout
    told = json.loads(audit(shop, "show", row["decision_id"], "--json").stdout)
    assert told["row"]["decision"] == row["decision"]


def test_replay_takes_ids_a_date_or_the_latest_night(shop):
    """All ways make decisions again."""
    row = first(shop)
    for what in (row["decision_id"], f"{AS_OF}", "latest"):
        done = audit(shop, "replay", what)
        assert done.exit_code == 0
        assert "the same to the last bit" in done.stdout


@pytest.mark.parametrize("what", ["no-such-decision", "2001-01-01"])
def test_what_is_not_on_record_is_told_readably(shop, what):
    """An unknown id is counted as unknown, a night nobody decided is an error with what to do."""
    done = audit(shop, "replay", what)
    assert "Traceback" not in done.output
    assert "unknown" in done.stdout or "no night of that date" in done.output


def test_report_writes_a_page_where_it_is_asked_to(shop, tmp_path, monkeypatch):
    """And says where it is."""
    # A rule of thumb has no calibration to write out.
    monkeypatch.setattr(writing, "calibration_words", lambda *_: words("as it is", "原值"))
    path = tmp_path / "page.html"
    done = audit(shop, "report", "decision", first(shop)["decision_id"], "--to", str(path))
    assert done.exit_code == 0
    assert str(path) in done.stdout
    assert path.read_text("utf-8").startswith("<!doctype html>")


def test_erase_asks_for_a_confirmation_first(shop):
    """Without --yes nothing happens; with it the report says what is gone and what remains."""
    customer = first(shop)["customer_id"]
    refused = audit(shop, "erase", customer)
    assert refused.exit_code == 1
    assert "cannot be undone" in refused.output
    done = audit(shop, "erase", customer, "--yes")
    assert done.exit_code == 0, done.output
    assert "what remains" in done.stdout
    assert customer not in done.stdout
    again = audit(shop, "erase", customer, "--yes")
    assert "nothing of that id was found" in again.stdout


def test_rotate_makes_new_keys(shop):
    """Their numbers are told; everything verifies as before."""
    done = audit(shop, "rotate")
    assert "pseudonyms 2, signing 2" in done.stdout
    assert audit(shop, "verify").exit_code == 0


def test_check_warns_where_heads_are_copied_nowhere(shop):
    """Named with the setting; gone where it is set."""
    run = ["check", "--workspace", str(shop)]
    assert "copied nowhere" not in CliRunner().invoke(forestay, run).stdout
    text = (shop / "forestay.yaml").read_text().replace("ledger: {copy_heads_to: heads}\n", "")
    (shop / "forestay.yaml").write_text(text)
    assert "copied nowhere" in CliRunner().invoke(forestay, run).stdout
