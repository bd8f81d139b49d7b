"""Reasons: contributions grouped by code and said in the customer's own numbers."""

# ruff: noqa: RUF001 - Chinese has punctuation of its own

import itertools
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import contracts, interactions, lifecycle, outreach, rfm
from features.catalogue.catalogue import Catalogue
from features.catalogue.feature import REASONS, Feature
from features.errors import BadInput
from training.explain import (
    Voice,
    feature_sentence,
    group_contributions,
    reason_code,
    reasons,
)
from training.reason_words import (
    AUDIENCES,
    SAYINGS,
    Slot,
    _file,
    changeable_codes,
    changeable_words,
    languages,
    parse_template,
    templates,
    titles,
)


def _own(name: str, *, reason: str = "PROFILE", dtype: str = "number", **says: str) -> Feature:
    return Feature(
        given_name=name, unit="level", view="profile", source="profiles", dtype=dtype,
        expression=lambda one: one.rows[name], reason=reason, says={"en": name, **says},
    )  # fmt: skip


_STANDARD = (
    *rfm.FEATURES,
    *interactions.features_for(
        [kind.kind for kind in interactions.KINDS], interactions.CHANNELS
    ),
    *contracts.FEATURES,
    *outreach.FEATURES,
    lifecycle.TENURE,
)  # fmt: skip
CATALOGUE = Catalogue(
    everything=(
        *_STANDARD,
        _own("Contract", dtype="text", zh="合同类型"),
        _own("Charges"),
        _own("gifts_count_365d", reason="FREQUENCY", en="Gifts in a year", zh="一年内礼品数"),
    ),
    late={},
)
LANGUAGES = languages()
TOLD = tuple(audience for audience in AUDIENCES if audience != "auditor")
CODES = tuple(code for code in REASONS if code != "PROFILE")


def _say(language: str = "en", currency: str | None = None, **values: object) -> list[str]:
    """Say the reasons of one customer; the first feature weighs most."""
    weights = np.arange(len(values), 0, -1, dtype=float)[None, :]
    table = pa.table({name: pa.array([value]) for name, value in values.items()})
    said = reasons(weights, list(values), table, CATALOGUE, Voice(language, currency))
    return [said[f"reason_{rank}"][0].as_py() for rank in (1, 2, 3)]


def test_group_contributions_adds_up_by_code():
    """Features of one code are one number; a user's own columns stay apart."""
    names = ["recency_days", "gap_mean_days", "Contract", "Charges", "complaints_count_30d"]
    codes, matrix = group_contributions(np.array([[0.5, -0.2, 0.1, 0.4, -1.0]]), names, CATALOGUE)
    assert codes == ("COMPLAINTS", "PROFILE:Charges", "PROFILE:Contract", "RECENCY")
    assert matrix[0] == pytest.approx([-1.0, 0.4, 0.1, 0.3])


@given(st.lists(st.lists(st.floats(-5, 5), min_size=6, max_size=6), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_for_any_contributions_the_sum_over_codes_is_the_sum_over_features(rows):
    """Nothing is lost by grouping: the margin is the base and the codes' sum, within 1e-9."""
    contributions = np.array(rows)
    names = [
        "recency_days",
        "orders_count_90d",
        "tenure_days",
        "Charges",
        "Contract",
        "price_total",
    ]
    _, matrix = group_contributions(contributions, names, CATALOGUE)
    assert np.abs(matrix.sum(axis=1) - contributions.sum(axis=1)).max() < 1e-9


def test_reason_code_own_features_keep_a_code_each():
    """A feature the user declared is said by itself, whichever table it counts."""
    assert reason_code(CATALOGUE.feature("gifts_count_365d")) == "OWN:gifts_count_365d"
    assert reason_code(CATALOGUE.feature("Charges")) == "PROFILE:Charges"
    assert reason_code(CATALOGUE.feature("recency_days")) == "RECENCY"


def test_reasons_only_what_raises_the_risk_is_said():
    """Codes that lower the risk, or do nothing, are no reasons."""
    table = pa.table({"recency_days": [94.0], "price_total": [50.0], "tenure_days": [40.0]})
    said = reasons(np.array([[-0.5, 0.2, 0.0]]), table.column_names, table, CATALOGUE, Voice("en"))
    assert said["reason_codes"].to_pylist() == [["PRICE"]]
    assert said["reason_1"].to_pylist() == ["Pays 50 a month"]
    assert said["reason_2"].to_pylist() == [None]


def test_reasons_largest_come_first_and_ties_by_code():
    """Equal contributions stand in alphabetical order of their codes."""
    table = pa.table({"tenure_days": [40.0], "price_total": [50.0], "recency_days": [94.0]})
    said = reasons(np.array([[0.2, 0.2, 0.9]]), table.column_names, table, CATALOGUE, Voice("en"))
    assert said["reason_codes"].to_pylist() == [["RECENCY", "PRICE", "TENURE"]]
    assert said["reason_contributions"].to_pylist() == [[0.9, 0.2, 0.2]]


def test_reasons_each_customer_gets_the_own_sentence():
    """Rows keep their order, whatever their first reason is."""
    table = pa.table(
        {
            "recency_days": [94.0, 3.0, None],
            "gap_mean_days": [21.0, 20.6, None],
            "orders_count": [5.0, 9.0, 0.0],
            "tenure_days": [200.0, 500.0, 10.0],
        }
    )
    weights = np.array([[0.6, 0.1, 0.0, 0.1], [0.1, 0.0, 0.0, 0.4], [0.3, 0.0, 0.0, -0.2]])
    said = reasons(weights, table.column_names, table, CATALOGUE, Voice("en"))
    assert said["reason_1"].to_pylist() == [
        "No purchase for 94 days; usually buys every 21 days",
        "Customer for 16 months",
        "No purchase so far",
    ]
    assert said["reason_2"].to_pylist() == [
        "Customer for 7 months",
        "Last purchase 3 days ago; usually buys every 21 days",
        None,
    ]


def test_reasons_fewer_codes_than_asked_for_leave_nulls():
    """A model of one feature gives one reason; the other columns are there and empty."""
    table = pa.table({"recency_days": [40.0]})
    said = reasons(np.array([[1.0]]), ["recency_days"], table, CATALOGUE, Voice("en"))
    assert said.column_names[:3] == ["reason_1", "reason_2", "reason_3"]
    assert said["reason_3"].to_pylist() == [None]


def test_reasons_of_nobody_is_an_empty_table():
    """A night without customers makes an empty list, of the same columns."""
    table = pa.table({"recency_days": pa.array([], pa.float64())})
    said = reasons(np.zeros((0, 1)), ["recency_days"], table, CATALOGUE, Voice("en"))
    assert len(said) == 0
    assert said.schema.field("reason_codes").type == pa.list_(pa.string())


@pytest.mark.parametrize(
    ("values", "english", "chinese"),
    [
        (
            {"recency_days": 94.3, "gap_mean_days": 21.4},
            "No purchase for 94 days; usually buys every 21 days",
            "已94天没有购买，平时约每21天购买一次",
        ),
        (
            {"complaints_count_90d": 3.0, "complaints_count": 4.0, "complaints_recency_days": 12.0},
            "3 complaints in the last 90 days, the last 12 days ago",
            "最近90天投诉3次，最近一次在12天前",
        ),
        (
            {"complaints_count": 1.0, "complaints_count_90d": 1.0, "complaints_recency_days": 1.2},
            "One complaint so far, 1 day ago",
            "至今投诉过一次，在1天前",
        ),
        (
            {"wait_mean_minutes_180d": 42.0, "wait_max_minutes_90d": 95.0},
            (
                "Waited 42 minutes on average in the last 180 days; "
                "95 minutes at most in the last 90 days"
            ),
            "最近180天平均等待42分钟，最近90天最长等待95分钟",
        ),
        (
            {"orders_count_90d": 1.0, "orders_count": 9.0, "orders_count_365d": 8.0},
            "1 purchase in the last 90 days, 8 in the last 365 days",
            "最近90天购买1次，最近365天购买8次",
        ),
        (
            {"orders_trend_90d": -0.6, "orders_count_90d": 1.0, "orders_count_180d": 5.0},
            "1 purchase in the last 90 days, 4 in the 90 days before",
            "最近90天购买1次，再往前90天购买4次",
        ),
        (
            {"contract_end_days": 33.0, "contracts_running_count": 1.0},
            "Contract ends in 33 days",
            "合同将在33天后到期",
        ),
        (
            {"satisfaction_last": 0.2, "satisfaction_mean_180d": 0.55},
            "Last satisfaction 20 of 100; 55 on average in the last 180 days",
            "最近一次满意度20分（满分100），最近180天平均55分",
        ),
        ({"Contract": "Month-to-month"}, "Contract: Month-to-month", "合同类型：Month-to-month"),
        ({"Charges": 29.85}, "Charges: 29.85", "Charges：29.85"),
        ({"Charges": 30.0}, "Charges: 30", "Charges：30"),
        ({"gifts_count_365d": 2.0}, "Gifts in a year: 2", "一年内礼品数：2"),
    ],
)
def test_reasons_sentences_hold_the_customers_numbers(values, english, chinese):
    """The words are as somebody would say them, in both languages."""
    assert english in _say("en", **values)
    assert chinese in _say("zh", **values)


def test_reasons_money_carries_the_currency():
    """Amounts have thousands apart, and say in what."""
    said = _say("en", "GBP", price_total=1204.4, price_change_rate_365d=0.054)
    assert said[0] == "Pays 1,204 GBP a month, 5% more than a year before"


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_reasons_missing_own_value_is_said_to_be_unknown(missing):
    """A column without a value is still a reason, and says so."""
    table = pa.table({"Charges": pa.array([missing], pa.float64())})
    said = reasons(np.array([[1.0]]), ["Charges"], table, CATALOGUE, Voice("en"))
    assert said["reason_1"].to_pylist() == ["Charges: not known"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_braces_in_the_users_words_are_only_words(language):
    """A column's sentence may hold anything, braces included."""
    odd = Catalogue(everything=(_own("odd", en="{value} of {says}", zh="{value}"),), late={})
    said = reasons(np.array([[1.0]]), ["odd"], pa.table({"odd": [7.0]}), odd, Voice(language))
    assert said["reason_1"][0].as_py().endswith("7")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_reasons_every_code_has_a_sentence_for_anybody(code, language):
    """Whoever nothing is known of still gets a sentence, for every code in each language."""
    name = next(feature.name for feature in _STANDARD if reason_code(feature) == code)
    table = pa.table({name: pa.array([None], pa.float64())})
    said = reasons(np.array([[1.0]]), [name], table, CATALOGUE, Voice(language))
    assert said["reason_1"][0].as_py()


def test_reason_files_cover_every_code_and_nothing_else():
    """Each code of the catalogue has templates, and no file has a code of its own."""
    for language in LANGUAGES:
        assert tuple(_file(language)) == (*CODES, *SAYINGS)


def test_reason_files_have_the_same_structure():
    """English and Chinese say the same of the same customers: conditions and numbers agree."""
    for code, audience in itertools.product(CODES, TOLD):
        english, chinese = (_file(language)[code][audience] for language in LANGUAGES)
        assert [one.get("when") for one in english] == [one.get("when") for one in chinese]
        both = (templates(language, audience)[code] for language in LANGUAGES)
        for one, other in zip(*both, strict=True):
            assert _shown(one) == _shown(other), code


def _shown(template):
    slots = [part for part in template.parts if isinstance(part, Slot)]
    return sorted((sorted(slot.number.names), slot.style) for slot in slots)


@pytest.mark.parametrize("audience", TOLD)
@pytest.mark.parametrize("language", LANGUAGES)
def test_reason_files_name_only_features_that_can_exist(language, audience):
    """A renamed feature would silence its sentences: every name is one of the catalogue's."""
    possible = {feature.name for feature in _STANDARD if feature.listed}
    for code, listed in templates(language, audience).items():
        for template in listed:
            assert template.needs <= possible, code


def test_reason_files_last_template_of_each_code_fits_everybody():
    """The last sentence needs no feature and has no condition."""
    for language, audience in itertools.product(LANGUAGES, TOLD):
        for listed in templates(language, audience).values():
            assert not listed[-1].needs
            assert listed[-1].when is None


def test_reason_files_claim_nothing_about_what_would_happen():
    """Sentences state what is; nothing says "if", "would" or "because"."""
    words = _everything("en")
    assert not re.search(r"\b(if|would|will|could|because|due to|prevent)\b", words, re.IGNORECASE)
    chinese = _everything("zh")
    assert not re.search("如果|若|因为|由于|会流失|导致|避免", chinese)


def _everything(language, audiences=TOLD):
    """Join all sentences of some audiences."""
    codes = (_file(language)[code] for code in CODES)
    return " ".join(one["text"] for entry in codes for who in audiences for one in entry[who])


def test_an_agent_says_nothing_a_customer_may_not_hear():
    """No word of risk, leaving, scores or models, in either language."""
    english, chinese = (_everything(language, ("agent",)) for language in LANGUAGES)
    assert not re.search(
        r"risk|churn|leav|score|model|estimat|predict|list", english, re.IGNORECASE
    )
    assert not re.search("风险|流失|离开|评分|模型|估计|预测|名单", chinese)


def test_an_agent_is_told_the_numbers_and_what_to_ask():
    """The customer's own rhythm, kindly, and a question."""
    said = reasons(
        np.array([[1.0, 0.5]]), ["recency_days", "gap_mean_days"],
        pa.table({"recency_days": [94.0], "gap_mean_days": [21.0], "orders_count": [5.0]}),
        CATALOGUE, Voice("en", audience="agent"),
    )  # fmt: skip
    assert said["reason_1"][0].as_py() == (
        "Has not ordered for 94 days; usually orders every 21 days. Ask how the last order went."
    )


def test_an_auditor_reads_title_values_and_contribution():
    """Every feature of the code, and what they add to the log-odds together: 0.5 + 0.33."""
    table = pa.table({"recency_days": [94.0], "gap_mean_days": [None], "Charges": [3.5]})
    said = reasons(
        np.array([[0.5, 0.33, 0.2]]), ["recency_days", "gap_mean_days", "Charges"],
        table.cast(pa.schema([(name, pa.float64()) for name in table.column_names])),
        CATALOGUE, Voice("en", audience="auditor"),
    )  # fmt: skip
    assert said["reason_1"][0].as_py() == (
        "Time since the last purchase (RECENCY): +0.8300 on the log-odds; recency_days 94,"
        " gap_mean_days -"
    )
    assert said["reason_2"][0].as_py() == (
        "Charges (PROFILE:Charges): +0.2000 on the log-odds; Charges 3.5"
    )


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_every_audience_is_told_something_of_anybody(code, language, audience):
    """Whoever nothing is known of still gets a sentence, for every code and reader."""
    name = next(feature.name for feature in _STANDARD if reason_code(feature) == code)
    table = pa.table({name: pa.array([None], pa.float64())})
    said = reasons(np.array([[1.0]]), [name], table, CATALOGUE, Voice(language, audience=audience))
    assert said["reason_1"][0].as_py()


def test_an_unknown_audience_is_refused_readably():
    """The message names those there are."""
    with pytest.raises(BadInput, match="marketing, agent, auditor"):
        reasons(
            np.array([[1.0]]), ["Charges"], pa.table({"Charges": [1.0]}), CATALOGUE,
            Voice("en", audience="board"),
        )  # fmt: skip


def test_every_code_has_a_title_and_says_whether_the_company_can_change_it():
    """In each language; waiting is in its hands, the time as a customer is not."""
    for language in LANGUAGES:
        assert tuple(titles(language)) == CODES
    assert changeable_codes() < set(CODES)
    assert changeable_words("WAITING", "en") == "The company can change this."
    assert changeable_words("TENURE", "en") == "The company cannot change this."
    assert "not known" in changeable_words("PROFILE:Charges", "en")


def test_reasons_in_another_language_are_refused_readably():
    """A language without sentences is a setting to change."""
    with pytest.raises(BadInput, match="en or zh"):
        _say("nl", recency_days=3.0)


@pytest.mark.parametrize(
    ("text", "when"),
    [("{a:.3f}", None), ("{a|one}", None), ("{print(a)}", None), ("{a}", "a > "), ("{a}", "a or b"),
     ("{a}", "a.real > 1"), ("{}", None)],
)  # fmt: skip
def test_parse_template_refuses_what_is_no_sentence(text, when):
    """A slip in the files is found when they are read, not when a customer is listed."""
    with pytest.raises(ValueError, match=r"is no|is more than"):
        parse_template(text, when)


def test_feature_sentence_falls_back_to_english():
    """A feature without Chinese words is said in English."""
    assert feature_sentence(CATALOGUE.feature("Charges"), "zh") == "Charges"
    assert feature_sentence(CATALOGUE.feature("recency_days"), "zh") == "距上次下单天数"
