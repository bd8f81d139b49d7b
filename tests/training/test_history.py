"""The history of promotions: linear, whoever writes and whoever dies; the alias is its mirror."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import BrokenRecord, Conflict
from features.workspace import Workspace
from tests.training.made_rows import made_workspace
from training.promotion.history import (
    NOTHING,
    History,
    Promotion,
    champion_before,
    history_file,
    open_history,
    promotions,
)
from training.promotion.promote import mirror
from training.registry import CHAMPION, alias_of, list_models, load_champion
from training.tracking import open_store

ROOT = Path(__file__).parents[2]


def _model(version: str) -> dict[str, str]:
    return {"target": "churn", "version": version, "sha256": f"sha {version}", "run_id": version}


def _append(history: History, version: str, after: int) -> Promotion:
    return history.append("promote", _model(version), after=after, by="ana", evidence={"n": 1})


def _entry(kind, version: str) -> Promotion:
    return Promotion(
        **_model(version), place=0, kind=kind, by="", at="", evidence={}, previous="", hash=""
    )


def test_a_promotion_follows_the_one_before(tmp_path: Path) -> None:
    """By place and by hash, each target for itself."""
    with open_history(made_workspace(tmp_path)) as history:
        first, second = _append(history, "1", 0), _append(history, "2", 1)
        assert (first.place, first.previous) == (1, NOTHING)
        assert (second.place, second.previous) == (2, first.hash)
        assert history.of("churn") == (first, second)
        assert history.of("complaint") == ()


def test_of_two_that_saw_the_same_champion_one_wins(tmp_path: Path) -> None:
    """The other is told which champion came instead."""
    with open_history(made_workspace(tmp_path)) as history:
        _append(history, "1", 0)
        with pytest.raises(Conflict, match="now version 1, promoted by ana"):
            _append(history, "2", 0)


@pytest.mark.parametrize(
    "statement", ["UPDATE promotions SET by = 'eve'", "DELETE FROM promotions"]
)
def test_the_file_refuses_changes(tmp_path: Path, statement: str) -> None:
    """Whoever opens it with another tool is told, too."""
    market = made_workspace(tmp_path)
    with open_history(market) as history:
        _append(history, "1", 0)
    with (
        sqlite3.connect(history_file(market)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="a promotion is never"),
    ):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE promotions SET by = 'eve' WHERE place = 1", "DELETE FROM promotions WHERE place = 1"],
)
def test_a_change_behind_its_back_is_seen(tmp_path: Path, statement: str) -> None:
    """Without the triggers: the hashes no longer fit."""
    market = made_workspace(tmp_path)
    with open_history(market) as history:
        _append(history, "1", 0)
        _append(history, "2", 1)
    with sqlite3.connect(history_file(market)) as connection:
        connection.execute("DROP TRIGGER promotions_stay")
        connection.execute("DROP TRIGGER promotions_are_kept")
        connection.execute(statement)
    with pytest.raises(BrokenRecord, match="was changed, or one before it is missing"):
        promotions(market, "churn")


@given(st.lists(st.sampled_from(["1", "2", "3", "back"]), max_size=30))
@settings(max_examples=200, deadline=None)
def test_for_any_history_going_back_undoes_promotions_one_by_one(steps: list[str]) -> None:
    """As a pile: promoting lays on top, unless it lies there already; going back takes off."""
    history: list[Promotion] = []
    pile: list[str] = []
    for step in steps:
        before = champion_before(tuple(history))
        assert (before.version if before else None) == (pile[-2] if len(pile) > 1 else None)
        if step != "back":
            history.append(_entry("promote", step))
            pile += [step] if not pile or pile[-1] != step else []
        elif before is not None:
            history.append(_entry("rollback", before.version))
            pile.pop()


def test_an_alias_set_by_hand_is_set_right(two: Workspace) -> None:
    """Anybody with MLflow's page can move it; who serves is not decided there."""
    store = open_store(two)
    store.client.set_registered_model_alias("shop-churn", CHAMPION, "1")
    assert [model.version for model in list_models(two) if model.champion] == ["2"]
    mirror(store, two, "churn")
    assert alias_of(store, "shop-churn") == "2"


def _start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.training.promoting", *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _raced(market: Workspace, processes: int, times: int) -> tuple[int, int]:
    """Let processes promote against each other; return attempts told of, and those that won."""
    started = [_start("race", market.folder, times, number) for number in range(processes)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=240)[0]) for process in started]
    return sum(one["won"] + one["lost"] for one in told), sum(one["won"] for one in told)


@pytest.mark.parametrize(
    ("processes", "times"), [(3, 12), pytest.param(8, 50, marks=pytest.mark.slow)]
)
def test_promotions_of_several_processes_make_one_line(
    two: Workspace, processes: int, times: int
) -> None:
    """No entry is lost or doubled (the chain is read whole), and the alias is the last of them."""
    start = len(promotions(two, "churn"))
    attempts, won = _raced(two, processes, times)
    history = promotions(two, "churn")
    assert attempts == processes * times
    # whoever wanted the champion of that moment won without an entry
    assert 0 < len(history) - start <= won
    assert len({one.by for one in history[start:]}) > 1
    assert alias_of(open_store(two), "shop-churn") == history[-1].version


def _killed(market: Workspace, every: int) -> list[tuple[str, str, str, int, bool]]:
    """Return for each kill: champion before, version wanted, champion after, entries, killed."""
    out, _ = _start("kill", market.folder, every).communicate(timeout=240)
    return [tuple(one) for one in json.loads(out)]


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_promotion_leaves_the_old_champion_or_the_new(two: Workspace, every: int) -> None:
    """Killed at many lines of it (slow: at each); and the next look sets the alias right."""
    found = _killed(two, every)
    assert len(found) > 5
    assert not found[-1][-1]
    for old, new, head, more, _ in found:
        assert (head, more) in {(old, 0), (new, 1)}
    assert {more for *_, more, _ in found} == {0, 1}
    assert load_champion(two, "churn") is not None
    store = open_store(two)
    mirror(store, two, "churn")
    assert alias_of(store, "shop-churn") == promotions(two, "churn")[-1].version
