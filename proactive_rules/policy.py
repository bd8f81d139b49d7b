# ruff: noqa: RUF001 - Chinese sentences have Chinese commas
"""The built-in policy: two actions, a capacity, a holdout, and the words that explain them.

It stands in until a workspace brings its own `policy.yaml`; nothing outside this wing knows more
of it than its version, its fingerprint, its actions and its sentences.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

LANGUAGES = ("en", "zh")
Risk = Literal["churn", "complaint"]


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something we may do for a customer, through one channel.

    `effect` is declared: the relative change of the risk it `lowers`; -0.2 means a fifth less. Who
    was never asked for consent may get service, not marketing.
    """

    name: str
    purpose: Literal["service", "marketing"]
    lowers: Risk
    channel: str
    effect: float
    cost: float
    owner: str
    due_in_hours: int
    say: Mapping[str, str]
    playbook: Mapping[str, str]


SERVICE_RECOVERY = Action(
    name="service_recovery",
    purpose="service",
    lowers="complaint",
    channel="phone",
    effect=-0.20,
    cost=4.00,
    owner="care",
    due_in_hours=24,
    say={"en": "Likely to complain soon", "zh": "近期可能投诉"},
    playbook={
        "en": "Call, apologise for what went wrong, fix it, follow up in 3 days.",
        "zh": "致电致歉，解决问题，三日后回访。",
    },
)
RETENTION_CONTACT = Action(
    name="retention_contact",
    purpose="marketing",
    lowers="churn",
    channel="email",
    effect=-0.10,
    cost=1.00,
    owner="marketing",
    due_in_hours=72,
    say={"en": "Likely to leave soon", "zh": "近期可能流失"},
    playbook={
        "en": "Write personally, ask what is missing, offer one reason to stay.",
        "zh": "以个人名义去信，询问不足之处，给出一个留下的理由。",
    },
)

#: Why a customer is not contacted: one sentence per code and language.
WHY_NOT: Mapping[str, Mapping[str, str]] = {
    "no_model": {"en": "no model with skill", "zh": "没有达标的模型"},
    "no_consent": {"en": "no consent for {channel}", "zh": "客户未同意通过{channel}联系"},
    "not_worth_it": {"en": "expected value is not above the cost", "zh": "预期价值不高于成本"},
    "capacity": {"en": "capacity is used up", "zh": "名额已用完"},
    "held_out": {"en": "held out at random to measure the effect", "zh": "随机留作对照以衡量效果"},
}
CHANNEL_NAMES: Mapping[str, Mapping[str, str]] = {
    "email": {"en": "email", "zh": "电子邮件"},
    "phone": {"en": "phone", "zh": "电话"},
}


@dataclass(frozen=True, kw_only=True)
class BuiltInPolicy:
    """At most one action a customer, highest expected value first, within a capacity.

    `capacity_share` and `holdout_share` are parts of the list and of those who would be contacted.
    """

    version: str = "built-in-1"
    capacity_share: float = 0.05
    holdout_share: float = 0.05
    holdout_key: str = "forestay"
    actions: tuple[Action, ...] = (SERVICE_RECOVERY, RETENTION_CONTACT)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that can change a decision or its words."""
        content = json.dumps([asdict(self), *map(dict, WHY_NOT.values())], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of all actions, each once, in the order of the policy."""
        return tuple(dict.fromkeys(action.channel for action in self.actions))

    def action(self, name: str) -> Action:
        """Return the action of that name; KeyError when the policy has none."""
        return {action.name: action for action in self.actions}[name]

    def sentences(self, language: str) -> dict[str, str]:
        """Words for every code that `decide` can write into `why_not`."""
        words = {code: says[language] for code, says in WHY_NOT.items() if code != "no_consent"}
        for channel in self.channels:
            name = CHANNEL_NAMES.get(channel, {}).get(language, channel)
            words[no_consent(channel)] = WHY_NOT["no_consent"][language].format(channel=name)
        return words

    def say_why_not(
        self, codes: pa.ChunkedArray | pa.Array, language: str
    ) -> pa.ChunkedArray | pa.Array:
        """Turn codes into sentences, null where there is nothing to explain."""
        words = self.sentences(language)
        places = pc.index_in(codes, value_set=pa.array(list(words), pa.string()))
        return pa.array(list(words.values()), pa.string()).take(places)


def no_consent(channel: str) -> str:
    """Code for a customer who denied the channel of every action that would fit."""
    return f"no_consent_{channel}"
