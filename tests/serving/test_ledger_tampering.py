"""Whoever can write the ledger's file cannot do so unseen: 1,200 tamperings, each one located."""

import shutil
import sqlite3

import pytest

from serving.ledger import verify
from tests.serving.ledgers_by_hand import KINDS, Bad, Tampering, leaf, open_in, write_ledger

EACH = 200


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write a ledger of thirty entries once."""
    folder = tmp_path_factory.mktemp("ledger") / "written"
    ledger = write_ledger(folder)
    assert not verify(ledger).faults
    ledger.store.close()
    return folder


def first_bad(folder, *, heads=True):
    """Verify the ledger in a folder and name the first bad record."""
    ledger = open_in(folder, heads=heads)
    found = verify(ledger).faults
    ledger.store.close()
    return Bad(found[0].seq, found[0].index) if found else None


@pytest.mark.parametrize("kind", KINDS)
def test_every_tampering_is_located_with_heads_copied_elsewhere(written, tmp_path, kind):
    """Two hundred of each kind, of entries and of their records: the first bad one is named."""
    for seed in range(EACH):
        tampering = Tampering(written, tmp_path / f"{seed}", seed)
        expected = KINDS[kind](tampering)
        tampering.close()
        assert first_bad(tampering.folder) == expected, (kind, seed)
        shutil.rmtree(tampering.folder)


def test_without_copied_heads_a_cut_tail_is_not_seen_and_that_is_said(written, tmp_path):
    """What cannot be proven is told, not passed over."""
    tampering = Tampering(written, tmp_path / "cut", 1)
    tampering.truncate()
    tampering.close()
    ledger = open_in(tampering.folder, heads=False)
    found = verify(ledger)
    assert not found.faults
    assert any("no heads are copied" in words for words in found.not_proven)


def test_a_record_that_is_gone_without_an_expiry_is_found(written, tmp_path):
    """Deleting the records of an entry is allowed to nobody but an entry that says so."""
    tampering = Tampering(written, tmp_path / "gone", 2)
    seq, _ = tampering.with_leaves()
    tampering.database.execute("DELETE FROM blocks WHERE seq = ?", (seq,))
    tampering.close()
    assert first_bad(tampering.folder) == Bad(seq)


def test_a_record_that_the_index_lost_is_found(written, tmp_path):
    """The index stands outside the chain; a record it hides is told of."""
    tampering = Tampering(written, tmp_path / "hidden", 3)
    seq, leaves = tampering.with_leaves(2)
    tampering.database.execute("DELETE FROM places WHERE seq = ? AND place = 0", (seq,))
    tampering.close()
    assert first_bad(tampering.folder) == Bad(seq, len(leaves))


def test_records_nobody_knows_are_found(written, tmp_path):
    """A block under an entry that has none."""
    tampering = Tampering(written, tmp_path / "more", 4)
    seq, _ = tampering.with_leaves()
    block = tampering.database.execute("SELECT content FROM blocks WHERE seq = ?", (seq,))
    tampering.database.execute("INSERT INTO blocks VALUES (1, ?)", block.fetchone())
    tampering.close()
    assert first_bad(tampering.folder) == Bad(1)


def test_a_ledger_replaced_by_a_new_one_of_the_same_key_is_found(written, tmp_path):
    """Whoever has the key begins anew; the heads of the old ledger are still where they were."""
    folder = tmp_path / "new"
    shutil.copytree(written, folder)
    for path in (*folder.glob("ledger.sqlite*"), folder / "keys" / "signing-1.pub"):
        path.unlink()
    ledger = open_in(folder, heads=False)
    ledger.append("note", {"all": "well"})
    ledger.store.close()
    assert first_bad(folder) == Bad(1)


@pytest.mark.parametrize("damage", ["empty", "zeros", "no first entry", "cut"])
def test_a_damaged_file_is_told_of_without_a_traceback(written, tmp_path, damage):
    """Whatever is left of the file, there is a readable fault or error."""
    from features.errors import BrokenRecord, Unavailable

    folder = tmp_path / "damaged"
    shutil.copytree(written, folder)
    path = folder / "ledger.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        if damage == "no first entry":
            database.execute("DELETE FROM entries WHERE seq = 1")
    content = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "zeros":
        path.write_bytes(content[:4096] + bytes(len(content) - 4096))
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    try:
        assert first_bad(folder)
    except (BrokenRecord, Unavailable) as error:
        assert error.problem  # noqa: PT017 - either way is right, a traceback is not


def test_a_leaf_cannot_be_moved_to_another_entry(written, tmp_path):
    """Even whole and unchanged, a record counts in its place only."""
    tampering = Tampering(written, tmp_path / "moved", 5)
    seq, leaves = tampering.with_leaves(2)
    tampering.put_leaves(seq, [*leaves[:-1], leaf(3)])
    tampering.close()
    assert first_bad(tampering.folder) == Bad(seq, len(leaves) - 1)
