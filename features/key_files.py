"""Keys as files: for their owner alone, whole and durable, and never written over."""

import os
from pathlib import Path

from features.errors import Conflict, Unavailable


def own_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)


def write_key(path: Path, content: bytes) -> None:
    """Write a key that must not be there yet, for its owner alone, whole and durable."""
    own_folder(path.parent)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.link(beside, path)  # unlike a rename it fails where there is one already
    beside.unlink()


def read_key(path: Path) -> bytes:
    """Read a key, unless others can read it too.

    Raises
    ------
    Unavailable : it is not there. Conflict : others than its owner can read it.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise missing_key(path) from error
    if mode & 0o077:
        raise Conflict(
            f"key {path.name}",
            "others than its owner can read it",
            "a file with mode 0600",
            f"`chmod 600 {path}`, and think about who may have read it",
        )
    return content


def missing_key(path: Path) -> Unavailable:
    """Say that a key is not where it belongs."""
    return Unavailable(
        f"key {path.name}",
        "it is not there, so nothing can be put on record",
        "the keys that were made with the ledger",
        "restore the folder of keys from a backup, or name it in forestay.yaml (`ledger: keys:`)",
    )
