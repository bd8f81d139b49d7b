# ruff: noqa: D103 - the words that tests are said in
"""Which features a workspace gets, and that none can lie about itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.catalogue import REASONS, VIEWS, Feature, catalogue_for
from features.catalogue.interactions import own_kinds
from features.errors import NotReady
from features.workspace import OwnFeature, Workspace
from tests.oracles.accepted_data import write_accepted

WHEN = datetime(2024, 1, 1, tzinfo=UTC)
ORDER = {"customer_id": "a", "ordered_at": WHEN, "order_id": "1", "amount": 1}
CASE = {"customer_id": "a", "occurred_at": WHEN, "kind": "complaint", "interaction_id": "1"}
CONTRACT = {"customer_id": "a", "contract_id": "1", "starts_at": WHEN}
CONTACT = {"customer_id": "a", "sent_at": WHEN, "contact_id": "1"}
PROFILE = {"customer_id": "a", "observed_at": WHEN}
PERSON = {"customer_id": "a"}
EVERYTHING = {
    "orders": [ORDER],
    "interactions": [CASE | {"kind": kind, "channel": "Phone"} for kind in ("complaint", "visit")],
    "contracts": [CONTRACT],
    "contacts": [CONTACT],
    "profiles": [PROFILE],
    "customers": [PERSON],
}


def catalogue(folder, tables, *, mapped=None, extra=None, **workspace):
    accepted = write_accepted(folder, tables, mapped=mapped, extra=extra)
    market = Workspace(folder=Path(), name="x", sources={}, targets={}, **workspace)
    return catalogue_for(accepted, market)


def a_feature(**more):
    given = {
        "unit": "count", "view": "rfm", "source": "orders", "reason": "FREQUENCY",
        "expression": lambda orders: orders.count(), "says": {},
    }  # fmt: skip
    return Feature(**(given | more))


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"what": "recency", "unit": "days"}, "recency_days"),
        ({"what": "orders", "statistic": "count", "window_days": 90}, "orders_count_90d"),
        ({"what": "amount", "statistic": "total", "unit": "currency"}, "amount_total"),
        (
            {"what": "resolution", "statistic": "mean", "unit": "hours", "window_days": 180},
            "resolution_mean_hours_180d",
        ),
        ({"given_name": "gifts"}, "gifts"),
    ],
)
def test_a_name_says_what_statistic_unit_and_window(parts, name):
    """The record builds its own name."""
    assert a_feature(**parts).name == name


def test_everything_mapped_gives_some_seventy_features_that_explain_themselves(tmp_path):
    """Names are unique, every feature has its sentences, a view, a reason and honest needs."""
    found = catalogue(tmp_path, EVERYTHING)
    assert len(found.features) > 60
    assert len({name.lower() for name in found.names}) == len(found.names)
    for feature in found.features:
        assert feature.says["en"]
        assert feature.says["zh"]
        assert feature.view in VIEWS
        assert feature.reason in REASONS
        assert feature.window_days is None or feature.name.endswith(f"_{feature.window_days}d")


def test_absent_sources_and_kinds_give_no_features(tmp_path):
    """Nothing is filled with zeros for what the data cannot say."""
    found = catalogue(tmp_path, {"interactions": [CASE]})
    assert set(found.by_view()) == {"interactions", "profile"}
    assert "complaints_count_30d" in found.names
    assert not [name for name in found.names if name.startswith(("failures", "usage", "orders"))]


def test_unmapped_columns_give_no_features(tmp_path):
    """Without amounts there is no spend; without closing times no open case."""
    mapped = {"orders": ("customer_id", "ordered_at", "order_id")}
    found = catalogue(tmp_path, {"orders": [ORDER]}, mapped=mapped)
    assert "orders_count_90d" in found.names
    assert not [name for name in found.names if name.startswith(("amount", "returns", "quantity"))]


def test_profile_columns_alone_have_no_life_cycle(tmp_path):
    """A plain customer table has its own columns and nothing else."""
    extra = {"profiles": {"age": "number", "city": "text"}}
    found = catalogue(tmp_path, {"profiles": [PROFILE]}, extra=extra)
    assert found.names == ("age", "city")


def test_protected_columns_never_become_features(tmp_path):
    """Neither descriptors, profile columns, attributes, nor own features made of them."""
    extra = {
        "profiles": {"Gender": "text", "age": "number"},
        "customers": {"religion": "text"},
        "orders": {"own_gifts": "number"},
    }
    own = OwnFeature(name="gifts", table="orders", aggregate="count", where="category = 'G'")
    tables = {"orders": [ORDER], "profiles": [PROFILE], "customers": [PERSON]}
    found = catalogue(
        tmp_path,
        tables,
        extra=extra,
        features=(own,),
        protected=("gender", "customers.religion", "region", "category"),
    )
    assert not {"Gender", "religion", "region", "gifts", "categories_count_365d"} & set(found.names)
    assert {"age", "segment"} <= set(found.names)


def test_descriptors_and_stage_are_read_by_no_model(tmp_path):
    """They are carried for lists only."""
    found = catalogue(tmp_path, EVERYTHING)
    unread = {feature.name for feature in found.features if not feature.model}
    assert unread == {
        "segment", "region", "language", "preferred_channel", "local_time_zone", "lifecycle_stage",
    }  # fmt: skip


def test_a_column_called_like_ours_gets_a_name_of_its_own(tmp_path):
    """To DuckDB names that differ in case only are one column."""
    extra = {"profiles": {"Recency_Days": "number", "as_of": "text"}}
    found = catalogue(tmp_path, {"orders": [ORDER], "profiles": [PROFILE]}, extra=extra)
    assert {"recency_days", "profile_Recency_Days", "profile_as_of"} <= set(found.names)


def test_own_features_of_late_columns_are_late_too(tmp_path):
    """An own feature that reads satisfaction is known when the case is closed."""
    own = OwnFeature(
        name="bad", table="interactions", aggregate="count", where="satisfaction < 0.2"
    )
    extra = {"interactions": {"own_bad": "number"}}
    found = catalogue(tmp_path, {"interactions": [CASE]}, extra=extra, features=(own,))
    assert found.late == {"interactions": {"own_bad": ("resolved_at",)}}
    assert found.feature("bad").needs == ("own_bad",)


def test_own_features_declared_after_the_ingest_say_what_to_do(tmp_path):
    """Their column is made at ingest."""
    own = OwnFeature(name="late", table="orders", aggregate="count")
    with pytest.raises(NotReady, match="forestay ingest"):
        catalogue(tmp_path, {"orders": [ORDER]}, features=(own,))


def test_own_kinds_that_cannot_be_names_are_numbered():
    """Any text can be a kind; its columns have plain names, never twice the same."""
    names = [kind.what for kind in own_kinds(["上门", "Visit!", "visit", "complaints"])]
    assert names[1] == "visit"
    assert len(set(names)) == 4
    assert all(name.isidentifier() for name in names)


def test_another_aggregate_of_an_own_feature_is_another_catalogue(tmp_path):
    """Its name and column stay, its values do not."""
    extra = {"orders": {"own_mine": "number"}}
    made = [
        catalogue(
            tmp_path / aggregate,
            {"orders": [ORDER]},
            extra=extra,
            features=(
                OwnFeature(name="mine", table="orders", aggregate=aggregate, column="amount"),
            ),
        ).fingerprint
        for aggregate in ("min", "max")
    ]
    assert made[0] != made[1]


def test_the_fingerprint_follows_the_choice_of_features(tmp_path):
    """The same choice has the same fingerprint, another choice another."""
    one = catalogue(tmp_path / "1", {"orders": [ORDER]})
    same = catalogue(tmp_path / "2", {"orders": [ORDER]})
    other = catalogue(tmp_path / "3", {"orders": [ORDER], "customers": [PERSON]})
    assert one.fingerprint == same.fingerprint != other.fingerprint
