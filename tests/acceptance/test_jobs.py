"""Jobs and the lock, on a real host: started once, followed to the byte, ended with their children; one hand at a time."""

import secrets
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.practice_host import PracticeHost
from lab.relay import Relay
from rollback_lib.commands.command import script
from rollback_lib.errors import LockLost, NeverStarts, NotStarted
from rollback_lib.host import lock
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.jobs import Job, JobState
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner, Taken, Taking
from rollback_lib.secrets.secret import Secret

KEY = Secret("00" * 32)  # as it is sent
KEY_READ = Secret(bytes(32))


@pytest.fixture
def link(host: PracticeHost) -> Iterator[Link]:
    link = Link("contabo", host.ssh_config, lambda _: None)
    yield link
    link.close()


@pytest.fixture
def state(link: Link) -> str:
    """A new state folder on the host. The incident `mine` holds its lock."""
    state = f"/tmp/state-{secrets.token_hex(4)}"
    assert take(link, state, "mine").how is Taking.TAKEN
    return state


def take(link: Link, state: str, incident: str, *, take_over: bool = False) -> Taken:
    done = link.run(script((lock.take(state, Owner.now(incident, "code", "me@here", "why not"), take_over=take_over),)), send=KEY)
    assert done.status == 0, done.err
    return lock.read_taken(done.out, done.err)


def run(
    link: Link, state: str, text: str, *, name: str = "step", deadline: float = 20, send: Secret | None = None
) -> tuple[int | None, str]:
    result, said = follow(link, state, text, name=name, deadline=deadline, send=send)
    return result.status, said


def follow(
    link: Link, state: str, text: str, *, name: str = "step", deadline: float = 20, send: Secret | None = None
) -> tuple[Result, str]:
    heard: list[bytes] = []
    result = link.run_job(Job(state, "mine", name, text, deadline, send), lock.LEASE, heard.append)
    return result, b"".join(heard).decode()


def test_status_and_both_streams(link: Link, state: str) -> None:
    assert run(link, state, "echo out; echo err >&2; exit 7") == (7, "out\nerr\n")
    assert link.jobs(state, "mine") == {"step": (JobState.ENDED, Ending.exited(7))}


def test_a_job_is_started_once_however_often_it_is_asked_for(link: Link, state: str) -> None:
    text = f"echo ran >>{state}/ran; sleep 0.5; echo done"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: run(link, state, text), range(6)))
    assert answers == [(0, "done\n")] * 6
    assert run(link, state, text) == (0, "done\n")
    assert link.run(f"cat {state}/ran").out == "ran\n"


def test_what_it_reads_arrives_to_the_byte_and_is_not_kept(link: Link, state: str) -> None:
    sent = bytes(range(256)) * 300
    assert run(link, state, "sha256sum", send=Secret(sent))[0] == 0
    assert run(link, state, "wc -c", name="other", send=Secret(sent)) == (0, f"{len(sent)}\n")
    assert link.run(f"ls {state}/jobs/mine/step").out.split() == ["alive", "begun", "exit", "out", "pid", "runner", "script"]
    assert link.run(f"find {state}/jobs/mine -perm /007").out == "", "others have no right to any of it"


def test_a_cut_connection_loses_and_repeats_nothing(host: PracticeHost, tmp_path: Path) -> None:
    with Relay(host.ssh_port) as relay:
        config = tmp_path / "config"
        alias = f"  HostKeyAlias [127.0.0.1]:{host.ssh_port}\n"
        config.write_text(host.ssh_config.read_text().replace(f"Port {host.ssh_port}", f"Port {relay.listening}") + alias)
        told: list[str] = []
        link = Link("contabo", config, told.append)
        state = f"/tmp/state-{secrets.token_hex(4)}"
        take(link, state, "mine")
        stop = threading.Event()

        def cutting() -> None:
            while not stop.wait(0.4):
                relay.cut()

        cutter = threading.Thread(target=cutting)
        cutter.start()
        try:
            status, said = run(link, state, f"echo >>{state}/ran; for n in $(seq 400); do echo line $n; sleep 0.01; done")
        finally:
            stop.set()
            cutter.join()
        assert (status, said) == (0, "".join(f"line {n}\n" for n in range(1, 401)))
        assert link.run(f"wc -l <{state}/ran").out.strip() == "1"
        assert any("connected to contabo again" in one for one in told)
        link.close()


def test_a_script_that_arrives_in_part_is_not_run(link: Link, state: str) -> None:
    text, _ = Job(state, "mine", "step", "touch /tmp/never", 20).start(0, lock.LEASE)
    # The connection is lost while the script is on its way: its input ends early.
    assert "cut short" in link.run(f"({text}) </dev/null").err
    assert link.jobs(state, "mine") == {}
    assert link.run(f"ls -A {state}/jobs/mine").out.split() == ["key"]


def test_its_deadline_ends_it_with_its_children(link: Link, state: str) -> None:
    result, said = follow(link, state, "sleep 300 & echo $!; wait", deadline=1)
    assert result.ending == Ending(Kind.DEADLINE, 1)
    assert link.run(f"kill -0 {said}").status != 0


def test_it_can_be_ended_from_here(link: Link, state: str) -> None:
    job = Job(state, "mine", "step", "sleep 300 & echo $!; wait", 600)
    with ThreadPoolExecutor(1) as pool:
        heard: list[bytes] = []
        running = pool.submit(link.run_job, job, lock.LEASE, heard.append)
        while not heard:
            time.sleep(0.01)
        assert link.run(job.end()).status == 0
        assert running.result().ending == Ending(Kind.SIGNAL, signal.SIGTERM)
    assert link.run(f"kill -0 {heard[0].decode()}").status != 0


@pytest.mark.parametrize("victim", ["tail -s", "sh -c .*jobs/"])
def test_when_what_follows_it_is_killed_it_is_followed_again(link: Link, state: str, victim: str) -> None:
    job = f"echo >>{state}/ran; echo first; sleep 1; pkill -9 -f '^{victim}'; sleep 0.5; echo last"
    assert run(link, state, job) == (0, "first\nlast\n")
    assert link.run(f"wc -l <{state}/ran").out.strip() == "1"


def test_one_that_is_killed_is_known_as_lost(link: Link, state: str) -> None:
    kill = f"kill -9 $(cat {state}/jobs/mine/step/runner); kill -9 0"
    result, said = follow(link, state, f"echo here; {kill}")
    assert (result.ending, said) == (Ending(Kind.LOST), "here\n")
    assert link.jobs(state, "mine") == {"step": (JobState.LOST, Ending(Kind.LOST))}


def test_one_whose_keeper_is_killed_runs_until_its_last_child_has_ended(link: Link, state: str) -> None:
    began = time.monotonic()
    result, _ = follow(link, state, f"kill -9 $(cat {state}/jobs/mine/step/runner); sleep 1.5; touch {state}/end")
    assert (result.ending, link.run(f"ls {state}/end").status) == (Ending(Kind.LOST), 0)
    assert time.monotonic() - began > 1.4


def test_a_disk_that_runs_full_meanwhile_does_not_cost_the_status(link: Link, host: PracticeHost) -> None:
    state = f"/mnt/state-{secrets.token_hex(4)}"
    host.exec(f"mkdir {state}; mount -t tmpfs -o size=1m tmpfs {state}")
    try:
        take(link, state, "mine")
        status, _ = run(link, state, f"head -c 4m /dev/zero >{state}/fill; exit 9")
        assert (status, link.jobs(state, "mine")) == (9, {"step": (JobState.ENDED, Ending.exited(9))})
        with pytest.raises(NotStarted, match="could not be started on contabo"):
            run(link, state, "true", name="next")
        assert "next" not in link.jobs(state, "mine")
    finally:
        host.exec(f"umount {state}")


def test_of_many_at_once_one_gets_the_lock(link: Link) -> None:
    state = f"/tmp/state-{secrets.token_hex(4)}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: take(link, state, f"i{number}"), range(8)))
    assert sorted(answer.how for answer in answers) == [Taking.HELD] * 7 + [Taking.TAKEN]
    (winner,) = {answer.other.incident for answer in answers if answer.other}
    assert answers[int(winner[1:])].how is Taking.TAKEN


def test_the_lock_says_who_has_it_and_is_released_by_its_owner_only(link: Link, state: str) -> None:
    held = take(link, state, "other")
    assert (held.how, held.other and held.other.words.startswith("me@here, since")) == (Taking.HELD, True)
    link.run(script((lock.release(state, "other"),)))
    assert take(link, state, "other").how is Taking.HELD
    link.run(script((lock.release(state, "mine"),)))
    assert (take(link, state, "other").how, take(link, state, "other").last) == (Taking.TAKEN, "mine")
    assert link.run(script((lock.renew(state, "mine"),))).status == 3


def test_what_is_left_for_those_who_follow_is_whole_and_keeps_no_run_waiting(link: Link, host: PracticeHost) -> None:
    state, owner = f"/mnt/state-{secrets.token_hex(4)}", Owner.now("mine", "code", "me@here", "why not")
    host.exec(f"mkdir {state}; mount -t tmpfs -o size=1m tmpfs {state}")

    def taken(plan: bytes) -> Taken:
        take = lock.take(state, owner, take_over=False, plan=len(plan))
        done = link.run(script((take,)), send=Secret(KEY.reveal() + plan))
        assert done.status == 0, done.err
        return lock.read_taken(done.out, done.err)

    def left() -> list[str]:
        return link.run(f"ls -A {state}/jobs/mine").out.split()

    try:
        plan = secrets.token_hex(40_000).encode()
        assert (taken(plan).how, link.run(f"cat {state}/jobs/mine/{lock.PLAN}", keep=2**20).out.encode()) == (Taking.TAKEN, plan)
        link.run(script((lock.release(state, "mine", '{"verdict": "refused"}'),)))
        assert link.run(f"cat {state}/jobs/mine/{lock.ENDED} {state}/lock/last").out == '{"verdict": "refused"}\nmine\n'
        assert (taken(b"").key, left()) == (KEY_READ, ["key", lock.PLAN]), "it goes on, so it has not ended"
        assert taken(secrets.token_hex(2**20).encode()).how is Taking.TAKEN, "there is no room for that plan"
        assert left() == ["key", lock.PLAN]
        host.exec(f"head -c 4m /dev/zero >{state}/fill || true")  # it fails once the disk is full, which is what it is for
        link.run(script((lock.release(state, "mine", '{"verdict": "refused"}' * 500),)))
        assert link.run(f"ls {state}/lock/holder").status != 0
    finally:
        host.exec(f"umount {state}")


def test_one_that_was_told_to_end_before_it_began_never_starts(link: Link, state: str) -> None:
    """Its script arrives late: after the word to end it."""
    job = Job(state, "mine", "step", f"touch {state}/ran", 20)
    assert link.run(job.end()).status == 0
    assert link.jobs(state, "mine") == {}
    with pytest.raises(NeverStarts, match="before it had begun"):
        link.run_job(job, lock.LEASE, None)
    assert link.run(f"ls {state}").out.split() == ["jobs", "lock"]
    assert run(link, state, "echo there", name="step.2") == (0, "there\n")


def holder(link: Link, state: str) -> Owner | None:
    """The holder of the lock, as those see it who only look."""
    return lock.read_holder(link.run(script((lock.look(state),))).out)


def test_a_lease_that_ended_frees_the_lock_unless_a_job_of_it_runs(link: Link, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LEASE", 0)
    assert take(link, state, "mine").how is Taking.TAKEN
    link.run_job(Job(state, "mine", "step", "sleep 300", 600), 0, None)
    held = take(link, state, "other")
    assert (held.how, held.running) == (Taking.HELD, ("step",))
    assert (seen := holder(link, state)) is not None
    assert seen.incident == "mine"
    link.run(Job(state, "mine", "step", "", 0).end())
    assert holder(link, state) is None
    assert take(link, state, "other").how is Taking.EXPIRED
    with pytest.raises(LockLost):
        run(link, state, "touch /tmp/never", name="next")
    assert "next" not in link.jobs(state, "mine")


def test_taking_over_waits_for_the_process_of_a_job_that_has_just_begun(link: Link, state: str) -> None:
    link.run_job(Job(state, "mine", "step", "sleep 300", 600), lock.LEASE, None)
    folder = f"{state}/jobs/mine/step"
    link.run(f"until [ -s {folder}/pid ]; do sleep 0.01; done; mv {folder}/pid {folder}/later")
    mutex = f"{state}/lock/mutex"
    once_taken = f"while flock -n {mutex} true; do :; done; flock -w 0.5 {mutex} true; mv {folder}/later {folder}/pid"
    link.run(f"setsid sh -c '{once_taken}' </dev/null >/dev/null 2>&1 &")
    assert take(link, state, "other", take_over=True).how is Taking.TAKEN_OVER
    assert link.jobs(state, "mine")["step"][0] is JobState.ENDED


def test_taking_over_ends_what_runs(link: Link, state: str) -> None:
    link.run_job(Job(state, "mine", "step", "sleep 300", 600), lock.LEASE, None)
    taken = take(link, state, "other", take_over=True)
    assert (taken.how, taken.other and taken.other.incident, taken.running) == (Taking.TAKEN_OVER, "mine", ("step",))
    assert link.jobs(state, "mine")["step"][0] is JobState.ENDED
