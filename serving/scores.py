"""The scores of a night: every customer bucket scored once, kept on disk, read back verified."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue import Catalogue
from features.errors import BrokenRecord
from features.progress import Progress
from features.whole import read_whole, write_table
from proactive_rules.joining import joins
from serving.consents import consent_columns, newest_consents
from serving.night import Night
from serving.policies import LAST_OUTCOME, PolicyInForce, with_unmapped
from serving.responses import last_outcomes
from serving.score import Scored, score_bucket, split_by_bucket

if TYPE_CHECKING:
    from training.champion import Champion

#: Listed without a risk, because a policy has an action for them.
_JOINING = "joining"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What scoring some customers needs beside their features.

    ``policies`` are those that will decide: who joins, and which features are carried along.
    ``last`` : the newest answer of each customer to earlier outreach.
    """

    policies: Sequence[PolicyInForce]
    champions: Mapping[str, "Champion"]
    catalogue: Catalogue
    currency: str | None
    last: pa.Table

    def score(
        self, rows: pa.Table, asked: Mapping[str, pa.Array], answers: pa.Table | None
    ) -> Scored:
        """Score rows of features, and lay answers about consent beside the scores."""
        rows = _with_last_outcome(rows, self.last)
        known = set(self.catalogue.names)
        reads = {field.name for one in self.policies for field in one.reads}
        scored, evidence = score_bucket(
            rows,
            {**asked, _JOINING: self._joining(rows)},
            self.champions,
            self.catalogue,
            self.currency,
            also=[*sorted(reads & known), *LAST_OUTCOME],
        )
        channels = sorted({name for one in self.policies for name in one.policy.channels})
        for name, values in consent_columns(scored["customer_id"], answers, channels).items():
            scored = scored.append_column(name, values)
        return Scored(rows=scored, evidence=evidence)

    def _joining(self, rows: pa.Table) -> pa.Array:
        """Return the ids of who joins; nobody does where no model has skill."""
        flags = np.zeros(rows.num_rows, dtype=bool)
        for one in self.policies if self.champions else ():
            flags |= joins(with_unmapped(rows, one.reads), one.policy)
        return rows.filter(pa.array(flags))["customer_id"].combine_chunks()


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What scoring a night's buckets needs, looked up once."""

    night: Night
    circumstances: Circumstances
    asked: Mapping[str, list[pa.Array]]
    answers: Mapping[int, pa.Table] | None

    def bucket(self, number: int) -> Scored:
        """Score one bucket."""
        mine = {target: ids[number] for target, ids in self.asked.items()}
        answers = None if self.answers is None else self.answers[number]
        return self.circumstances.score(self.night.snapshot.read(number), mine, answers)


def scoring(night: Night, policies: Sequence[PolicyInForce] = ()) -> Scoring:
    """Look up who is asked about what, who consented and who answered last."""
    return Scoring(
        night=night,
        circumstances=Circumstances(
            policies=policies or [night.in_force],
            champions=night.champions,
            catalogue=night.catalogue,
            currency=night.workspace.currency,
            last=last_outcomes(night.accepted, night.instant),
        ),
        asked=asked_of(night),
        answers=newest_consents(night.accepted, night.instant),
    )


def score_all(night: Night, progress: Progress) -> None:
    """Score bucket by bucket; memory does not grow with the number of customers."""
    missing = [b for b in range(night.snapshot.buckets) if not _is_scored(night, b)]
    if not missing:
        return
    prepared = scoring(night)
    with progress.step("Scoring customers", total=len(missing)) as step:
        for bucket in missing:
            scored = prepared.bucket(bucket)
            write_table(_evidence(night, bucket), scored.evidence)
            write_table(_scores(night, bucket), scored.rows)
            step.advance()


def scores_of(night: Night) -> Iterator[pa.Table]:
    """Read the scores back, bucket by bucket, verified."""
    for bucket in range(night.snapshot.buckets):
        yield whole_scores(night, bucket)


def whole_scores(night: Night, bucket: int) -> pa.Table:
    """Read the scores of one bucket.

    Raises
    ------
    BrokenRecord : the file was damaged since this night wrote it.
    """
    return _whole(_scores(night, bucket))


def whole_evidence(night: Night, bucket: int) -> pa.Table:
    """Read what the scores of one bucket were made from; as `whole_scores`."""
    return _whole(_evidence(night, bucket))


def _whole(path: Path) -> pa.Table:
    table = read_whole(path)
    if table is None:
        raise BrokenRecord(
            str(path),
            "it was damaged while the night went on",
            "the file that this night wrote",
            "run `forestay nightly` again: it makes the file anew",
        )
    return table


def _is_scored(night: Night, bucket: int) -> bool:
    both = (_scores(night, bucket), _evidence(night, bucket))
    return all(read_whole(path) is not None for path in both)


def _scores(night: Night, bucket: int) -> Path:
    return night.work / "scores" / f"bucket={bucket:03d}.parquet"


def _evidence(night: Night, bucket: int) -> Path:
    return night.work / "scores" / f"evidence={bucket:03d}.parquet"


def asked_of(night: Night) -> Mapping[str, list[pa.Array]]:
    """Ask each target for its population, in buckets; every one of them has features."""
    from training.labels import population

    found = {
        name: population(night.workspace, night.accepted, target, night.as_of)["customer_id"]
        for name, target in night.workspace.targets.items()
    }
    return {name: split_by_bucket(ids, night.snapshot.buckets) for name, ids in found.items()}


def _with_last_outcome(rows: pa.Table, last: pa.Table) -> pa.Table:
    """Lay the newest answer to earlier outreach beside each customer."""
    place = pc.index_in(rows["customer_id"], value_set=last["customer_id"].combine_chunks())
    for name in LAST_OUTCOME:
        rows = rows.append_column(name, last[name].take(place))
    return rows
