"""A second person follows a run: from another machine, as another user, over a connection that breaks; and does not disturb it."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.relay import Relay
from tests.acceptance.test_users import user
from tests.faults import cells, thaw
from tests.machine import BIN, Machine

STATE = "/var/lib/rollback/dyniq-voice"
DEADLINE = 60.0  # seconds until what happens has to be seen


class Following:
    """A `rollback follow --json`, with the events that it has printed."""

    def __init__(self, machine: Machine, stack: Path, *words: str) -> None:
        argv = [BIN / "rollback", "follow", "--stack", stack, "--json", *words]
        self.run = subprocess.Popen(argv, env=machine.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events: list[dict] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.run.stdout
        for line in self.run.stdout:
            self.events.append(json.loads(line))

    def until(self, kind: str, true: Callable[[dict], bool] = lambda _: True) -> dict:
        """The first event of that kind of which this is true."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            found = next((event for event in list(self.events) if event["event"] == kind and true(event)), None)
            if found:
                return found
            assert self.run.poll() is None or self._reading.is_alive(), self.run.stderr
            time.sleep(0.02)
        raise AssertionError(f"{kind} was not seen in {self.events}")

    def ended(self) -> tuple[int, str]:
        """Its exit status, and what it printed to standard error."""
        status = self.run.wait(DEADLINE)
        self._reading.join()
        assert self.run.stderr
        return status, self.run.stderr.read()

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events]

    def lines(self, job: str) -> list[str]:
        return [event["line"] for event in self.events if event["event"] == "output" and event["job"] == job]


@pytest.fixture
def following(broken: Machine) -> Iterator[Callable[..., Following]]:
    """Begins to follow; all of it is ended after the test."""
    begun: list[Following] = []

    def begin(stack: Path, *words: str) -> Following:
        begun.append(Following(broken, stack, *words))
        return begun[-1]

    yield begin
    for one in begun:
        one.run.kill()
        one.run.wait()


def over(relay: Relay, machine: Machine, folder: Path) -> Path:
    """A stack file whose host is reached over the relay."""
    config = folder / "ssh_config_relay"
    alias = f"  HostKeyAlias [127.0.0.1]:{machine.host.ssh_port}\n"
    config.write_text(machine.host.ssh_config.read_text().replace(f"Port {machine.host.ssh_port}", f"Port {relay.listening}") + alias)
    return machine.edited_stack(lambda stack: stack.update(ssh_config=str(config)))


def written(machine: Machine) -> str:
    """Everything in the stack's folder, with when it was written to."""
    return machine.ssh(f"find {STATE} -printf '%p %s %T@ %C@ %i\\n' | sort")


def test_a_run_is_followed_from_elsewhere_to_its_end(broken: Machine, following: Callable[..., Following], tmp_path: Path) -> None:
    """One comes before it, over a connection that breaks; one in its midst, as another user; and one may not look."""
    key = broken.ssh("sed -n 's/^OPENAI_API_KEY=//p' /opt/dyniq-voice/.env")
    target = broken.commit(
        "prints while it is built", f"git checkout -q HEAD~1 .; echo 'RUN echo built with {key}' >>agents_api/Dockerfile"
    )
    broken.ssh("cd /opt/dyniq-voice && chgrp docker .env docker/.env && chmod 640 .env docker/.env")
    colleague, guest = user(broken, "colleague", owns=False), user(broken, "guest", groups="", owns=False)
    with Relay(broken.host.ssh_port) as relay:
        early = following(over(relay, broken, tmp_path), "--wait")
        early.until("free")
        with broken.stopped_in("code", "recreate", 1, "-p", f"target={target}", "-p", "reason=500s since 03:02") as scene:
            late = following(colleague)
            for one in (early, late):
                opened = one.until("open")
                assert (opened["procedure"], opened["reason"], opened["stack"]) == ("code", "500s since 03:02", "dyniq-voice")
                assert one.until("plan")["target"] == target
                one.until("step-begin", lambda event: event["step"] == "recreate")
                assert one.until("probe", lambda event: event["route"] == "agents-api")["status"] == 500
            before = written(broken)
            shut = following(guest)
            status, said = shut.ended()
            assert (status, shut.events, said.count("\n")) == (3, [], 1)
            assert "guest may not" in said
            relay.cut()
            early.until("link", lambda event: "connected to contabo again" in event["said"])
            assert written(broken) == before, "whoever follows has written nothing there"
            thaw(scene)
            out, err = scene.run.communicate(timeout=60)
            assert scene.run.returncode == 0, out + err
            for one in (early, late):
                assert one.ended()[0] == 0
    (folder,) = broken.folders()
    record = json.loads((folder / "record.json").read_text())
    for one in (early, late):
        ended = one.events[-1]
        assert (ended["event"], ended["how"], ended["verdict"]) == ("ended", "released", "succeeded")
        assert ended["reason"] == record["reason"]
        ends = {event["step"]: event["ending"] for event in one.events if event["event"] == "step-end"}
        assert list(ends) == ["keep", "build", "restore_tree", "recreate", "remember"]
        assert set(map(json.dumps, ends.values())) == {'{"kind": "exited", "number": 0}'}
        assert next(event for event in reversed(one.events) if event["event"] == "probe")["ok"]
        assert key not in json.dumps(one.events)
    kept = (folder / "output" / "recreate.txt").read_text().splitlines()
    assert early.lines("recreate") == late.lines("recreate") == kept
    assert any("built with ‹redacted›" in line for line in early.lines("build"))
    assert (late.lines("build"), early.kinds().count("link")) == ([], 2)
    broken.ssh("timeout 10 sh -c 'while ps -eo args= | grep -q \"[l]ock/holder\"; do sleep 0.1; done'")  # nothing of them is left there


@pytest.mark.whole
def test_of_a_run_that_is_killed_its_followers_are_told(broken: Machine, following: Callable[..., Following]) -> None:
    with broken.stopped_in("code", "build", 1) as scene:
        left, one = following(broken.stack), following(broken.stack)
        left.until("step-begin", lambda event: event["step"] == "build")
        left.run.send_signal(signal.SIGINT)
        assert left.ended() == (0, "rollback: no longer following; the run itself continues\n")
        one.until("step-begin", lambda event: event["step"] == "build")
        os.kill(cells(scene), signal.SIGKILL)
        scene.run.kill()
        thaw(scene)
        one.until("step-end", lambda event: event["step"] == "build")
        assert one.until("silent")["seconds"] >= 30
        assert one.ended()[0] == 6
    ended = one.events[-1]
    assert (ended["how"], ended["verdict"], "was killed or cut off" in ended["reason"]) == ("lapsed", "unknown", True)
    (folder,) = broken.folders()
    later = following(broken.stack)
    assert later.ended()[0] == 0
    assert later.events[-1]["cut_off"]["incident"] == folder.name.rpartition("-")[2]
    waiting = following(broken.stack, "--wait")
    waiting.until("free")
    assert broken.resume(folder).status == 0
    assert waiting.ended()[0] == 0
    assert waiting.events[-1]["verdict"] == "succeeded"


@pytest.mark.whole
def test_values_that_a_rollback_brings_back_are_hidden_as_well(broken: Machine, following: Callable[..., Following]) -> None:
    """Those of the file that is put there, and one that a person gives. A step that recreates a service prints them."""
    old, new = f"of-old-{'o' * 20}", f"of-new-{'n' * 20}"
    broken.ssh(f"""set -e; cd /opt/dyniq-voice; cp -p .env .env.old; echo 'EDGE_TOKEN={old}' >>.env.old
        cat >/usr/local/bin/docker <<'EOF'
#!/bin/sh
case " $* " in *" up "*) grep -h _TOKEN /opt/dyniq-voice/.env | sed 's/^[^=]*=/said: /' ;; esac
exec /usr/bin/docker "$@"
EOF
        chmod +x /usr/local/bin/docker""")
    one = following(broken.stack, "--wait")
    one.until("free")
    done = broken.apply("-p", "target=.env.old", "-p", "assign=NEW_TOKEN=env:GIVEN", procedure="env", env={"GIVEN": new})
    assert (one.ended()[0], "said: " in json.dumps(one.events)) == (done.status, True), done.out + done.err
    said = {line for event in one.events if event["event"] == "output" for line in [event["line"]] if line.startswith("said: ")}
    assert said == {"said: ‹redacted›"}
    assert not [value for value in (old, new) if value in json.dumps(one.events)]


@pytest.mark.whole
def test_who_may_not_read_what_is_secret_is_shown_no_output(broken: Machine, following: Callable[..., Following]) -> None:
    colleague = user(broken, "colleague", owns=False)
    broken.ssh("chmod 600 /opt/dyniq-voice/.env; chown root:root /opt/dyniq-voice/.env")
    one = following(colleague, "--wait")
    one.until("free")
    done = broken.apply()
    assert (one.ended()[0], done.status) == (0, 0)
    assert "colleague may not read /opt/dyniq-voice/.env" in one.until("withheld")["why"]
    assert "output" not in one.kinds()
    assert one.kinds().count("step-end") == 5


@pytest.mark.whole
def test_an_undo_by_the_host_itself_is_told(broken: Machine, following: Callable[..., Following]) -> None:
    one = following(broken.stack, "--wait")
    one.until("free")
    done = broken.apply("--revert-after", "30s")
    assert done.status == 0, done.out + done.err
    assert one.ended()[0] == 0
    assert one.until("armed")["until"]
    assert one.until("disarmed")["decided"] == "run"
    assert [event["step"] for event in one.events if event["event"] == "step-begin"][-1] == "remember"
