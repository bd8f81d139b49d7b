"""The limits of a policy.yaml: frequency caps, capacities and hours a day, languages."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar, get_args

from features.settings.fields import Fields, nearest
from features.settings.spans import parse_span
from features.settings.yaml_lines import YamlNode
from proactive_rules.policy.records import ANY_CHANNEL, FrequencyCap, Purpose

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
SPAN = "a length of time such as 36h, 7d or 2w"
Number = TypeVar("Number", int, float)


def read_limits(fields: Fields, channels: Sequence[str]) -> tuple[FrequencyCap, ...]:
    """Read the frequency caps, in an order that their place in the file cannot change."""
    node = fields.given("limits")
    if node is None:
        return ()
    if node.kind != "list":
        fields.refuse(node, f"{node.kind_words} where a list belongs", "`- {channel: any, ..}`")
        return ()
    found = [_limit(Fields(item, fields.faults), channels) for item in node.items]
    # In an order of their own: how they are listed decides nothing.
    return tuple(sorted({one for one in found if one}, key=lambda one: repr(_key(one))))


def _key(limit: FrequencyCap) -> tuple[object, ...]:
    return limit.channel, limit.within, limit.most, limit.exempt


def _limit(fields: Fields, channels: Sequence[str]) -> FrequencyCap | None:
    for key, expected in (("channel", "any, or a channel"), ("max", "a number"), ("within", SPAN)):
        fields.needed(key, expected)
    channel = fields.choice("channel", (ANY_CHANNEL, *channels))
    within = fields.scalar("within", parse_span, SPAN)
    exempt = ("service",) if "exempt" not in fields.node.entries else _exempt(fields)
    most = fields.whole("max", default=1, lowest=0)
    fields.finish()
    if channel is None or within is None:
        return None
    return FrequencyCap(channel=channel, most=most, within=within, exempt=exempt)


def _exempt(fields: Fields) -> tuple[Purpose, ...]:
    found: list[Purpose] = []
    for text, node in fields.texts("exempt"):
        known = [purpose for purpose in PURPOSES if purpose == text]
        if not known:
            fields.refuse(node, f"no purpose `{text}`", "a list of service, marketing")
        found += known
    return tuple(sorted(set(found)))


def per_day(
    fields: Fields, key: str, names: Sequence[str], what: str, kind: Callable[[str], Number]
) -> dict[str, Number]:
    """Read `{phone: 40/day}`: how much of something each of some names has a day."""
    inner = fields.mapping(key)
    if inner is None:
        return {}

    def parse(text: str) -> Number:
        number = kind(re.sub(r" ?/ ?day$", "", text))
        if not 0 <= number <= 10**9:
            raise ValueError(text)
        return number

    found: dict[str, Number] = {}
    for name, node in inner.node.entries.items():
        inner.given(name)
        if name not in names:
            hint = nearest(name, names)
            inner.refuse(node, f"no action has the {what} `{name}`{hint}", "one of " + _list(names))
        elif (number := inner.parsed(node, parse, "a number a day, such as 40/day")) is not None:
            found[name] = number
    return found


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none: there is no sound action yet"


def read_languages(fields: Fields, channels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read which languages a channel speaks; one that says nothing speaks all."""
    inner = fields.mapping("channels")
    if inner is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for name in inner.node.entries:
        one = inner.mapping(name)
        if one is None:
            continue
        if name not in channels:
            _refuse_channel(inner, one.node, name, channels)
        found[name] = tuple(sorted({text for text, _ in one.texts("languages")}))
        one.finish()
    return {name: spoken for name, spoken in found.items() if spoken}


def _refuse_channel(fields: Fields, node: YamlNode, name: str, channels: Sequence[str]) -> None:
    fields.refuse(
        node,
        f"no action has the channel `{name}`{nearest(name, channels)}",
        "one of " + _list(channels),
    )
