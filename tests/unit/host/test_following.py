"""What a host says of a run to somebody who follows it, read from a stack's folder as runs and jobs write it: here on this machine."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.following import TAIL, Looks, Seen, readable
from rollback_lib.host.lock import Owner
from tests.builders.followed import OWNER, There

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


class Follower:
    """Somebody who follows, with what was seen so far."""

    def __init__(self, state: Path, shell: str) -> None:
        self.seen: list[Seen] = []
        self.looks = Looks(str(state), self.seen.append)
        self._shell = [str(shutil.which(shell)), *(["sh"] if shell == "busybox" else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        # The script is a line that calls `sh`; that is this shell here.
        words = self.looks.script().replace("sh -c", " ".join(self._shell) + " -c", 1)
        process = subprocess.Popen(["sh", "-c", words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self._process = process
        assert process.stdout
        self._reading = threading.Thread(target=self._read, args=(process.stdout.fileno(),), daemon=True)
        self._reading.start()

    def _read(self, out: int) -> None:
        while chunk := os.read(out, 7777):
            self.looks.feed(chunk)

    def disconnect(self) -> None:
        assert self._process
        os.killpg(self._process.pid, 9)
        self._process.wait()
        self._reading.join()

    def until(self, true: Callable[[Seen], object], seconds: float = 10) -> Seen:
        """The first look of which this is true, from the latest on."""
        deadline, number = time.monotonic() + seconds, max(0, len(self.seen) - 1)
        while time.monotonic() < deadline:
            for one in self.seen[number:]:
                if true(one):
                    return one
            number = max(0, len(self.seen) - 1)
            time.sleep(0.02)
        raise AssertionError(f"was not seen; the last look was {self.seen[-1:]}")

    def output(self, name: str) -> bytes:
        """All that was seen of what the job printed, at its place."""
        text = b""
        for one in self.seen:
            for job, first, piece in one.output:
                if job == name:
                    text = text.ljust(first, b"?")
                    assert len(text) == first, "each byte comes once"
                    text += piece
        return text


@pytest.fixture
def there(tmp_path: Path) -> There:
    return There(tmp_path / "state")


@pytest.fixture(params=SHELLS)
def follower(there: There, request: pytest.FixtureRequest) -> Iterator[Follower]:
    follower = Follower(there.state, request.param)
    follower.connect()
    yield follower
    follower.disconnect()


def test_a_run_from_its_first_look_to_its_end(there: There, follower: Follower) -> None:
    follower.until(lambda seen: not seen.held and seen.owner is None)
    there.hold()
    seen = follower.until(lambda seen: seen.held)
    assert (seen.holder, seen.incident, seen.owner) == (OWNER.incident, OWNER.incident, OWNER)
    assert 0 < seen.until - seen.now <= 61

    there.begin("build")
    there.say("build", b"one\n")
    assert follower.until(lambda seen: "build" in seen.jobs and seen.jobs["build"].size).running == ("build",)
    there.say("build", b"two\n" * 30_000)
    there.end("build", "exited\n137")
    ended = follower.until(lambda seen: seen.jobs["build"].ending)
    assert ended.jobs["build"].ending == Ending.exited(137)
    assert (ended.jobs["build"].begun or 0) <= (ended.jobs["build"].ended or 0) <= ended.now + 0.1
    there.begin("recreate")
    follower.until(lambda seen: seen.running == ("recreate",))
    there.end("recreate", None)
    assert follower.until(lambda seen: seen.jobs["recreate"].ending).jobs["recreate"].ending == Ending(Kind.LOST)
    there.release('{"verdict": "succeeded", "status": 0, "reason": "as asked"}')
    seen = follower.until(lambda seen: not seen.holder and seen.ended)
    assert (seen.incident, seen.ended) == (OWNER.incident, {"verdict": "succeeded", "status": 0, "reason": "as asked"})
    follower.until(lambda _: follower.output("build") == b"one\n" + b"two\n" * 30_000)
    assert [name for name, _ in seen.in_order] == ["build", "recreate"]


def test_after_a_lost_connection_it_goes_on_with_the_next_byte(there: There, follower: Follower) -> None:
    there.hold()
    there.begin("build")
    for number in range(40):
        there.say("build", b"line %d\n" % number * 300)
        if number % 8 == 7:
            follower.until(lambda seen: any(one == "build" for one, _, _ in seen.output))
            follower.disconnect()
            follower.connect()
    there.end("build")
    whole = b"".join(b"line %d\n" % number * 300 for number in range(40))
    follower.until(lambda _: len(follower.output("build")) >= len(whole))
    assert follower.output("build") == whole


def test_who_comes_late_gets_no_old_output_and_the_end_of_a_long_one(there: There) -> None:
    there.hold()
    there.begin("build")
    there.say("build", b"old\n")
    there.end("build")
    there.begin("recreate")
    there.say("recreate", b"x" * 3 * TAIL)
    follower = Follower(there.state, "sh")
    follower.connect()
    follower.until(lambda seen: seen.jobs["recreate"].size == 3 * TAIL and not seen.output)
    there.say("recreate", b"new\n")
    follower.until(lambda seen: any(piece.endswith(b"new\n") for _, _, piece in seen.output))
    follower.disconnect()
    assert follower.output("build") == b""
    assert follower.output("recreate") == b"?" * 2 * TAIL + b"x" * TAIL + b"new\n"


def test_another_run_has_output_of_its_own(there: There, follower: Follower) -> None:
    """Its steps may have the names of those of the run before."""
    there.hold()
    there.begin("build")
    there.say("build", b"a" * 100)
    follower.until(lambda seen: seen.output)
    there.end("build")
    follower.seen.clear()
    other = Owner("aaaaaa", "env", "you@desk", "", OWNER.since)
    there.hold(other)
    there.begin("build", other.incident)
    there.say("build", b"b" * 50, other.incident)
    follower.until(lambda seen: seen.incident == other.incident and seen.jobs["build"].size == 50)
    assert follower.output("build").endswith(b"b" * 50)
    assert {piece[:1] for one in follower.seen if one.incident == other.incident for _, _, piece in one.output} == {b"b"}
    there.end("build", incident=other.incident)


def test_a_lease_that_ended_holds_as_long_as_a_job_runs(there: There, follower: Follower) -> None:
    there.hold(seconds=-5)
    there.begin("build")
    assert follower.until(lambda seen: seen.running).held
    there.end("build")
    assert follower.until(lambda seen: not seen.running).lapsed


def test_nothing_is_written_and_nothing_stays(there: There, follower: Follower) -> None:
    there.hold()
    there.begin("build")
    follower.until(lambda seen: seen.running)
    before = {str(file): (file.stat().st_mtime_ns, file.stat().st_ino) for file in there.state.rglob("*")}
    count = len(follower.seen)
    follower.until(lambda _: len(follower.seen) > count + 2)
    assert {str(file): (file.stat().st_mtime_ns, file.stat().st_ino) for file in there.state.rglob("*")} == before
    there.end("build")


def test_it_ends_when_nobody_reads_it_any_more(there: There) -> None:
    there.hold()
    words = Looks(str(there.state), lambda _: None).script()
    process = subprocess.Popen(["sh", "-c", words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    process.wait(10)


@pytest.mark.parametrize("line", ["lock", "lock x y z a", "lock 1 2 3 4\nowner {", "lock 1 2 3 4\nexit a b", "lock 1 2 3 4\nout a 0 ?"])
def test_what_is_no_look_is_refused(line: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        Looks("/state", lambda _: None).feed(line.encode() + b"\n")


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may read everything")
def test_who_may_not_read_it_is_told_so(there: There) -> None:
    there.hold()
    there.state.chmod(0o700)
    command = readable(str(there.state)).shell()
    assert subprocess.run(["sh", "-c", command], check=True, capture_output=True).stdout == b""
    assert subprocess.run(["sh", "-c", readable(str(there.state / "not" / "there")).shell()], check=True).returncode == 0
    if os.geteuid() == 0:
        there.state.parent.chmod(0o755)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", command], capture_output=True, text=True, cwd="/", check=False
        )
        assert (done.returncode, "may not" in done.stderr) == (1, True)
