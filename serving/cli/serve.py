"""`forestay serve`: the score service."""

from pathlib import Path

import click

from serving.cli.command import Answer, Here, as_command

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
def command(  # noqa: PLR0913 - one option each
    here: Here,
    *,
    host: str,
    port: int,
    workers: int,
    certificate: Path | None,
    private_key: Path | None,
    behind_proxy: bool,
) -> Answer:
    """Answer the CRM over HTTP: risks, bands and reasons of single customers, in milliseconds.

    Listens on this machine alone unless told otherwise; elsewhere it needs TLS and a key. New
    nights and new champions are taken in without a stop. Ends with Ctrl-C, after what is under way.
    """
    from serving.service.server import Listen, require_safe, run

    workspace = here.workspace()
    listen = Listen(
        host=host, port=port, workers=workers, certificate=certificate, private_key=private_key,
        behind_proxy=behind_proxy,
    )  # fmt: skip
    require_safe(workspace, listen)
    for line in _first_lines(here, listen.url):
        click.echo(line, err=True)
    run(workspace, listen)
    return Answer(data={"status": "stopped", "url": listen.url}, lines=["stopped"])


def _first_lines(here: Here, url: str) -> list[str]:
    """Say where it listens, how to make a key, and one question that works."""
    from serving.online.standing import current_folder, open_standing

    workspace = here.workspace()
    customer = "CUSTOMER"
    if current_folder(workspace):
        customer = open_standing(workspace).some(1)["customer_id"][0].as_py()
    where = "" if here.folder == Path.cwd() else f" --workspace {here.folder}"
    question = f"""'{{"customer_ids": ["{customer}"]}}'"""
    header = "-H 'Content-Type: application/json' -H \"Authorization: Bearer $KEY\""
    return [
        f"Forestay answers at {url} (all addresses: {url}/openapi.json)",
        "",
        f"  make a key   KEY=$(forestay keys create --role crm --quiet{where})",
        f"  ask          curl -s {url}/score {header} -d {question}",
        "",
    ]
