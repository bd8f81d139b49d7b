"""What the newest night found for every customer, in files that are mapped and found by key.

`write_standing` writes it beside the list. It is a copy: features as Feast's online store has them,
answers as the list has them (tests hold it to both). One hash gives a customer's bucket, as
everywhere, and the place in it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from features.accepted import bucket_of
from features.errors import BrokenRecord, NotReady
from features.workspace import Workspace
from serving.score import FEATURE

#: Raise it when the files change their meaning; a service asks for a new night then.
FORMAT = 1
FACTS, CURRENT, KEY = "standing.json", "current", "key"
ASKED = "asked:"


class Spot(NamedTuple):
    """Where a customer stands: file and row."""

    bucket: int
    row: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is the same for everybody in it.

    Attributes
    ----------
    fingerprint : of the night, as its list and its record name it.
    published_at : when it was written: the age of a score is counted from then.
    models : version and hash by target.
    features : names by view of the feature store.
    received : the newest row that came in through the service and is in the data of this night.
    language : of customers who have none.
    hashes : SHA-256 of each file.
    """

    format: int
    fingerprint: str
    as_of: str
    instant: str
    published_at: str
    models: Mapping[str, Mapping[str, str]]
    features: Mapping[str, Sequence[str]]
    received: int
    language: str
    hashes: Sequence[str]


class Standing:
    """The mapped files of one night."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        """Map them; every byte is verified first.

        Raises
        ------
        BrokenRecord : a file is not what the night wrote.
        """
        self.folder, self.facts = folder, facts
        self.as_of = date.fromisoformat(facts.as_of)
        self.instant = datetime.fromisoformat(facts.instant)
        self.published_at = datetime.fromisoformat(facts.published_at)
        self._tables = [_mapped(folder, n, sha256) for n, sha256 in enumerate(facts.hashes)]
        self._keys = [table[KEY].to_numpy() for table in self._tables]
        self._columns = [
            {name: table[name].chunk(0) for name in table.column_names} for table in self._tables
        ]

    def find(self, customer_id: str) -> Spot | None:
        """Return where a customer stands; None for one whom the night did not know."""
        bucket, key = place_of(customer_id, len(self._tables))
        keys = self._keys[bucket]
        row = int(keys.searchsorted(key))
        ids = self._columns[bucket]["customer_id"]
        # Different customers may share a key, hardly ever.
        while row < len(keys) and keys[row] == key:
            if ids[row].as_py() == customer_id:
                return Spot(bucket, row)
            row += 1
        return None

    def value(self, spot: Spot, column: str) -> Any:  # noqa: ANN401 - of the column's type
        """Read one value of one customer."""
        return self._columns[spot.bucket][column][spot.row].as_py()

    def rows(self, spots: Sequence[Spot]) -> pa.Table:
        """Read all columns of some customers, in the order given."""
        order = sorted(range(len(spots)), key=lambda place: spots[place])
        wanted: dict[int, list[int]] = {}
        for place in order:
            wanted.setdefault(spots[place].bucket, []).append(spots[place].row)
        parts = [self._tables[bucket].take(pa.array(rows)) for bucket, rows in wanted.items()]
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        found = pa.concat_tables(parts) if parts else self._tables[0].slice(0, 0)
        return found.take(pa.array(back)).combine_chunks()

    def some(self, count: int) -> pa.Table:
        """Return the rows of some customers; keys are hashes, so they are random ones."""
        return pa.concat_tables([table.slice(0, count) for table in self._tables]).slice(0, count)


def place_of(customer_id: str, buckets: int) -> tuple[int, np.uint64]:
    """Return bucket and key of a customer: DuckDB's `md5_number_lower` and `md5_number_upper`."""
    digest = hashlib.md5(customer_id.encode(), usedforsecurity=False).digest()
    return bucket_of(customer_id, buckets), np.uint64(int.from_bytes(digest[:8], "little"))


def feature_rows(rows: pa.Table) -> pa.Table:
    """Take the features out of rows of a standing, under their own names."""
    names = [name for name in rows.column_names if name.startswith(FEATURE)]
    chosen = rows.select(["customer_id", *names])
    return chosen.rename_columns(["customer_id", *(n.removeprefix(FEATURE) for n in names)])


def standing_folder(workspace: Workspace) -> Path:
    """Return the folder that holds the files of nights, and the pointer to the newest."""
    return workspace.state / "standing"


def current_folder(workspace: Workspace) -> Path | None:
    """Return the folder of the newest night; None where there is none."""
    link = standing_folder(workspace) / CURRENT
    return link.resolve() if link.is_symlink() and (link / FACTS).is_file() else None


def open_standing(workspace: Workspace) -> Standing:
    """Open what the newest night found.

    Raises
    ------
    NotReady : no night has written it yet. BrokenRecord : it was changed since.
    """
    folder = current_folder(workspace)
    if folder is None:
        raise NotReady(
            f"scores of {workspace.name}",
            "no night has made any yet",
            "a finished `forestay nightly`",
            "run `forestay nightly`; a list of an older version needs `--supersede`",
        )
    try:
        read = json.loads((folder / FACTS).read_text("utf-8"))
        if read["format"] != FORMAT:
            raise NotReady(
                f"scores of {workspace.name}",
                "another version of Forestay wrote them",
                f"format {FORMAT}",
                "run `forestay nightly --supersede`",
            )
        facts = Facts(**read)
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(folder / FACTS) from error
    return Standing(folder, facts)


def anybody(workspace: Workspace) -> str | None:
    """Return the id of some customer of the newest night, without looking at everybody's."""
    folder = current_folder(workspace)
    for path in sorted(folder.glob("bucket=*.arrow")) if folder else ():
        with pa.memory_map(str(path)) as source:
            rows = pa.ipc.open_file(source).read_all()
            if rows.num_rows:
                return str(rows["customer_id"][0].as_py())
    return None


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bucket_file(folder: Path, bucket: int) -> Path:
    """Return the file of one bucket."""
    return folder / f"bucket={bucket:03d}.arrow"


def _mapped(folder: Path, bucket: int, sha256: str) -> pa.Table:
    path = bucket_file(folder, bucket)
    try:
        if sha256_of(path) != sha256:
            raise _broken(path)
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
    except (OSError, pa.ArrowException) as error:
        raise _broken(path) from error


def _broken(path: Path) -> BrokenRecord:
    return BrokenRecord(
        str(path),
        "it is not what the night wrote",
        "the bytes that Forestay wrote",
        f"delete {path.parent} and run `forestay nightly` again: it makes the files anew",
    )
