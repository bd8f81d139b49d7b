"""Keys of the service: shown once, kept as a hash, for one role each.

A key is ``forestay_<id>_<secret>``: 256 random bits, so a plain SHA-256 cannot be turned back.
"""

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import BadInput, Conflict, NotReady
from features.sqlite_file import SqliteFile
from features.workspace import Workspace
from serving.service.routes import ROLES

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, sha256 BLOB NOT NULL,
  created_at TEXT NOT NULL, created_by TEXT NOT NULL, revoked_at TEXT);
"""
_START, _ID = "forestay", 8
#: Keys of one name that count at the same time: enough to change one without a gap.
ALIVE = 2
#: A key that was revoked elsewhere counts no longer than this.
_REREAD_SECONDS = 1.0
_NEW_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key as it is kept; the secret is not among it."""

    id: str
    name: str
    role: str
    created_at: str
    created_by: str
    revoked_at: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


class Keys:
    """The keys of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Open them; only their owner can read the file."""
        path = keys_file(workspace)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._file = SqliteFile(path, "keys of the service", _SCHEMA)
        self._known: dict[str, tuple[Key, bytes]] = {}
        self._read_at = -_REREAD_SECONDS

    def create(self, role: str, name: str, *, by: str) -> tuple[Key, str]:
        """Make a key and return it with its text, which nobody can read again.

        Raises
        ------
        BadInput : there is no such role. Conflict : two keys of that name count already.
        """
        if role not in ROLES:
            raise BadInput("role", f"there is none called {role!r}", ", ".join(ROLES), "choose one")
        secret = secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(_ID // 2), name=name, role=role,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"), created_by=by,
            revoked_at=None,
        )  # fmt: skip
        text = f"{_START}_{key.id}_{secret}"
        with self._file.writing() as connection:
            alive = connection.execute(
                "SELECT count(*) FROM keys WHERE name = ? AND role = ? AND revoked_at IS NULL",
                (name, role),
            ).fetchone()[0]
            if alive >= ALIVE:
                raise Conflict(
                    f"keys called {name!r}",
                    f"{alive} of them count already",
                    f"at most {ALIVE}: the one in use, and the one that replaces it",
                    "revoke the older one with `forestay keys revoke ID`",
                )
            connection.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (key.id, name, role, _hash(text), key.created_at, by),
            )
        return key, text

    def every(self) -> list[Key]:
        """Return all keys, the oldest first; those that were revoked, too."""
        return [key for key, _ in self._all()]

    def revoke(self, key_id: str) -> Key:
        """Let a key count no more.

        Raises
        ------
        NotReady : there is no such key.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (now, key_id)
            )
        for key in self.every():
            if key.id == key_id:
                return key
        raise NotReady(
            "keys", f"there is none with the id {key_id}", "an id", "`forestay keys list`"
        )

    def find(self, text: str) -> Key | None:
        """Return the key a caller shows; None where it does not count."""
        parts = text.split("_", 2)
        if len(parts) != 3 or parts[0] != _START:  # noqa: PLR2004 - start, id, secret
            return None
        age = time.monotonic() - self._read_at
        # A new key counts at once; one that is none costs a look at the file now and then.
        if age > _REREAD_SECONDS or (parts[1] not in self._known and age > _NEW_SECONDS):
            self._known = {key.id: (key, sha256) for key, sha256 in self._all()}
            self._read_at = time.monotonic()
        key, expected = self._known.get(parts[1], (None, b""))
        same = hmac.compare_digest(_hash(text), expected)
        return key if key is not None and same and key.revoked_at is None else None

    def _all(self) -> list[tuple[Key, bytes]]:
        rows = self._file.all(
            "SELECT id, name, role, sha256, created_at, created_by, revoked_at FROM keys"
            " ORDER BY created_at, id"
        )
        return [
            (Key(id=i, name=n, role=r, created_at=at, created_by=by, revoked_at=gone), sha256)
            for i, n, r, sha256, at, by, gone in rows
        ]


def keys_file(workspace: Workspace) -> Path:
    """Return the file of the keys."""
    return workspace.state / "service" / "keys.sqlite"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
