"""The gate a model passes before it serves: conditions with their numbers, kept with the model.

A model without skill never serves. One that loses more than a margin to the champion on the same
customers and dates does not replace it; the comparison is paired, in the same bootstrap worlds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.bootstrap import Interval
from training.evaluate import Evaluation
from training.promotion.fairness import HIGHEST, LOWEST, GroupRatio
from training.promotion.golden import CLOSE, Proof
from training.sufficiency import LEAST_OF_EACH

#: A mean difference of risk and rate above this is no probability any more.
ECE_LIMIT = 0.15
#: A smaller difference to the champion is no reason to keep the older model.
MATERIAL = 0.005
#: A larger loss of ROC AUC is one, however wide its interval.
MARGIN = 0.02
#: A customer waits for one score; a night for all of them.
ONE_MS, THOUSAND_MS = 50.0, 2000.0
#: Groups named in a sentence.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of the gate, and what was found."""

    name: str
    passed: bool
    words: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the record."""
        return asdict(self)


def gate(
    found: Evaluation,
    against: Interval | None,
    groups: Sequence[GroupRatio] = (),
    proof: Proof | None = None,
) -> tuple[Check, ...]:
    """Check everything a model must be before it serves.

    Parameters
    ----------
    found : the new model's evaluation.
    against : its ROC AUC less the champion's, on common rows; None where there are none.
    groups : observed over predicted of each group on the test dates.
    proof : what the model says of its golden rows once it was loaded.
    """
    about_it = (_enough_cases(found), _skill(found), _calibrated(found))
    checks = (*about_it, not_worse(against), _fair(groups))
    return checks if proof is None else (*checks, *loads_and_scores(proof))


def _enough_cases(found: Evaluation) -> Check:
    cases = round(sum(period.rows * period.base_rate for period in found.periods))
    rarer = min(cases, sum(period.rows for period in found.periods) - cases)
    told = f"the test dates hold {rarer:,} of the rarer answer; at least {LEAST_OF_EACH} are needed"
    return Check(name="has_enough_cases", passed=rarer >= LEAST_OF_EACH, words=told)


def _skill(found: Evaluation) -> Check:
    auc = found.metrics["roc_auc"]
    words = f"ROC AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]; chance is .5"
    return Check(name="has_skill", passed=not found.no_skill, words=words)


def _calibrated(found: Evaluation) -> Check:
    ece = found.metrics["ece"]
    words = f"mean calibration error {ece.value:.3f}; at most {ECE_LIMIT}"
    return Check(name="is_calibrated", passed=ece.value <= ECE_LIMIT, words=words)


def not_worse(against: Interval | None) -> Check:
    """Check that a model does not lose more than a margin, nor surely anything that matters."""
    name = "not_worse_than_champion"
    if against is None:
        return Check(name=name, passed=True, words="no champion was tested on the same rows")
    words = (
        f"ROC AUC less the champion's {against.value:+.4f} "
        f"[{against.low:+.4f}, {against.high:+.4f}] on the same rows; "
        f"at most {MARGIN} may be lost, and {MATERIAL} where it is sure"
    )
    surely = against.high < 0 and against.value <= -MATERIAL
    return Check(name=name, passed=not surely and against.value >= -MARGIN, words=words)


def _fair(groups: Sequence[GroupRatio]) -> Check:
    off = sorted((one for one in groups if not one.fair), key=lambda one: -abs(one.ratio.value - 1))
    if not groups:
        words = "no group is large enough to tell"
    elif not off:
        words = (
            f"observed over predicted is within {LOWEST} to {HIGHEST}, or may be 1, "
            f"for each of {len(groups)} groups"
        )
    else:
        said = ", ".join(
            f"{one.kind} {one.name} {one.ratio.value:.2f} "
            f"[{one.ratio.low:.2f}, {one.ratio.high:.2f}]"
            for one in off[:_NAMED]
        )
        words = f"observed over predicted is off for {len(off)} of {len(groups)} groups: {said}"
    return Check(name="is_fair", passed=not off, words=words)


def loads_and_scores(proof: Proof) -> tuple[Check, ...]:
    """Check that a loaded model says what it said when it was made, and says it quickly."""
    if proof.off is None:
        same = "it was made before golden rows were kept: train again"
    else:
        same = f"golden rows differ by at most {proof.off:.3g}; {CLOSE:g} are allowed"
    quick = proof.one_ms <= ONE_MS and proof.thousand_ms <= THOUSAND_MS
    words = (
        f"one customer in {proof.one_ms:.1f} ms, a thousand in {proof.thousand_ms:.0f} ms; "
        f"at most {ONE_MS:.0f} and {THOUSAND_MS:.0f}"
    )
    return (
        Check(
            name="golden_rows_equal",
            passed=proof.off is not None and proof.off <= CLOSE,
            words=same,
        ),
        Check(name="is_fast", passed=quick, words=words),
    )


def passed(checks: Sequence[Check]) -> bool:
    """Whether every check of the gate holds."""
    return all(check.passed for check in checks)


def gate_words(checks: Sequence[Check]) -> str:
    """Say what failed, in one line."""
    return "; ".join(f"{check.name}: {check.words}" for check in checks)


def reasons(checks: Sequence[Check]) -> Mapping[str, str]:
    """Return the words of the checks that failed."""
    return {check.name: check.words for check in checks if not check.passed}
