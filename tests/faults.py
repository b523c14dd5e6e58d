"""Faults: what can go wrong in the middle of a step. Each is tried on a practice host, in its own run."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.practice_host import PracticeHost
from lab.relay import Relay

JOB = "/var/lib/rollback/dyniq-voice/jobs/*"
JOB_OF_USER = "/home/*/.local/state/rollback/dyniq-voice/jobs/*"


@dataclass(frozen=True)
class Scene:
    """A run in the middle of a step, whose job is stopped (SIGSTOP) on the host. `run` is the process of the command line, `job` the
    folder of the job on the host."""

    host: PracticeHost
    relay: Relay
    run: "subprocess.Popen[str]"
    job: str


# Replaces `timeout`, with which jobs run. In the step that /run/freeze names, the script stops itself and its child processes just before
# the command with the given number.
_STOPPING = r"""#!/bin/sh
if read -r step number </run/freeze && [ -f script ] && [ "${PWD##*/}" = "$step" ]; then
    rm -f /run/freeze
    sed -i "s/^printf .*036%d.* $number\$/&\nkill -s STOP 0/" script
fi 2>/dev/null
exec /usr/bin/timeout "$@"
"""


def freeze(host: PracticeHost, step: str, command: int, most: float = 60.0) -> str:
    """Let the step's job stop just before its command number `command`, and wait at most `most` seconds until it has. Returns the folder
    of the job."""
    host.exec(
        f"cat >/usr/local/bin/timeout.part <<'EOF'\n{_STOPPING}EOF\nchmod +x /usr/local/bin/timeout.part; "
        f"echo {step} {command} >/run/freeze; mv /usr/local/bin/timeout.part /usr/local/bin/timeout"
    )
    stopped = f"""
        for job in {JOB}/{step} {JOB_OF_USER}/{step}; do
            [ -s "$job/pid" ] && case $(cat "/proc/$(($(cat "$job/pid")))/stat") in *") T "*) echo "$job"; exit 0;; esac
        done"""
    wait = f"while [ -e /run/freeze ] || ! ({stopped}; exit 1) 2>/dev/null; do sleep 0.02; done"
    return host.exec(f"/usr/bin/timeout {most:g} sh -c '{wait}'")


def thaw(scene: Scene) -> None:
    """Let the job continue, if it still exists."""
    scene.host.exec(f'kill -s CONT -- "-$(($(cat {scene.job}/pid)))" 2>/dev/null || true')


def thaw_when_told_to_end(scene: Scene) -> None:
    """Let the job continue once SIGTERM (bit 14 of the pending signals) was sent to it: a stopped process cannot end."""
    pending = "until grep -q '^ShdPnd:.*4...$' /proc/$(($(cat $1/pid)))/status; do sleep 0.05; done"
    scene.host.exec(f"timeout 60 sh -c \"$(cat <<'EOF'\n{pending}\nEOF\n)\" sh {scene.job}")
    thaw(scene)


def cells(scene: Scene) -> int:
    """The id of the process that runs the cells."""
    return int(subprocess.check_output(["pgrep", "-P", str(scene.run.pid), "-f", "rollback_lib.headless.cells"], text=True).split()[0])


def _kill_job(scene: Scene) -> None:
    # The process that watches the job is killed as well, so that nothing notes how the job ended.
    runner, group = (f"$(($(cat {scene.job}/{name})))" for name in ("runner", "pid"))
    scene.host.exec(f"""kill -s KILL {runner}; kill -s KILL -- -{group}
        until flock -ns {scene.job}/alive true; do sleep 0.02; done; [ ! -e {scene.job}/exit ]""")


def _fill_disk(scene: Scene) -> None:
    scene.host.exec("head -c 64m /dev/zero >/var/lib/rollback/fill 2>/dev/null || true; ! echo x >/var/lib/rollback/more 2>/dev/null")


def _restart_docker(scene: Scene) -> None:
    scene.host.exec('old=$(cat /run/docker.pid); kill "$old"; while kill -0 "$old" 2>/dev/null; do sleep 0.05; done')


def prepare_disk(host: PracticeHost) -> None:
    """Mount a small disk for the state of runs, so that it can be filled without filling the disk of this machine."""
    host.exec("mkdir -p /var/lib/rollback; mount -t tmpfs -o size=8m,mode=700 tmpfs /var/lib/rollback")


def free_disk(host: PracticeHost) -> None:
    """Make room on that disk again."""
    host.exec("rm -f /var/lib/rollback/fill /var/lib/rollback/more")


def power_cut(scene: Scene) -> None:
    """The runner and the host die at once, and the host starts again."""
    os.kill(scene.run.pid, signal.SIGKILL)
    for word in ("kill", "start"):
        subprocess.run(["docker", word, scene.host.container], check=True, capture_output=True)
    engine_is_back(scene.host)
    scene.host.exec("timeout 60 sh -c 'until docker exec voice-postgres-1 pg_isready -q -U dyniq; do sleep 0.1; done'")


def engine_is_back(host: PracticeHost) -> None:
    """Wait until Docker answers again, and so do Caddy and agents-api; whether these are healthy, or find each other, does not matter."""
    host.exec("timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.1; done'")
    ask = "curl -sk -o /dev/null --max-time 2 -w '%{http_code}'"
    caddy = f"{ask} --connect-to ::127.0.0.1: https://agents-api.dyniq.ai/health"
    address = "docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' docker-agents-api-1 | cut -d ' ' -f 1"
    answers = f"case $({caddy}) in 000) false;; esac && case $({ask} http://$({address}):8000/health) in 200|500) exit 0;; esac"
    host.exec(f"for half in $(seq 240); do {answers}; sleep 0.5; done; exit 1")


@dataclass(frozen=True)
class Fault:
    """A fault. `strike` makes it happen, or raises an error if it cannot. `seen` says whether the run was affected by it, from the exit
    status of the run and the events of its record."""

    strike: Callable[[Scene], None]
    seen: Callable[[int, Sequence[Mapping[str, Any]]], bool] = lambda *_: True


def _lost(_: int, events: Sequence[Mapping[str, Any]]) -> bool:
    return any(event["event"] == "link" and "is lost" in event["said"] for event in events)


def _cut_short(_: int, events: Sequence[Mapping[str, Any]]) -> bool:
    return any(event["event"] == "run-cut-short" for event in events)


FAULTS: dict[str, Fault] = {
    "connection cut": Fault(lambda scene: scene.relay.cut(), _lost),
    "network silent": Fault(lambda scene: scene.relay.silence(), _lost),
    "runner SIGTERM": Fault(lambda scene: os.kill(scene.run.pid, signal.SIGTERM), _cut_short),
    "runner SIGKILL": Fault(lambda scene: os.kill(scene.run.pid, signal.SIGKILL), lambda status, _: status == -signal.SIGKILL),
    "cells killed": Fault(lambda scene: os.kill(cells(scene), signal.SIGKILL), _cut_short),
    "job killed": Fault(_kill_job),
    "disk full": Fault(_fill_disk),
    "docker restarted": Fault(_restart_docker),
}
