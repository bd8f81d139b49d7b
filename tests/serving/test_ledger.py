"""The ledger: what is appended is there, in order, once, and proven; in a file or in PostgreSQL."""

import multiprocessing
import os
import resource
import shutil
import stat
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import rfc8785

from features.errors import BrokenRecord, Conflict, Unavailable
from serving.ledger import GroupCommit, Ledger, Place, prove, verify
from serving.ledger.block import block_of, leaves_of
from serving.ledger.entry import read_entry
from serving.ledger.merkle import leaf_hashes, path_of, root_of
from serving.ledger.sqlite_store import SqliteStore
from tests.serving.ledgers_by_hand import leaf, open_in, root_along

SERVER = "postgresql://postgres@127.0.0.1:5432/test"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    """Open a new ledger in either database."""
    if request.param == "sqlite":
        yield open_in(tmp_path)
        return
    from serving.ledger.postgresql_store import PostgresqlStore

    try:
        store = PostgresqlStore(SERVER, f"test {uuid.uuid4()}")
    except Unavailable:
        words = f"no PostgreSQL server at {SERVER}"
        if os.environ.get("FORESTAY_REQUIRE_SERVICES") == "1":
            pytest.fail(words)
        pytest.skip(words)
    yield Ledger(store, tmp_path / "keys", tmp_path / "heads", "tester")
    store.close()


def test_entries_come_back_in_order_and_hold_each_other(ledger):
    """The first entry opens the ledger; each later one holds the hash of the one before."""
    ledger.append("note", {"what": "é", "number": 0.1})
    ledger.append("other", {})
    entries = list(ledger.entries())
    assert [entry.kind for entry in entries] == ["opened", "note", "other"]
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [None, entries[0].hash, entries[1].hash]
    assert entries[1].body == {"what": "é", "number": 0.1}
    assert {entry.actor for entry in entries} == {"tester"}
    assert [entry.seq for entry in ledger.entries("note")] == [2]
    assert not verify(ledger).faults


def test_records_are_found_by_their_id_and_by_whom_they_are_about(ledger):
    """Two records of one pseudonym in two entries, each with an id of its own."""
    who = b"w" * 16
    first, second = b"1" * 16 + who + b"sealed", b"2" * 16 + who + b"more"
    ledger.append("decisions", {}, [leaf(1), first])
    ledger.append("decisions", {}, [second])
    found = ledger.places([who, b"2" * 16, b"unknown id here."])
    assert found == {who: [Place(2, 1), Place(3, 0)], b"2" * 16: [Place(3, 0)]}
    assert ledger.leaves(2) == [leaf(1), first]


def test_an_expired_entry_has_no_records_and_the_ledger_still_verifies(ledger):
    """An entry says whose time was over; what it held is gone from the database."""
    kept = ledger.append("decisions", {}, [leaf(1)])
    over = ledger.append("decisions", {}, [leaf(2), leaf(3)])
    ledger.expire([over.seq], {"why": "time"})
    assert ledger.leaves(over.seq) is None
    assert ledger.places([leaf(2)[:16]]) == {}
    assert ledger.leaves(kept.seq) == [leaf(1)]
    found = verify(ledger)
    assert (found.faults, found.records) == ((), 1)
    assert any("expired" in words for words in found.not_proven)


def test_a_new_signing_key_is_trusted_through_the_old_one(ledger):
    """Three rotations; who trusts the first key can check everything."""
    for number in range(3):
        ledger.append("note", {"number": number})
        ledger.rotate_signer()
    ledger.append("note", {})
    assert {row.signer for row in ledger.store.rows(0, ())} == {1, 2, 3, 4}
    assert not verify(ledger).faults


def test_ledgers_in_one_database_do_not_touch_each_other(tmp_path):
    """Two workspaces share a PostgreSQL database."""
    from serving.ledger.postgresql_store import PostgresqlStore

    try:
        stores = [PostgresqlStore(SERVER, f"test {uuid.uuid4()}") for _ in range(2)]
    except Unavailable:
        if os.environ.get("FORESTAY_REQUIRE_SERVICES") == "1":
            pytest.fail("no PostgreSQL server")
        pytest.skip(f"no PostgreSQL server at {SERVER}")
    one, other = (
        Ledger(store, tmp_path / f"{number}", None, "tester") for number, store in enumerate(stores)
    )
    one.append("note", {}, [leaf(1)])
    other.append("note", {}, [leaf(2)])
    assert one.id != other.id
    assert other.places([leaf(1)[:16]]) == {}
    assert not verify(one).faults
    assert not verify(other).faults
    for store in stores:
        store.close()


def test_a_failed_append_leaves_nothing(ledger):
    """A body that is no JSON fails before anything is written; the next one follows the last."""
    with pytest.raises(rfc8785.CanonicalizationError):
        ledger.append("note", {"number": float("nan")})
    assert ledger.append("note", {}).seq == 2
    assert not verify(ledger).faults


def test_a_group_is_durable_before_anybody_is_told(ledger):
    """Every caller hears the place of its own record, from however many threads."""
    group = GroupCommit(ledger, "score", {"model": "m"}, every_seconds=0.01)
    with group as commit, ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda n: commit.add(leaf(n)).result(5)[0], range(200)))
    assert len(set(places)) == 200
    for number, place in enumerate(places):
        assert ledger.leaves(place.seq)[place.index] == leaf(number)
    assert not verify(ledger).faults


def test_who_gives_up_waiting_does_not_stop_the_others(ledger, monkeypatch):
    """A caller cancels while the store is slow: what comes after is recorded all the same."""
    append, held = ledger.append, threading.Event()

    def slow(*what):
        held.wait(5)
        return append(*what)

    monkeypatch.setattr(ledger, "append", slow)
    with GroupCommit(ledger, "score", {}, every_seconds=0.0) as commit:
        commit.add(leaf(1))
        gone = commit.add(leaf(2))
        assert gone.cancel()
        held.set()
        (place,) = commit.add(leaf(3)).result(5)
    assert ledger.leaves(place.seq)[place.index] == leaf(3)


def test_who_waits_for_a_group_hears_of_a_failure(tmp_path, monkeypatch):
    """No record, no answer: the error reaches every caller."""
    ledger = open_in(tmp_path)

    def refuse(*_):
        raise Unavailable("ledger", "the disk is full", "room", "make room")

    with GroupCommit(ledger, "score", {}, every_seconds=0.01) as commit:
        monkeypatch.setattr(ledger, "append", refuse)
        with pytest.raises(Unavailable, match="disk is full"):
            commit.add(leaf(1)).result(5)


def _append_some(folder: Path, number: int) -> None:
    ledger = open_in(folder)
    for n in range(25):
        ledger.append("note", {"process": number, "n": n}, [leaf(1000 * number + n)])


def test_processes_append_one_after_the_other(tmp_path):
    """Four at once: one chain, nothing lost, nothing twice."""
    open_in(tmp_path)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_some, args=(tmp_path, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    ledger = open_in(tmp_path)
    bodies = [(entry.body["process"], entry.body["n"]) for entry in ledger.entries("note")]
    assert sorted(bodies) == [(process, n) for process in range(4) for n in range(25)]
    assert not verify(ledger).faults


def test_private_keys_are_for_their_owner_alone(tmp_path):
    """The folder and the key cannot be read by others; one that can is refused."""
    open_in(tmp_path)
    key = tmp_path / "keys" / "signing-1.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    key.chmod(0o644)
    with pytest.raises(Conflict, match="others than its owner"):
        open_in(tmp_path).append("note", {})


def test_without_the_signing_key_nothing_is_recorded(tmp_path):
    """An entry nobody signed would prove nothing."""
    open_in(tmp_path)
    (tmp_path / "keys" / "signing-1.pem").unlink()
    with pytest.raises(Unavailable, match=r"signing-1\.pem"):
        open_in(tmp_path).append("note", {})


def test_an_emptied_ledger_is_not_begun_anew(tmp_path):
    """Where keys have signed, there must be what they signed."""
    open_in(tmp_path).store.close()
    for path in tmp_path.glob("ledger.sqlite*"):
        path.unlink()
    with pytest.raises(BrokenRecord, match="restore the ledger"):
        open_in(tmp_path)


def test_heads_that_could_not_be_copied_are_copied_later(tmp_path):
    """A folder that is away does not stop recording."""
    ledger = open_in(tmp_path)
    (tmp_path / "heads").mkdir(exist_ok=True)
    ledger.append("note", {})
    copied = ledger.copies
    assert copied.last_seq() == 2
    kept = copied.path.read_bytes()
    copied.path.unlink()
    copied.path.mkdir()
    ledger.append("note", {})
    copied.path.rmdir()
    copied.path.write_bytes(kept)
    ledger.append("note", {})
    assert [head.seq for head in copied] == [1, 2, 3, 4]
    assert not verify(ledger).faults


FILL = """
import sys
from pathlib import Path
from features.errors import Unavailable
from tests.serving.ledgers_by_hand import leaf, open_in, root_along
ledger = open_in(Path(sys.argv[1]), heads=False)
for number in range(400):
    try:
        ledger.append("note", {"n": number}, [leaf(number, 3000)])
    except Unavailable as error:
        print("refused", error.problem)
        break
    print("kept", number, flush=True)
"""


@pytest.mark.parametrize("kib", [200, 450])
def test_on_a_full_disk_what_was_acknowledged_is_there_and_nothing_else(tmp_path, kib):
    """A file that may not grow stands for the disk."""
    limit = kib * 1024
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    told = done.stdout.splitlines()
    assert told[-1].startswith("refused nothing was put on record"), done.stderr
    ledger = open_in(tmp_path, heads=False)
    assert [entry.body["n"] for entry in ledger.entries("note")] == list(range(len(told) - 1))
    assert not verify(ledger).faults


def test_the_clock_may_jump_and_the_order_stands(tmp_path, monkeypatch):
    """Order is by number; what the clock said is only told."""
    from datetime import UTC, datetime, timedelta

    import serving.ledger.entry as module

    ledger, days = open_in(tmp_path), iter([1, -1, 0])

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 6, 1, tzinfo=tz or UTC) + timedelta(days=next(days))

    monkeypatch.setattr(module, "datetime", Jumping)
    for _ in range(3):
        ledger.append("note", {})
    assert [entry.seq for entry in ledger.entries("note")] == [2, 3, 4]
    assert not verify(ledger).faults


@pytest.mark.parametrize(
    ("count", "root"),
    [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_roots_are_those_of_rfc_6962(count, root):
    """The vectors with which Certificate Transparency's own code is tested."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    hashes = leaf_hashes([bytes.fromhex(one) for one in leaves[:count]])
    assert root_of(hashes).hex() == root


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 1000])
def test_every_leaf_leads_to_the_root(count):
    """The path of each leaf gives the root, and that of another leaf does not."""
    hashes = leaf_hashes([leaf(n) for n in range(count)])
    for place in range(0, count, max(count // 9, 1)):
        path = path_of(hashes, place)
        assert root_along(leaf(place), path) == root_of(hashes)
        assert root_along(leaf(place + 1), path) != root_of(hashes)


def test_a_block_that_was_cut_or_lengthened_is_refused():
    """Lengths and bytes must agree."""
    block = block_of([leaf(1), leaf(2)])
    assert leaves_of(block) == [leaf(1), leaf(2)]
    for damaged in (b"", block[:-1], block + b"x", b"x" + block[1:], block[:20]):
        with pytest.raises(BrokenRecord):
            leaves_of(damaged)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"{", b'{"format":2}'])
def test_bytes_that_are_no_entry_are_refused(content):
    """Whatever stands there, the error is ours."""
    with pytest.raises(BrokenRecord):
        read_entry(content)


def test_a_proof_shows_one_record_and_no_other(tmp_path):
    """The leaf leads to the root that its signed entry holds; other leaves are not in it."""
    ledger = open_in(tmp_path)
    entry = ledger.append("decisions", {}, [leaf(n) for n in range(5)])
    proof = prove(ledger, Place(entry.seq, 3))
    path = [(side, bytes.fromhex(found)) for side, found in proof["path"]]
    assert bytes.fromhex(proof["leaf"]) == leaf(3)
    assert root_along(leaf(3), path).hex() == entry.leaves["root"]
    assert leaf(2).hex() not in str(proof)


def test_a_store_is_closed_and_opened_again(tmp_path):
    """Nothing lives in the process only."""
    ledger = open_in(tmp_path)
    ledger.append("note", {"n": 1}, [leaf(1)])
    ledger.store.close()
    again = SqliteStore(tmp_path / "ledger.sqlite")
    assert [row.kind for row in again.rows(0, ())] == ["opened", "note"]


def test_keys_rotate_and_records_expire_while_others_append(ledger):
    """Under load: what was acknowledged and has not expired is there, and all of it verifies."""
    with GroupCommit(ledger, "score", {}, every_seconds=0.002) as commit:
        waiting = []
        for number in range(60):
            waiting.append(commit.add(leaf(number)))
            if number % 20 == 10:
                ledger.rotate_signer()
            if number % 20 == 15:
                ledger.expire([waiting[0].result(5)[0].seq], {})
        places = [future.result(5)[0] for future in waiting]
    gone = {seq for entry in ledger.entries("expired") for seq in entry.body["entries"]}
    for number, place in enumerate(places):
        if place.seq not in gone:
            assert ledger.leaves(place.seq)[place.index] == leaf(number)
    assert not verify(ledger).faults


def test_copying_heads_goes_on_after_a_line_that_a_kill_cut_off(tmp_path):
    """The broken line is passed over, and every head is there."""
    ledger = open_in(tmp_path)
    ledger.append("note", {})
    path = ledger.copies.path
    path.write_bytes(path.read_bytes()[:-30])
    ledger.append("note", {})
    assert {head.seq for head in ledger.copies} == {1, 2, 3}
    found = verify(ledger)
    assert not found.faults
    assert not found.not_proven


def test_keys_of_another_ledger_do_not_sign(tmp_path):
    """A wrong folder of keys is told before anything is written with it."""
    open_in(tmp_path / "one").append("note", {})
    open_in(tmp_path / "other").append("note", {})
    shutil.rmtree(tmp_path / "one" / "keys")
    shutil.copytree(tmp_path / "other" / "keys", tmp_path / "one" / "keys")
    ledger = open_in(tmp_path / "one")
    with pytest.raises(Conflict, match="not one of its own"):
        ledger.append("note", {})
    assert [entry.seq for entry in ledger.entries()] == [1, 2]
