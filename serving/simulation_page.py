"""A simulation as one page that opens anywhere: no address outside, both languages, good on paper.

The template receives the fields of `SimulationPage`, which `simulation_content` fills.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.whole import write_json, write_text
from features.workspace import Workspace
from serving.page_words import CODES, Words
from serving.simulation_chart import Chart
from serving.simulation_pairs import Pair

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, kw_only=True)
class SimulationPage:
    """What the template is given; of every two, the policy in force comes first."""

    workspace: str = field(metadata={"help": "name of the workspace"})
    as_of: str = field(metadata={"help": "newest night"})
    language: str = field(metadata={"help": "language the page opens in"})
    currency: str | None = field(metadata={"help": "currency of money and expected value"})
    period: Words = field(metadata={"help": "which nights were replayed"})
    policies: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "the two policies: kind (old, new), words, label, file"}
    )
    warnings: Sequence[Words] = field(metadata={"help": "what the reader must know first"})
    tiles: Sequence[Pair] = field(metadata={"help": "numbers at the top"})
    charts: Sequence[Chart] = field(
        metadata={"help": "contacts by channel, money and value, night by night"}
    )
    nights: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "a row a night: day, pairs of numbers, who entered and left"}
    )
    channels: Sequence[str] = field(
        metadata={"help": "channels of both policies, the columns of a night's contacts"}
    )
    only: Words = field(metadata={"help": "who is contacted under one policy alone"})
    actions: Sequence[Pair] = field(metadata={"help": "what is done, by action"})
    reasons: Sequence[Pair] = field(metadata={"help": "why nothing is done, by sentence"})
    limits: Sequence[Pair] = field(
        metadata={"help": "used of each limit, and on how many nights it was tight"}
    )
    groups: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "contacted shares by group: words, pairs, and the highest share"}
    )
    movers: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "who enters and who leaves on the newest night: words, count, rows"}
    )
    assumptions: Sequence[Words] = field(metadata={"help": "what the replay takes for granted"})


def render_simulation(page: SimulationPage) -> str:
    """Fill the template."""
    return _template().render(page=page, words=CODES)


def write_simulation(workspace: Workspace, found: Mapping[str, Any]) -> Path:
    """Write the page of a simulation, and its data beside it; return where the page lies."""
    from serving.simulation_content import simulation_page

    folder = workspace.state / "simulations"
    name = f"{found['as_of']}-{found['policies'][1]['version']}"
    write_json(folder / f"{name}.json", found)
    page = folder / f"{name}.html"
    write_text(page, render_simulation(simulation_page(found, workspace.language)))
    return page


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    text = Path(__file__).with_name("templates").joinpath("simulation.html").read_text("utf-8")
    return environment.from_string(text)
