"""One decision out of its record, as plain data: for the command line and for pages."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from features.errors import NotReady
from features.whole import write_json
from features.workspace import Workspace
from proactive_rules.why import Why, why
from serving.audit.looks import put_look
from serving.audit.reading import Found, Missing, Records
from serving.ledger import Place, prove
from serving.risk_list import REASONS


@dataclass(frozen=True, kw_only=True)
class Sum:
    """How one risk came about: base + contributions = margin, calibrated to the risk.

    Attributes
    ----------
    contributions : by feature, on the log-odds, signed; the largest first.
    low, high : interval of the risk, 95%; None where the model's test showed nothing.
    """

    target: str
    version: str
    sha256: str
    margin: float
    base: float
    risk: float
    low: float | None
    high: float | None
    band: str
    contributions: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Everything a record says of one decision.

    Attributes
    ----------
    place : its place in the ledger.
    recorded_at, recorded_by : when and by whom it was put on record.
    features : value of each, as of the date; `typical` that of the night's customers.
    row : what was decided from and what was decided, with the trace of every rule and limit.
    why : the same in words.
    run : what all decisions of the night share.
    """

    decision_id: str
    customer_id: str
    place: Place
    as_of: date
    instant: datetime
    recorded_at: datetime
    recorded_by: str
    sums: tuple[Sum, ...]
    features: Mapping[str, Any]
    typical: Mapping[str, Any]
    reasons: tuple[str, ...]
    reason_codes: tuple[str, ...]
    row: Mapping[str, Any]
    why: Why
    run: Mapping[str, Any]
    policy_version: str
    environment: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def show_decision(workspace: Workspace, decision_id: str, language: str) -> Shown:
    """Read a decision from its record, and put on record that it was looked at.

    Raises
    ------
    NotReady : there is no such record, or the person was erased, or its time is over.
    """
    records = Records(workspace)
    found = find_decision(records, decision_id)
    put_look(records.ledger, "audit show", found.places)
    return shown(found, 0, language)


def find_decision(records: Records, decision_id: str) -> Found:
    """Find one readable record.

    Raises
    ------
    NotReady : there is none; the message says why.
    """
    found, missing = records.of_decisions([decision_id])
    if found:
        return found[0]
    raise _gone(missing[0])


def shown(found: Found, place: int, language: str) -> Shown:
    """Lay out one of the records found."""
    night, parts = found.night, found.parts
    body = night.body
    row = parts.decision.slice(place, 1).to_pylist()[0]
    said = parts.said.slice(place, 1).to_pylist()[0]
    features = parts.features.slice(place, 1).drop_columns("customer_id").to_pylist()[0]
    mine = parts.before.filter(pc.equal(parts.before["customer_id"], row["customer_id"]))
    standing = [one for one in mine.to_pylist() if one["state"] in ("sent", "reserved")]
    entry = night.ledger.entry(found.places[place].seq)
    words = (said[f"reason_{number}"] for number in REASONS)
    return Shown(
        decision_id=parts.decision_id[place].as_py(),
        customer_id=row["customer_id"],
        place=found.places[place],
        as_of=night.as_of,
        instant=night.instant,
        recorded_at=entry.at,
        recorded_by=entry.actor,
        sums=_sums(parts.sums.slice(place, 1).to_pylist()[0], row, body["models"]),
        features=features,
        typical=body["typical"],
        reasons=tuple(word for word in words if word),
        reason_codes=tuple(code for code in (said["reason_codes"] or "").split(";") if code),
        row=row,
        why=why(row, night.policy, body["run"], standing, as_of=night.instant, language=language),
        run=body["run"],
        policy_version=body["policy"]["version"],
        environment=body["environment"],
    )


def write_proof(workspace: Workspace, decision_id: str, path: Path) -> None:
    """Write what proves one record, without showing any other."""
    records = Records(workspace)
    found = find_decision(records, decision_id)
    put_look(records.ledger, "audit show --proof", found.places)
    write_json(path, prove(records.ledger, found.places[0]))


def _sums(
    sums: Mapping[str, float | None], row: Mapping[str, Any], models: Mapping[str, Any]
) -> tuple[Sum, ...]:
    found = []
    for target, model in models.items():
        margin, base = sums[f"{target}:margin"], sums[f"{target}:base"]
        if margin is None or base is None:
            continue
        start = f"{target}:shap:"
        parts = {
            name.removeprefix(start): value
            for name, value in sums.items()
            if name.startswith(start) and value is not None
        }
        found.append(
            Sum(
                target=target,
                version=model["version"],
                sha256=model["sha256"],
                margin=margin,
                base=base,
                risk=row[f"{target}_risk"],
                low=row[f"{target}_risk_low"],
                high=row[f"{target}_risk_high"],
                band=row[f"{target}_band"],
                contributions=dict(sorted(parts.items(), key=lambda one: -abs(one[1]))),
            )
        )
    return tuple(found)


def _gone(missing: Missing) -> NotReady:
    problems = {
        "unknown": "there is no such decision on record, or the time of its record is over",
        "erased": f"the person was erased on {missing.on}",
        "expired": "its record is past the time for which records are kept",
    }
    return NotReady(
        f"decision {missing.decision_id}",
        problems[missing.why],
        "the `decision_id` of a list, of somebody who was not erased since",
        "look it up in the list of its date (`lists/<date>/risk_list.csv`)",
    )
