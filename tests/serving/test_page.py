"""The page of the list."""

import json
import re
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from proactive_rules.policy.sentences import both_languages
from serving import page as pages
from serving.histogram import histogram
from serving.page import Page, PageRows, render
from serving.page_words import CONTACTED, LISTED, RISKS
from serving.policy_words import cutoff_lines, limit_lines
from serving.risk_list import with_reason_target
from serving.sureness import sureness
from tests.serving.made_up import AS_OF, FACTS, joined, scores

POLICY = FACTS.policy
SEEN = {"value": 0.78, "low": 0.74, "high": 0.82}
JUDGED = {
    "bands": [{"kind": "band", "name": "very_high", "rows": 1046, "said": 0.84, "seen": SEEN}],
    "groups": [{"kind": "history", "name": "thin", "rows": 90, "said": 0.6, "seen": SEEN}],
    "base_rate": {"trained": 0.4, "origins": {}, "season": -0.8, "carried_on": -0.4},
}
LIMIT = {
    "code": "capacity_phone", "unit": "contacts", "limit": 40.0, "held": 3.0, "used": 37.0,
    "left": 0.0, "price": 41.0,
}  # fmt: skip
CUT_OFF = {"computed": 0.05, "with_limits": 0.2, "typed": 0.3}


def rendered(rows=None):
    """Render a page of made-up rows."""
    rows = with_reason_target(joined(250) if rows is None else rows, POLICY)
    shown = PageRows("UTC")
    shown.write(rows)
    acts = {action.name: dict(action.say) for action in POLICY.actions}
    page = Page(
        workspace="made-up",
        as_of=str(AS_OF),
        language="en",
        currency="GBP",
        total=rows.num_rows,
        tiles=[{"value": "250", "words": LISTED}, {"value": "12", "words": CONTACTED}],
        warnings=[{"en": "Consent was not checked.", "zh": "未核对客户同意。"}],
        histograms=[histogram(rows["churn_risk"], {"high": 0.5}, RISKS["churn"])],
        sureness=sureness({"churn": JUDGED}),
        actions=[{"action": one, "count": 3, "hours": "24"} for one in POLICY.actions],
        limits=limit_lines([LIMIT], "GBP"),
        cut_offs=cutoff_lines({"win_back": CUT_OFF}, acts),
        changes=[{"words": LISTED, "value": "3", "causes": {"en": "new data 3", "zh": "新数据 3"}}],
        notes=[{"en": "A note.", "zh": "说明。"}],
        why_not=both_languages(POLICY),
        action_words=acts,
    )
    return render(page, shown.columns())


def data_of(html):
    """Read the rows that the scripts show."""
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_page_needs_nothing_from_outside():
    """No address, so it opens behind a firewall; a policy in the page forbids loading."""
    html = rendered()
    assert not re.search(r"https?:|//[a-z]|<link|@import|url\(", html)
    assert "default-src 'none'" in html


def test_page_says_how_sure_a_band_is():
    """Share of leavers seen in each band with its interval; a level that was moved is told."""
    text = rendered()
    assert "very high: 78% [74%, 82%] of 1,046; 84% expected" in text
    assert "at most one sign of life so far: 78% [74%, 82%] of 90" in text
    assert "moved down by 0.40 of log-odds: the same season a year ago showed so" in text


def test_page_says_what_one_more_of_a_limit_is_worth():
    """Used and held places, the shadow price, and the cut-offs beside a typed one."""
    html = rendered()
    assert "Places of phone: 37 of 40, 3 held by earlier decisions; one more place is worth" in html
    assert "41.00 GBP" in html
    assert "pays from 5.0%, with the limits from 20.0%; typed: 30.0%" in html


def test_page_carries_both_languages():
    """Every reason is there twice, and the reader switches."""
    data = data_of(rendered())
    assert len(data["reasons_en"]) == len(data["reasons_zh"]) == 250
    said = [reasons[0] for reasons in data["reasons_en"]]
    place = next(number for number, words in enumerate(said) if "usually buys" in words)
    assert "通常" in data["reasons_zh"][place][0]


def test_page_shows_rows_without_scripts():
    """The first rows stand in the page itself."""
    html = rendered()
    body = re.search(r'<tbody id="rows">(.*?)</tbody>', html, re.DOTALL)[1]
    assert body.count("<tr>") == pages.FIRST_ROWS


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>", "<img src=x>", '"&\u2028'])
def test_page_cannot_be_broken_by_a_customer(name):
    """A customer may be called anything, and is shown as called."""
    scored = scores(30)
    ids = scored["customer_id"].to_pylist()
    scored = scored.set_column(0, "customer_id", [[name, *ids[1:]]])
    html = rendered(joined(30, scored))
    assert name in data_of(html)["customer_id"]
    assert html.count("<script") == 2
    assert "<img" not in html


def test_page_is_well_formed():
    """Every element that is opened is closed, in order."""

    class Checker(HTMLParser):
        void = frozenset({"meta", "line", "rect", "input", "img"})
        opened: list[str]

        def handle_starttag(self, tag, attrs):  # noqa: ARG002 - the parser's signature
            if tag not in self.void:
                self.opened.append(tag)

        def handle_endtag(self, tag):
            if tag not in self.void:
                assert self.opened.pop() == tag

    checker = Checker()
    checker.opened = []
    checker.feed(rendered())
    assert checker.opened == []


def test_page_says_no_more_than_it_can_show(monkeypatch):
    """Rows beyond the limit are left to the CSV and Parquet files."""
    monkeypatch.setattr(pages, "SHOWN_ROWS", 40)
    assert len(data_of(rendered())["rank"]) == 40


def test_histogram_counts_everyone_once_and_marks_the_cuts():
    """Without any risk there is no picture."""
    risks = joined(500)["churn_risk"]
    picture = histogram(risks, {"high": 0.5}, RISKS["churn"])
    titles = [int(bar.title.rsplit(" ", 1)[1]) for bar in picture.bars]
    assert sum(titles) == 500
    assert [cut.title for cut in picture.cuts] == ["high: 50.0%"]
    assert histogram(risks.slice(0, 0), {}, RISKS["churn"]) is None


def test_page_shows_customers_of_whom_little_is_known():
    """Neither descriptors nor reasons: the row is there all the same."""
    rows = with_reason_target(joined(20), POLICY)
    for place, name in enumerate(rows.column_names):
        if "reason_" in name or name in {"segment", "region", "language"}:
            nothing = pa.nulls(20, rows.schema.field(name).type)
            rows = rows.set_column(place, name, nothing)
    data = data_of(rendered(rows.drop_columns(["reason_target"])))
    assert data["about"] == [""] * 20
    assert data["reasons_en"] == [[]] * 20
