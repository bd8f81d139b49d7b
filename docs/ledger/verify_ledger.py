"""Verify a Forestay ledger from its format alone (docs/ledger/format.md); nothing of Forestay's.

python verify_ledger.py LEDGER.sqlite [--heads FOLDER] [--key HEX]
python verify_ledger.py --proof PROOF.json [--key HEX]

Needs Python 3.11 and the package `cryptography`. Exit 0: all is as it was written. Exit 1: the
first bad record is printed.
"""

import argparse
import base64
import hashlib
import json
import sqlite3
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BLOCK, HEAD = b"forestay-block-1\n", b"forestay-head-1\n"


class BadError(Exception):
    """The first bad record."""


def sha(content):
    """SHA-256."""
    return hashlib.sha256(content).digest()


def require(right, where, problem):
    """Stop at the first thing that is not as it was written."""
    if not right:
        raise BadError(f"{where}: {problem}")


def is_signed(key, content, signature):
    """Ed25519 over the prefix and the entry's hash."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(signature, HEAD + sha(content))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def root(level):
    """RFC 6962, 2.1, over hashes of leaves."""
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha(b"\1" + a + b) for a, b in pairs] + level[len(level) & ~1 :]
    return level[0]


def leaves_of(block):
    """Id, pseudonym and sealed bytes of every leaf, from their columns."""
    head, count = len(BLOCK) + 4, int.from_bytes(block[len(BLOCK) : len(BLOCK) + 4], "big")
    lengths, place = head + 32 * count, head + 36 * count
    if not block.startswith(BLOCK) or len(block) < place:
        raise ValueError(block[:20])
    for n in range(count):
        size = int.from_bytes(block[lengths + 4 * n :][:4], "big")
        sealed = block[place : place + size]
        yield block[head + 16 * n :][:16] + block[head + 16 * (count + n) :][:16] + sealed
        place += size
    if place != len(block):
        raise ValueError(place)


def check_leaves(seq, said, block):
    """Compare a block with the root and the marks that its entry holds."""
    try:
        found = [sha(b"\0" + leaf) for leaf in leaves_of(block)]
    except ValueError:
        raise BadError(f"entry {seq}, record 0: its records cannot be read") from None
    marks = base64.b64decode(said["marks"])
    kept = [marks[n : n + 8] for n in range(0, len(marks), 8)]
    if len(found) != said["count"] or root(found).hex() != said["root"]:
        same = [a[:8] == b for a, b in zip(found, kept, strict=False)]
        first = same.index(False) if False in same else min(len(found), len(kept))
        raise BadError(f"entry {seq}, record {first}: it was changed, removed, added or moved")


def read_heads(folder, ledger):
    """Read the copied heads of a ledger by entry, and the first key."""
    heads = {}
    for line in (folder / f"{ledger}.heads.jsonl").read_bytes().splitlines():
        try:
            head = json.loads(line)
        except ValueError:
            continue  # a line that was cut: the others still count
        known = heads.setdefault(head["seq"], head["hash"])
        require(known == head["hash"], f"entry {head['seq']}", "two heads of it were copied")
    return heads, (folder / f"{ledger}.pub").read_text().strip()


class Chain:
    """What is known after the entries passed so far."""

    def __init__(self, heads, key):
        """Begin with the first key, where it is known."""
        self.heads, self.keys, self.signer = heads, {1: key}, 1
        self.last, self.previous, self.ledger = 0, None, None

    def follow(self, seq, content, by, signature):
        """Check one entry against all before it, and return what it says."""
        where = f"entry {seq}"
        require(seq == self.last + 1, f"entry {self.last + 1}", "entries are missing here")
        try:
            entry = json.loads(content)
            self.keys[1] = self.keys[1] or entry["body"]["public"]
            self.ledger = self.ledger or entry["ledger"]
            right = (entry["format"], entry["seq"], entry["ledger"]) == (1, seq, self.ledger)
        except (ValueError, KeyError, TypeError):
            raise BadError(f"{where}: it cannot be read") from None
        require(right and entry["previous"] == self.previous, where, "it does not follow the last")
        signed = by == self.signer and is_signed(self.keys[by], content, signature)
        require(signed, where, "its signature is not one of the ledger's key")
        digest = sha(content).hex()
        require(self.heads.get(seq, digest) == digest, where, "its copied head is another")
        if entry["kind"] in ("opened", "signing_key"):
            self.signer = entry["body"]["number"]
            self.keys.setdefault(self.signer, entry["body"]["public"])
        self.previous, self.last = digest, seq
        return entry


def verify(path, folder, key):
    """Walk through all entries, and what belongs to them."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    first = database.execute("SELECT content FROM entries ORDER BY seq LIMIT 1").fetchone()
    require(first, "entry 1", "there is none")
    heads, copied = read_heads(folder, json.loads(first[0])["ledger"]) if folder else ({}, None)
    chain, gone, expired, records = Chain(heads, key or copied), set(), set(), 0
    for row in database.execute("SELECT seq, content, signer, signature FROM entries ORDER BY seq"):
        entry = chain.follow(*row)
        if entry["kind"] == "expired":
            expired |= set(entry["body"]["entries"])
        if entry["leaves"]:
            one = "SELECT content FROM blocks WHERE seq = ?"
            if block := database.execute(one, row[:1]).fetchone():
                check_leaves(entry["seq"], entry["leaves"], block[0])
                records += entry["leaves"]["count"]
            else:
                gone.add(entry["seq"])
    for seq in sorted(gone - expired):
        raise BadError(f"entry {seq}: its records are gone, and no entry says that they expired")
    reach, last = max(heads, default=0), chain.last
    require(reach <= last, f"entry {last + 1}", f"cut off: heads up to entry {reach} were copied")
    return f"{last} entries, {records} records are as they were written; key 1: {chain.keys[1]}"


def verify_proof(path, key):
    """Follow one record to its root, to the signed entry, and the signature to the first key."""
    proof = json.loads(path.read_text())
    keys = {1: key}
    for one in [*proof["keys"], proof["entry"]]:
        content, entry = one["content"].encode(), json.loads(one["content"])
        keys[1] = keys[1] or entry["body"]["public"]
        signed = is_signed(keys.get(one["signer"], ""), content, bytes.fromhex(one["signature"]))
        require(signed, f"entry {entry['seq']}", "its signature is not one of the ledger's key")
        if entry["kind"] in ("opened", "signing_key"):
            keys.setdefault(entry["body"]["number"], entry["body"]["public"])
    found = sha(b"\0" + bytes.fromhex(proof["leaf"]))
    for side, other in proof["path"]:
        pair = (bytes.fromhex(other), found) if side == "left" else (found, bytes.fromhex(other))
        found = sha(b"\1" + b"".join(pair))
    where = f"entry {entry['seq']}, record {proof['index']}"
    require(found.hex() == entry["leaves"]["root"], where, "it is not what its entry holds")
    return f"{where} is as it was written at {entry['at']}; first key {keys[1]}"


def main():
    """Read the command line, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ledger", nargs="?", type=Path, help="the SQLite file")
    parser.add_argument("--heads", type=Path, help="folder of copied heads")
    parser.add_argument("--key", help="the first public key, in hex, as you know it")
    parser.add_argument("--proof", type=Path, help="a file of `forestay audit show --proof`")
    given = parser.parse_args()
    try:
        if given.proof:
            told = verify_proof(given.proof, given.key)
        else:
            told = verify(given.ledger, given.heads, given.key)
    except (BadError, OSError, sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
        print(f"BAD  {error}")
        sys.exit(1)
    print(f"GOOD {told}")


if __name__ == "__main__":
    main()
