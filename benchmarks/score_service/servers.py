"""Servers that are measured or measured against: started, asked, and stopped."""

import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EMPTY = """
import uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=PORT, log_level="critical", access_log=False, lifespan="off")
"""
PLAIN = """
import sys
sys.path.insert(0, "ROOT")
from pathlib import Path
from features.settings import load_workspace, prepare_process
prepare_process()
import bentoml
import lightgbm
import pyarrow as pa
from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.feature_store import open_store
from features.feature_store.registry import feast_name, reference
from training.registry import load_champion

workspace = load_workspace(Path("WORKSPACE"))
catalogue = catalogue_for(open_accepted(workspace), workspace)
champions = [load_champion(workspace, name) for name in workspace.targets]
store = open_store(workspace)
names = sorted({n for one in champions for n in {*one.feature_names, *one.groups_read}})

@bentoml.service(name="plain", logging={"access": {"enabled": False}})
class Plain:
    @bentoml.api(route="/score")
    def score(self, customer_ids: list[str]) -> dict:
        found = store.get_online_features(
            features=[reference(catalogue, n) for n in names],
            entity_rows={"customer_id": customer_ids}).to_dict()
        types = {f.name: pa.string() if f.dtype == "text" else pa.float64()
                 for f in catalogue.features}
        rows = pa.table({n: pa.array(found[feast_name(n)], types[n]) for n in names}
                        | {"customer_id": customer_ids})
        return {one.target: one.model.calibrate(one.model.margin(rows), rows).tolist()
                for one in champions}

if __name__ == "__main__":
    import uvicorn
    uvicorn.run(Plain.to_asgi(), port=PORT, log_level="critical", access_log=False)
"""


def asking(port: int, key: str, body: Callable, path: str = "/score") -> Callable:
    """Return a function that asks over one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    once = (f"benchmark-{number}" for number in itertools.count())

    def ask(some: list[str]) -> None:
        while True:
            connection.request("POST", path, json.dumps(body(some)), headers | _once(path, once))
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 429:  # noqa: PLR2004 - faster than one key may ask
                break
            time.sleep(0.2)
        assert answer.status == 200, content[:300]  # noqa: S101, PLR2004

    return ask


def _once(path: str, keys: Iterator[str]) -> dict[str, str]:
    return {"Idempotency-Key": next(keys)} if path == "/events" else {}


def script(text: str, port: int, folder: Path) -> list[str]:
    """Return the command of a small server."""
    root = str(Path(__file__).parents[2])
    filled = text.replace("PORT", str(port)).replace("WORKSPACE", str(folder))
    return [sys.executable, "-c", filled.replace("ROOT", root)]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(
    command: list[str], port: int, path: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """Run a server until it is not needed any more."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        try:
            began = time.monotonic()
            while not answers(port, path):
                assert process.poll() is None, log.read_text()  # noqa: S101
                assert time.monotonic() - began < 90, log.read_text()  # noqa: S101, PLR2004
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(30)


def answers(port: int, path: str) -> bool:
    """Tell whether a server answers."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004
    except OSError:
        return False
