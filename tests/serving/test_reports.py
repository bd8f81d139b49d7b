"""Pages for auditors: whole in one file, everything escaped, every number that of the record."""

import re
import shutil
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

import features.feature_store
from features.errors import BadInput, NotReady
from features.settings import load_workspace
from serving.audit.reports import calibration, report, writing
from serving.audit.reports.acts import promotions
from serving.audit.reports.model import ModelPage, model_report
from serving.audit.reports.period import PeriodPage, period_report
from serving.audit.reports.report import Report, Section, Table, render, words
from serving.audit.reports.waterfall import SHOWN, Sum, waterfall
from tests.serving.small_shop import AS_OF, made_up_models, write_recorded

TEMPLATE = Path(report.__file__).parents[2] / "templates" / "audit_report.html"


@pytest.fixture(scope="module")
def shop_on_disk(tmp_path_factory):
    """Decide for one night in a small shop."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        write_recorded(folder, patch)
    return folder


@pytest.fixture
def shop(shop_on_disk, tmp_path, monkeypatch):
    """Copy the shop."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder, symlinks=True)
    made_up_models(monkeypatch)
    monkeypatch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
    # A rule of thumb has no calibration to write out; that of real models is tested below.
    monkeypatch.setattr(writing, "calibration_words", lambda *_: words("as it is", "原值"))
    return load_workspace(folder)


class _Addresses(HTMLParser):
    """Everything a page would fetch, and whether its elements close."""

    def __init__(self):
        super().__init__()
        self.fetched, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.fetched += [v for k, v in attributes if k in ("src", "href") and v]
        if tag not in ("meta", "br", "img", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_whole(text):
    """One file that closes what it opens and fetches nothing."""
    page = _Addresses()
    page.feed(text.replace("/>", ">"))
    assert page.open == []
    assert all(one.startswith("data:") for one in page.fetched)
    assert "@media print" in text


def first(shop):
    """Return the first row of the list."""
    folder = shop.lists / f"{AS_OF}"
    return pq.read_table(folder / "risk_list.parquet", partitioning=None).to_pylist()[0]


def test_a_decision_page_shows_the_record(shop):
    """Risk, sum, every feature and rule, verification, and that it was made again."""
    row = first(shop)
    path = writing.write_page(shop, ("decision", row["decision_id"]), None, "en")
    text = path.read_text("utf-8")
    check_whole(text)
    assert path.parent == shop.folder / "reports"
    risk = f"{row['churn_risk']:.2%}"
    for said in (row["customer_id"], row["decision_id"], risk, "recency_days"):
        assert said in text
    assert "the same to the last bit" in text
    assert "nothing between the first and the last entry was edited" in text
    assert "<svg" in text


def test_a_customer_page_tells_decisions_and_who_looked(shop):
    """In plain words, in both languages, with the looks before."""
    row = first(shop)
    writing.write_page(shop, ("decision", row["decision_id"]), None, "en")
    text = writing.write_page(shop, ("customer", row["customer_id"]), None, "zh").read_text("utf-8")
    check_whole(text)
    assert 'data-lang="zh"' in text[:200]
    assert "audit report decision" in text
    assert row["decision_id"] in text
    assert "Days since the last order" in text


def test_a_period_page_counts_what_was_decided(shop):
    """Its numbers are those of the list."""
    asked = ("period", "2011-07-01", "2011-07-31")
    text = writing.write_page(shop, asked, None, "en").read_text("utf-8")
    check_whole(text)
    count = pq.read_metadata(shop.lists / f"{AS_OF}" / "risk_list.parquet").num_rows
    assert f">{count:,}<" in text
    empty = writing.write_page(shop, ("period", "2001-07-01", "2001-07-31"), None, "en")
    assert "No night is on record." in empty.read_text("utf-8")


@pytest.mark.parametrize("asked", [("model", "churn"), ("period", "2011-07-01"), ("decision",)])
def test_a_page_that_is_not_fully_asked_for_is_refused(shop, asked):
    """The message says what belongs there."""
    with pytest.raises(BadInput, match="belong"):
        writing.write_page(shop, asked, None, "en")


def test_what_does_not_exist_is_told(shop):
    """A decision nobody took, a target nobody asks about, a day that is none."""
    with pytest.raises(NotReady):
        writing.write_page(shop, ("decision", "no-such-id"), None, "en")
    with pytest.raises(NotReady):
        writing.write_page(shop, ("model", "weather", "1"), None, "en")
    with pytest.raises(BadInput):
        writing.write_page(shop, ("period", "july", "august"), None, "en")


def test_nothing_a_customer_is_called_can_end_an_element():
    """Names, values and words are escaped, in text and in pictures."""
    evil = "</td><script>alert(1)</script>"
    text = render(
        Report(
            title=words(evil, evil),
            subtitle=evil,
            language="en",
            summary=[(words(evil, "x"), evil)],
            warnings=[words(evil, evil)],
            sections=[
                Section(
                    heading=words(evil, evil),
                    tables=[
                        Table(
                            caption=words(evil, evil),
                            headings=[words(evil, evil)],
                            rows=[[evil], [words(evil, "y")]],
                        )
                    ],
                )
            ],
            footer=[words(evil, evil)],
        )
    )
    assert "<script>alert" not in text
    check_whole(text)
    drawn = waterfall(Sum(base=0, contributions={"a": 1.0}, margin=1), {"a": evil}, "o", ("b", "m"))
    assert "<script>" not in drawn


def test_the_template_shows_every_field_and_nothing_else():
    """What a page receives is a record whose fields say what they are for, all of them shown."""
    text = TEMPLATE.read_text("utf-8")
    kinds = {"report": Report, "section": Section, "table": Table, "bar": report.Bar,
             "picture": report.Picture}  # fmt: skip
    for name, kind in kinds.items():
        assert is_dataclass(kind)
        assert all(one.metadata.get("help") for one in fields(kind)), name
        shown = set(re.findall(rf"\b{name}\.(\w+)", text))
        assert shown == {one.name for one in fields(kind)}, name


def test_a_waterfall_begins_at_the_base_and_ends_at_the_margin():
    """Bars lie one behind the other; those that are not shown make one more."""
    values = {f"f{n}": (-1) ** n * (n + 1) / 10 for n in range(SHOWN + 3)}
    base, margin = -0.5, -0.5 + sum(values.values())
    one = Sum(base=base, contributions=values, margin=margin)
    drawn = waterfall(one, {name: name for name in values}, "others", ("base", "margin"))
    assert drawn.count("<rect") == SHOWN + 1
    assert f"base {base:+.3f}" in drawn
    assert f"margin {margin:+.3f}" in drawn
    assert "3 others" in drawn
    lefts = [float(x) for x in re.findall(r'<rect x="([\d.]+)"', drawn)]
    assert min(lefts) >= 330


def test_a_model_page_shows_what_was_kept_and_says_what_was_not():
    """Metrics with intervals, the gate, groups, importance; an older run lacks some."""
    version = SimpleNamespace(
        version="3", sha256="ab" * 32, champion=True, made_at=datetime(2026, 3, 4, tzinfo=UTC),
        metrics={"test_roc_auc": 0.7, "test_roc_auc_low": 0.6, "test_roc_auc_high": 0.8},
        champion_since="2026-03-05", promoted_by="gate", champion_before="2",
        gate=({"name": "has_skill", "passed": True, "words": "ROC AUC 0.7"},),
    )  # fmt: skip
    seen = {"value": 0.2, "low": 0.1, "high": 0.3}
    champion = SimpleNamespace(
        base_rate=0.25, feature_names=("recency_days",),
        model=SimpleNamespace(calibrator=SimpleNamespace(a=1.1, b=-0.2)),
        judged={"bands": [{"kind": "band", "name": "low", "rows": 10, "said": 0.2, "seen": seen}]},
    )  # fmt: skip
    facts = SimpleNamespace(
        version=version, champion=champion, params={}, tags={}, warnings=["few cases"], dates=[],
        importance=[("recency_days", 0.4)], sampled=10, pictures={"gain": b"png"},
    )  # fmt: skip
    page = ModelPage(
        name="shop-churn", language="en", kind="lapse", horizon_days=90, active_within_days=180,
        protected=(), facts=facts,
    )  # fmt: skip
    text = render(model_report(page))
    check_whole(text)
    for said in ("0.700 [0.600, 0.800]", "has skill", "20.0% [10.0%, 30.0%]", "few cases",
                 "not kept by this version", "No column is declared as protected"):  # fmt: skip
        assert said in text


def test_a_period_page_names_changes_and_by_whom():
    """Another policy and another model between two nights."""
    night = {
        "as_of": "2026-03-04", "actor": "ann", "models": {"churn": {"version": "1", "sha256": "a"}},
        "policy": {"version": "1-abc", "fingerprint": "f" * 64},
        "counts": [{"decision": "contact", "action": "call", "segment": None, "count": 3}],
    }  # fmt: skip
    later = night | {
        "as_of": "2026-03-05", "actor": "bob", "models": {"churn": {"version": "2", "sha256": "b"}},
        "policy": {"version": "2-def", "fingerprint": "e" * 64},
    }  # fmt: skip
    page = PeriodPage(
        first=date(2026, 3, 4), last=date(2026, 3, 5), language="en", workspace="shop",
        nights=[night, later], overrides=[("2026-03-04", "contact call", "contact mail", 2)],
        promotions=[], acts=[("2026-03-05 10:00", "eve", words("looked at records", "查看记录"))],
        verified=words("all verified", "已验证"),
    )  # fmt: skip
    text = render(period_report(page))
    check_whole(text)
    for said in ("1-abc -&gt; 2-def", "churn 1 -&gt; 2", "bob", "eve", "contact mail"):
        assert said in text


def test_every_promotion_of_the_period_is_told():
    """By its day, both ends included, with whom it replaced, also before the period."""
    days = ["2026-03-03T23:59:59", "2026-03-04T00:00:00", "2026-03-05T08:00:00", "2026-03-06"]
    made = [
        SimpleNamespace(
            target="churn", version=f"{n}", at=at, by="gate",
            kind="rollback" if n == 2 else "promote",
        )
        for n, at in enumerate(days)
    ]  # fmt: skip
    found = promotions(made, date(2026, 3, 4), date(2026, 3, 5))
    assert [(which, before) for _, which, _, before in found] == [
        ("churn 1", "0"), ("churn 2 (rollback)", "1"),
    ]  # fmt: skip


def test_calibration_is_written_out_to_the_risk():
    """Slope and shift, the group's correction, the probability: 2 x 0.5 - 1 = 0, then 0.5."""
    import pyarrow as pa

    from training.calibrate import Calibrator
    from training.segments import Group, Groups

    group = Group(column="segment", level="trade", slope=1.0, shift=0.5)
    model = SimpleNamespace(calibrator=Calibrator(2.0, -1.0), groups=Groups((group,)))
    champion = SimpleNamespace(folds=None, model=model)
    row = pa.table({"customer_id": ["a"], "segment": ["trade"]})
    told = calibration.calibration_words(champion, row, 0.5)["en"]
    assert "2.0000 x +0.5000 -1.0000 = +0.0000" in told
    assert "to +0.5000" in told
    assert "62.2459%" in told
