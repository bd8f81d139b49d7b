"""Who the customers are: households, what one can see of them, and what nobody sees."""

from dataclasses import dataclass

import numpy as np

from features.simulated.districts import DISTRICTS
from features.simulated.weeks import WEEKS

SEGMENTS = ("student", "starter", "family", "senior", "expat")
CHANNELS = ("email", "phone", "app")
#: Where the few live who live far away.
ABROAD_ZONE = "Asia/Shanghai"
_SEGMENT_SHARE = (0.18, 0.24, 0.27, 0.16, 0.15)
_HOUSEHOLD_SIZES = (1, 2, 3, 4)
_SIZE_SHARE = (0.45, 0.32, 0.13, 0.10)
#: Service orders a week of a typical customer of each segment.
_ORDERS_WEEKLY = np.array([0.13, 0.16, 0.24, 0.22, 0.19])
#: Plans to move away, a week.
_MOVING_WEEKLY = np.array([0.0045, 0.0028, 0.0016, 0.0010, 0.0052])
#: Monthly rent of a typical home.
_RENT = np.array([640.0, 1050.0, 1480.0, 1120.0, 1620.0])
_CHINESE_SHARE = np.array([0.15, 0.12, 0.08, 0.03, 0.34])
_PHONE_SHARE = np.array([0.05, 0.15, 0.25, 0.60, 0.15])
_POTENTIAL_SHARE = 0.08
_LEASING_SHARE = 0.78


@dataclass(frozen=True, kw_only=True)
class People:
    """One chunk of customers as parallel arrays; households never cross chunks.

    Seen by the company: `customer_id`, `household`, `main` (signs the lease), `district`,
    `leasing`, `segment`, `chinese`, `channel`, `joined` (week), `potential` (never buys), `rent`.
    Hidden: `order_rate` (a week), `favourite` service, `engagement` (0 to 1), `price_sensitivity`,
    `temper`, `restlessness`, `sleeping` (leaves because contacted), `persuadable` (0 to 1),
    `moving_rate` (a week),
    `notice_weeks` (between the last service and the end of the lease, when not moving).
    """

    customer_id: np.ndarray
    household: np.ndarray
    main: np.ndarray
    district: np.ndarray
    leasing: np.ndarray
    segment: np.ndarray
    chinese: np.ndarray
    channel: np.ndarray
    joined: np.ndarray
    potential: np.ndarray
    rent: np.ndarray
    order_rate: np.ndarray
    favourite: np.ndarray
    engagement: np.ndarray
    price_sensitivity: np.ndarray
    temper: np.ndarray
    restlessness: np.ndarray
    sleeping: np.ndarray
    persuadable: np.ndarray
    moving_rate: np.ndarray
    notice_weeks: np.ndarray

    def __len__(self) -> int:
        """Count the customers."""
        return len(self.customer_id)

    @property
    def abroad(self) -> np.ndarray:
        """True for the few who live far away."""
        return self.chinese & (self.engagement > 0.8)  # noqa: PLR2004 - a few


def household_names(people: People) -> np.ndarray:
    """Name each customer's household after its first member."""
    return np.char.replace(people.customer_id[people.main][people.household], "C", "H")


def draw_people(first: int, count: int, services: int, rng: np.random.Generator) -> People:
    """Draw `count` customers, numbered from `first`; `services` is how many kinds one can buy."""
    household, main = _households(count, rng)
    homes = household[-1] + 1
    of_home = _homes(homes, rng)
    segment, leasing = of_home["segment"][household], of_home["leasing"][household]
    joined = of_home["joined"][household] + np.where(main, 0.0, rng.exponential(6.0, count))
    return People(
        customer_id=np.char.add("C", np.char.zfill(np.arange(first, first + count).astype(str), 7)),
        household=household,
        main=main,
        district=of_home["district"][household],
        leasing=leasing,
        segment=segment,
        chinese=of_home["chinese"][household],
        channel=_channels(segment, rng),
        joined=np.minimum(joined, WEEKS - 1.5),
        potential=rng.random(count) < _POTENTIAL_SHARE,
        rent=of_home["rent"][household],
        **_hidden(segment, services, rng),
    )


def _households(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    sizes = rng.choice(_HOUSEHOLD_SIZES, size=count, p=_SIZE_SHARE)
    household = np.repeat(np.arange(count), sizes)[:count]  # the last one is cut to fit
    main = np.append([True], np.diff(household) > 0)
    return household, main


def _homes(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    segment = rng.choice(len(SEGMENTS), size=count, p=_SEGMENT_SHARE)
    long_known = rng.random(count) < 0.55  # noqa: PLR2004 - the share of old customers
    return {
        "segment": segment,
        "district": rng.integers(0, len(DISTRICTS), count),
        "leasing": rng.random(count) < _LEASING_SHARE,
        "chinese": rng.random(count) < _CHINESE_SHARE[segment],
        "joined": np.where(long_known, -rng.uniform(0, 110, count), rng.uniform(0, WEEKS, count)),
        "rent": np.round(_RENT[segment] * rng.lognormal(0.0, 0.18, count) / 5) * 5,
    }


def _channels(segment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    phone = rng.random(len(segment)) < _PHONE_SHARE[segment]
    return np.where(phone, 1, np.where(rng.random(len(segment)) < 0.6, 0, 2))  # noqa: PLR2004


def _hidden(segment: np.ndarray, services: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    count = len(segment)
    engagement = rng.beta(2.0, 2.0, count)
    # the quiet ones forget that they pay; a message wakes them up
    wakes = 1 / (1 + np.exp(-(0.2 - 4.2 * engagement)))
    sleeping = rng.random(count) < wakes
    return {
        "order_rate": np.minimum(_ORDERS_WEEKLY[segment] * rng.lognormal(0.0, 0.85, count), 1.6),
        "favourite": rng.integers(0, services, count),
        "engagement": engagement,
        "price_sensitivity": rng.gamma(2.0, 0.5, count),
        "temper": rng.lognormal(-0.35, 0.9, count),
        "restlessness": rng.lognormal(-0.3, 0.75, count),
        "sleeping": sleeping,
        "persuadable": np.where(sleeping, 0.0, rng.beta(1.2, 2.0, count)),
        "moving_rate": _MOVING_WEEKLY[segment],
        "notice_weeks": rng.integers(5, 40, count).astype(float),
    }
