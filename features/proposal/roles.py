"""Which column plays which part, by the words of its name and by what it holds.

All vocabulary is here, as data: a phrase fits a column whose name holds all its words; earlier
phrases win. Words that are not Latin fit when the name contains them.
"""

from collections.abc import Callable, Collection, Iterable
from itertools import product

from features.proposal.columns import Column, Look

Wanted = Callable[[Column], bool]
#: Words that may stand beside the thing an id names.
_ID = "id no nr num number code key uuid ref identifier 号 编号"
ID_WORDS = frozenset(_ID.split())

_PEOPLE = (
    "customer cust client member user account subscriber tenant caller household buyer guest"
    " patient policyholder shopper visitor msisdn kunde kunden 客户 会员 用户"
)
_CHURN = (
    "churn churned churner attrition attrited exited exit left lapsed lapse cancelled canceled 流失"
)
ROLES: dict[str, str] = {
    "customer_id": ", ".join(_PEOPLE.split()),
    "order_id": "order, invoice, transaction, basket, receipt, bill, purchase, 订单",
    "contract_id": "contract, subscription, lease, policy, agreement, rental, membership, 合同",
    "case_id": "ticket, incident, case, interaction, call, request, complaint, claim, survey,"
    " usage, event, session, visit, number",
    "ordered_at": "ordered, order date, order time, order, invoice, purchase, transaction, sale,"
    " bought, paid, timestamp, datetime, date, time, day, created, 日期, 时间",
    "occurred_at": "opened, occurred, submitted, reported, received, raised, happened, created,"
    " timestamp, datetime, date, time, start, 日期, 时间",
    "updated_at": "sys updated, updated, modified, changed, update",
    "resolved_at": "resolved, closed, solved, completed, finished",
    "starts_at": "start, starts, started, begin, begins, since, from, activated, effective, signed",
    "ends_at": "expires, expiry, expiration, end, ends, ended, until, to",
    "cancelled_at": "cancelled, canceled, cancellation, cancel, terminated, termination, churned,"
    " churn, moved out",
    "joined_at": "joined, signup, sign up, registered, registration, since, created, first, join",
    "left_at": f"{', '.join(_CHURN.split())}, cancel, cancellation, end, date, time",
    "sent_at": "sent, contacted, delivered, mailed",
    "amount": "line total, total amount, order total, amount, total, revenue, sales, turnover,"
    " value, net, gross, dollars, spend, spent, paid, betrag, umsatz, summe, 金额",
    "unit_price": "unit price, price, preis, 单价, 价格",
    "quantity": "quantity, qty, pieces, menge, 数量",
    "monthly_price": "mrr, monthly price, monthly rent, monthly fee, rent, price, fee, premium",
    "wait": "first response, response time, wait, waiting, queue",
    "handle": "handle, handling, handled, talk",
    "satisfaction": "satisfaction, csat, rating, stars",
    "sentiment": "sentiment, polarity",
    "category": "category, department, stock, sku, product, item, genre, description, 商品",
    "channel": "channel, contact type, medium",
    "action": "action, campaign, treatment, offer",
    "topic": "topic, category, subject, reason, issue, feature, priority, symptom",
    "region": "region, district, city, country, location, province, 地区",
    "segment": "segment, industry, tier, class",
    "plan": "plan, tariff, package, tier",
    "language": "language, locale",
    "preferred_channel": "preferred channel",
    "kind": "interaction type, event type, ticket type, case type, request type, kind, type",
    "status": "status, state",
    "target": ", ".join(_CHURN.split()),
    "complained": "escalation, escalated, complaint, complained",
    "missed": "made sla, met sla, sla met",
    "breached": "sla breached, breached, breach, sla missed, overdue",
    "reopened": "reopen, reopened",
    "reassigned": "reassignment, reassigned",
}
#: Words of files and columns that tell what rows are about.
_CONTRACT = "subscription contract lease policy policie rental agreement"
CONTRACT_WORDS = frozenset(_CONTRACT.split())
_SERVICE = (
    "ticket incident case complaint call support claim survey feedback usage interaction visit"
    " login session helpdesk request"
)
SERVICE_WORDS = frozenset(_SERVICE.split())
#: Columns one should think twice about before a model reads them.
_PERSONAL = "gender sex age senior race ethnicity religion nationality disability birth marital"
PERSONAL_WORDS = frozenset(_PERSONAL.split())
CHURN_WORDS = frozenset(_CHURN.split())


def phrases(role: str) -> tuple[frozenset[str], ...]:
    """Phrases of a role, the best first."""
    return tuple(frozenset(phrase.split()) for phrase in ROLES[role].split(", "))


def fits(column: Column, phrase: Iterable[str]) -> bool:
    """Tell whether a column's name holds every word of a phrase."""
    words = column.words
    return all(w in words if w.isascii() else w in column.name for w in phrase)


def find(
    columns: Iterable[Column], role: str, wanted: Wanted, *, taken: Collection[str] = ()
) -> Column | None:
    """Find the column that plays a role best; None when none does."""
    free = [column for column in columns if column.name not in taken and wanted(column)]
    return next((c for p, c in product(phrases(role), free) if fits(c, p)), None)


def find_id(columns: Iterable[Column], role: str) -> Column | None:
    """Find the column that identifies a thing: its name is the thing, and at most words for id."""

    def is_id(column: Column) -> bool:
        return column.kind in ("text", "integer", "number") and not column.is_yes_or_no

    found = [
        (not set(column.words) & ID_WORDS, column)
        for phrase, column in product(phrases(role), [c for c in columns if is_id(c)])
        if fits(column, phrase) and {w for w in column.words if w.isascii()} <= phrase | ID_WORDS
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def find_customer(look: Look) -> Column | None:
    """Find the customer's id, by name; else None."""
    return find_id(look.columns, "customer_id")


def find_target(look: Look) -> Column | None:
    """Find a column that says who has left: two values, and a word for leaving."""
    return find(look.columns, "target", lambda column: column.is_yes_or_no)


def is_time(column: Column) -> bool:
    """Tell whether a column holds times."""
    return column.is_time


def is_number(column: Column) -> bool:
    """Tell whether a column holds numbers."""
    return column.is_number


def is_text(column: Column) -> bool:
    """Tell whether a column holds words."""
    return column.kind == "text" and not column.is_time


def speaks_of(look: Look, words: Collection[str]) -> bool:
    """Tell whether the file's name, or an id in it, has one of the words, in any number."""
    ids = {w for c in look.columns if set(c.words) & ID_WORDS for w in c.words}
    return any(word.removesuffix("s") in words for word in look.words | ids)
