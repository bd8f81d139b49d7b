"""Keyed names: who has the key can tell which records are a customer's; nobody else can.

Keys have numbers (epochs). A new one changes the names of all later records; older names are found
by the keys of their time.
"""

import hmac
import os
import re
from collections.abc import Sequence
from pathlib import Path

from features.key_files import read_key, write_key

#: Bytes of a name; half of a SHA-256 is enough for more records than there will be.
NAME = 16
_FILE = re.compile(r"pseudonym-(\d+)\.key")


class Pseudonyms:
    """The keys of all epochs in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read them; make the first where there is none."""
        self._folder = folder
        self._keys = {number: read_key(_file(folder, number)) for number in _numbers(folder)}
        if not self._keys:
            self.rotate()

    @property
    def epoch(self) -> int:
        """Number of the newest key."""
        return max(self._keys)

    @property
    def epochs(self) -> list[int]:
        """Numbers of all keys, the newest first."""
        return sorted(self._keys, reverse=True)

    def rotate(self) -> int:
        """Make a new key and return its number."""
        number = max(self._keys, default=0) + 1
        write_key(_file(self._folder, number), os.urandom(32))
        self._keys[number] = read_key(_file(self._folder, number))
        return number

    def names(self, kind: str, ids: Sequence[str], epoch: int) -> list[bytes]:
        """Return the name of each id of a kind; a hash has no batch form."""
        key, start = self._keys[epoch], f"{kind}:".encode()
        return [hmac.digest(key, start + one.encode(), "sha256")[:NAME] for one in ids]


def _numbers(folder: Path) -> list[int]:
    found = (_FILE.fullmatch(path.name) for path in folder.glob("pseudonym-*.key"))
    return [int(match[1]) for match in found if match]


def _file(folder: Path, number: int) -> Path:
    return folder / f"pseudonym-{number}.key"
