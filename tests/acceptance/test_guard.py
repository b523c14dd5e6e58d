"""`rollback guard` as the last line of a deploy, on the practice host: what holds is marked, what does not is rolled back."""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.relay import Relay
from tests.acceptance.test_mark import deployed, ledger, mark, serving, verified
from tests.machine import BIN, Done, Machine

STATE = "/var/lib/rollback/dyniq-voice"


class Guard:
    """A `rollback guard` that is under way. It counts a stack as failed that is not healthy after six seconds."""

    def __init__(self, machine: Machine, hold: str, *words: str, stack: Path | None = None) -> None:
        self._machine = machine
        self._before = machine.folders()
        self.stack = stack or quick(machine)
        argv = [BIN / "rollback", "guard", "--stack", self.stack, "--for", hold, *words]
        self.run = subprocess.Popen(argv, env=machine.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @property
    def folder(self) -> Path:
        """The folder of its record."""
        return next(folder for folder in self._machine.folders() if folder not in self._before and "-guard-" in folder.name)

    def events(self, kind: str) -> list[dict]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def until(self, seen: Callable[[], object], most: float = 40.0) -> None:
        """Wait until it has seen that, at most so many seconds."""
        until = time.monotonic() + most
        while True:
            try:
                if seen():
                    return
            except (StopIteration, OSError, ValueError):
                pass  # its record has not begun, or a line is just being written
            assert self.run.poll() is None, self.run.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)

    def holds(self) -> "Guard":
        """The same, once every route was healthy and its containers were looked at."""
        self.until(lambda: self.events("holding") and len(self.events("probe")) > 20)
        return self

    def ended(self) -> Done:
        out, err = self.run.communicate(timeout=150)
        assert "Traceback" not in out + err, err
        return Done(self.run.returncode, out, err, self.folder)


def quick(machine: Machine, **changes: object) -> Path:
    def change(content: dict) -> None:
        content["health"].update(deadline=6.0)
        content.update(changes)

    return machine.edited_stack(change)


def locked(machine: Machine) -> bool:
    return machine.ssh(f"cat {STATE}/lock/holder 2>/dev/null || :") != ""


def test_what_holds_is_marked_and_the_lock_is_free_meanwhile(clean: Machine) -> None:
    good, before = deployed(clean, "a good release"), serving(clean)
    guard = Guard(clean, "8s").holds()
    assert not locked(clean)
    assert mark(clean).status == 0, "another run is not kept out"
    done = guard.ended()
    assert (done.status, done.record["verdict"]) == (0, "marked"), done.out + done.err
    assert f"every route held for 8s; agents-api {good[:7]} is known good on contabo" in done.record["reason"]
    assert [(line["commit"], line["healthy"], line["incident"]) for line in ledger(clean)][-1] == (good, True, done.record["incident"])
    assert serving(clean) == before
    assert "✔ Every route is healthy; they have to hold for 8 s" in done.out
    assert "✔ marked: every route held for 8s" in done.out
    assert done.record["seconds"] > 8
    assert not locked(clean)
    assert verified(clean)


@pytest.mark.whole
def test_a_flake_is_no_outage(clean: Machine) -> None:
    deployed(clean, "a good release")
    guard = Guard(clean, "15s", "--json").holds()
    clean.ssh("docker restart -t 0 docker-caddy-1 >/dev/null")
    done = guard.ended()
    assert [event["status"] for event in guard.events("probe") if not event["ok"]], "a probe met it"
    assert done.status == 0, done.out
    said = json.loads(done.out)
    assert (said["verdict"], said["status"], said["held"], said["rollback"]) == ("marked", 0, True, None)
    assert said["releases"][0]["service"] == "agents-api"
    assert said["incident"] == done.record["incident"]


def test_a_release_that_breaks_is_rolled_back_to_the_last_good_one(clean: Machine) -> None:
    good = clean.head()
    assert mark(clean).status == 0
    guard = Guard(clean, "60s", "--apply", "--confirm", "contabo").holds()
    clean.host.break_("code")
    bad = clean.head()
    done = guard.ended()
    assert (done.status, done.record["verdict"]) == (4, "rolled-back"), done.out + done.err
    assert (clean.health()[0], clean.head()) == (200, good)
    reason = done.record["reason"]
    assert reason.startswith("dyniq-voice did not hold on contabo: route agents-api was not healthy for ")
    assert f"the last good release is {good[:7]}" in reason
    rollback = done.record["found"]["rollback"]
    assert (rollback["verdict"], rollback["status"]) == ("succeeded", 0)
    record = json.loads((Path(rollback["folder"]) / "record.json").read_text())
    assert record["because"].startswith(f"guard {done.record['incident']}: route agents-api was not healthy")
    assert (bad, False) in [(line["commit"], line["healthy"]) for line in ledger(clean)]
    assert done.record["next"] == [f"To undo the rollback: `rollback undo {rollback['incident']}`."]
    lines = (
        "guard of dyniq-voice on contabo: it has to hold for 60s; if not, a rollback is applied", "✔ Every route is healthy",
        "✘ Route agents-api fails", "▲ Replaced meanwhile, as by a deploy: agents-api", "✘ Did not hold: route agents-api",
        "● Rollback: release, the last good release is", "release of dyniq-voice on contabo: apply", "▲ rolled-back: ",
    )  # fmt: skip
    assert [done.out.index(line) for line in lines] == sorted(done.out.index(line) for line in lines), done.out
    assert not locked(clean)
    assert verified(clean)


@pytest.mark.whole
def test_without_apply_it_is_planned_people_are_told_and_a_command_applies_it(clean: Machine, tmp_path: Path) -> None:
    good = clean.head()
    assert mark(clean).status == 0
    notices = tmp_path / "notices"
    stack = quick(clean, notify=[{"command": ["sh", "-c", f"cat >>{notices}; echo >>{notices}"]}])
    guard = Guard(clean, "60s", stack=stack).holds()
    clean.host.break_("code")
    before = serving(clean)
    done = guard.ended()
    assert (done.status, done.record["verdict"]) == (7, "not-held"), done.out + done.err
    assert (clean.health()[0], serving(clean)) == (500, before)
    assert [line["healthy"] for line in ledger(clean)] == [True], "what does not hold is not marked"
    first, last = map(json.loads, notices.read_text().splitlines())
    assert (first["kind"], last["kind"]) == ("lapse", "not-held")
    assert "did not hold, route agents-api was not healthy" in first["text"]
    assert "is planned and not applied" in last["text"]
    (word,) = done.record["next"]
    command = shlex.split(word.split("`")[1])
    applied = subprocess.run([BIN / command[0], *command[1:]], env=clean.env(), capture_output=True, text=True, timeout=150)
    assert (applied.returncode, clean.health()[0], clean.head()) == (0, 200, good), applied.stdout + applied.stderr
    assert verified(clean)


@pytest.mark.whole
def test_without_a_good_release_it_is_triages_best_answer(broken: Machine) -> None:
    done = Guard(broken, "60s", "--apply", "--confirm", "contabo", "--quiet").ended()
    assert (done.status, broken.health()[0]) == (4, 200), done.out + done.err
    assert "route agents-api did not pass 3 probes in a row in 6 s (500: " in done.out
    assert "no release is known good on contabo, so this is triage's best answer: Bad code deploy" in done.out
    assert len(done.out.splitlines()) == 1
    assert done.err == ""


@pytest.mark.whole
def test_a_container_that_restarts_again_and_again_does_not_hold_while_every_route_passes(clean: Machine) -> None:
    deployed(clean, "a good release")
    image = clean.container()["Image"]
    labels = {"project": "docker", "project.working_dir": "/opt/dyniq-voice/docker", "oneoff": "False", "service": "worker"}
    words = " ".join(f"--label com.docker.compose.{key}={value}" for key, value in labels.items())
    clean.ssh(f"docker run -d --name worker --restart always {words} --entrypoint sh {image} -c 'sleep 3; exit 1' >/dev/null")
    try:
        guard = Guard(clean, "60s")
        done = guard.ended()
    finally:
        clean.ssh("docker rm -f worker >/dev/null")
    assert done.status == 7, done.out + done.err
    assert "worker ended by itself and was restarted" in done.record["reason"]
    assert all(event["ok"] for event in guard.events("probe"))
    assert "no release is known good on contabo, and triage says: " in done.record["reason"]


@pytest.mark.parametrize(
    ("sent", "status", "verdict"),
    [pytest.param(signal.SIGTERM, 3, "aborted"), pytest.param(signal.SIGKILL, -9, "unknown", marks=pytest.mark.whole)], ids=str,
)  # fmt: skip
def test_a_pipeline_that_dies_leaves_the_host_as_it_was(clean: Machine, sent: signal.Signals, status: int, verdict: str) -> None:
    deployed(clean, "a good release")
    before = clean.listing()
    guard = Guard(clean, "60s", "--apply", "--confirm", "contabo").holds()
    os.kill(guard.run.pid, sent)
    guard.run.communicate(timeout=20)
    record = json.loads((guard.folder / "record.json").read_text())
    assert (guard.run.returncode, record["verdict"]) == (status, verdict)
    assert record["reason"] == ("the run has not ended" if sent is signal.SIGKILL else "stopped by who ran it")
    assert clean.listing() == before
    assert not locked(clean)
    assert verified(clean) is (sent is not signal.SIGKILL), "a record that was not closed is not sealed"
    resumed = subprocess.run([BIN / "rollback", "resume", record["incident"]], env=clean.env(), capture_output=True, text=True)
    assert (resumed.returncode, "there is nothing to resume; run guard again" in resumed.stderr) == (2, True), resumed.stderr
    assert Guard(clean, "3s").ended().status == 0


@pytest.mark.whole
def test_a_connection_that_is_cut_does_not_end_the_watch(clean: Machine, tmp_path: Path) -> None:
    good = deployed(clean, "a good release")
    with Relay(clean.host.ssh_port) as relay:
        config = tmp_path / "ssh_config"
        alias = f"  HostKeyAlias [127.0.0.1]:{clean.host.ssh_port}\n"
        config.write_text(clean.host.ssh_config.read_text().replace(f"Port {clean.host.ssh_port}", f"Port {relay.listening}") + alias)
        guard = Guard(clean, "12s", stack=quick(clean, ssh_config=str(config))).holds()
        relay.cut()
        done = guard.ended()
    assert done.status == 0, done.out
    assert [event["said"] for event in guard.events("link")][-1].startswith("connected to contabo again")
    assert ledger(clean)[-1]["commit"] == good


@pytest.mark.whole
def test_a_stack_that_somebody_rolls_back_is_left_to_them(broken: Machine) -> None:
    with broken.stopped_in("code", "recreate", 1, "-p", "reason=first"):
        before = serving(broken)
        done = Guard(broken, "60s", "--apply", "--confirm", "contabo").ended()
        assert (done.status, done.record["verdict"]) == (7, "not-held"), done.out
        assert "not rolled back: contabo is held by" in done.record["reason"]
        assert "(first)" in done.record["reason"]
        assert serving(broken) == before


def test_a_healthy_deploy_in_the_midst_is_named_and_not_marked(clean: Machine) -> None:
    deployed(clean, "a good release")
    guard = Guard(clean, "10s", "--apply", "--confirm", "contabo").holds()
    second = deployed(clean, "another good release")
    done = guard.ended()
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
    assert "agents-api was replaced on contabo while it was watched, as by another deploy" in done.record["reason"]
    assert (ledger(clean), clean.head(), clean.health()[0]) == ([], second, 200)


def test_what_is_wrong_is_said_before_anything_is_watched(clean: Machine) -> None:
    logins = clean.logins()
    for words, said in (
        (("10 minutes",), "for: a time such as 90s, 10m or 1h is expected, not '10 minutes'"),
        (("10m", "--apply"), "--apply changes contabo; say so with --confirm contabo (it is '')"),
        (("10m", "--apply", "--confirm", "contabo", "--checked", "everything"), "checked: names of change"),
    ):
        argv = [BIN / "rollback", "guard", "--stack", clean.stack, "--for", *words]
        done = subprocess.run(argv, env=clean.env(), capture_output=True, text=True, timeout=60)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert (clean.folders(), clean.logins()) == ([], logins)
    clean.ssh("echo '# by hand' >>/opt/dyniq-voice/agents_api/server.py")
    refused = Guard(clean, "60s").ended()
    assert refused.status == 3
    assert "has uncommitted changes (agents_api/server.py)" in refused.record["reason"]
    assert refused.record["seconds"] < 30, "at once, and not after the whole time"
