"""Scores of recorded customers made again, from their recorded features and the recorded model."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import BrokenRecord, NotReady
from features.workspace import Workspace
from serving.audit.comparison import Compared, compare
from serving.audit.reading import RecordedNight
from serving.audit.record import Parts
from serving.risk_list import REASONS
from serving.score import sum_columns

if TYPE_CHECKING:
    from training.champion import Champion, Scores


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """How scores compare, and what could not be made again."""

    compared: Compared
    notes: tuple[str, ...]


def rescore(workspace: Workspace, night: RecordedNight, parts: Parts) -> Rescored:
    """Score the recorded features again and compare margins, contributions, risks and reasons.

    Parameters
    ----------
    parts : records of decisions of one night, all of them listed.
    """
    import numpy as np

    count = len(parts.decision_id)
    compared = Compared(differences=(), differing=np.zeros(count, dtype=bool))
    notes: list[str] = []
    reworded = _reworded(night)
    for target, model in night.body["models"].items():
        asked = pc.is_valid(parts.sums[f"{target}:margin"])
        try:
            champion = recorded_model(workspace, target, model)
        except (NotReady, BrokenRecord) as error:
            notes.append(f"the {target} scores cannot be made again: {error.problem}")
            lost = np.asarray(asked.to_numpy(), dtype=bool)
            compared += Compared(differences=(), differing=lost)
            continue
        recorded, now = _one_target(night, parts, champion, asked, reworded=bool(reworded))
        ids = parts.decision_id.filter(asked).to_pylist()
        found = compare(recorded, now, now.column_names, ids)
        everywhere = np.zeros(count, dtype=bool)
        everywhere[np.asarray(asked.to_numpy(), dtype=bool)] = found.differing
        compared += Compared(differences=found.differences, differing=everywhere)
    if reworded:
        told = (
            f"the words of reasons were changed since ({', '.join(reworded)}): codes are compared"
        )
        notes.append(told)
    return Rescored(compared=compared, notes=tuple(notes))


def recorded_model(workspace: Workspace, target: str, model: Mapping[str, Any]) -> "Champion":
    """Load the model that a record names, by its hash.

    Raises
    ------
    NotReady : the version is gone. BrokenRecord : it is not what it was.
    """
    from training.registry import load_version

    found = load_version(workspace, target, model["version"])
    if found.sha256 == model["sha256"]:
        return found
    raise BrokenRecord(
        f"{target} model version {model['version']}",
        f"version {model['version']} has another hash than the record names",
        f"files with SHA-256 {model['sha256'][:12]}...",
        "restore MLflow's store from a backup of that time",
    )


def _one_target(
    night: RecordedNight,
    parts: Parts,
    champion: "Champion",
    asked: pa.ChunkedArray,
    *,
    reworded: bool,
) -> tuple[pa.Table, pa.Table]:
    """Return what was recorded and what comes out now, of those who were asked about one risk."""
    from training.bands import bands
    from training.risk_interval import risk_interval

    target = champion.target
    rows = parts.features.filter(asked)
    scores = champion.score(rows)
    band = bands(scores.risk, champion.base_rate)
    low, high = risk_interval(scores.risk, band.to_pylist(), champion.judged)
    names = sum_columns(target, scores.feature_names)
    now = dict(zip(names, (scores.margin, scores.base, *scores.contributions.T), strict=True))
    now |= {
        f"{target}_risk": scores.risk,
        f"{target}_risk_low": low,
        f"{target}_risk_high": high,
    }
    said = parts.said.filter(asked)
    mine = pc.fill_null(pc.equal(said["reason_target"], target), fill_value=False)
    words = _words(night, scores, rows, mine)
    if reworded:
        words = {"reason_codes": words["reason_codes"]}
    decision = parts.decision.filter(asked)
    sums = parts.sums.filter(asked)
    recorded = {
        **{name: sums[name] for name in names},
        **{name: decision[name] for name in now if name not in names},
        f"{target}_band": decision[f"{target}_band"],
        **{name: pc.if_else(mine, said[name], None) for name in words},
    }
    table = pa.table({**now, f"{target}_band": band, **words})
    return pa.table(recorded), table


def _words(
    night: RecordedNight, scores: "Scores", rows: pa.Table, mine: pa.ChunkedArray
) -> dict[str, pa.ChunkedArray]:
    """Say the reasons again, of those whose shown reasons are this risk's."""
    from training.explain import Voice, reasons

    voice = Voice(night.body["language"], night.body["currency"])
    said = reasons(scores.contributions, scores.feature_names, rows, night.catalogue, voice)
    names = [f"reason_{number}" for number in REASONS]
    found = {name: pc.if_else(mine, said[name].cast(pa.string()), None) for name in names}
    codes = pc.binary_join(said["reason_codes"].combine_chunks(), ";")
    found["reason_codes"] = pc.if_else(mine, pa.chunked_array([codes]), None)
    return found


def _reworded(night: RecordedNight) -> list[str]:
    """Name the files of words that are others now than those on record."""
    changed = []
    for name, sha256 in night.body["texts"].items():
        if name.startswith("reasons/"):
            file = files("training") / name
            content = file.read_bytes() if file.is_file() else b""
            if hashlib.sha256(content).hexdigest() != sha256:
                changed.append(name)
    return changed
