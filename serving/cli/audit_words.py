"""What `forestay audit` says to people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.audit.replay import Replayed
    from serving.audit.shown import Shown
    from serving.erasure import ErasureReport
    from serving.ledger import Verification


def shown_lines(found: "Shown") -> list[str]:
    """Lay a decision out for people: what, why, the sum, the rules, and what was not done."""
    lines = [
        f"decision {found.decision_id} about {found.customer_id}, as of {found.as_of}",
        f"  recorded {found.recorded_at:%Y-%m-%d %H:%M:%S} UTC by {found.recorded_by}",
        f"  entry {found.place.seq}, record {found.place.index} of the ledger",
        f"  {found.why.sentence}",
        *(f"  because: {reason}" for reason in found.reasons),
    ]
    for one in found.sums:
        sure = "" if one.low is None else f" [{one.low:.1%}, {one.high:.1%}]"
        lines += [
            "",
            f"{one.target} risk {one.risk:.1%}{sure}, {one.band}",
            f"  model {one.version} ({one.sha256[:12]})",
            f"  margin {one.margin:+.4f} = base {one.base:+.4f} and these contributions:",
        ]
        for name, value in list(one.contributions.items())[:8]:
            lines.append(f"  {value:+.4f}  {name} = {_value(found.features.get(name))}")
        rest = list(one.contributions.values())[8:]
        lines.append(f"  {sum(rest):+.4f}  {len(rest)} other features")
    lines.append("")
    for other in found.why.alternatives:
        name = f"{other.action} by {other.channel}"
        said = "done" if other.taken else f"{other.reason} -> {other.differ}"
        lines.append(f"  {name:32} {said}")
    lines.append("")
    return lines + [f"  [{'x' if rule.holds else ' '}] {rule.words}" for rule in found.why.rules]


def answered_lines(told: Mapping[str, Any]) -> list[str]:
    """Lay an answer of the service out for people: to whom, about whom, what, and from what."""
    answer = told["answer"]
    (seq, index), night = told["place"], told["night"][:8]
    lines = [
        f"answer {told['record_id']} about {answer['customer_id']}, as of {answer['as_of']}",
        f"  told {told['at']} to {told['caller']}, request {told['request_id']}",
        f"  entry {seq}, record {index} of the ledger",
        f"  {answer['status']}, {answer['events_since_list']} events since list {night}",
        *(f"  away: {one}" for one in answer["degraded"]),
    ]
    for target in ("churn", "complaint"):
        if (one := answer[target]) is None:
            continue
        model = told["models"][target]
        lines += ["", f"{target} risk {one['risk']:.1%}, {one['band']}",
                  f"  model {model['version']} ({model['sha256'][:12]})"]  # fmt: skip
        lines += [f"  {r['contribution']:+.4f}  {r['text'] or r['code']}" for r in one["reasons"]]
    if "evidence" not in told:
        lines += ["", "  features and contributions stand in the record of that night"]
    return lines


def _value(value: object) -> str:
    if value is None:
        return "not known"
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def verified_lines(found: "Verification") -> list[str]:
    """Say what was verified, and what that proves."""
    lines = [f"{found.entries:,} entries and {found.records:,} records verified: untouched"]
    lines += [f"  proven      {one}" for one in found.proven]
    return lines + [f"  not proven  {one}" for one in found.not_proven]


def replayed_lines(found: "Replayed") -> list[str]:
    """Say whether decisions came out the same, and what differs."""
    lines = [f"{found.same:,} of {found.asked:,} decisions made again, the same to the last bit"]
    if found.at_margin:
        lines.append(f"  {found.at_margin:,} of them were decided by what was left of the limits")
    for one in found.differences:
        apart = "" if one.apart is None else f", {one.apart:.3g} apart"
        lines.append(
            f"  {one.field} differs in {one.records:,}: recorded {one.recorded!r}, now"
            f" {one.now!r}{apart} (decision {one.decision_id})"
        )
    for gone in found.missing:
        on = f" on {gone.on}" if gone.on else ""
        lines.append(f"  {gone.decision_id or 'a record'}: {gone.why}{on}")
    for name, (then, now) in found.environment.items():
        lines.append(f"  environment: {name} was {then or 'not there'}, is {now}")
    return lines + [f"  note: {note}" for note in found.notes]


def erased_lines(found: "ErasureReport") -> list[str]:
    """Say what is gone, and what remains where Forestay cannot reach."""
    rows = ", ".join(f"{count:,} of {name}" for name, count in found.rows.items() if count)
    ids = "one id" if found.ids == 1 else f"{found.ids} ids"
    lines = [
        f"erased on {found.on}: {ids}; the keys of the records are shredded",
        f"  rows         {rows or 'none'}; {found.outcomes:,} of outcomes taken back",
        f"  snapshots    {found.snapshots}",
        f"  list files   {found.list_files}; {found.decisions:,} decisions kept beside lists",
        f"  pages        {found.pages} reports deleted",
        "  from now on  refused at every ingest",
        "what remains",
    ]
    lines += [
        f"  your source  {label} still holds rows: delete them there" for label in found.sources
    ]
    lines += [f"  model        {name} was trained before" for name in found.models]
    lines += [f"  look at      {name}: an id of the person occurs in it" for name in found.found_in]
    if not found.list_files and not any(found.rows.values()):
        lines.append("  note         nothing of that id was found; was it written as in your data?")
    return [*lines, "  elsewhere    backups, and lists and contacts that were sent already"]
