"""The whole company: chunk after chunk of customers, under one calendar of failures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import BadInput
from features.progress import SILENT, Progress
from features.simulated.answers import Answers
from features.simulated.customers import People, draw_people
from features.simulated.dirt import with_bad_values, with_repeats
from features.simulated.districts import draw_failures
from features.simulated.files import Files
from features.simulated.leases import leases
from features.simulated.life import Life
from features.simulated.orders import FAVOURITES, order_lines
from features.simulated.registers import (
    account_names,
    alias_register,
    consent_register,
    contact_log,
    customer_register,
    second_ids,
)
from features.simulated.service import interactions
from features.simulated.shifts import Shift, spoilt_interactions
from features.simulated.truth import hidden_traits, truth_at, truth_dates
from features.simulated.weeks import LAST_INSTANT, WEEKS, instants, week_of

#: Customers simulated at once; memory follows this, not the number of customers.
CHUNK = 5_000


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Where a simulated company lies: sources, settings and policy, the truth, rows per file."""

    folder: Path
    truth_folder: Path
    counts: dict[str, int]


def simulate(
    folder: Path,
    *,
    customers: int = 4000,
    seed: int = 7,
    shift: Shift | None = None,
    progress: Progress = SILENT,
) -> Simulated:
    """Write a believable company into `folder`, so that everything can be tried without data.

    Parameters
    ----------
    folder : made if needed; files of an earlier simulation are replaced.
    customers : how many, potential ones included.
    seed : the same seed and number give the same bytes.
    shift : something that goes wrong from a day on; everything before it stays as it is.

    Raises
    ------
    BadInput : there are no customers to simulate.
    """
    if customers < 1:
        raise BadInput(
            "number of customers", f"{customers} is too few", "1 or more", "ask for some customers"
        )
    root = np.random.SeedSequence(seed)
    failures = draw_failures(np.random.default_rng(root.spawn(1)[0]))
    firsts = range(0, customers, CHUNK)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Files(folder) as files,
        progress.step("Simulating a company", total=len(firsts)) as step,
    ):
        for number, (first, own) in enumerate(zip(firsts, root.spawn(len(firsts)), strict=True)):
            rng = np.random.default_rng(own)
            people = draw_people(first, min(CHUNK, customers - first), FAVOURITES, rng)
            # a child of the chunk's own seed: how people answer changes nothing else
            answers = Answers(people, np.random.default_rng(own.spawn(1)[0]))
            files.write("truth/responses.parquet", answers.truth())
            life = _live(Life(people=people, failures=failures, rng=rng), files, shift)
            _write_rows(life, files, number, shift)
            _write_registers(life, answers, rng, files, number)
            step.advance()
    for name, source in (("forestay.yaml", "workspace.yaml"), ("policy.yaml", "policy.yaml")):
        (folder / name).write_bytes(Path(__file__).with_name(source).read_bytes())
    return Simulated(folder=folder, truth_folder=folder / "truth", counts=files.rows)


def _live(life: Life, files: Files, shift: Shift | None) -> Life:
    if shift is not None and shift.kind == "competitor":
        life.competitor_from = week_of(shift.day)
    dates = {week_of(day): day for day in truth_dates()}
    for week in range(WEEKS):
        if week in dates:
            files.write("truth/chances.parquet", truth_at(life, dates[week]))
        life.live()
    files.write("truth/customers.parquet", hidden_traits(life))
    return life


def _write_rows(life: Life, files: Files, number: int, shift: Shift | None) -> None:
    rng = life.rng
    orders = order_lines(life.people, life.journal.of("order"), rng, number)
    orders = with_bad_values(_until_now(orders, "ordered", "entered"), {"unit_price": None}, rng)
    files.write("orders.parquet", with_repeats(orders, rng))
    rows = interactions(life.people, life.journal, rng, number)
    rows = _closed_by_now(_until_now(rows, "opened", "recorded"))
    rows = _with_second_ids(life.people, rows, rng, files)
    rows = with_bad_values(rows, {"wait_seconds": -60.0, "score": 70.0, "client_no": None}, rng)
    files.write("interactions.parquet", spoilt_interactions(with_repeats(rows, rng), shift))
    terms = leases(life.people, life.left_week, life.cause, rng)
    files.write("contracts.parquet", _until_now(terms, "starts", "signed"))


def _write_registers(
    life: Life, answers: Answers, rng: np.random.Generator, files: Files, number: int
) -> None:
    people, outreach = life.people, life.journal.of("outreach")
    joined = instants(np.floor(people.joined).astype(int), rng)
    files.write("customers.parquet", customer_register(people, joined))
    days = instants(outreach["week"], rng, opens=9)
    outreach = answers.send(outreach, days, life.outreach.consent)
    contacts = _until_now(contact_log(people, outreach, rng, number), "sent")
    files.write("contacts.csv", with_bad_values(contacts, {"cost": "12,50"}, rng))
    consents = consent_register(people, life.outreach.consent, joined, outreach, rng)
    files.write("consents.csv", _until_now(consents, "changed"))


def _with_second_ids(
    people: People, rows: pa.Table, rng: np.random.Generator, files: Files
) -> pa.Table:
    """App usage before the merge carries the app account's id."""
    who, merged = second_ids(people, rng)
    files.write("aliases.csv", alias_register(people, who, merged))
    ids = pa.array(people.customer_id[who], pa.string())
    place = pc.index_in(rows["client_no"], ids).combine_chunks()
    since = pa.array(merged, pa.timestamp("us")).take(place)
    as_account = pc.fill_null(
        pc.and_(pc.equal(rows["kind"], "usage"), pc.less(rows["opened"], since)), fill_value=False
    )
    accounts = account_names(people.customer_id[who]).take(place)
    spoken = pc.if_else(as_account, accounts, rows["client_no"])
    return rows.set_column(rows.schema.get_field_index("client_no"), "client_no", spoken)


def _until_now(table: pa.Table, *times: str) -> pa.Table:
    """Drop what the company cannot know yet, and put the rest in the order of its time."""
    now = pa.scalar(LAST_INSTANT, pa.timestamp("us"))
    for name in times:
        table = table.filter(pc.less_equal(table[name], now))
    return table.sort_by([(times[0], "ascending")])


def _closed_by_now(table: pa.Table) -> pa.Table:
    now = pa.scalar(LAST_INSTANT, pa.timestamp("us"))
    closed = table["closed"]
    nothing = pa.scalar(None, closed.type)
    shown = pc.if_else(pc.fill_null(pc.less_equal(closed, now), fill_value=False), closed, nothing)
    return table.set_column(table.schema.get_field_index("closed"), "closed", shown)
