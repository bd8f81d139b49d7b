"""What the card of a model says, gathered from its run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from features.workspace import Target
from training.fitted import Fitted
from training.model import RiskModel
from training.model_card import Card
from training.procedure import Recipe
from training.promotion.gate import Check
from training.run_facts import code_fingerprint


def card_of(
    name: str, fitted: Fitted, checks: Sequence[Check], sha256: str, pictures: Sequence[Path]
) -> Card:
    """Gather everything the card of a run shows."""
    model, plan = fitted.model, fitted.dataset.plan
    facts = (
        ("trained on", f"{len(fitted.rows.labels):,} rows of {_days(fitted.recipe.train_on)}"),
        ("cases among them", f"{model.base_rate:.1%}"),
        ("made of", _members(fitted.recipe)),
        ("chosen on", ", ".join(fitted.recipe.validated_on)),
        ("calibration", _calibration(model)),
        ("base rate", _base_rate(fitted.recipe)),
        ("set right by group", _groups(model)),
        ("fingerprint of the code", code_fingerprint()),
        ("features read", f"{len(model.names)}"),
        ("fingerprint of the rows", fitted.dataset.fingerprint),
        ("SHA-256 of the model", sha256),
    )  # fmt: skip
    return Card(
        title=f"Model card: {name}",
        question=_question(fitted.target),
        facts=facts,
        observed=(*fitted.judgement.bands, *fitted.judgement.groups),
        ours=fitted.judgement.ours,
        baseline=fitted.judgement.baseline,
        warnings=[warning["message"] for warning in fitted.warnings],
        checks=[check.as_dict() for check in checks],
        pictures=pictures,
        cross_validated=plan.cross_validated,
    )


def _members(recipe: Recipe) -> str:
    lines = sum(weight > 0 for name, weight in recipe.weights.items() if name != "trees")
    return (
        f"{lines} lines and {recipe.trees} trees of LightGBM (weight {recipe.weights['trees']:.2f})"
    )


def _calibration(model: RiskModel) -> str:
    return f"risk = sigmoid({model.calibrator.a:.4f} x margin {model.calibrator.b:+.4f})"


def _base_rate(recipe: Recipe) -> str:
    """Say how the level of risk moved between training and later rows, and what is carried on."""
    seen = ", ".join(f"{day} {shift:+.2f}" for day, shift in recipe.shifts.items())
    season = "" if recipe.season is None else f"; the same season a year ago {recipe.season:+.2f}"
    return f"log-odds seen less expected, at {seen}{season}; carried on: {recipe.carried_on:+.2f}"


def _groups(model: RiskModel) -> str:
    said = [
        f"{group.column} {group.level}: slope {group.slope:.2f}, shift {group.shift:+.2f}"
        for group in model.groups.found
    ]
    return "; ".join(said) or "none: no group differs beyond chance"


def _question(target: Target) -> str:
    asked = {
        "lapse": "Will a customer who bought recently buy nothing",
        "contract": "Will a customer's contract end without another",
        "complaint": "Will an active customer complain",
        "outcomes": f"Will the outcome '{target.name}' be recorded for a customer",
    }[target.kind]
    ahead = f" from day {target.lead_days} on" if target.lead_days else ""
    return f"{asked} within {target.horizon_days} days{ahead}?"


def _days(days: Sequence[Any]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} dates, {days[0]} to {days[-1]}"
