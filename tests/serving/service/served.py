"""The service as a process of its own, asked over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx

from tests.serving.service.corner_shop import FORESTAY

_KEYS: dict[tuple[Path, str], dict[str, str]] = {}
REPOSITORY = Path(__file__).parents[3]
BENTOML = str(Path(sys.executable).with_name("bentoml"))


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Served:
    """One running service."""

    def __init__(self, folder: Path, *options: str, keys: dict[str, str] | None = None) -> None:
        """Remember how to start it; `keys` by role, made where not given."""
        self.folder, self.options, self.port = folder, options, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"service-{self.port}.log"
        self.keys = keys or make_keys(folder)
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        self.start()
        self.client = httpx.Client(base_url=self.url, timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.client.close()
        self.stop()

    def start(self, seconds: float = 30) -> float:
        """Start it; return the seconds until it was ready."""
        command, environment = self.command()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=REPOSITORY,
                env={**os.environ, "CI": "", **environment},
            )  # fmt: skip
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return time.monotonic() - began
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return what is run, and with which environment."""
        command = [FORESTAY, "serve", "--port", str(self.port)]
        return [*command, "--workspace", str(self.folder), *self.options], {}

    def stop(self) -> int:
        """Ask it to end; return its code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def ask(self, method: str, path: str, role: str = "crm", **more) -> httpx.Response:
        """Ask with the key of a role."""
        headers = {"Authorization": f"Bearer {self.keys[role]}", **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def score(self, *customer_ids: str, **more) -> dict:
        """Ask for risks; return the answer."""
        found = self.ask("POST", "/score", json={"customer_ids": list(customer_ids), **more})
        assert found.status_code == 200, found.text
        return found.json()


class ServedBento(Served):
    """The same service, built by BentoML and run by it; `options` name where it was built."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return what is run, and with which environment."""
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        environment = {"BENTOML_HOME": self.options[0], "FORESTAY_WORKSPACE": str(self.folder)}
        return [BENTOML, "serve", "forestay:latest", *where], environment


def built_bento(home: Path) -> str:
    """Build the Bento, as `bentoml build` does for whoever packs it; return its home."""
    home.mkdir()
    done = subprocess.run(
        [BENTOML, "build", "."], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return str(home)


def make_keys(folder: Path, name: str = "test") -> dict[str, str]:
    """Make a key for each role, once for each folder."""
    if (folder, name) in _KEYS:
        return _KEYS[folder, name]
    from features.settings import load_workspace
    from serving.service.access.keys import Keys
    from serving.service.routes import ROLES

    keys = Keys(load_workspace(folder))
    made = {role: keys.create(role, f"{name} {role}", by="test")[1] for role in ROLES}
    _KEYS[folder, name] = made
    return _KEYS[folder, name]


def until(claim, seconds: float = 15):
    """Wait until a claim holds and return what it gave."""
    began = time.monotonic()
    while not (found := claim()):
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return found
