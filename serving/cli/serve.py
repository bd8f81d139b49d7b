"""`forestay serve`: the score service."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.command import Answer, Here, as_command

if TYPE_CHECKING:
    from features.workspace import Workspace

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@as_command(
    "serve",
    examples=[
        "forestay serve",
        "forestay serve --port 8080 --workers 2",
        "forestay serve --host 10.0.0.5 --certificate tls.crt --private-key tls.key",
        "forestay serve --host 10.0.0.5 --behind-proxy     where a proxy ends TLS",
    ],
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--certificate", type=_FILE, metavar="FILE", help="TLS certificate (PEM).")
@click.option("--private-key", type=_FILE, metavar="FILE", help="Its private key (PEM).")
@click.option("--behind-proxy", is_flag=True, help="A proxy before it ends TLS.")
def command(here: Here, **options: Any) -> Answer:  # noqa: ANN401 - as `Listen` has them
    """Answer the CRM over HTTP: risks, bands and reasons of single customers, in milliseconds.

    Listens on this machine alone unless told otherwise; elsewhere it needs TLS and a key. New
    nights and new champions are taken in without a stop. Ends with Ctrl-C, after what is under way.
    """
    from serving.service.server import Listen, require_safe, run

    workspace = here.workspace()
    listen = Listen(**options)
    require_safe(workspace, listen)
    for line in _first_lines(workspace, here.folder, listen.url):
        click.echo(line, err=True)
    run(workspace, listen)
    return Answer(data={"status": "stopped", "url": listen.url}, lines=["stopped"])


def _first_lines(workspace: "Workspace", folder: Path, url: str) -> list[str]:
    """Say where it listens, how to make a key, and one question that works."""
    from serving.online.standing import anybody

    customer = anybody(workspace) or "CUSTOMER"
    where = "" if folder == Path.cwd() else f" --workspace {folder}"
    question = f"""'{{"customer_ids": ["{customer}"]}}'"""
    header = "-H 'Content-Type: application/json' -H \"Authorization: Bearer $KEY\""
    return [
        f"Forestay answers at {url} (all addresses: {url}/openapi.json)",
        "",
        f"  make a key   KEY=$(forestay keys create --role crm --quiet{where})",
        f"  ask          curl -s {url}/score {header} -d {question}",
        "",
    ]
