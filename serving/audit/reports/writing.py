# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""Pages gathered and written: `forestay audit report`, and later the service, ask here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted, open_accepted, read_bucket
from features.errors import BadInput, ForestayError, NotReady
from features.snapshots import open_snapshot
from features.whole import write_text
from features.workspace import Workspace
from serving.audit.looks import looks_at, put_look
from serving.audit.reading import Found, Records
from serving.audit.record import listed_only
from serving.audit.replay import replay_decisions
from serving.audit.reports.acts import ACTS, act_words, promotions
from serving.audit.reports.calibration import calibration_words
from serving.audit.reports.customer import CustomerPage, customer_report
from serving.audit.reports.decision import DecisionPage, decision_report
from serving.audit.reports.model import ModelPage, model_report
from serving.audit.reports.overrides import overrides
from serving.audit.reports.period import PeriodPage, period_report
from serving.audit.reports.report import render, words
from serving.audit.reports.spoken_reasons import spoken_reasons
from serving.audit.rescoring import recorded_model
from serving.audit.shown import find_decision, shown
from serving.ledger import Ledger, verify
from serving.page_words import Words
from serving.score import split_by_bucket


def page_of(workspace: Workspace, asked: Sequence[str], language: str) -> str:
    """Make the page that is asked for, as one HTML file.

    Parameters
    ----------
    asked : ``decision ID``, ``model TARGET VERSION``, ``customer ID`` or ``period FROM TO``.

    Raises
    ------
    BadInput : it is not asked for as it should be. NotReady : there is no such thing on record.
    """
    kind, *rest = asked
    made = {"decision": _decision, "model": _model, "customer": _customer, "period": _period}
    needed = {"decision": 1, "model": 2, "customer": 1, "period": 2}
    if len(rest) != needed[kind]:
        raise BadInput(
            f"forestay audit report {kind}",
            f"{len(rest)} words where {needed[kind]} belong",
            "decision ID, model TARGET VERSION, customer ID, or period FROM TO",
            "look at `forestay audit report --help`",
        )
    return made[kind](workspace, rest, language)


def write_page(
    workspace: Workspace, asked: Sequence[str], path: Path | None, language: str
) -> Path:
    """Write the page that is asked for, as `page_of` makes it; return where it lies.

    Parameters
    ----------
    path : where; below ``reports/`` in the workspace by default, a customer's without the id.
    """
    text = page_of(workspace, asked, language)
    name = "-".join(asked)
    if asked[0] == "customer":
        name = f"customer-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    target = path or workspace.folder / "reports" / f"{name}.html"
    write_text(target, text)
    return target


def _decision(workspace: Workspace, asked: Sequence[str], language: str) -> str:
    records = Records(workspace)
    found = find_decision(records, asked[0])
    put_look(records.ledger, "audit report decision", found.places)
    english, chinese = (shown(found, 0, one) for one in ("en", "zh"))
    row = found.parts.features.slice(0, 1)
    page = DecisionPage(
        shown=english,
        chinese=chinese,
        language=language,
        currency=found.night.body["currency"],
        features={one.name: one for one in found.night.catalogue.features},
        calibrations={
            one.target: _calibration(workspace, found, one.target, row, one.margin)
            for one in english.sums
        },
        reasons={
            one.target: spoken_reasons(found.night.catalogue, row, one.contributions)
            for one in english.sums
        },
        verified=_verified(records.ledger),
        replayed=_replayed(records, workspace, asked[0]),
    )
    return render(decision_report(page))


def _calibration(
    workspace: Workspace, found: Found, target: str, row: pa.Table, margin: float
) -> Words:
    try:
        champion = recorded_model(workspace, target, found.night.body["models"][target])
    except ForestayError as error:
        told = f"not shown: {error.problem}"
        return words(told, told)
    return calibration_words(champion, row, margin)


def _verified(ledger: Ledger) -> Words:
    found = verify(ledger)
    if found.faults:
        first = found.faults[0]
        return words(f"FAILED at {first.where}: {first.problem}", f"未通过：{first.where}")
    proven = "; ".join(found.proven)
    missing = "; ".join(found.not_proven)
    told = f"{proven}. Not proven: {missing}" if missing else proven
    return words(
        told, f"{found.entries} 条记录已全部验证" + (f"；未能证明：{missing}" if missing else "")
    )


def _replayed(records: Records, workspace: Workspace, decision_id: str) -> Words:
    found = replay_decisions(records, workspace, [decision_id])
    if found.is_same:
        return words("made again for this page, the same to the last bit", "为本页重做，逐位相同")
    fields = ", ".join(one.field for one in found.differences) or "; ".join(found.notes)
    return words(f"made again with differences: {fields}", f"重做存在差异：{fields}")


def _model(workspace: Workspace, asked: Sequence[str], language: str) -> str:
    from training.shown_model import model_facts

    name, version = asked
    target = workspace.targets.get(name)
    if target is None:
        raise NotReady(
            f"models of {workspace.name}",
            f"there is no target {name}",
            f"one of {', '.join(workspace.targets)}",
            "look at `forestay models list`",
        )
    facts = model_facts(workspace, name, version, _sample(workspace))
    page = ModelPage(
        name=f"{workspace.name}-{name}",
        language=language,
        kind=target.kind,
        horizon_days=target.horizon_days,
        active_within_days=target.active_within_days,
        protected=workspace.protected,
        facts=facts,
    )
    return render(model_report(page))


def _sample(workspace: Workspace) -> pa.Table:
    """Take customers of the newest snapshot; its first bucket is a random part of all."""
    folders = sorted((workspace.state / "snapshots").glob("as_of=*"))
    if not folders:
        raise NotReady(
            "snapshots", "there is none", "features of some date", "run `forestay features`"
        )
    day = date.fromisoformat(folders[-1].name.removeprefix("as_of="))
    return open_snapshot(workspace, day).read(0)


def _customer(workspace: Workspace, asked: Sequence[str], language: str) -> str:
    (customer,) = asked
    records = Records(workspace)
    if day := records.keyring.erased_on(customer):
        raise NotReady("customer", f"erased on {day}", "somebody who was not erased", "ask another")
    found, _ = records.of_customer(customer)
    places = [place for one in found for place in one.places]
    before = [
        (f"{entry.at:%Y-%m-%d %H:%M}", entry.actor, str(entry.body["command"]))
        for entry in looks_at(records.ledger, places, {one.night.entry.seq for one in found})
    ]
    put_look(records.ledger, "audit report customer", places)
    told = [
        (shown(one, place, "en"), shown(one, place, "zh"))
        for one in found
        for place in range(len(one.places))
        if one.parts.decision_id[place].is_valid
    ]
    accepted = open_accepted(workspace)
    page = CustomerPage(
        customer_id=customer,
        language=language,
        decisions=told,
        known=_known(found),
        contacts=_own_rows(accepted, "contacts", customer, "sent_at"),
        consents=_own_rows(accepted, "consents", customer, "changed_at"),
        looks=before,
    )
    return render(customer_report(page))


def _known(found: Sequence[Found]) -> list[tuple[Words, str]]:
    """Say what was known at the newest decision; other records hold contacts and answers only."""
    decided = [(one, listed_only(one.parts)) for one in found]
    decided = [(one, parts) for one, parts in decided if len(parts.decision_id)]
    if not decided:
        return []
    newest, parts = decided[-1]
    row = parts.features.slice(len(parts.decision_id) - 1, 1).to_pylist()[0]
    named = {one.name: one.says for one in newest.night.catalogue.features}
    return [
        (words(says["en"], says.get("zh", says["en"])), _plain(row[name]))
        for name, says in named.items()
        if row.get(name) is not None
    ]


def _plain(value: Any) -> str:  # noqa: ANN401 - a number or a text
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _own_rows(
    accepted: Accepted, table: str, customer: str, by: str
) -> Sequence[Mapping[str, Any]]:
    """Read a customer's rows of an accepted table, oldest first."""
    if table not in accepted.tables:
        return ()
    split = split_by_bucket(pa.chunked_array([[customer]]), accepted.buckets)
    bucket = next(place for place, ids in enumerate(split) if len(ids))
    rows = read_bucket(accepted, table, bucket)
    return list(rows.filter(pc.equal(rows["customer_id"], customer)).sort_by(by).to_pylist())


def _period(workspace: Workspace, asked: Sequence[str], language: str) -> str:
    from training.promotion.history import promotions as promotions_of

    first, last = (_day(one) for one in asked)
    records = Records(workspace)
    ledger = records.ledger
    nights = [night for night in records.nights() if first <= night.as_of <= last]
    put_look(ledger, "audit report period", nights=[night.entry.seq for night in nights])
    days = (first - timedelta(days=1), last + timedelta(days=1))
    page = PeriodPage(
        first=first,
        last=last,
        language=language,
        workspace=workspace.name,
        nights=[{**night.body, "actor": night.entry.actor} for night in nights],
        overrides=overrides(workspace, [night.as_of for night in nights]),
        promotions=promotions(
            [one for name in workspace.targets for one in promotions_of(workspace, name)],
            first,
            last,
        ),
        acts=[
            (f"{entry.at:%Y-%m-%d %H:%M}", entry.actor, act_words(entry.kind, entry.body))
            for entry in ledger.entries(*ACTS)
            if days[0] < entry.at.date() < days[1]
        ],
        verified=_verified(ledger),
    )
    return render(period_report(page))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "forestay audit report period",
            f"{text!r} is no date",
            "two days, such as 2011-12-01 2011-12-31",
            "correct it",
        ) from None
