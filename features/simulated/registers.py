"""Customers, consents, past contacts and second ids, as the company's registers hold them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.simulated.customers import (
    ABROAD_ZONE,
    CHANNELS,
    SEGMENTS,
    People,
    household_names,
)
from features.simulated.districts import DISTRICTS
from features.simulated.journal import Columns
from features.simulated.leaving import ACTIONS
from features.simulated.weeks import LAST_INSTANT, TIME_ZONE, instants, later

_COST = np.array([0.05, 4.0, 0.01])
_ALIAS_SHARE = 0.015


def customer_register(people: People, joined: np.ndarray) -> pa.Table:
    """Write what the company knows of its customers today, potential ones included."""
    return pa.table(
        {
            "client_no": people.customer_id,
            "since": pa.array(joined, pa.timestamp("us")),
            "district": np.array(DISTRICTS)[people.district],
            "segment": np.array(SEGMENTS)[people.segment],
            "language": np.where(people.chinese, "zh", "en"),
            "channel": np.array(CHANNELS)[people.channel],
            "time_zone": np.where(people.abroad, ABROAD_ZONE, TIME_ZONE),
            "household": household_names(people),
        }
    )


def contact_log(people: People, seen: Columns, rng: np.random.Generator, prefix: int) -> pa.Table:
    """Write past outreach as `Answers.send` left it; who was held out has a row and no answer."""
    who, count = seen["who"], len(seen["who"])
    sent, channel = seen["sent"], seen["channel"]
    held_out = seen.get("held_out", np.empty(0, dtype=bool))
    answer = np.where(seen["answered"], "accepted", "declined")
    silent = held_out | (rng.random(count) < 0.35)  # noqa: PLR2004 - no answer at all
    answered_at = later(sent, rng.uniform(0.2, 90, count))
    silent |= answered_at > LAST_INSTANT
    serial = np.char.zfill(np.arange(count).astype(str), 7)
    return pa.table(
        {
            "contact_no": np.char.add(f"K{prefix:04d}-", serial),
            "client_no": people.customer_id[who],
            "sent": pa.array(sent, pa.timestamp("us")),
            "action": np.array(ACTIONS)[seen.get("action", np.empty(0, dtype=int))],
            "channel": np.array(CHANNELS)[channel],
            "arm": np.where(held_out, "held_out", "treated"),
            "answer": pa.array(answer, mask=silent),
            "answered": pa.array(answered_at, pa.timestamp("us"), mask=silent),
            "cost": np.char.mod("%.2f", np.where(held_out, 0.0, _COST[channel])),
        }
    )


def consent_register(
    people: People,
    consent: np.ndarray,
    joined: np.ndarray,
    seen: Columns,
    rng: np.random.Generator,
) -> pa.Table:
    """Write consents given when joining, and withdrawals by those whom a message annoyed."""
    who, channel = np.nonzero(rng.random(consent.shape) < 0.93)  # noqa: PLR2004 - the rest never said
    annoyed = rng.random(len(seen["who"])) < 0.01 + 0.15 * seen.get("woken", np.empty(0))
    gone = seen["who"][annoyed]
    changed = later(instants(seen["week"][annoyed] + 1, rng), np.zeros(len(gone)))
    return pa.table(
        {
            "client_no": people.customer_id[np.concatenate([who, gone])],
            "channel": np.array(CHANNELS)[np.concatenate([channel, seen["channel"][annoyed]])],
            "granted": np.concatenate([consent[who, channel], np.zeros(len(gone), dtype=bool)]),
            "changed": pa.array(np.concatenate([joined[who], changed]), pa.timestamp("us")),
        }
    )


def second_ids(people: People, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Choose who has an app account of his own, and the instant it was tied to the customer."""
    who = np.flatnonzero(rng.random(len(people)) < _ALIAS_SHARE)
    return who, instants(rng.integers(20, 125, len(who)), rng)


def alias_register(people: People, who: np.ndarray, known: np.ndarray) -> pa.Table:
    """Write which app account belongs to which customer."""
    return pa.table(
        {
            "account": account_names(people.customer_id[who]),
            "client_no": people.customer_id[who],
            "merged": pa.array(known, pa.timestamp("us")),
        }
    )


def account_names(customer_ids: np.ndarray) -> pa.Array:
    """Return the app accounts' ids."""
    return pc.replace_substring(pa.array(customer_ids, pa.string()), "C", "A")
