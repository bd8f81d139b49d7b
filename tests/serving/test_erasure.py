"""One person erased from everything: found nowhere, never back, others as they were."""

import shutil
import zipfile
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import serving.erasure.person as module
from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.erased import erased_people
from features.feature_store import online_features
from features.ingest import ingest
from features.ingest.take_outcomes import take_outcomes
from features.received.log import ReceivedLog
from features.settings import load_workspace
from serving.audit.reading import Records
from serving.audit.replay import replay_night
from serving.erasure import erase
from serving.ledger import open_ledger, verify
from serving.nightly import nightly
from serving.online.moved import MovedCustomers
from tests.serving.small_shop import AS_OF, made_up_models, write_csv, write_shop

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
WHO, ALIAS = f"{7:020d}", "old-number-7"
MORE = """\
  aliases:
    uri: aliases.csv
    columns: {alias: old, customer_id: new, known_at: day}
"""


@pytest.fixture(scope="module")
def shop_on_disk(tmp_path_factory):
    """Make a shop with a night, outcomes taken back, an alias, and everything loaded."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    text = (folder / "forestay.yaml").read_text().replace("targets:", f"{MORE}targets:")
    (folder / "forestay.yaml").write_text(text)
    write_csv(folder / "aliases.csv", ["old", "new", "day"], [(ALIAS, WHO, "2011-05-01")])
    with (folder / "orders.csv").open("a") as file:
        file.write(f"o-alias,{ALIAS},2011-03-03 10:00:00,12\n")
    write_csv(
        folder / "back.csv",
        ["customer_id", "sent_at", "action", "channel"],
        [(f"{n:020d}", "2011-06-20 10:00:00", "loyalty_benefit", "email") for n in range(5, 9)],
    )
    workspace = load_workspace(folder)
    ingest(workspace)
    with pytest.MonkeyPatch.context() as patch:
        made_up_models(patch)
        nightly(workspace)
        take_outcomes(workspace, folder / "back.csv")
    (folder / "back.csv").unlink()
    return folder


@pytest.fixture
def shop(shop_on_disk, tmp_path, monkeypatch):
    """Copy the shop."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    made_up_models(monkeypatch)
    return load_workspace(folder)


def everything(folder):
    """Read every file the workspace holds, unpacked, but the user's own sources."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.parent == folder:
            continue
        if path.suffix == ".arrow":  # ids follow each other without a gap, and look like others
            with pa.memory_map(str(path)) as source:
                yield path, str(pa.ipc.open_file(source).read_all().to_pylist()).encode()
            continue
        yield path, path.read_bytes()
        if path.suffix == ".parquet":
            yield path, str(pq.read_table(path, partitioning=None).to_pylist()).encode()
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                for name in book.namelist():
                    yield path, book.read(name)


def found_in(folder, *ids):
    """Name the files in which any of the ids can be read."""
    return {
        str(path.relative_to(folder))
        for path, content in everything(folder)
        for one in ids
        if one.encode() in content
    }


def others(workspace):
    """Return all accepted rows but the person's, by table."""
    accepted = open_accepted(workspace)
    found = {}
    for name, table in accepted.tables.items():
        parts = [pq.read_table(accepted.folder / file.name) for file in table.files]
        rows = pa.concat_tables(parts)
        keep = pc.invert(pc.is_in(rows["customer_id"], value_set=pa.array([WHO, ALIAS])))
        found[name] = rows.filter(keep).to_pylist()
    return found


def test_the_person_is_in_no_file_and_others_are_as_they_were(shop):
    """Accepted data, snapshots, lists of all formats, decisions, outcomes, online store, ledger."""
    assert {".forestay/feast/online.db", "lists/2011-07-01/risk_list.html"} <= found_in(
        shop.folder, WHO
    )
    (shop.folder / "reports").mkdir()
    (shop.folder / "reports" / "page.html").write_text(f"<td>{WHO}</td>")
    (shop.folder / "reports" / "other.html").write_text("<td>another</td>")
    order = {"customer_id": WHO, "order_id": "live", "ordered_at": NOW, "amount": 1.0}
    ReceivedLog(shop).append("orders", [(WHO, order)], NOW)
    decision = {"decision_id": "d", "customer_id": WHO, "replaces": None}
    MovedCustomers(shop).put_decision(decision, NOW)
    before = others(shop)
    report = erase(shop, WHO, on=NOW)
    assert report.pages == report.received == 1
    assert (shop.folder / "reports" / "other.html").exists()
    assert found_in(shop.folder, WHO, ALIAS) == set()
    assert report.found_in == ()
    assert report.ids == 2
    assert report.rows["orders"] > 1
    assert (report.rows["aliases"], report.outcomes) == (1, 1)
    assert report.list_files >= 4
    assert others(shop) == before


def test_lists_open_as_before_without_the_person(shop):
    """The table has one row less, the sheet no gap, and the page's data still agree."""
    import openpyxl

    folder = shop.lists / f"{AS_OF}"
    count = pq.read_table(folder / "risk_list.parquet", partitioning=None).num_rows
    erase(shop, WHO, on=NOW)
    rows = pq.read_table(folder / "risk_list.parquet", partitioning=None)
    sheet = openpyxl.load_workbook(folder / "risk_list.xlsx").active
    ids = [cell.value for cell in sheet["B"]][1:]
    assert rows.num_rows == len(ids) == count - 1
    assert ids == rows["customer_id"].to_pylist()
    csv = (folder / "risk_list.csv").read_text("utf-8-sig").splitlines()
    assert len(csv) == count


def test_the_person_does_not_come_back(shop):
    """Neither with the same sources, nor with new rows, under either id, nor as outcomes."""
    erase(shop, WHO, on=NOW)
    report = ingest(shop)
    orders = next(one for one in report.sources if one.table == "orders")
    assert orders.erased > 1
    assert orders.adds_up
    with (shop.folder / "orders.csv").open("a") as file:
        file.write(f"again,{WHO},2011-06-29 10:00:00,12\nagain2,{ALIAS},2011-06-29 10:00:00,9\n")
    ingest(shop)
    write_csv(
        shop.folder / "back.csv",
        ["customer_id", "sent_at", "action", "channel"],
        [(one, "2011-06-21 10:00:00", "loyalty_benefit", "email") for one in (WHO, f"{5:020d}")],
    )
    taken = take_outcomes(shop, shop.folder / "back.csv")
    assert (taken.rows.erased, taken.rows.accepted) == (1, 1)
    nightly(shop, AS_OF.replace(day=2))
    assert found_in(shop.folder, WHO, ALIAS) == set()


def test_a_new_alias_of_an_erased_person_is_refused_too(shop):
    """Whoever is said to be the person is the person."""
    erase(shop, WHO, on=NOW)
    with (shop.folder / "aliases.csv").open("a") as file:
        file.write(f"third-name,{WHO},2011-06-01\n")
    with (shop.folder / "orders.csv").open("a") as file:
        file.write("again3,third-name,2011-06-29 10:00:00,12\n")
    ingest(shop)
    assert found_in(shop.folder, "third-name") == set()


def test_the_ledger_verifies_and_replay_says_when(shop):
    """Everybody else's decisions are made again; the person's record says the day."""
    erase(shop, WHO, on=NOW)
    assert not verify(open_ledger(shop, actor="t")).faults
    found = replay_night(Records(shop), shop, AS_OF)
    assert [(one.why, one.on) for one in found.missing] == [("erased", NOW.date())]
    assert found.differences == ()


def test_the_online_store_serves_the_others(shop):
    """It is loaded anew, without the person."""
    erase(shop, WHO, on=NOW)
    catalogue = catalogue_for(open_accepted(shop), shop)
    rows = online_features(shop, catalogue, [WHO, f"{8:020d}"], ["orders_count"], at=NOW)
    known = rows["orders_count"].to_pylist()
    assert known[0] is None
    assert known[1] > 0


@pytest.mark.parametrize(
    "stop", ["erase_accepted", "erase_snapshots", "erase_from_list", "_nights"]
)
def test_an_erasure_that_was_killed_is_finished_by_the_next(shop, monkeypatch, stop):
    """Killed before any step: run again, everything is gone; the ledger says it once."""
    with monkeypatch.context() as patch:

        def killed(*_):
            raise KeyboardInterrupt

        patch.setattr(module, stop, killed)
        with pytest.raises(KeyboardInterrupt):
            erase(shop, WHO, on=NOW)
    assert erased_people(shop) is not None
    erase(shop, WHO, on=NOW)
    assert found_in(shop.folder, WHO, ALIAS) == set()
    assert len(list(open_ledger(shop, actor="t").entries("erased"))) == 1


def test_an_erasure_killed_before_the_old_data_were_dropped_is_finished(shop, monkeypatch):
    """The new data are current already; what is left of the old ones holds the person."""
    from features import erasing

    with monkeypatch.context() as patch:

        def killed(workspace, *given):
            before = set(workspace.state.glob("accepted-*"))
            kept = workspace.folder.parent / "kept"
            shutil.copytree(before.pop(), kept)
            write(workspace, *given)
            shutil.copytree(kept, workspace.state / "accepted-left-behind")
            raise KeyboardInterrupt

        write = erasing._write_without  # noqa: SLF001 - the kill comes right after it
        patch.setattr(erasing, "_write_without", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(shop, WHO, on=NOW)
    erase(shop, WHO, on=NOW)
    assert found_in(shop.folder, WHO) == set()


def test_what_remains_is_told(shop):
    """The user's own sources still hold the person; nobody was trained in this shop."""
    report = erase(shop, WHO, on=NOW)
    assert "sources.orders[0]" in report.sources
    assert report.models == ()
