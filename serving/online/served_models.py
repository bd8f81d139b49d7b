"""The models that serve: a new champion comes in without a stop, a bad one does not come in.

A watcher looks at the registry every few seconds. Whoever answers takes `current` once and keeps
it to the end of the answer, so no answer mixes two versions.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from features.errors import ForestayError, Unavailable
from features.workspace import Workspace
from serving.online.admission import ROWS, margins_of, try_out
from serving.online.logs import log
from serving.online.standing import Standing, feature_rows

if TYPE_CHECKING:
    from training.champion import Champion
    from training.promotion.history import Promotion


class ServedModels:
    """Champions by target, with what keeps others from serving.

    Attributes
    ----------
    current : those that serve.
    problems : ``models`` when the registry does not answer, ``model:<target>`` for a champion that
        was refused.
    refused : why, by target and version.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Begin without any; `look` brings them in."""
        self._workspace = workspace
        self.current: Mapping[str, Champion] = {}
        self.problems: tuple[str, ...] = ("models",)
        self.refused: dict[tuple[str, str], str] = {}
        self._wanted: Mapping[str, Promotion] = {}
        self._seen: tuple[tuple[int, int], ...] = ()

    def look(self, standing: Standing) -> None:
        """Look at the registry and bring in what is new."""
        wanted = self._champions()
        if wanted is None:
            self.problems = ("models",) if standing.facts.models or self.current else ()
            return
        new = {
            target: one
            for target, one in wanted.items()
            if (target, one.version) not in self.refused
            and (target not in self.current or self.current[target].version != one.version)
        }
        if new:
            try:
                self._bring_in(standing, new)
            except Unavailable:  # nothing is wrong with them: they are asked for again
                self.problems = ("models",)
                return
        self.problems = tuple(
            f"model:{target}"
            for target, one in sorted(wanted.items())
            if (target, one.version) in self.refused
        )

    def _champions(self) -> "Mapping[str, Promotion] | None":
        """Return the promotion of each champion; None where the registry is gone."""
        from training.promotion.history import champions, stamp
        from training.tracking import store_is_there

        try:
            if not store_is_there(self._workspace):
                return None
            # Opening a database every few seconds is felt by those who wait for an answer.
            seen = stamp(self._workspace)
            if seen != self._seen:
                self._wanted, self._seen = champions(self._workspace), seen
        except (ForestayError, OSError):
            return None
        return self._wanted

    def _bring_in(self, standing: Standing, new: "Mapping[str, Promotion]") -> None:
        """Try new versions elsewhere, then load them here; all of them at once take over.

        Those that the night has scored with were loaded here before, byte for byte.

        Raises
        ------
        Unavailable : the server that has their files does not answer.
        """
        from training.registry import load_promoted

        sample = write_sample(self._workspace, standing)
        known = {one["sha256"] for one in standing.facts.models.values()}
        tried = {t: one.version for t, one in new.items() if one.sha256 not in known}
        good, bad = try_out(self._workspace, sample, tried) if tried else ({}, {})
        for target, why in bad.items():
            self._refuse(target, new[target].version, why)
        loaded = dict(self.current)
        rows = read_sample(sample)
        for target, one in new.items():
            if target in bad:
                continue
            try:
                champion = load_promoted(self._workspace, one)
                found = margins_of(champion, rows)
            except Unavailable:
                raise
            except ForestayError as error:
                self._refuse(target, one.version, error.problem)
                continue
            if found != good.get(target, found):
                self._refuse(target, one.version, "it scores otherwise than when it was tried")
                continue
            loaded[target] = champion
        if loaded != self.current:
            log("models", models={target: one.version for target, one in loaded.items()})
            self.current = loaded

    def _refuse(self, target: str, version: str, why: str) -> None:
        log("refused", models={target: version}, fault=why)
        self.refused[target, version] = why


def write_sample(workspace: Workspace, standing: Standing) -> Path:
    """Write features of some customers of the night, for trials."""
    path = workspace.state / "standing" / ".sample.arrow"
    beside = path.with_suffix(f".{os.getpid()}.new")
    rows = feature_rows(standing.some(ROWS))
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    beside.replace(path)
    return path


def read_sample(path: Path) -> pa.Table:
    """Read what `write_sample` wrote."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
