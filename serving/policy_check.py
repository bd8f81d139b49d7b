"""What `rules check` finds in a sound policy: what it reads, lacks here, and what is unusual."""

from typing import Any

from features.accepted import Accepted
from features.workspace import Workspace
from proactive_rules.policy.sentences import spoken_span
from serving.policies import PolicyInForce

#: The share of automatic contacts that a person should see, of old: enough to notice, few to bear.
_USUAL_REVIEW = (0.03, 0.05)


def described(found: PolicyInForce, workspace: Workspace, accepted: Accepted) -> dict[str, Any]:
    """Describe a checked policy as plain data."""
    policy = found.policy
    return {
        "file": str(found.path) if found.path else "shipped",
        "version": policy.label,
        "fingerprint": policy.fingerprint,
        "actions": [
            {
                "name": action.name,
                "purpose": action.purpose,
                "lowers": action.lowers,
                "channels": list(action.channels),
                "owner": action.owner,
                "due_in": spoken_span(action.due_in, "en"),
                "say": dict(action.say),
            }
            for action in policy.actions
        ],
        "suppressions": {rule.name: dict(rule.say) for rule in policy.suppress},
        "consent_mapped": "consents" in accepted.tables,
        "notes": notes(found, workspace, accepted),
        "columns": {
            "numbers": sorted(found.columns.numbers),
            "texts": sorted(found.columns.texts),
            "unmapped": sorted(found.columns.unmapped | found.columns.unmapped_texts),
        },
    }


def notes(found: PolicyInForce, workspace: Workspace, accepted: Accepted) -> list[str]:
    """Say what a reader should know of a policy that holds no fault."""
    policy, columns = found.policy, found.columns
    missing = [
        field.name
        for field in found.reads
        if field.name in columns.unmapped | columns.unmapped_texts
    ]
    told = []
    if missing:
        told.append(f"not mapped in this workspace, so they read as null: {', '.join(missing)}")
    if "consents" not in accepted.tables:
        told.append("consent is not checked, since no consents source is mapped")
    told += [
        f"{action.name} lowers {action.lowers} risk, which this workspace has no target for"
        for action in policy.actions
        if action.lowers and action.lowers not in workspace.targets
    ]
    told += [
        f"{action.name} is done from a risk of {action.cutoff:.1%} on, as typed; the list shows"
        " the computed one beside it"
        for action in policy.actions
        if action.cutoff is not None
    ]
    review = policy.review
    if review and not _USUAL_REVIEW[0] <= review.share <= _USUAL_REVIEW[1]:
        told.append(f"{review.share:.0%} of contacts are drawn for review; 3% to 5% are usual")
    if not (policy.holdout.everything or policy.holdout.per_action):
        told.append("nobody is held out: what contacting does cannot be measured")
    if not policy.limits:
        told.append("there is no frequency cap: the same customer may be contacted every night")
    return told
