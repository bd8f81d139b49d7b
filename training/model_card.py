"""One page about a model, made from its run: what it is for, how good, and what it does not know.

Self-contained HTML: it opens in MLflow, in a browser and from an e-mail.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.bootstrap import Interval
from training.evaluate import Evaluation
from training.observed import Observed

METRIC_WORDS = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "top_decile_lift": "Lift of the top tenth",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "Calibration error",
}


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the page shows.

    ``facts`` are pairs of words and value; ``warnings`` and ``checks`` sentences.
    """

    title: str
    question: str
    facts: Sequence[tuple[str, str]]
    observed: Sequence[Observed]
    ours: Evaluation
    baseline: Evaluation
    warnings: Sequence[str]
    checks: Sequence[Mapping[str, Any]]
    pictures: Sequence[Path]
    cross_validated: bool


def write_card(card: Card, path: Path) -> None:
    """Write the page."""
    from jinja2 import Environment, StrictUndefined

    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = page.from_string(_PAGE)
    path.write_text(
        template.render(
            card=card,
            rows=[_row(name, words, card) for name, words in METRIC_WORDS.items()],
            periods=[_period(period) for period in card.ours.periods],
            kinds=[_kind(one) for one in card.observed],
            images=[_image(picture) for picture in card.pictures],
        ),
        encoding="utf-8",
    )


def _row(name: str, words: str, card: Card) -> dict[str, str]:
    return {
        "words": words,
        "ours": _shown(card.ours.metrics[name]),
        "baseline": _shown(card.baseline.metrics[name]),
    }


def _period(period: Any) -> dict[str, str]:  # noqa: ANN401 - a Period, its fields read by name
    return {
        "as_of": f"{period.as_of}",
        "rows": f"{period.rows:,}",
        "base_rate": f"{period.base_rate:.1%}",
        "auc": _shown(period.metrics["roc_auc"]),
        "lift": _shown(period.metrics["top_decile_lift"]),
        "ece": _shown(period.metrics["ece"]),
    }


def _kind(one: Observed) -> dict[str, str]:
    seen = f"{one.seen.value:.1%} [{one.seen.low:.1%}, {one.seen.high:.1%}]"
    return {
        "kind": one.kind,
        "name": one.name.replace("_", " "),
        "rows": f"{one.rows:,}",
        "said": f"{one.said:.1%}",
        "seen": seen,
        "ratio": f"{one.seen.value / one.said:.2f}" if one.said else "",
    }


def _shown(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _image(path: Path) -> dict[str, str]:
    data = base64.b64encode(path.read_bytes()).decode()
    return {"name": path.stem.replace("_", " "), "data": f"data:image/png;base64,{data}"}


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ card.title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;max-width:60rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
.question{color:#52606d;margin:.2rem 0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid #e4e7eb;vertical-align:top}td{font-variant-numeric:tabular-nums}
.warn{background:#fff7e6;border-left:4px solid #d9822b;padding:.4rem .8rem;margin:.4rem 0}
.pictures{display:flex;flex-wrap:wrap;gap:1rem}.pictures img{max-width:100%;flex:1 1 26rem}
.yes{color:#0b6e4f}.no{color:#b23b32}
</style></head><body>
<h1>{{ card.title }}</h1>
<p class="question">{{ card.question }}</p>
{% for words in card.warnings %}<p class="warn">{{ words }}</p>
{% endfor %}
<h2>How good it is</h2>
<table><tr><th>metric</th><th>this procedure</th><th>plain logistic baseline</th></tr>
{% for row in rows %}
<tr><td>{{ row.words }}</td><td>{{ row.ours }}</td><td>{{ row.baseline }}</td></tr>
{% endfor %}
</table>
<p>Mean over the test dates, with the middle 95% of 1,000 bootstraps of customers.
{% if card.cross_validated %}
All rows are of one date, so the figures come from stratified 5-fold cross-validation of customers:
they say how well other customers of the same day are ordered, not those of a later time.
{% else %}
The figures belong to the procedure: for each test date a model was trained only on what was known
by then. The served model is the same procedure applied to everything known since.
{% endif %}
</p>
<table><tr><th>test date</th><th>customers</th><th>cases</th><th>ROC AUC</th><th>lift</th>
<th>calibration error</th></tr>
{% for period in periods %}
<tr><td>{{ period.as_of }}</td><td>{{ period.rows }}</td><td>{{ period.base_rate }}</td>
<td>{{ period.auc }}</td><td>{{ period.lift }}</td><td>{{ period.ece }}</td></tr>
{% endfor %}
</table>
<h2>Whether risks hold what they say</h2>
<table><tr><th></th><th></th><th>customers</th><th>risk said</th><th>cases seen</th>
<th>seen / said</th></tr>
{% for kind in kinds %}
<tr><td>{{ kind.kind }}</td><td>{{ kind.name }}</td><td>{{ kind.rows }}</td><td>{{ kind.said }}</td>
<td>{{ kind.seen }}</td><td>{{ kind.ratio }}</td></tr>
{% endfor %}
</table>
<p>Bands begin where the odds are 4, 2 and 1 times those of the training rows. A history is thin
while it holds at most one sign of life: its order is believed only as far as it held out of time.
</p>
<h2>What it is</h2>
<table>
{% for words, value in card.facts %}
<tr><td>{{ words }}</td><td>{{ value }}</td></tr>
{% endfor %}
</table>
<h2>The gate</h2>
<table>
{% for check in card.checks %}
<tr><td class="{{ 'yes' if check.passed else 'no' }}">{{ 'passed' if check.passed else 'failed' }}
</td><td>{{ check.name.replace('_', ' ') }}</td><td>{{ check.words }}</td></tr>
{% endfor %}
</table>
<h2>Pictures</h2>
<div class="pictures">
{% for image in images %}<img alt="{{ image.name }}" src="{{ image.data }}">
{% endfor %}
</div>
<h2>What it does not know</h2>
<p>Contributions say what the model read, not what would happen if it were changed. Risks are
calibrated on earlier months; a season or a business unlike them moves them. Customers are
compared with others of the same workspace only.</p>
</body></html>
"""
