"""A model is tried in a process of its own before it serves: a damaged file kills whoever loads it.

Run as ``python -m serving.online.admission WORKSPACE SAMPLE TARGET=VERSION...``; prints for each
target the hash of the margins of some customers, which must be what the service then finds;
`passed` is null where the server of the models is away.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from features.errors import BrokenRecord, ForestayError, Unavailable
from features.workspace import Workspace

if TYPE_CHECKING:
    from training.champion import Champion

#: Customers a model is tried on.
ROWS = 200
SECONDS = 60


def try_out(
    workspace: Workspace, sample: Path, versions: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Load some versions elsewhere, and let them score.

    Parameters
    ----------
    sample : features of some customers, as `served_models.write_sample` writes them.

    Returns
    -------
    hashes of the margins of what can serve, and why the others cannot, by target.

    Raises
    ------
    Unavailable : the server that has their files does not answer.
    """
    command = [sys.executable, "-m", "serving.online.admission", str(workspace.folder)]
    wanted = [f"{target}={version}" for target, version in sorted(versions.items())]
    try:
        out = subprocess.run(  # noqa: S603 - our own module, our own words
            [*command, str(sample), *wanted], capture_output=True, timeout=SECONDS, check=False
        ).stdout
    except subprocess.TimeoutExpired as hung:
        out = hung.stdout or b""
    good: dict[str, str] = {}
    bad: dict[str, str] = {}
    for line in out.decode().splitlines():
        told = json.loads(line)
        if told["passed"] is None:
            raise Unavailable("models", told["said"], "the server of the models", "bring it back")
        (good if told["passed"] else bad)[told["target"]] = told["said"]
    silent = set(versions) - set(good) - set(bad)
    return good, bad | dict.fromkeys(silent, "the process that loaded it died or hung")


def margins_of(champion: "Champion", sample: pa.Table) -> str:
    """Hash what a model says of some customers.

    Raises
    ------
    BrokenRecord : it reads features that are not there, or says what is no number.
    """
    import numpy as np

    missing = sorted({*champion.feature_names, *champion.groups_read} - set(sample.column_names))
    if missing:
        raise BrokenRecord(
            f"{champion.target} version {champion.version}",
            f"it reads features that the customers do not have ({', '.join(missing[:5])})",
            "a model of today's features",
            f"run `forestay train --target {champion.target}`",
        )
    scores = champion.score(sample)
    numbers = np.concatenate([scores.margin, scores.risk])
    if not np.isfinite(numbers).all():
        raise BrokenRecord(
            f"{champion.target} version {champion.version}",
            "its margins are no numbers",
            "finite margins",
            "train again, or go back with `forestay models rollback`",
        )
    return hashlib.sha256(numbers.tobytes()).hexdigest()


def _main(folder: str, sample: str, *wanted: str) -> None:
    from features.settings import load_workspace, prepare_process

    prepare_process()
    from training.promotion.history import newest_of_version
    from training.registry import load_promoted

    workspace = load_workspace(Path(folder))
    with pa.memory_map(sample) as source:
        rows = pa.ipc.open_file(source).read_all()
    for one in wanted:
        target, version = one.split("=")
        try:
            chosen = newest_of_version(workspace, target, version)
            said = margins_of(load_promoted(workspace, chosen), rows)
            passed: bool | None = True
        except Unavailable as error:
            said, passed = error.problem, None
        except ForestayError as error:
            said, passed = error.problem, False
        print(json.dumps({"target": target, "passed": passed, "said": said}), flush=True)  # noqa: T201 - its answer


if __name__ == "__main__":
    _main(*sys.argv[1:])
