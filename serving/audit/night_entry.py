"""What all decisions of a night share, as the body of one entry: no customer is in it.

Long texts (policy, layout, words of features and reasons) stand once in the ledger, in entries of
their own, and are named by their hash.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from typing import Any

import pyarrow as pa

from features.catalogue import Catalogue, Feature
from proactive_rules.decide import Decided
from serving.audit.environment import environment
from serving.audit.packed import Layout
from serving.audit.record import FORMAT, typical_values
from serving.ledger import Ledger
from serving.night import Night
from serving.scores import whole_evidence

TEXT = "text"
#: Typical values are those of so many customers at least; buckets are random parts of all.
SAMPLE_ROWS = 20_000
#: What a decision is counted by in the entry; a person in it is one of a number.
COUNTED = ("decision", "action", "channel", "segment", "why_not")


def open_entry(ledger: Ledger, night: Night, decided: Decided, layout: Layout) -> dict[str, Any]:
    """Return the body of the entry that opens a night's record."""
    workspace = night.workspace
    texts = {
        "policy": night.in_force.content.decode("utf-8-sig"),
        "layout": layout_text(layout),
        "catalogue": json.dumps(_catalogue(night.catalogue), ensure_ascii=False, sort_keys=True),
        **_reason_texts(),
    }
    return {
        "format": FORMAT,
        "fingerprint": night.fingerprint,
        "workspace": workspace.name,
        "as_of": night.as_of.isoformat(),
        "instant": night.instant.isoformat(),
        "language": workspace.language,
        "currency": workspace.currency,
        "time_zone": workspace.time_zone,
        "made_from": _plain(night.made_from),
        "models": {
            target: {"version": one.version, "sha256": one.sha256, "run_id": one.run_id}
            for target, one in sorted(night.champions.items())
        },
        "promotions": _promotions(night),
        "policy": {"version": night.policy.label, "fingerprint": night.policy.fingerprint},
        "texts": {name: put_text(ledger, name, text) for name, text in texts.items()},
        "run": _plain(decided.run),
        "counts": _counts(decided.table),
        "typical": typical_values(_sample(night)),
        "environment": environment(),
    }


def _promotions(night: Night) -> dict[str, str]:
    """Name the promotion of each model by its hash: the history cannot be cut behind it unseen."""
    from training.promotion.history import promotions

    found = {}
    for target, champion in sorted(night.champions.items()):
        for one in promotions(night.workspace, target):
            if one.run_id == champion.run_id:
                found[target] = one.hash
    return found


def layout_text(layout: Layout) -> str:
    """Write a layout as a text of the ledger."""
    return json.dumps(layout.as_data(), ensure_ascii=False)


def put_text(ledger: Ledger, name: str, content: str) -> str:
    """Put a text into the ledger unless it is there, and return its SHA-256."""
    sha256 = name_of(content)
    if not any(entry.body["sha256"] == sha256 for entry in ledger.entries(TEXT)):
        ledger.append(TEXT, {"name": name, "sha256": sha256, "content": content})
    return sha256


def name_of(content: str) -> str:
    """Return the hash that names a text."""
    return hashlib.sha256(content.encode()).hexdigest()


def text_of(ledger: Ledger, sha256: str) -> str:
    """Return a text of the ledger by its hash; KeyError when there is none."""
    for entry in ledger.entries(TEXT):
        if entry.body["sha256"] == sha256:
            return str(entry.body["content"])
    raise KeyError(sha256)


def catalogue_of(text: str) -> Catalogue:
    """Return the features of a recorded night, as far as words and reasons need them."""
    features = [Feature(**one, expression=_not_kept) for one in json.loads(text)]
    return Catalogue(everything=tuple(features), late={})


def _reason_texts() -> dict[str, str]:
    """Return the files that reasons are worded from, by name."""
    folder = files("training") / "reasons"
    return {
        f"reasons/{one.name}": one.read_text("utf-8")
        for one in sorted(folder.iterdir(), key=str)
        if one.name.endswith(".yaml")
    }


def _not_kept(*_: object) -> Any:  # noqa: ANN401 - an expression nobody may run
    raise AssertionError("the expression of a recorded feature is not kept")


def _catalogue(catalogue: Catalogue) -> list[dict[str, Any]]:
    names = [one.name for one in fields(Feature) if one.name != "expression"]
    return [
        {name: _plain(getattr(feature, name)) for name in names} for feature in catalogue.features
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever can be written as JSON
    """Return plain data as they will be read again."""
    return json.loads(json.dumps(value, default=_said, allow_nan=False))


def _said(value: Any) -> Any:  # noqa: ANN401 - whatever JSON does not know
    return dict(value) if isinstance(value, Mapping) else str(value)


def _counts(table: pa.Table) -> list[dict[str, Any]]:
    names = [name for name in COUNTED if name in table.column_names]
    columns = pa.table({name: table[name].cast(pa.string()) for name in names})
    counted = columns.group_by(names).aggregate([([], "count_all")])
    order = [(name, "ascending") for name in names]
    return list(counted.rename_columns([*names, "count"]).sort_by(order).to_pylist())


def _sample(night: Night) -> pa.Table:
    parts: list[pa.Table] = []
    for bucket in range(night.snapshot.buckets):
        parts.append(whole_evidence(night, bucket))
        if sum(part.num_rows for part in parts) >= SAMPLE_ROWS:
            break
    return pa.concat_tables(parts)
