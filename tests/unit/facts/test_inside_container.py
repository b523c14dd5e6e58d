"""A service asked past the proxy: as its route is asked, with the same headers, which stand in no command."""

import os
import subprocess
from pathlib import Path

import pytest

from rollback_lib.commands.command import script
from rollback_lib.facts import inside_container
from rollback_lib.facts.inside_container import Answer
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.route import Expect, Route
from tests.builders.recorded import OneByOne
from tests.builders.server import serving

TOKEN = 'Bearer "correct\\horse"'
ROUTE = Route(name="a", service="a", url="http://shop.example/health?full=1", headers={"Authorization": "env:TOKEN"})


class Inside(OneByOne):
    """This machine, where a container's network is the one of this process, and curl tells what it was called with."""

    alias = "here"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = {
            "docker": f"echo {os.getpid()}",
            "nsenter": 'shift 3; exec "$@"',
            "curl": f'printf "%s\\n" "$*" >>{folder}/argv; exec {_program("curl")} "$@"',
            "awk": f"cat >/dev/null; cat {folder}/ports",
        }
        for name, text in programs.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)

    def run(self, script: str, *, send: Secret | None = None, **_: object) -> Result:
        env = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        given = send.reveal().decode() if send else ""
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=env, input=given)
        return Result(Ending.exited(done.returncode), done.stdout, done.stderr, 0, 0.0)


def _program(name: str) -> str:
    return subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True).stdout.strip()


def asked(folder: Path, route: Route, *ports: int) -> Answer | None:
    (folder / "ports").write_text("".join(f"{port:04X}\n" for port in ports))
    fact = inside_container.answer("c", route, {"env:TOKEN": Secret(TOKEN)})
    assert "correct" not in script(fact.commands)
    return LiveHost(Inside(folder), Redactor(), Key()).ask(fact).result()


def test_a_header_reaches_the_service_and_no_command_line(tmp_path: Path) -> None:
    with serving(200, "fine") as server:
        found = asked(tmp_path, ROUTE, server.port)
    assert found == Answer((server.port,), 200, "fine", True)
    ((path, headers),) = server.asked
    assert (path, headers["Authorization"], headers["Host"]) == ("/health?full=1", TOKEN, "shop.example")
    assert "correct" not in (tmp_path / "argv").read_text()


def test_every_port_is_asked_and_the_best_answer_counts(tmp_path: Path) -> None:
    expecting = ROUTE.model_copy(update={"expect": Expect(status=204)})
    with serving(404, "no such path") as metrics, serving(204, "") as app:
        found = asked(tmp_path, expecting, metrics.port, app.port)
    assert (found.status, found.ok) == (204, True)
    assert app.asked[0][1]["Authorization"] == metrics.asked[0][1]["Authorization"] == TOKEN


@pytest.mark.parametrize(("body", "ok"), [("db: ok", True), ("db: gone", False), ("ok" + "x" * 30_000, True)])
def test_it_is_well_where_the_body_is_as_expected(tmp_path: Path, body: str, ok: bool) -> None:
    with serving(200, body) as server:
        found = asked(tmp_path, ROUTE.model_copy(update={"headers": {}, "expect": Expect(body="ok")}), server.port)
    assert (found.status, found.ok) == (200, ok)
