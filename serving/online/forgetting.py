"""A person taken out of what the service answers from; a running one takes it in within seconds."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.received.log import ReceivedLog, log_file
from features.whole import link_file, point_to, write_json
from features.workspace import Workspace
from serving.online.moved import MovedCustomers, moved_file
from serving.online.standing import CURRENT, FACTS, bucket_file, sha256_of, standing_folder


def forget_received(workspace: Workspace, ids: frozenset[str]) -> int:
    """Delete what came in about a person and what was answered since; return how many rows."""
    if moved_file(workspace).is_file():
        with closing(MovedCustomers(workspace)) as moved:
            moved.forget(ids)
    if not log_file(workspace).is_file():
        return 0
    for exported in log_file(workspace).parent.glob("*.parquet"):
        exported.unlink()  # written anew by the next ingest
    with closing(ReceivedLog(workspace)) as log:
        return log.forget(ids)


def forget_standing(workspace: Workspace, ids: frozenset[str]) -> int:
    """Write the answers of every night without a person; return in how many they were.

    Each into a folder of its own, which then becomes the current one: a service that has mapped the
    old one sees that there is a newer.
    """
    home = standing_folder(workspace)
    for rest in (home / ".sample.arrow", *home.glob(".*.new")):
        shutil.rmtree(rest) if rest.is_dir() else rest.unlink(missing_ok=True)
    folders = [
        path for path in home.glob("*") if (path / FACTS).is_file() and not path.is_symlink()
    ]
    return sum(_without(home, folder, pa.array(sorted(ids))) for folder in folders)


def _without(home: Path, folder: Path, ids: pa.Array) -> bool:
    facts = json.loads((folder / FACTS).read_text("utf-8"))
    files = {bucket: bucket_file(folder, bucket) for bucket in range(len(facts["hashes"]))}
    rows = {bucket: _read(path) for bucket, path in files.items()}
    mine = {b: pc.is_in(table["customer_id"], value_set=ids) for b, table in rows.items()}
    if not any(pc.any(among).as_py() for among in mine.values()):
        return False
    draft = home / f".{folder.name}.new"
    draft.mkdir()
    for bucket, path in files.items():
        target = bucket_file(draft, bucket)
        if not pc.any(mine[bucket]).as_py():
            link_file(str(path), str(target))
            continue
        kept = rows[bucket].filter(pc.invert(mine[bucket])).combine_chunks()
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, kept.schema) as writer:
            writer.write_table(kept)
        facts["hashes"][bucket] = sha256_of(target)
    write_json(draft / FACTS, facts)
    after = home / f"{folder.name}e"
    shutil.rmtree(after, ignore_errors=True)  # a run that was killed had got as far as this
    draft.replace(after)
    link = home / CURRENT
    if link.is_symlink() and link.readlink().name == folder.name:
        point_to(link, after.name)
    shutil.rmtree(folder)
    return True


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
