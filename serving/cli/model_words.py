"""What is said of models, line by line: two compared, a backtest, a retraining, a shadow."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from serving.cli.words import train_lines

if TYPE_CHECKING:
    from serving.models.retrain import Retrained

_NAMES = 5


def difference_lines(found: Mapping[str, Any]) -> list[str]:
    """Lay both versions side by side: metrics, groups that are off, and who would be contacted."""
    first, second = (one["version"] for one in found["versions"])
    dates = ", ".join(found["test_as_of"])
    lines = [
        f"{found['target']}: version {second} beside {first}, on {found['rows']:,} rows of {dates}",
        f"{'':18}{first:>10}{second:>10}   difference",
    ]
    for name, one in found["metrics"].items():
        cells = "".join(_cell(one[side]["value"]) for side in ("first", "second"))
        lines.append(f"{name:18}{cells}   {_signed(one['difference'])}")
    ratios = [f"{one['ratio']:.3f}" for one in found["calibration"]]
    lines.append(f"{'observed/predicted':18}{ratios[0]:>10}{ratios[1]:>10}")
    for version, groups in zip((first, second), found["groups"], strict=True):
        lines.append(_groups(version, groups))
    return [*lines, "", *_decisions(found["decisions"], second)]


def _groups(version: str, groups: list[Mapping[str, Any]]) -> str:
    off = [one for one in groups if not one["fair"]]
    if not off:
        return f"version {version}: right for each of {len(groups)} groups, as far as one can know"
    said = ", ".join(f"{one['kind']} {one['name']} {one['ratio']['value']:.2f}" for one in off)
    return f"version {version}: observed over predicted is off for {said}"


def _decisions(found: Mapping[str, Any], second: str) -> list[str]:
    entered, left = found["entered"], found["left"]
    lines = [
        (
            f"the list of {found['as_of']} with version {second}: {entered['count']:,} enter the"
            f" contacts, {left['count']:,} leave, {found['other_action']:,} get another action"
        ),
    ]
    for way, rows in (("enters", entered["rows"]), ("leaves", left["rows"])):
        lines += [
            f"  {way} {row['customer_id']}: {row['action']} by {row['channel']}"
            for row in rows[:_NAMES]
        ]
    return lines


def _cell(value: float | None) -> str:
    return f"{'-':>10}" if value is None else f"{value:>10.4f}"


def _signed(one: Mapping[str, float | None]) -> str:
    if one["value"] is None or one["low"] is None or one["high"] is None:
        return "-"
    return f"{one['value']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"


def backtest_lines(found: Mapping[str, Any]) -> list[str]:
    """Say how models fade by age, and how often to train."""
    lines = [f"{found['target']}: what an older model has more than a fresh one, paired"]
    lines += [
        f"  {one['age_days']:>4} days old  ROC AUC {_signed(one['roc_auc_gained'])}"
        f"  log loss {_signed(one['log_loss_gained'])}{'  FADED' if one['faded'] else ''}"
        for one in found["ages"]
    ]
    if found["lasts_days"] is None:
        return [*lines, f"no fading seen; train again every {found['rhythm_days']} days at least"]
    return [*lines, f"models last about {found['lasts_days']} days: train again that often"]


def retrain_lines(found: "Retrained") -> list[str]:
    """Say what became of one target, and what to read."""
    if found.report is None:
        return [f"{found.target}: {found.why}"]
    lines = [f"{found.target}: trained because {found.why}", *train_lines(found.report)]
    if found.difference is not None:
        moved = found.difference["decisions"]
        lines.append(
            f"  next contacts  {moved['entered']['count']:,} enter,"
            f" {moved['left']['count']:,} leave"
        )
    return [*lines, f"read {found.page}"]


def shadow_lines(found: Mapping[str, Any]) -> list[str]:
    """Say night by night how far the challenger agrees, and who was right where that is known."""
    lines = [
        (
            f"{found['target']}: version {found['version']} in the shadow of the champion,"
            f" {len(found['nights'])} of {found['nights_wanted']} nights"
        )
    ]
    lines += [
        f"  {one['as_of']}  {one['customers']:>8,} customers  rank correlation"
        f" {_three(one['rank_correlation'])}  highest tenth in common"
        f" {one['top_decile_in_common']:.0%}"
        for one in found["nights"]
    ]
    if found["mature"] is None:
        return [*lines, "  no label of these nights is complete yet"]
    lines.append(f"  on {found['mature']['rows']:,} answers, challenger less champion:")
    pairs = found["mature"]["differences"].items()
    return lines + [f"    {name:16} {_signed(one)}" for name, one in pairs]


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
