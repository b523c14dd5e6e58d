"""What goes wrong in the middle of a step, each on a practice host and a run of its own."""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from lab.practice_host import PracticeHost
from lab.relay import Relay

JOB = "/var/lib/rollback/dyniq-voice/jobs/*"


@dataclass(frozen=True)
class Scene:
    """A run that has come to a step, whose job is stopped (SIGSTOP) on the host: `run` is the command line's process, `job` the
    job's folder there."""

    host: PracticeHost
    relay: Relay
    run: "subprocess.Popen[str]"
    job: str


def freeze(host: PracticeHost, step: str, command: int, most: float = 60.0) -> str:
    """Wait on the host until the step's job has begun its command of that number, and stop it there with all it has started;
    the job's folder. The job of a quick command may have ended before."""
    # A loop of the shell's own words: a process for each look would come too late.
    script = rf"""
        mark=$(printf '\036%d' {command})
        wait_for() {{
            until for job in {JOB}/{step}; do [ -s "$job/pid" ] && return; done; do :; done
        }}
        wait_for
        read -r pid <"$job/pid"
        while [ ! -e "$job/exit" ]; do
            while read -r line; do case $line in "$mark") break 2;; esac; done <"$job/out"
        done
        kill -s STOP -- "-$pid" 2>/dev/null || true
        echo "$job"
    """
    return host.exec(f"timeout {most:g} sh -euc '{script.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'")


def thaw(scene: Scene) -> None:
    """Let the job go on, if something is left of it."""
    scene.host.exec(f'kill -s CONT -- "-$(($(cat {scene.job}/pid)))" 2>/dev/null || true')


def thaw_when_told_to_end(scene: Scene) -> None:
    """Let the job go on once it was sent SIGTERM (bit 14 of what is pending): what is stopped cannot end."""
    pending = "until grep -q '^ShdPnd:.*4...$' /proc/$(($(cat $1/pid)))/status; do sleep 0.05; done"
    scene.host.exec(f"timeout 60 sh -c \"$(cat <<'EOF'\n{pending}\nEOF\n)\" sh {scene.job}")
    thaw(scene)


def kernel(scene: Scene) -> int:
    """The process of the run's kernel."""
    return int(subprocess.check_output(["pgrep", "-P", str(scene.run.pid), "-f", "rollback_lib.headless.launch"], text=True).split()[0])


def _kill_job(scene: Scene) -> None:
    # Its keeper, too: nobody is left who could write down how it ended.
    for victim in (f"$(($(cat {scene.job}/runner)))", f'-- "-$(($(cat {scene.job}/pid)))"'):
        scene.host.exec(f"kill -s KILL {victim} 2>/dev/null || true")


def _fill_disk(scene: Scene) -> None:
    scene.host.exec("head -c 64m /dev/zero >/var/lib/rollback/fill 2>/dev/null || true; ! echo x >/var/lib/rollback/more 2>/dev/null")


def _restart_docker(scene: Scene) -> None:
    scene.host.exec('old=$(cat /run/docker.pid); kill "$old"; while kill -0 "$old" 2>/dev/null; do sleep 0.05; done')


def prepare_disk(host: PracticeHost) -> None:
    """A small disk of its own for our state, which can be filled without filling that of this machine."""
    host.exec("mkdir -p /var/lib/rollback; mount -t tmpfs -o size=8m,mode=700 tmpfs /var/lib/rollback")


def free_disk(host: PracticeHost) -> None:
    """Room again."""
    host.exec("rm -f /var/lib/rollback/fill /var/lib/rollback/more")


def engine_is_back(host: PracticeHost) -> None:
    """Wait until Docker answers again."""
    host.exec("timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.1; done'")


FAULTS: dict[str, Callable[[Scene], None]] = {
    "connection cut": lambda scene: scene.relay.cut(),
    "network silent": lambda scene: scene.relay.silence(),
    "runner SIGTERM": lambda scene: os.kill(scene.run.pid, signal.SIGTERM),
    "runner SIGKILL": lambda scene: os.kill(scene.run.pid, signal.SIGKILL),
    "kernel killed": lambda scene: os.kill(kernel(scene), signal.SIGKILL),
    "job killed": _kill_job,
    "disk full": _fill_disk,
    "docker restarted": _restart_docker,
}
