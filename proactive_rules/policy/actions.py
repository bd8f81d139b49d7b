"""The `actions:` and `suppress:` of a policy.yaml, each with all its faults."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

from features.settings.fields import Fields, nearest
from features.settings.spans import parse_share, parse_span
from features.settings.yaml_lines import YamlNode
from proactive_rules.policy.columns import Columns, read_condition
from proactive_rules.policy.records import (
    ANY_CHANNEL,
    LANGUAGES,
    RISKS,
    Action,
    Condition,
    Risk,
    Suppression,
    Words,
)

_NAME = "lower-case letters, digits and `_`, starting with a letter, such as service_recovery"
_SPAN = "a length of time such as 36h, 7d or 2w"
_COST = "an amount from 0, or one a channel: {phone: 4.00, email: 0.05}"
_MINUTES = "minutes from 0, or some a channel: {phone: 12}"


def parse_amount(text: str) -> float:
    """Read an amount that is not negative."""
    number = float(text.replace("_", "x"))
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


def read_actions(fields: Fields, columns: Columns) -> tuple[Action, ...]:
    """Read the actions, sorted by name: the order in the file decides nothing."""
    found = [_action(item, columns) for item in _listed(fields, "actions", "{name: ..}")]
    if not found and "actions" not in fields.node.entries:
        fields.needed("actions", "a list of actions")
    _refuse_twice(fields, [(action.name, item) for action, item in found])
    return tuple(sorted((action for action, _ in found), key=lambda action: action.name))


def read_suppressions(
    fields: Fields, columns: Columns, actions: Sequence[str]
) -> tuple[Suppression, ...]:
    """Read the suppressions, in the order in which they are told."""
    found = [
        (_suppression(item, columns, actions), item)
        for item in _listed(fields, "suppress", "{name: .., when: ..}")
    ]
    _refuse_twice(fields, [(rule.name, item) for rule, item in found])
    return tuple(rule for rule, _ in found)


def _listed(fields: Fields, key: str, example: str) -> list[Fields]:
    node = fields.given(key)
    if node is None:
        return []
    if node.kind != "list":
        fields.refuse(node, f"{node.kind_words} where a list belongs", f"`- {example}` lines")
        return []
    return [Fields(item, fields.faults) for item in node.items]


def _refuse_twice(fields: Fields, named: Sequence[tuple[str, Fields]]) -> None:
    seen: dict[str, YamlNode] = {}
    for name, item in named:
        if name and name in seen:
            words = f"`{name}` is already declared on line {seen[name].line}"
            fields.refuse(item.node, words, "each name once", "rename one")
        seen.setdefault(name, item.node)


def _suppression(fields: Fields, columns: Columns, actions: Sequence[str]) -> Suppression:
    fields.needed("when", "one SQL expression, such as `open_cases_count > 0`")
    excepted = fields.texts("except")
    for name, node in excepted:
        if name not in actions:
            fields.refuse(node, f"no action `{name}`{nearest(name, actions)}", _one_of(actions))
    rule = Suppression(
        name=_name(fields),
        when=read_condition(fields, "when", columns) or Condition(sql="false"),
        excepted=tuple(sorted({name for name, _ in excepted})),
        say=_words(fields, "say"),
    )
    fields.finish()
    return rule


def _action(fields: Fields, columns: Columns) -> tuple[Action, Fields]:
    for key, expected in (
        ("channel", "a channel or a list of them"),
        ("cost", _COST),
        ("effect", "{declared: -0.20}"),
        ("owner", "who does it, such as care"),
        ("due_in", _SPAN),
        ("purpose", "service or marketing"),
    ):
        fields.needed(key, expected)
    lowers: Risk | None = next((r for r in RISKS if r == fields.choice("for", RISKS)), None)
    channels = _channels(fields)
    when = read_condition(fields, "when", columns, extra=("cutoff",) if lowers else ())
    action = Action(
        name=_name(fields),
        purpose="service" if fields.choice("purpose", ("service", "marketing")) == "service"
        else "marketing",
        lowers=lowers,
        costs=_by_channel(fields, "cost", channels, _COST),
        minutes=_by_channel(fields, "handle_minutes", channels, _MINUTES),
        when=when or Condition(sql=f"{lowers}_risk >= cutoff" if lowers else "true"),
        effect=_effect(fields, lowers),
        owner=fields.text("owner") or "",
        due_in=fields.scalar("due_in", parse_span, _SPAN) or parse_span("24h"),
        cooldown=fields.scalar("cooldown", parse_span, _SPAN),
        value=_value(fields, columns),
        cutoff=fields.scalar("cutoff", parse_share, "a risk from 0 to 1, or 0% to 100%"),
        say=_words(fields, "say"),
        playbook=_words(fields, "playbook"),
    )  # fmt: skip
    _require_value(fields, action)
    fields.finish()
    return action, fields


def _require_value(fields: Fields, action: Action) -> None:
    """Refuse what would give an action without a risk neither a worth nor a use."""
    if action.lowers is None and action.value is None:
        fields.refuse(
            fields.node,
            "an action that lowers no risk does not say what it may bring",
            "`value_at_stake:`, as an amount or an expression",
            "add it, or say which risk it lowers with `for:`",
        )
    if action.lowers is None and action.cutoff is not None:
        at = fields.node.entries["cutoff"]
        fields.refuse(at, "a cut-off without a risk", "`for: churn` or `for: complaint`")


def _name(fields: Fields) -> str:
    node = fields.needed("name", _NAME)
    return (fields.parsed(node, _legal_name, _NAME) if node else None) or ""


def _legal_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", text):
        raise ValueError(text)
    return text


def _channels(fields: Fields) -> tuple[str, ...]:
    found = []
    for text, node in fields.texts("channel"):
        if text == ANY_CHANNEL or not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", text):
            fields.refuse(node, f"`{text[:40]}` is no channel", "a short lower-case name: email")
        elif text in found:
            fields.refuse(node, f"`{text}` is named twice", "each channel once")
        else:
            found.append(text)
    return tuple(sorted(found))


def _by_channel(
    fields: Fields, key: str, channels: Sequence[str], expected: str
) -> Mapping[str, float]:
    """Read one number for all channels, or one for each; what is not named is 0."""
    node = fields.given(key)
    if node is None:
        return dict.fromkeys(channels, 0.0)
    if node.kind != "mapping":
        number = fields.parsed(node, parse_amount, expected)
        return dict.fromkeys(channels, 0.0 if number is None else number)
    inner = Fields(node, fields.faults)
    found = dict.fromkeys(channels, 0.0)
    for name, entry in node.entries.items():
        if name not in channels:
            hint = nearest(name, channels)
            inner.refuse(entry, f"the action has no channel `{name}`{hint}", _one_of(channels))
        elif (number := inner.parsed(entry, parse_amount, expected)) is not None:
            found[name] = number
    if key == "cost" and (missing := [name for name in channels if name not in node.entries]):
        inner.refuse(node, f"no cost for {', '.join(missing)}", expected, "add it")
    return found


def _effect(fields: Fields, lowers: Risk | None) -> float:
    inner = fields.mapping("effect")
    if inner is None:
        return 0.0
    expected = (
        "a change of the risk from -1 to 0, such as -0.20 (a fifth less)"
        if lowers
        else "an added chance from 0 to 1, such as 0.02"
    )
    parse: Callable[[str], float] = _lowering if lowers else _adding
    inner.needed("declared", expected)
    found = inner.scalar("declared", parse, expected)
    inner.finish()
    return found or 0.0


def _lowering(text: str) -> float:
    if not -1 <= (number := float(text)) < 0:
        raise ValueError(text)
    return number


def _adding(text: str) -> float:
    if not 0 < (number := float(text)) <= 1:
        raise ValueError(text)
    return number


def _value(fields: Fields, columns: Columns) -> Condition | None:
    return read_condition(fields, "value_at_stake", columns, result="number")


def _words(fields: Fields, key: str) -> Words:
    """Read a sentence in every language; a rule that cannot be told is not understood."""
    expected = '{en: "..", zh: ".."}'
    fields.needed(key, expected)
    inner = fields.mapping(key)
    if inner is None:
        return dict.fromkeys(LANGUAGES, "")
    for language in LANGUAGES:
        inner.needed(language, expected)
    words = {language: inner.text(language) or "" for language in LANGUAGES}
    inner.finish()
    return words


def _one_of(names: Sequence[str]) -> str:
    return "one of " + (", ".join(filter(None, names)) or "none: there is no sound action yet")
