"""A verifier that shares no code with ours, written from the format alone, finds the same."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serving.ledger import Place, prove, verify
from serving.ledger.canonical import canonical, sha256
from serving.ledger.merkle import leaf_hashes, root_of
from tests.serving.ledgers_by_hand import KINDS, Tampering, leaf, open_in, write_ledger

DOCS = Path(__file__).parents[2] / "docs" / "ledger"


def run(*arguments):
    """Run the verifier by itself; return what it says and whether all is good."""
    done = subprocess.run(
        [sys.executable, "-I", str(DOCS / "verify_ledger.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip(), done.returncode == 0


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write a ledger once."""
    folder = tmp_path_factory.mktemp("ledger") / "written"
    ledger = write_ledger(folder)
    some = next(entry.seq for entry in ledger.entries("note") if entry.leaves)
    ledger.expire([some], {})
    ledger.store.close()
    return folder


def test_a_good_ledger_is_good(written):
    """With keys rotated and records expired, with copied heads and without."""
    told, good = run(written / "ledger.sqlite", "--heads", written / "heads")
    assert good, told
    assert run(written / "ledger.sqlite")[1]


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_the_same_first_bad_record_as_ours(written, tmp_path, kind):
    """Four of each kind of tampering, two verifiers, one answer."""
    for seed in range(4):
        tampering = Tampering(written, tmp_path / f"{seed}", seed)
        KINDS[kind](tampering)
        tampering.close()
        told, good = run(tampering.folder / "ledger.sqlite", "--heads", tampering.folder / "heads")
        ledger = open_in(tampering.folder)
        ours = verify(ledger).faults[0]
        ledger.store.close()
        assert not good
        assert told.startswith(f"BAD  {ours.where}:"), (seed, told, ours)


def test_a_proof_is_checked_without_the_ledger(tmp_path):
    """One record, sealed; a byte changed anywhere in it is found."""
    ledger = open_in(tmp_path)
    ledger.rotate_signer()
    entry = ledger.append("decisions", {}, [leaf(n) for n in range(7)])
    proof = prove(ledger, Place(entry.seq, 4))
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof))
    assert run("--proof", path, "--key", ledger.first_key)[1]
    assert not run("--proof", path, "--key", "0" * 64)[1]
    for changed in (
        {"leaf": "00" + proof["leaf"][2:]},
        {"path": proof["path"][:-1]},
        {"entry": {**proof["entry"], "content": proof["entry"]["content"].replace("tester", "x")}},
    ):
        path.write_text(json.dumps({**proof, **changed}))
        assert not run("--proof", path)[1]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(200)])
def test_what_is_no_ledger_is_bad_without_a_traceback(tmp_path, content):
    """Any file."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    assert not run(path)[1]


def test_the_worked_example_of_the_format_is_right():
    """Bytes, hash and root in the document are those that the code makes."""
    text = (DOCS / "format.md").read_text("utf-8")
    content, entry_hash = re.search(
        r"```\n(\{.*\})\n```\n.*?`([0-9a-f]{64})`", text, re.DOTALL
    ).groups()
    assert canonical(json.loads(content)) == content.encode()
    assert sha256(content.encode()).hex() == entry_hash
    root = re.search(r"root of the three is `([0-9a-f]{64})`", text).group(1)
    assert root_of(leaf_hashes([b"a", b"b", b"c"])).hex() == root
