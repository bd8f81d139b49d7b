"""What the page of a simulation shows, made from its data: tiles, pictures, tables, groups."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from proactive_rules.policy.sentences import named
from serving.page_words import CODES, Words
from serving.risk_list import LANGUAGES
from serving.simulation_chart import Chart, chart
from serving.simulation_page import SimulationPage
from serving.simulation_pairs import (
    NOTHING,
    Pair,
    bars,
    highest,
    number,
    pair,
    part,
    percent,
    points,
)
from serving.simulation_words import (
    ASSUMPTIONS,
    CONTACTS,
    ENTER,
    GROUPED,
    HELD_OUT,
    LEAVE,
    MONEY,
    MONEY_BY_NIGHT,
    NEW,
    NOT_LISTED,
    OLD,
    REACHED,
    REVIEWS,
    SAME,
    SHIPPED,
    VALUE,
    VALUE_BY_NIGHT,
    contacts_by,
    left_out_words,
    limit_words,
    only_words,
    period,
)

#: So many reasons, and so many groups of a kind; the JSON beside the page holds all.
REASONS, GROUPS = 14, 14
_STAGES = ("potential", "new", "active", "loyal", "lapsing", "lost")


def simulation_page(found: Mapping[str, Any], language: str) -> SimulationPage:
    """Lay out a simulation; `found` is what `simulation.simulate` gives."""
    nights = found["nights"]
    return SimulationPage(
        workspace=found["workspace"],
        as_of=found["as_of"],
        language=language,
        currency=found["currency"],
        period=period(len(nights), nights[0]["as_of"], nights[-1]["as_of"]),
        policies=_policies(found["policies"]),
        warnings=_warnings(found),
        tiles=_tiles(found["total"]),
        charts=_charts(nights, channels_of(found)),
        nights=_nights(nights, channels_of(found)),
        channels=channels_of(found),
        only=only_words(*found["only"]),
        actions=_actions(found),
        reasons=_reasons(found["reasons"]),
        limits=_limits(found),
        groups=_groups(found["groups"]),
        movers=_movers(found),
        assumptions=ASSUMPTIONS,
    )


def channels_of(found: Mapping[str, Any]) -> list[str]:
    """Name the channels of both policies, sorted."""
    return sorted({channel for total in found["total"] for channel in total["contacts"]})


def sum_of(counts: Mapping[str, int]) -> int:
    """Add up counts by name."""
    return sum(counts.values())


def _policies(policies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "words": words,
            "label": one["version"],
            "file": SHIPPED if one["file"] == "shipped" else dict.fromkeys(LANGUAGES, one["file"]),
        }
        for kind, words, one in zip(("old", "new"), (OLD, NEW), policies, strict=True)
    ]


def _warnings(found: Mapping[str, Any]) -> list[Words]:
    told = [left_out_words(found["left_out"], found["data_from"])] if found["left_out"] else []
    return [*told, SAME] if found["same"] else told


def _tiles(total: Sequence[Mapping[str, Any]]) -> list[Pair]:
    return [
        pair(CONTACTS, [sum_of(one["contacts"]) for one in total]),
        pair(REACHED, [one["reached"] for one in total]),
        pair(MONEY, [one["cost"] for one in total]),
        pair(VALUE, [one["expected_value"] for one in total]),
        pair(REVIEWS, [one["decisions"]["human_review"] for one in total]),
        pair(HELD_OUT, [one["decisions"]["held_out"] for one in total]),
    ]


def _charts(nights: Sequence[Mapping[str, Any]], channels: Sequence[str]) -> list[Chart]:
    days = [night["as_of"] for night in nights]

    def lines(*path: str) -> dict[str, list[float]]:
        return {
            kind: [_at(night["policies"][place], path) for night in nights]
            for place, kind in enumerate(("old", "new"))
        }

    return [
        *(chart(contacts_by(one), days, lines("contacts", one)) for one in channels),
        chart(MONEY_BY_NIGHT, days, lines("cost"), ",.2f"),
        chart(VALUE_BY_NIGHT, days, lines("expected_value")),
    ]


def _at(total: Mapping[str, Any], path: Sequence[str]) -> float:
    found: Any = total
    for name in path:
        found = found.get(name, 0)
    return float(found)


def _nights(nights: Sequence[Mapping[str, Any]], channels: Sequence[str]) -> list[dict[str, Any]]:
    most = max([1, *(max(night["entered"], night["left"]) for night in nights)])
    return [
        {
            "day": night["as_of"],
            "contacts": [
                [number(one["contacts"].get(channel)) for one in night["policies"]]
                for channel in channels
            ],
            "cost": [number(one["cost"]) for one in night["policies"]],
            "value": [number(one["expected_value"]) for one in night["policies"]],
            **{
                way: {"count": number(night[way]), "part": part(night[way], most)}
                for way in ("entered", "left")
            },
        }
        for night in nights
    ]


def _actions(found: Mapping[str, Any]) -> list[Pair]:
    says = {name: say for one in found["policies"] for name, say in one["actions"].items()}
    pairs = [
        (say, [one["actions"].get(name) for one in found["total"]]) for name, say in says.items()
    ]
    return bars(sorted(pairs, key=lambda one: -highest([one[1]])))


def _reasons(reasons: Sequence[Mapping[str, Any]]) -> list[Pair]:
    return bars([(one["say"], one["counts"]) for one in reasons[:REASONS]])


def _limits(found: Mapping[str, Any]) -> list[Pair]:
    """Tell of each limit which part is used, and on how many nights one more had been welcome."""
    total, nights = found["total"], len(found["nights"])
    limits = []
    for code in dict.fromkeys(code for one in total for code in one["room"]):
        parts = [_used(one, code) for one in total]
        bound = [one["bound"].get(code) for one in total]
        limits.append(
            Pair(
                words=limit_words(code),
                old=percent(parts[0]),
                new=percent(parts[1]),
                old_part=part(parts[0], 1),
                new_part=part(parts[1], 1),
                change=" → ".join(NOTHING if one is None else f"{one} / {nights}" for one in bound),
            )
        )
    return limits


def _used(total: Mapping[str, Any], code: str) -> float | None:
    if code not in total["room"]:
        return None
    room = total["room"][code]
    return total["used"][code] / room if room else 1.0


def _groups(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lay out the largest groups of each kind; all bars of a page share one scale."""
    most = highest([one["shares"] for one in groups])
    found = []
    for by, items in groupby(groups, key=lambda one: one["by"]):
        largest = sorted(items, key=lambda one: -one["customers"])[:GROUPS]
        shown = sorted(largest, key=lambda one: (_stage(one["name"]), one["name"]))
        found.append(
            {
                "words": GROUPED.get(by, dict.fromkeys(LANGUAGES, by)),
                "pairs": [_share(one, most) for one in shown],
                "most": percent(most),
            }
        )
    return found


def _share(group: Mapping[str, Any], most: float) -> Pair:
    old, new = group["shares"]
    return Pair(
        words=CODES.get(group["name"], dict.fromkeys(LANGUAGES, group["name"])),
        old=percent(old),
        new=percent(new),
        old_part=part(old, most),
        new_part=part(new, most),
        change="" if None in (old, new) else points(old, new),
        note=f"{group['customers']:,.0f}",
    )


def _stage(name: str) -> int:
    return _STAGES.index(name) if name in _STAGES else len(_STAGES)


def _movers(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    last, counts = found["last_night"], found["nights"][-1]
    ways = zip(("entered", "left"), (ENTER, LEAVE), (1, 0), strict=True)
    return [
        {
            "words": words,
            "count": number(counts[way]),
            "rows": [_mover(row, found["policies"][does]["actions"]) for row in last[way]],
        }
        for way, words, does in ways
    ]


def _mover(row: Mapping[str, Any], says: Mapping[str, Words]) -> dict[str, Any]:
    nothing = dict.fromkeys(LANGUAGES, "")
    return {
        "id": row["customer_id"],
        "stage": CODES.get(row["stage"], nothing) if row["stage"] else nothing,
        "decision": row["decision"],
        "does": says[row["action"]],
        "channel": {one: named(row["channel"], one) for one in LANGUAGES},
        "value": number(row["expected_value"]),
        "say": row["say"] or NOT_LISTED,
    }
