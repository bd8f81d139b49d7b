"""policy.yaml: every fault at once, each with its line; only expressions; nearest names."""

import re

import pytest

from features.catalogue import standard_features
from features.errors import BadInput
from proactive_rules.policy.columns import Columns
from proactive_rules.policy.file import read_policy, shipped_policy
from proactive_rules.policy.sentences import both_languages
from tests.proactive_rules.small_policy import COLUMNS, policy

SOUND = """\
version: 1
actions:
  - name: write
    purpose: marketing
    for: churn
    channel: email
    when: churn_risk >= cutoff
    cost: 1.00
    effect: {declared: -0.20}
    owner: marketing
    due_in: 24h
    playbook: {en: "Write.", zh: "去信。"}
    say: {en: "Likely to leave", zh: "可能流失"}
"""


def faults(text: str) -> str:
    """Read what is wrong with a policy."""
    with pytest.raises(BadInput) as error:
        read_policy(text.encode(), columns=COLUMNS)
    return str(error.value)


def test_every_fault_is_told_at_once_with_its_line():
    """A wrong budget, an unknown key, a wrong effect, a missing word, in the order of the file."""
    text = SOUND.replace("version: 1", "version: 1\nbudget: {amount: -3}\ncapasity: {email: 3/day}")
    text = text.replace("-0.20", "0.2").replace(', zh: "可能流失"', "")
    told = faults(text)
    assert [int(line) for line in re.findall(r"policy.yaml, line (\d+)", told)] == [2, 3, 11, 15]
    assert "did you mean `capacity`?" in told


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("recencydays > 3", "did you mean `recency_days`"),
        ("recency_days > 3; DROP TABLE x", "`;` at character"),
        ("(SELECT true)", "a query inside the expression is not allowed"),
        ("random() > 0.5", "results must repeat"),
        ("count(recency_days) > 1", "the function `count` is not allowed"),
        ("read_text('/etc/passwd') = 'x'", "the function `read_text` is not allowed"),
        ("lifecycle_stage > 3", "it cannot be computed"),
        ("expected_value > 3", "no column `expected_value`"),
    ],
)
def test_only_expressions_over_known_columns_are_allowed(when, told):
    """Each with the line and, for unknown names, the nearest ones."""
    said = faults(SOUND.replace("churn_risk >= cutoff", f'"{when}"'))
    assert said.startswith("policy.yaml, line 7, field actions[0].when")
    assert told in said


def test_cutoff_is_known_in_an_action_and_nowhere_else():
    """A suppression has no cut-off of its own."""
    more = "suppress: [{name: x, when: churn_risk > cutoff, say: {en: X, zh: X}}]\n"
    assert "no column `cutoff`" in faults(SOUND.replace("actions:", f"{more}actions:"))


def test_protected_columns_are_read_by_no_rule():
    """They only measure fairness."""
    columns = Columns(numbers=COLUMNS.numbers, texts=COLUMNS.texts, protected=frozenset({"gender"}))
    with pytest.raises(BadInput, match="`gender` is protected"):
        read_policy(SOUND.replace("churn_risk >= cutoff", "gender = 'f'").encode(), columns=columns)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("purpose: marketing", "purpose: sales"), "`sales` is not known here"),
        (("    owner: marketing\n", ""), "`owner` is missing"),
        (("due_in: 24h", "due_in: soon"), "`soon` cannot be used"),
        (("cost: 1.00", "cost: {phone: 1.00}"), "the action has no channel `phone`"),
        (("    for: churn\n", ""), "does not say what it may bring"),
        (("name: write", "name: Write!"), "`Write!` cannot be used"),
        (("version: 1\n", "version: 1\nlimits: [{channel: fax, max: 1, within: 1d}]\n"), "`fax`"),
        (("version: 1\n", "version: 1\ncapacity: {phone: 4/day}\n"), "no action has the channel"),
        (("version: 1\n", "version: 1\nhours: {boss: 4/day}\n"), "no action has the owner `boss`"),
        (("version: 1\n", 'version: 1\nquiet_hours: {from: "25:00", to: "08:00"}\n'), "`25:00`"),
        (("version: 1\n", "version: 1\nfairness: {by: regoin}\n"), "did you mean `region`"),
        (("version: 1\n", 'version: 1\nanswered: "outcomes = 1"\n'), "did you mean `outcome`"),
        (("version: 1\n", ""), "`version` is missing"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(wrong, told):
    """What is wrong, and where."""
    said = faults(SOUND.replace(*wrong))
    assert told in said
    assert "policy.yaml, line " in said


def test_two_actions_of_one_name_are_refused():
    """Decisions are told by name."""
    twice = SOUND + SOUND.partition("actions:\n")[2]
    assert "`write` is already declared on line 3" in faults(twice)


def test_the_order_of_suppressions_is_part_of_the_policy():
    """The first that holds is the reason told, so two orders are two policies."""
    one, other = (
        f"{{name: {name}, when: recency_days > 1, say: {{en: {name}, zh: {name}}}}}"
        for name in "xy"
    )
    first = policy(more=f"suppress: [{one}, {other}]")
    assert first.fingerprint != policy(more=f"suppress: [{other}, {one}]").fingerprint


def test_an_action_that_lowers_no_risk_has_no_cut_off():
    """Nothing to compare with it."""
    text = SOUND.replace("    for: churn\n", "").replace("-0.20", "0.2")
    text = text.replace("churn_risk >= cutoff", "recency_days > cutoff")
    text = text.replace("    owner:", "    value_at_stake: 100\n    owner:")
    assert "no column `cutoff`" in faults(text)


def test_an_empty_file_is_no_policy():
    """Nor is a list."""
    assert "the file is empty" in faults("")
    assert "it holds no settings" in faults("- a\n- b\n")


def test_the_shipped_policy_is_sound_and_has_an_action_for_every_stage():
    """Potential, new, loyal, lapsing, lost, the rest, and who is likely to complain."""
    found = standard_features()
    columns = Columns(
        numbers=frozenset(f.name for f in found if f.dtype == "number")
        | {"churn_risk", "complaint_risk", "last_outcome_days"},
        texts=frozenset(f.name for f in found if f.dtype == "text")
        | {"last_outcome", "complaint_band"},
    )
    shipped = read_policy(shipped_policy(), columns=columns)
    conditions = " ".join(action.when.sql for action in shipped.actions)
    for stage in ("potential", "new", "active", "loyal", "lapsing", "lost"):
        assert f"'{stage}'" in conditions
    assert shipped.action("return_visit").due_in.total_seconds() == 72 * 3600
    assert {action.lowers for action in shipped.actions} == {"churn", "complaint", None}


def test_every_code_has_a_sentence_in_every_language():
    """None is empty, and none shows SQL."""
    words = both_languages(policy(more="limits: [{channel: any, max: 2, within: 36h}]"))
    assert all(said["en"] and said["zh"] for said in words.values())
    assert words["limit_1"] == {
        "en": "2 contacts within 36 hours already",
        "zh": "36小时内联系已达 2 次",
    }


def test_the_fingerprint_is_of_what_a_policy_means():
    """Another number is another policy; a comment or another order is not."""
    assert policy().fingerprint == policy(more="# a comment").fingerprint
    assert policy().fingerprint != policy(cost="1.01").fingerprint
    assert policy().label.startswith("1-")
