"""What Docker lists and has no more when it is inspected is not there; a Docker that does not answer is no empty list."""

import os
import subprocess
from pathlib import Path

import pytest

from rollback_lib.commands.command import Command, script
from rollback_lib.errors import Refused
from rollback_lib.facts import docker
from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.listed import gone, inspected, objects
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from tests.builders.recorded import OneByOne

LISTING = Command.of("docker", "ps", "--all", "--quiet")
# Its own `listed` and `there` count the calls: the listing of a call is a line of `ids`, and what is inspected then one of `known`.
DOCKER = """#!/bin/sh
cd {folder}
if [ "$1" = ps ]; then
    echo x >>listed; ids=$(sed -n "$(wc -l <listed)p" ids)
    [ "$ids" != down ] || {{ echo "Cannot connect to the Docker daemon" >&2; exit 1; }}
    [ -z "$ids" ] || printf '%s\\n' $ids
    exit 0
fi
echo x >>there; known=" $(sed -n "$(wc -l <there)p" known) "; shift 4; status=0
for id; do
    case $known in
        *" $id "*) echo "{{\\"Id\\": \\"$id\\"}}" ;;
        *" down "*) echo "error during connect: it broke off" >&2; exit 1 ;;
        *) echo; echo "Error response from daemon: No such container: $id" >&2; status=1 ;;
    esac
done
exit $status
"""


def run(folder: Path, ids: list[str], known: list[str]) -> subprocess.CompletedProcess[str]:
    for name, lines in (("ids", ids), ("known", known)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    fake = folder / "docker"
    fake.write_text(DOCKER.format(folder=folder))
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(["sh", "-c", script((inspected("container", LISTING),))], capture_output=True, text=True, env=env)


@pytest.mark.parametrize(
    ("ids", "known", "found"),
    [
        (["a b"], ["a b"], ["a", "b"]),
        (["a b", "a c"], ["a", "a c"], ["a", "c"]),  # b was replaced by c
        (["a b", "a"], ["a", "a"], ["a"]),
        (["a b", "a c", "a d", "a e"], ["a"] * 4, ["a"]),  # others come and go all the time
        ([""], [], []),
        (["a", ""], [""], []),
        (["a b", "a b"], ["down", "a b"], ["a", "b"]),
    ],
)
def test_what_is_gone_by_then_is_not_there(tmp_path: Path, ids: list[str], known: list[str], found: list[str]) -> None:
    done = run(tmp_path, ids, known)
    assert done.returncode == 0, done.stderr
    assert [one["Id"] for one in objects(done.stdout)] == found


@pytest.mark.parametrize(
    ("ids", "known"), [(["down"], []), (["a", "down"], ["down"]), (["a"] * 4, ["down"] * 4), (["a b"] * 4, ["a down"] * 4)]
)
def test_a_docker_that_does_not_answer_is_no_empty_list(tmp_path: Path, ids: list[str], known: list[str]) -> None:
    done = run(tmp_path, ids, known)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Cannot connect" in done.stderr or "it broke off" in done.stderr


def test_docker_has_said_that_there_is_none_or_it_has_said_nothing() -> None:
    assert gone(["Error response from daemon: No such container: x"])
    assert gone(["WARNING: Error loading config file: permission denied", "Error: No such object: x", ""])
    assert not gone(["error during connect: it broke off"])
    assert not gone([])

    class Link(OneByOne):
        alias = "host"
        said = ""

        def run(self, *_: object, **__: object) -> Result:
            return Result(Ending.exited(1), "\n", self.said, 0, 0.0)

    link = Link()
    for fact in (docker.named("x"), docker.image_id("x:y")):
        link.said = "Error response from daemon: no such image: x: No such image: x:y\n"
        assert LiveHost(link, Redactor(), Key()).ask(fact).result() is None
        link.said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock\n"
        with pytest.raises(Refused, match="does not answer"):
            LiveHost(link, Redactor(), Key()).ask(fact).result()
        beside = LiveHost(link, Redactor(), Key()).beside(lambda host, fact: host.ask(fact).result(), fact).result()
        assert isinstance(beside, Unanswered)
        assert "Cannot connect" in beside.why
