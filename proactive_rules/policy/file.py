"""`policy.yaml`: read, check, and make a `Policy`, with every fault at once.

Top of the file here; its actions and suppressions in `actions`. Bytes in, records out: who
has the file on disk is not known here. Which columns a condition may read is told by the caller.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from importlib.resources import files

from features.errors import BadInput, ForestayError, raise_faults
from features.settings.fields import Fields, nearest
from features.settings.spans import parse_share, parse_span
from features.settings.yaml_lines import parse_yaml
from features.tables import CONTACTS
from proactive_rules.policy.actions import parse_amount, read_actions, read_suppressions
from proactive_rules.policy.columns import Columns, read_condition
from proactive_rules.policy.limits import (
    PURPOSES,
    SPAN,
    per_day,
    read_languages,
    read_limits,
)
from proactive_rules.policy.records import (
    Budget,
    Condition,
    Fairness,
    Holdout,
    HumanReview,
    Policy,
    Purpose,
    QuietHours,
)

FILE = "policy.yaml"
_PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
_SHARE = "a share from 0 to 1, or 0% to 100%"
_CLOCK = 'a time of day in quotes, such as "21:00"'
_DEFAULTS = Policy(version="", actions=())


def shipped_policy() -> bytes:
    """Return the policy that holds where a workspace has none of its own."""
    return files("proactive_rules.policy").joinpath(FILE).read_bytes()


def read_policy(content: bytes, *, columns: Columns, file: str = FILE) -> Policy:
    """Read and check a policy.

    Parameters
    ----------
    content : the bytes of the file.
    columns : what conditions may read.
    file : its name, for messages.

    Raises
    ------
    BadInput : it cannot be read or used; `Faults` when there are several, each with its line.
    """
    faults: list[ForestayError] = []
    node = parse_yaml(content, file, faults)
    if node is None and not faults:
        faults.append(BadInput(file, "the file is empty", "at least one action", _COPY))
    raise_faults(faults if node is None or node.kind != "mapping" else ())
    if node is None or node.kind != "mapping":
        raise BadInput(file, "it holds no settings", "`key: value` lines", _COPY)
    policy = _read(Fields(node, faults), columns)
    raise_faults(sorted(faults, key=_line))
    return policy


def _line(fault: ForestayError) -> int:
    """Return the line of a fault, so that they are told in the order of the file."""
    found = re.search(r", line (\d+)", fault.where)
    return int(found[1]) if found else 0


_COPY = "start from the shipped policy: `forestay rules check` says where it is"


def _read(fields: Fields, columns: Columns) -> Policy:
    actions = read_actions(fields, columns)
    policy = Policy(
        version=_version(fields),
        actions=actions,
        suppress=read_suppressions(fields, columns, [action.name for action in actions]),
        limits=(),
        budget=_budget(fields),
        holdout=_holdout(fields),
        review=_review(fields, columns),
        silence=_silence(fields),
        quiet=_quiet(fields),
        reserve_for=_reserve_for(fields),
        fairness=_fairness(fields, columns),
        answered=_answered(fields),
    )
    policy = replace(
        policy,
        limits=read_limits(fields, policy.channels),
        capacity=per_day(fields, "capacity", policy.channels, "channel", int),
        hours=per_day(fields, "hours", _owners(policy), "owner", float),
        languages=read_languages(fields, policy.channels),
    )
    fields.finish()
    return policy


def _owners(policy: Policy) -> tuple[str, ...]:
    review = [policy.review.owner] if policy.review else []
    return tuple(dict.fromkeys([*(action.owner for action in policy.actions), *review]))


def _version(fields: Fields) -> str:
    expected = "a short name or number, such as 1 or 2026-spring"
    node = fields.needed("version", expected)
    return (fields.parsed(node, _short, expected) if node else None) or ""


def _short(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", text):
        raise ValueError(text)
    return text


def _reserve_for(fields: Fields) -> timedelta:
    found = fields.scalar("reservation", _reservation, SPAN)
    return _DEFAULTS.reserve_for if found is None else found


def _reservation(text: str) -> timedelta:
    return timedelta() if text in ("0", "0h", "0d") else parse_span(text)


def _budget(fields: Fields) -> Budget | None:
    inner = fields.mapping("budget")
    if inner is None:
        return None
    inner.needed("amount", "an amount in the workspace's currency")
    amount = inner.scalar("amount", parse_amount, "an amount from 0")
    per = inner.choice("per", tuple(_PERIODS)) or "day"
    inner.finish()
    return None if amount is None else Budget(amount=amount, per=_PERIODS[per])


def _holdout(fields: Fields) -> Holdout:
    inner = fields.mapping("holdout")
    if inner is None:
        return Holdout()
    found = Holdout(
        everything=inner.scalar("global", parse_share, _SHARE) or 0.0,
        per_action=inner.scalar("per_action", parse_share, _SHARE) or 0.0,
        key=inner.text("key") or Holdout.key,
    )
    inner.finish()
    return found


def _review(fields: Fields, columns: Columns) -> HumanReview | None:
    inner = fields.mapping("human_review")
    if inner is None:
        return None
    inner.needed("owner", "who reviews, such as care")
    inner.needed("hours_per_day", "how many hours a day they have for it")
    found = HumanReview(
        share=inner.scalar("share", parse_share, _SHARE) or 0.0,
        always_when=read_condition(inner, "always_when", columns, extra=("expected_value",)),
        owner=inner.text("owner") or "",
        hours_per_day=inner.scalar("hours_per_day", parse_amount, "hours from 0") or 0.0,
        minutes=inner.scalar("minutes", _minutes, "minutes above 0") or 10.0,
    )
    inner.finish()
    return found


def _minutes(text: str) -> float:
    if not (found := parse_amount(text)):
        raise ValueError(text)
    return found


def _silence(fields: Fields) -> Mapping[Purpose, bool]:
    silence = dict(_DEFAULTS.silence)
    inner = fields.mapping("consent")
    if inner is None:
        return silence
    if unknown := inner.mapping("when_unknown"):
        for purpose in PURPOSES:
            if found := unknown.choice(purpose, ("allowed", "denied")):
                silence[purpose] = found == "allowed"
        unknown.finish()
    inner.finish()
    return silence


def _quiet(fields: Fields) -> QuietHours | None:
    inner = fields.mapping("quiet_hours")
    if inner is None:
        return None
    begin, end = (inner.needed(key, _CLOCK) for key in ("from", "to"))
    times = [inner.parsed(node, _clock, _CLOCK) if node else None for node in (begin, end)]
    if times[0] is not None and times[0] == times[1]:
        inner.refuse(inner.node, "`from` and `to` are the same time", "two different times")
    inner.finish()
    if times[0] is None or times[1] is None:
        return None
    return QuietHours(begin=times[0], end=times[1])


def _clock(text: str) -> time:
    if not re.fullmatch(r"\d\d:\d\d", text):
        raise ValueError(text)
    return time.fromisoformat(text)


def _fairness(fields: Fields, columns: Columns) -> Fairness | None:
    inner = fields.mapping("fairness")
    if inner is None:
        return None
    node = inner.needed("by", "a column that names the groups, such as region")
    by = node.text.strip() if node and node.kind == "text" else ""
    texts = columns.texts | columns.unmapped_texts
    if node and by not in texts:
        known = ", ".join(sorted(texts)) or "none"
        inner.refuse(node, f"no text column `{by}`{nearest(by, texts)}", f"one of {known}")
    within = inner.scalar("within", parse_share, _SHARE)
    inner.finish()
    return Fairness(by=by, within=0.05 if within is None else within)


def _answered(fields: Fields) -> Condition:
    columns = Columns(numbers=frozenset(), texts=frozenset(CONTACTS.names), typed=False)
    return read_condition(fields, "answered", columns) or _DEFAULTS.answered
