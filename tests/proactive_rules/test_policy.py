"""The built-in policy and its words."""

from dataclasses import replace

import pyarrow as pa
import pytest

from proactive_rules.policy import LANGUAGES, BuiltInPolicy


@pytest.mark.parametrize("language", LANGUAGES)
def test_policy_explains_every_action_in_every_language(language):
    """Nobody is asked to do something without a sentence and a playbook."""
    for action in BuiltInPolicy().actions:
        assert action.say[language]
        assert action.playbook[language]


def test_policy_speaks_of_the_channel_denied():
    """A code becomes a sentence in the reader's language."""
    codes = pa.array(["no_consent_email", None, "no_model"])
    policy = BuiltInPolicy()
    assert policy.say_why_not(codes, "en").to_pylist() == [
        "no consent for email",
        None,
        "no model with skill",
    ]
    assert policy.say_why_not(codes, "zh").to_pylist()[0] == "客户未同意通过电子邮件联系"


def test_policy_fingerprint_changes_with_anything_that_decides():
    """Capacity, holdout key and an action's cost are part of it; the same policy has the same."""
    policy = BuiltInPolicy()
    dearer = (replace(policy.actions[0], cost=5.0), policy.actions[1])
    changed = [
        replace(policy, capacity_share=0.1),
        replace(policy, holdout_key="autumn"),
        replace(policy, actions=dearer),
    ]
    assert len({policy.fingerprint, *(other.fingerprint for other in changed)}) == 4
    assert BuiltInPolicy().fingerprint == policy.fingerprint
