"""Every decision of a night is on record before anybody sees it, and is made again from there."""

import random
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import features.feature_store
import training.registry
from features.errors import BrokenRecord, NotReady, Unavailable
from features.progress import SILENT
from features.settings import load_workspace
from proactive_rules.situation import BEFORE
from serving.audit import recording
from serving.audit.expiring import expire
from serving.audit.looks import looks_at
from serving.audit.reading import Records
from serving.audit.replay import replay_decisions, replay_night, replayed
from serving.audit.rotating import rotate_keys
from serving.audit.shown import show_decision, write_proof
from serving.ledger import open_ledger, verify
from serving.nightly import nightly
from tests.serving.small_shop import AS_OF, CHAMPIONS, made_up_models, write_recorded


@pytest.fixture(scope="module")
def shop_on_disk(tmp_path_factory):
    """Ingest the small shop and decide for one night."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        write_recorded(folder, patch)
    return folder


@pytest.fixture
def shop(shop_on_disk, tmp_path, monkeypatch):
    """Copy the shop with its recorded night."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    made_up_models(monkeypatch)
    monkeypatch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
    return load_workspace(folder)


def listed(workspace, day=AS_OF):
    """Read a list back."""
    return pq.read_table(workspace.lists / f"{day}" / "risk_list.parquet", partitioning=None)


def test_every_listed_decision_is_on_record_once(shop):
    """The list and the ledger hold the same decisions, each id once."""
    ids = listed(shop)["decision_id"].to_pylist()
    records = Records(shop)
    found, missing = records.of_decisions(ids)
    assert missing == []
    assert sorted(found[0].parts.decision_id.to_pylist()) == sorted(ids)
    assert records.night_of(AS_OF).count == len(ids)


def test_a_record_holds_what_the_list_shows(shop):
    """Risk, band, decision and words; and the sum that the risk was made from."""
    row = listed(shop).to_pylist()[0]
    found = show_decision(shop, row["decision_id"], "en")
    assert found.customer_id == row["customer_id"]
    assert found.as_of == AS_OF
    assert found.row["decision"] == row["decision"]
    words = [row[f"reason_{n}"] for n in (1, 2, 3)]
    assert list(found.reasons) == [word for word in words if word]
    for one in found.sums:
        assert one.risk == row[f"{one.target}_risk"]
        assert abs(one.base + sum(one.contributions.values()) - one.margin) < 1e-9


def test_decisions_are_made_again_to_the_last_bit(shop):
    """Any of them, each from its own record."""
    ids = random.Random(3).sample(listed(shop)["decision_id"].to_pylist(), 40)  # noqa: S311
    found = replay_decisions(Records(shop), shop, ids)
    assert (found.same, found.asked, found.differences) == (40, 40, ())


def test_a_whole_night_is_made_again_with_its_limits(shop):
    """The sharing-out included, ranks too."""
    found = replay_night(Records(shop), shop, AS_OF)
    assert found.is_same
    assert found.asked == listed(shop).num_rows
    assert found.differences == ()


def test_replay_names_what_differs_and_by_how_much(shop, monkeypatch):
    """Another model under the recorded hash: margins and risks differ, and by that much."""
    other = {
        name: replace(champion, weights=tuple(2 * weight for weight in champion.weights))
        for name, champion in CHAMPIONS.items()
    }
    monkeypatch.setattr(training.registry, "load_version", lambda _, name, __: other[name])
    found = replay_night(Records(shop), shop, AS_OF)
    fields = {one.field: one for one in found.differences}
    assert not found.is_same
    assert fields["churn:margin"].apart > 0
    assert {"churn:margin", "churn_risk", "complaint_risk"} <= set(fields)
    assert "decision" not in fields


def test_a_model_of_another_hash_is_not_used(shop, monkeypatch):
    """What cannot be made again is said, and nothing is called the same."""
    other = {name: replace(champion, sha256="1" * 64) for name, champion in CHAMPIONS.items()}
    monkeypatch.setattr(training.registry, "load_version", lambda _, name, __: other[name])
    found = replay_night(Records(shop), shop, AS_OF)
    assert found.same == 0
    assert any("another hash" in note for note in found.notes)


def test_an_environment_that_changed_is_told(shop, monkeypatch):
    """Bits hold in the recorded environment; elsewhere one knows what is another."""
    import serving.audit.replay as module

    now = {**module.environment(), "numpy": "9.9"}
    monkeypatch.setattr(module, "environment", lambda: now)
    found = replay_night(Records(shop), shop, AS_OF)
    assert found.environment["numpy"][1] == "9.9"
    assert found.is_same


def test_nothing_is_published_that_is_not_on_record(shop_on_disk, tmp_path, monkeypatch):
    """Where the ledger cannot be written, the night ends without a list."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    shutil.rmtree(folder / "lists")
    made_up_models(monkeypatch)

    def refuse(*_, **__):
        raise Unavailable("ledger", "the disk is full", "room", "make room")

    monkeypatch.setattr(recording, "open_ledger", refuse)
    with pytest.raises(Unavailable):
        nightly(load_workspace(folder))
    assert not (folder / "lists" / f"{AS_OF}").exists()


@pytest.mark.parametrize("after", [0, 1, 2, 5])
def test_a_recording_that_was_killed_goes_on(shop_on_disk, tmp_path, monkeypatch, after):
    """Killed after some entries: each decision has exactly one record in the end."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    for name in ("lists", ".forestay/ledger", ".forestay/keys", ".forestay/nightly"):
        shutil.rmtree(folder / name)
    made_up_models(monkeypatch)
    monkeypatch.setattr(recording, "TOGETHER", 7)
    append, left = recording._append, iter(range(after))  # noqa: SLF001 - the kill comes in between

    def killed(*given):
        if next(left, None) is None:
            raise KeyboardInterrupt
        append(*given)

    workspace = load_workspace(folder)
    with monkeypatch.context() as patch:
        patch.setattr(recording, "_append", killed)
        with pytest.raises(KeyboardInterrupt):
            nightly(workspace)
    nightly(workspace)
    ids = listed(workspace)["decision_id"].to_pylist()
    records = Records(workspace)
    found, _ = records.of_decisions(ids)
    assert sorted(found[0].parts.decision_id.to_pylist()) == sorted(ids)
    assert not verify(records.ledger).faults
    assert replay_night(records, workspace, AS_OF).is_same


def test_a_version_of_another_layout_does_not_go_on_with_what_one_began(
    shop_on_disk, tmp_path, monkeypatch
):
    """It records the night anew; both can be read, each by its own layout."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    for name in ("lists", ".forestay/ledger", ".forestay/keys", ".forestay/nightly"):
        shutil.rmtree(folder / name)
    made_up_models(monkeypatch)
    monkeypatch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
    monkeypatch.setattr(recording, "TOGETHER", 50)
    workspace, rows = load_workspace(folder), recording.record_rows
    append, left = recording._append, iter(range(1))  # noqa: SLF001 - the kill comes in between

    def older(*given):
        return rows(*given).append_column("decision:gone", pa.nulls(given[0].num_rows, pa.int64()))

    def killed(*given):
        if next(left, None) is None:
            raise KeyboardInterrupt
        append(*given)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "record_rows", older)
        patch.setattr(recording, "_append", killed)
        with pytest.raises(KeyboardInterrupt):
            nightly(workspace)
    nightly(workspace)
    assert replay_night(Records(workspace), workspace, AS_OF).is_same


def test_nothing_is_made_by_looking(shop):
    """Where nothing is on record, reading says so and makes neither ledger nor keys."""
    shutil.rmtree(shop.ledger_file.parent)
    shutil.rmtree(shop.ledger_keys)
    with pytest.raises(NotReady, match="nothing was put on record"):
        Records(shop)
    assert not shop.ledger_file.exists()
    assert not shop.ledger_keys.exists()


def test_a_ledger_that_is_gone_while_its_keys_are_there_is_told(shop):
    """It is not begun anew."""
    shutil.rmtree(shop.ledger_file.parent)
    with pytest.raises(BrokenRecord, match="restore the ledger"):
        Records(shop)


def test_a_finished_night_is_not_recorded_twice(shop):
    """A list that was lost is written again from the same record."""
    before = [entry.seq for entry in open_ledger(shop, actor="t").entries("night")]
    shutil.rmtree(shop.lists)
    nightly(shop)
    assert [entry.seq for entry in open_ledger(shop, actor="t").entries("night")] == before


def test_no_customer_can_be_read_from_the_ledger_alone(shop):
    """Neither an id, nor a decision's id, nor a reason is in its files; the keys lie elsewhere."""
    rows = listed(shop).to_pylist()
    files = shop.ledger_file.parent.glob("*")
    content = b"".join(path.read_bytes() for path in files)
    for row in rows:
        if not int(row["customer_id"]):  # zeros only, as in the made-up models' hash
            continue
        assert row["customer_id"].encode() not in content
        assert row["decision_id"].encode() not in content
    assert shop.ledger_keys not in [shop.ledger_file.parent, *shop.ledger_file.parents]


def test_an_erased_customer_answers_with_the_day_and_others_go_on(shop):
    """The chain verifies; the erased one's replay says when; the others are made again alone."""
    row = listed(shop).to_pylist()[0]
    records = Records(shop)
    records.keyring.shred(row["customer_id"], date(2026, 3, 4))
    with pytest.raises(NotReady, match="erased on 2026-03-04"):
        show_decision(shop, row["decision_id"], "en")
    found = replay_night(records, shop, AS_OF)
    assert found.asked - found.same == 1
    assert [(one.why, f"{one.on}") for one in found.missing] == [("erased", "2026-03-04")]
    assert found.differences == ()
    assert not verify(records.ledger).faults


def test_records_past_their_time_are_deleted_and_said_to_be(shop):
    """The setting is enforced; what was decided in sum stays on record."""
    assert expire(shop, now=datetime.now(UTC) + timedelta(days=3 * 365 - 1)) == 0
    late = datetime.now(UTC) + timedelta(days=3 * 365 + 1)
    count = listed(shop).num_rows
    assert expire(shop, now=late) == count
    assert expire(shop, now=late) == 0
    row = listed(shop).to_pylist()[0]
    with pytest.raises(NotReady, match="time of its record is over"):
        show_decision(shop, row["decision_id"], "en")
    records = Records(shop)
    assert not verify(records.ledger).faults
    assert sum(one["count"] for one in records.night_of(AS_OF).body["counts"]) == count


def test_new_keys_name_later_records_and_older_ones_are_still_found(shop):
    """Rotation changes the names, not what can be read."""
    row = listed(shop).to_pylist()[0]
    assert rotate_keys(shop) == {"pseudonym_key": 2, "signing_key": 2}
    assert show_decision(shop, row["decision_id"], "en").customer_id == row["customer_id"]
    nightly(shop, AS_OF - timedelta(days=1))
    found, _ = Records(shop).of_customer(row["customer_id"])
    assert {one.night.as_of for one in found} == {AS_OF, AS_OF - timedelta(days=1)}
    assert not verify(open_ledger(shop, actor="t")).faults


def test_every_look_is_on_record(shop):
    """Who looked, by which command, at which record; a replay of the night counts for all."""
    first, second, *_ = listed(shop)["decision_id"].to_pylist()
    show_decision(shop, first, "en")
    replayed(shop, [first, second], SILENT)
    replayed(shop, [f"{AS_OF}"], SILENT)
    records = Records(shop)

    def commands(decision_id):
        found, _ = records.of_decisions([decision_id])
        nights = [found[0].night.entry.seq]
        return [e.body["command"] for e in looks_at(records.ledger, found[0].places, nights)]

    assert commands(first) == ["audit show", "audit replay", "audit replay"]
    assert commands(second) == ["audit replay", "audit replay"]


def test_a_proof_is_written_for_one_record(shop, tmp_path):
    """It holds the record sealed, and no other."""
    import json

    row = listed(shop).to_pylist()[0]
    write_proof(shop, row["decision_id"], tmp_path / "proof.json")
    proof = json.loads((tmp_path / "proof.json").read_text("utf-8"))
    assert row["customer_id"] not in str(proof)
    assert {"leaf", "path", "entry", "keys"} <= set(proof)


def test_contacts_of_people_who_are_not_listed_are_on_record(shop, monkeypatch):
    """What holds places and counts as answers is needed to make the night again."""
    from serving.night import Night

    before = pa.Table.from_pylist(
        [
            {
                "customer_id": name, "action": "loyalty_benefit", "channel": "phone",
                "owner": "marketing", "at": datetime(2011, 6, 29, hour, tzinfo=UTC),
                "state": "reserved", "reserved_until": datetime(2011, 7, 9, tzinfo=UTC),
                "cost": 0.1 * hour, "decision_id": None,
            }
            for hour, name in enumerate(["gone", listed(shop)["customer_id"][5].as_py(), "gone"])
        ],
        schema=BEFORE,
    )  # fmt: skip
    answers = pa.table(
        {
            "customer_id": ["gone", "left"], "channel": ["email", "email"], "hour": [9, 11],
            "sent": [4, 3], "answered": [1, 2],
        }
    )  # fmt: skip
    monkeypatch.setattr(Night, "before", before)
    monkeypatch.setattr(Night, "responses", answers)
    day = AS_OF - timedelta(days=1)
    nightly(shop, day)
    records = Records(shop)
    found = replay_night(records, shop, day)
    assert found.is_same
    counts = [e.body["count"] for e in records.ledger.entries("recorded")]
    assert counts[-1] == found.asked + 2
    ids = listed(shop, day)["decision_id"].to_pylist()
    assert replay_decisions(records, shop, ids).is_same
    assert pc.sum(pc.is_null(listed(shop, day)["decision_id"])).as_py() == 0
