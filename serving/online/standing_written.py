"""A night's answers for the service: written from its scores, pointed to once its list is out."""

import shutil
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.whole import point_to, write_json
from serving.night import Night
from serving.online.answers import answers
from serving.online.customers import no_history, own_languages
from serving.online.standing import (
    ASKED,
    CURRENT,
    FACTS,
    FORMAT,
    KEY,
    Facts,
    bucket_file,
    sha256_of,
    standing_folder,
)
from serving.risk_list import LANGUAGES, decision_ids
from serving.score import FEATURE
from serving.scores import asked_of, whole_scores

_DECIDED = ("decision", "action", "channel")
_KEYS = ("customer_id", "event_timestamp", "created")


def write_standing(night: Night, decided: pa.Table) -> Path:
    """Write the answers of a night, bucket by bucket; nothing is done where they are there.

    Parameters
    ----------
    decided : the decisions of the night, with `customer_id`.
    """
    folder = _folder(night)
    if has_standing(night):
        return folder
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    asked = asked_of(night)
    hashes = []
    for bucket in range(night.snapshot.buckets):
        mine = {target: ids[bucket] for target, ids in asked.items()}
        rows = _rows(night, bucket, decided, mine)
        path = bucket_file(draft, bucket)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows.combine_chunks())
        hashes.append(sha256_of(path))
    write_json(draft / FACTS, asdict(_facts(night, hashes)))
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)
    return folder


def has_standing(night: Night) -> bool:
    """Tell whether a night's answers were written."""
    return (_folder(night) / FACTS).is_file()


def show_standing(night: Night) -> None:
    """Let the service read a night's answers, unless it reads a newer night's; drop older ones."""
    home, folder = standing_folder(night.workspace), _folder(night)
    link = home / CURRENT
    if link.is_symlink() and _day(link.readlink().name) > night.as_of:
        return
    before = link.readlink().name if link.is_symlink() else None
    point_to(link, folder.name)
    # The one before stays: a service that opens it at this instant must find all of it.
    for other in home.iterdir():
        if other.name not in (CURRENT, folder.name, before):
            shutil.rmtree(other, ignore_errors=True)


def _folder(night: Night) -> Path:
    name = f"{night.as_of.isoformat()}-{night.fingerprint[:12]}"
    return standing_folder(night.workspace) / name


def _day(name: str) -> date:
    return date.fromisoformat(name[:10])


def _facts(night: Night, hashes: list[str]) -> Facts:
    return Facts(
        format=FORMAT,
        fingerprint=night.fingerprint,
        as_of=night.as_of.isoformat(),
        instant=night.instant.isoformat(),
        published_at=datetime.now(UTC).isoformat(),
        models={
            target: {"version": one.version, "sha256": one.sha256}
            for target, one in sorted(night.champions.items())
        },
        features={
            view: [feature.name for feature in of_view]
            for view, of_view in night.catalogue.by_view().items()
        },
        received=night.accepted.received,
        language=night.workspace.language,
        hashes=hashes,
    )


def _rows(night: Night, bucket: int, decided: pa.Table, asked: dict[str, pa.Array]) -> pa.Table:
    """Lay out everybody of a bucket in the order of the keys."""
    rows = night.snapshot.read(bucket)
    ids = rows["customer_id"].combine_chunks()
    told = answers(whole_scores(night, bucket))
    place = pc.index_in(ids, value_set=told["customer_id"].combine_chunks())
    mine = decided.filter(pc.is_in(decided["customer_id"], value_set=ids)).combine_chunks()
    spot = pc.index_in(ids, value_set=pa.array(mine["customer_id"], pa.string()))
    flags = {target: pc.is_in(ids, value_set=wanted) for target, wanted in asked.items()}
    decision_id = pa.array(decision_ids(ids.to_pylist(), night.facts))
    columns = {
        KEY: _keys(ids),
        "customer_id": ids,
        "language": own_languages(rows, night.workspace.language),
        "cold_start": no_history(rows, asked),
        **{f"{ASKED}{target}": flag for target, flag in flags.items()},
        **{one: told[one].combine_chunks().take(place) for one in LANGUAGES},
        **{name: mine[name].combine_chunks().take(spot) for name in _DECIDED},
        "decision_id": pc.if_else(pc.is_valid(spot), decision_id, None),
        **{f"{FEATURE}{n}": rows[n] for n in rows.column_names if n not in _KEYS},
    }
    return pa.table(columns).sort_by([(KEY, "ascending"), ("customer_id", "ascending")])


def _keys(ids: pa.Array) -> pa.Array:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("ids", pa.table({"id": ids}))
        found = connection.execute("SELECT md5_number_upper(id) AS key FROM ids").to_arrow_table()
    return pa.array(found["key"].combine_chunks(), pa.uint64())
