"""One night: what is scored as of which date, with which models, under which policy.

Opening it checks everything that can make a night impossible, before anything is written.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from features.accepted import Accepted, open_accepted
from features.catalogue import Catalogue, catalogue_for
from features.errors import Conflict, NotReady
from features.fingerprint import fingerprint_table, visible_fingerprints
from features.snapshots import Snapshot, open_snapshot
from features.tables import CONTACTS
from features.workspace import Workspace
from proactive_rules.policy.records import Policy
from serving.decisions_before import decisions_before
from serving.freshness import StaleSource, require_fresh
from serving.policies import PolicyInForce, open_policy
from serving.responses import responses
from serving.risk_list import TARGETS, ListFacts

if TYPE_CHECKING:
    from training.champion import Champion

#: Raise it when the files of a list change their meaning: lists made before then are others.
FORMAT = 2
#: How far back answers to outreach are read.
RESPONSES_WITHIN = timedelta(days=365)
#: Snapshots know nothing of these tables: a consent withdrawn later makes another list.
_BESIDE_FEATURES = {
    "consents": ("customer_id", "channel", "granted", "changed_at"),
    "outcomes": ("customer_id", "outcome", "occurred_at"),
    "contacts": CONTACTS.names,
}


@dataclass(frozen=True, kw_only=True)
class Night:
    """Everything that decides the bytes of a list.

    Attributes
    ----------
    as_of, instant : the date scored for, and the local midnight it stands for.
    stale : sources older than they should be, where the user allowed that.
    """

    workspace: Workspace
    accepted: Accepted
    as_of: date
    champions: Mapping[str, "Champion"]
    catalogue: Catalogue
    in_force: PolicyInForce
    stale: tuple[StaleSource, ...] = ()

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.in_force.policy

    @property
    def instant(self) -> datetime:
        """The local midnight of `as_of`."""
        return self.workspace.midnight(self.as_of)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The features of that date; they must have been built."""
        return open_snapshot(self.workspace, self.as_of)

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of data, models and policy."""
        text = json.dumps(self.made_from, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def made_from(self) -> dict[str, object]:
        """What the fingerprint is made of."""
        return {
            "format": FORMAT,
            "workspace": self.workspace.name,
            "as_of": self.as_of.isoformat(),
            "data": self.snapshot.data_fingerprint,
            "outcomes": self._outcomes,
            "consents": self._visible["consents"],
            "features": self.snapshot.catalogue_fingerprint,
            "models": {t: self.champions[t].sha256 for t in TARGETS if t in self.champions},
            "policy": self.policy.fingerprint,
            "before": fingerprint_table(self.before),
            "contacts": self._visible["contacts"],
            "settings": {
                "language": self.workspace.language,
                "currency": self.workspace.currency,
                "time_zone": self.workspace.time_zone,
                "targets": {name: asdict(t) for name, t in self.workspace.targets.items()},
            },
            "stale": [source.label for source in self.stale],
        }

    @property
    def _outcomes(self) -> str | None:
        """Outcomes decide who is listed; those of a plain table count as complete."""
        from training.splits.present import observation_date

        table = self.accepted.tables.get("outcomes")
        if table is None or observation_date(self.workspace, self.accepted) is None:
            return self._visible["outcomes"]
        return table.fingerprint

    @cached_property
    def before(self) -> pa.Table:
        """Earlier contacts and reservations, as far back as the policy looks."""
        since = self.instant - self.policy.looks_back
        reserve_for = self.policy.reserve_for
        return decisions_before(self.workspace, self.accepted, self.as_of, since, reserve_for)

    @cached_property
    def responses(self) -> pa.Table:
        """Past sends and answers by channel and local hour."""
        return responses(
            self.accepted,
            self.instant,
            self.workspace.time_zone,
            self.instant - RESPONSES_WITHIN,
            self.policy.answered.sql,
        )

    @cached_property
    def _visible(self) -> dict[str, str | None]:
        """Content of the tables no feature is made of, but the list is; None where not mapped."""
        return {
            name: visible_fingerprints(
                self.accepted,
                [self.instant],
                {name: [c for c in columns if c in self.accepted.tables[name].mapped]},
            )[self.instant]
            if name in self.accepted.tables
            else None
            for name, columns in _BESIDE_FEATURES.items()
        }

    @property
    def facts(self) -> ListFacts:
        """What is the same on every row."""
        return ListFacts(
            workspace=self.workspace.name,
            as_of=self.as_of,
            language=self.workspace.language,
            fingerprint=self.fingerprint,
            model_versions={t: champion.version for t, champion in self.champions.items()},
            policy=self.policy,
        )

    @property
    def work(self) -> Path:
        """Folder of the night's finished steps; another fingerprint works elsewhere."""
        return self.workspace.state / "nightly" / self.as_of.isoformat() / self.fingerprint[:12]


def open_night(workspace: Workspace, as_of: date | None, *, allow_stale: bool) -> Night:
    """Look at what there is; the snapshot is not needed yet.

    Raises
    ------
    NotReady : nothing was ingested, or the date lies before the data.
    BadInput : a source is older than `fresh_within` allows.
    """
    from training.splits.present import nightly_as_of

    accepted = open_accepted(workspace)
    newest = nightly_as_of(workspace, accepted)
    day = as_of or newest
    if workspace.midnight(day) <= accepted.first_event_at:
        raise NotReady(
            f"--as-of {day}",
            "there are no data before that date",
            f"a date from {workspace.local_date(accepted.first_event_at)} to {newest}",
            "choose a later date, or ingest older data",
        )
    catalogue = catalogue_for(accepted, workspace)
    return Night(
        workspace=workspace,
        accepted=accepted,
        as_of=day,
        champions=_champions(workspace, catalogue),
        catalogue=catalogue,
        in_force=open_policy(workspace, catalogue),
        stale=require_fresh(workspace, accepted, day, allow_stale=allow_stale),
    )


def _champions(workspace: Workspace, catalogue: Catalogue) -> dict[str, "Champion"]:
    """Load the served models; one that reads features which are gone cannot score."""
    from training.promotion.promote import mirror
    from training.registry import load_champion
    from training.tracking import open_existing

    loaded = {name: load_champion(workspace, name) for name in workspace.targets}
    champions = {name: champion for name, champion in loaded.items() if champion}
    for name, champion in champions.items():
        if (store := open_existing(workspace)) is not None:
            mirror(store, workspace, name)
        gone = sorted({*champion.feature_names, *champion.groups_read} - set(catalogue.names))
        if gone:
            raise Conflict(
                f"model {workspace.name}-{name} version {champion.version}",
                f"it reads features that the data no longer give ({', '.join(gone[:5])})",
                "a model trained on today's features",
                f"run `forestay train --target {name}`, or map the missing columns again",
            )
    return champions
