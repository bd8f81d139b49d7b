"""Which features a workspace has: chosen from what its accepted data can really say."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from features.accepted import Accepted, AcceptedTable, read_bucket
from features.catalogue import contracts, interactions, lifecycle, outreach, profile, rfm
from features.catalogue.feature import VIEWS, Feature, Source, View
from features.errors import NotReady
from features.expressions import columns_used
from features.tables import TABLES
from features.workspace import OwnFeature, Workspace

#: The table of the contract that a source reads.
TABLE_OF: Mapping[Source, str] = {
    "orders": "orders",
    "lines": "orders",
    "interactions": "interactions",
    "contracts": "contracts",
    "contacts": "contacts",
    "profiles": "profiles",
    "customers": "customers",
}
#: Columns of a snapshot that are no features.
KEYS = ("customer_id", "as_of", "event_timestamp", "created")
#: Code that decides a feature's value: when it changes, snapshots are made anew.
_DEFINING_CODE = ("catalogue/*.py", "compute.py", "grains.py", "point_in_time.py")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The features of one workspace, in order.

    Attributes
    ----------
    everything : all features, ingredients included, each after those it is made from.
    late : columns of the user's own that are known later than their row, by table.
    """

    everything: tuple[Feature, ...]
    late: Mapping[str, Mapping[str, tuple[str, ...]]]

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Features that snapshots hold."""
        return tuple(feature for feature in self.everything if feature.listed)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features that snapshots hold."""
        return tuple(feature.name for feature in self.features)

    def by_view(self) -> dict[View, tuple[Feature, ...]]:
        """Group features by feature view; views without any are left out."""
        grouped = {
            view: tuple(feature for feature in self.features if feature.view == view)
            for view in VIEWS
        }
        return {view: features for view, features in grouped.items() if features}

    def of(self, source: Source) -> tuple[Feature, ...]:
        """Features and ingredients that one source gives."""
        return tuple(feature for feature in self.everything if feature.source == source)

    def feature(self, name: str) -> Feature:
        """Return the feature of that name; KeyError when there is none."""
        return {feature.name: feature for feature in self.features}[name]

    @cached_property
    def fingerprint(self) -> str:
        """Name this choice of features and the code that computes them."""
        said = [
            [feature.name, feature.statistic, feature.unit, feature.window_days,
             feature.source, feature.needs,
             feature.absent, feature.dtype, feature.listed]
            for feature in self.everything
        ]  # fmt: skip
        text = json.dumps([said, self.late, _code_fingerprint()], default=dict)
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def _code_fingerprint() -> str:
    folder = Path(__file__).parent.parent
    files = sorted(path for pattern in _DEFINING_CODE for path in folder.glob(pattern))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def catalogue_for(accepted: Accepted, workspace: Workspace) -> Catalogue:
    """Choose the features that the mapped columns allow, so that none is filled with zeros.

    Parameters
    ----------
    accepted : the accepted data; only tables and columns mapped there give features.
    workspace : says which columns are protected and which features are the user's own.

    Raises
    ------
    NotReady : a feature of the user's own was declared after the last ingest.
    """
    chosen = [feature for feature in _standard(accepted) if _is_mapped(feature, accepted)]
    chosen += _own(accepted, workspace)
    chosen = [feature for feature in chosen if not _is_protected(feature, workspace)]
    chosen += lifecycle.features_for(frozenset(feature.name for feature in chosen))
    late = {own.table: {} for own in workspace.features}  # type: dict[str, dict[str, tuple[str, ...]]]
    for own in workspace.features:
        if times := _late_times(own):
            late[own.table][f"{profile.OWN_PREFIX}{own.name}"] = times
    return Catalogue(everything=_distinct(chosen), late=late)


def standard_features() -> tuple[Feature, ...]:
    """Return the product's own features with everything mapped: what a shared rule may name."""
    found = [
        *rfm.FEATURES,
        *interactions.features_for((kind.kind for kind in interactions.KINDS), ()),
        *contracts.FEATURES,
        *outreach.FEATURES,
        *(profile.descriptor(name) for name in profile.DESCRIPTORS),
        lifecycle.TENURE,
        lifecycle.STAGE,
    ]
    return tuple(feature for feature in found if feature.listed)


def _standard(accepted: Accepted) -> list[Feature]:
    dealings = accepted.tables.get("interactions")
    return [
        *rfm.FEATURES,
        *(
            interactions.features_for(dealings.kinds, _channels(accepted, dealings))
            if dealings
            else ()
        ),
        *contracts.FEATURES,
        *outreach.FEATURES,
        lifecycle.JOINED,
        *(profile.descriptor(name) for name in profile.DESCRIPTORS),
    ]


def _is_mapped(feature: Feature, accepted: Accepted) -> bool:
    table = accepted.tables.get(TABLE_OF[feature.source])
    return table is not None and set(feature.needs) <= {*table.mapped, *table.extra}


def _channels(accepted: Accepted, table: AcceptedTable) -> set[str]:
    """Find the channels that the data have; unmapped ones cost nothing."""
    if "channel" not in table.mapped:
        return set()
    import pyarrow.compute as pc

    found: set[str] = set()
    for bucket in range(accepted.buckets):
        column = read_bucket(accepted, "interactions", bucket, columns=["channel"])["channel"]
        found |= {name.lower() for name in pc.unique(column).to_pylist() if name}
    return found


def _own(accepted: Accepted, workspace: Workspace) -> list[Feature]:
    """Features of the user's own: profile columns, attributes, and those declared in the file."""
    columns = [
        profile.column_feature(column, column, kind, source)
        for source in ("profiles", "customers")
        if source in accepted.tables
        for column, kind in accepted.tables[source].extra.items()
        if not column.startswith(profile.OWN_PREFIX)
    ]  # type: list[Feature]
    return columns + [_declared(own, accepted) for own in workspace.features]


def _declared(own: OwnFeature, accepted: Accepted) -> Feature:
    table = accepted.tables.get(own.table)
    if table is None or f"{profile.OWN_PREFIX}{own.name}" not in table.extra:
        raise NotReady(
            f"forestay.yaml, feature {own.name}",
            "it was declared after the data were taken in",
            f"a column of {own.table} computed at ingest",
            "run `forestay ingest`",
        )
    return profile.own_feature(own)


def _columns_of(own: OwnFeature) -> set[str]:
    return {name for sql in (own.where, own.column) if sql for name in columns_used(sql)}


def _late_times(own: OwnFeature) -> tuple[str, ...]:
    """Name the times that make an own feature known, where it uses columns known late."""
    used = {name.lower() for name in _columns_of(own)}
    columns = TABLES[own.table].columns
    return tuple(
        dict.fromkeys(
            column.known_with
            for column in columns
            if column.known_with and column.name.lower() in used
        )
    )


def _is_protected(feature: Feature, workspace: Workspace) -> bool:
    """Claim that a feature shows a protected column, itself or through an own expression."""
    protected = {name.lower() for name in workspace.protected}
    table = TABLE_OF[feature.source]
    shown = {*feature.needs, feature.given_name}
    for own in workspace.features:
        if own.name == feature.given_name:
            shown |= _columns_of(own)
    said = {name.lower() for name in shown if name}
    return bool(protected & (said | {f"{table}.{name}" for name in said}))


def _distinct(features: list[Feature]) -> tuple[Feature, ...]:
    """Give a user's column that is called like one of ours a name of its own.

    Case does not count: to DuckDB `Tenure_days` and `tenure_days` are one column.
    """
    ours = {feature.name.lower() for feature in features if not feature.given_name}
    taken = {*ours, *KEYS}
    distinct = []
    for feature in features:
        name = feature.name
        if feature.given_name:
            while name.lower() in taken:
                name = f"{feature.view}_{name}"
            taken.add(name.lower())
        distinct.append(replace(feature, given_name=name) if feature.given_name else feature)
    return tuple(distinct)
