"""The columns of the list and of the contact files."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from serving.risk_list import SCHEMA, compose, contacts, decision_ids, with_reason_target
from tests.serving.made_up import FACTS, joined

DESIGN = (
    "rank, customer_id, as_of, lifecycle_stage, segment, region, language, churn_risk, churn_band,"
    " complaint_risk, complaint_band, expected_value, value_basis, decision, action, channel,"
    " owner, due_by, held_out, reason_1, reason_2, reason_3, reason_codes, reason_target, why_not,"
    " on_list_since, decision_id, churn_model, complaint_model, policy_version, features_as_of"
)


def listed(count=300, facts=FACTS):
    """Compose a made-up list."""
    return compose(with_reason_target(joined(count), facts.policy), facts)


def test_list_has_the_columns_of_the_design_in_order():
    """Other programs rely on names and order."""
    assert SCHEMA.names == DESIGN.split(", ")
    assert listed().schema.equals(SCHEMA)


def test_list_words_follow_the_language_of_the_workspace():
    """The same decisions, said in Chinese."""
    chinese = listed(facts=replace(FACTS, language="zh"))
    assert any("投诉" in reason for reason in chinese["reason_1"].to_pylist())
    assert "电子邮件名额已用于价值更高的客户" in chinese["why_not"].to_pylist()


def test_list_gives_a_reason_to_everyone_left_alone():
    """Why_not is empty only for those for whom something is done."""
    rows = listed()
    done = pc.is_in(rows["decision"], pa.array(["contact", "human_review"]))
    assert pc.is_null(rows["why_not"]).equals(done)


def test_reasons_speak_of_the_risk_the_action_lowers():
    """A retention contact is explained by the churn risk, even where complaints stand out."""
    rows = listed()
    contacted = rows.filter(pc.equal(rows["action"], "retention_contact"))
    assert set(contacted["reason_target"].to_pylist()) == {"churn"}


def test_decision_ids_are_stable_and_differ_by_customer_and_fingerprint():
    """Run again, the same id; other data, another."""
    first = decision_ids(["a", "b"], FACTS)
    assert first.equals(decision_ids(["a", "b"], FACTS))
    other = decision_ids(["a", "b"], replace(FACTS, fingerprint="e" * 64))
    assert len({*first.to_pylist(), *other.to_pylist()}) == 4


def test_contacts_hold_no_sign_of_who_is_held_out():
    """Only those to contact, and no column that tells rank, decision, holdout or probability."""
    made = joined(2000)
    rows = compose(with_reason_target(made, FACTS.policy), FACTS)
    sent = contacts(rows.append_column("contact_at", made["contact_at"]), "email", FACTS)
    chosen = rows.filter(
        pc.and_(pc.equal(rows["decision"], "contact"), pc.equal(rows["channel"], "email"))
    )
    assert sent["customer_id"].to_pylist() == chosen["customer_id"].to_pylist()
    assert sent.num_rows > 0
    held = rows.filter(rows["held_out"])
    assert held.num_rows > 0
    assert not set(held["decision_id"].to_pylist()) & set(sent["decision_id"].to_pylist())
    assert not {"rank", "held_out", "decision", "why_not", "assignment_probability"} & set(
        sent.column_names
    )
    assert sent["playbook"].null_count == sent["contact_at"].null_count == 0
