"""How long the copies that runs keep stay on the host, and which of them a plan removes."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.commands.command import Command, script
from rollback_lib.commands.compose import Compose
from rollback_lib.errors import ParameterError
from rollback_lib.facts import copies, releases, removed, restores, whole_release
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.releases import Release
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.common import retention
from rollback_lib.stack.model import Stack
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK

STATE = STACK.state
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
API = STACK.kept_image("agents-api", "")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def entry(folder: str, name: str, days: float, arrived: float | None = None) -> copies.Entry:
    return copies.Entry(folder, name, 1000, ago(days), ago(days if arrived is None else arrived))


def incident(name: str, days: float) -> list[copies.Entry]:
    """What the rollback of a file leaves on the host. The file itself is a year old."""
    return [entry("before", f"{name}.file", 365, days), entry("jobs", name, days)]


def image(key: str, *tags: str, days: float | None = None) -> copies.Image:
    return copies.Image(key, tuple(API + tag for tag in tags), 2_000_000, None if days is None else ago(days))


def release(commit: str, key: str, days: float, by: str = "ffffff", *, healthy: bool = True) -> Release:
    return Release("agents-api", commit, key, ago(days), healthy, by)


def judged(needed: str = "", stack: Stack = STACK, **found: Any) -> retention.Copies:
    questions: dict[str, tuple[Fact[Any], object]] = {
        "entries": (copies.entries(stack.state), []),
        "named": (copies.named(stack.state, stack.kept_images), {}),
        "images": (copies.images(stack.kept_images), []),
        "in_use": (copies.in_use(), frozenset()),
        "last": (copies.last(stack.state), "999999"),
        "stashes": (copies.stashes(stack.tree), []),
        "releases": (releases.releases(stack.state), []),
        "whole": (whole_release.whole_releases(stack.state), []),
        "restores": (restores.restores(stack.state), []),
    }
    assert found.keys() <= questions.keys()
    host = Recorded(*((fact, found.get(name, nothing)) for name, (fact, nothing) in questions.items()), otherwise=AssertionError("asked"))
    answer = retention.look(host, stack, needed, NOW)
    assert len(host.rounds) == 1
    return answer


def gone(needed: str = "", stack: Stack = STACK, **found: Any) -> set[str]:
    return {one.name.removeprefix(f"{STATE}/").removeprefix(API) for one in judged(needed, stack, **found).beyond}


NEWER = [*incident("000001", 1), *incident("000002", 2), *incident("000003", 3)]


def test_an_incident_is_as_old_as_what_it_did_last_and_goes_as_a_whole() -> None:
    images = [image("sha256:1", "before-aaaaaa", days=60)]
    assert gone(entries=[*NEWER, *incident("aaaaaa", 29)], images=images) == set()
    assert gone(entries=[*NEWER, *incident("aaaaaa", 31)], images=images) == {"before/aaaaaa.file", "jobs/aaaaaa", "before-aaaaaa"}
    # Its line in the ledger is of later.
    entered = [release("c" * 40, "sha256:9", 3, "aaaaaa")]
    assert gone(entries=[*NEWER, *incident("aaaaaa", 31)], images=images, releases=entered) == set()


def test_the_age_of_a_copy_is_not_that_of_what_it_is_a_copy_of() -> None:
    """The jobs are gone, and nothing else tells: when it came to be there does."""
    assert gone(entries=[*NEWER, entry("before", "aaaaaa.file", 365, 3)]) == set()
    assert gone(entries=[*NEWER, entry("before", "aaaaaa.file", 365, 50)]) == {"before/aaaaaa.file"}


def test_where_nothing_tells_how_old_it_is_it_stays() -> None:
    assert gone(entries=NEWER, images=[image("sha256:1", "before-aaaaaa"), image("sha256:2", "c" * 40)]) == set()
    assert gone(entries=NEWER, images=[image("sha256:1", "before-aaaaaa", days=40), image("sha256:2", "c" * 40, days=40)]) == {
        "before-aaaaaa", "c" * 40,
    }  # fmt: skip


def test_the_newest_incidents_stay_longer_and_not_for_ever() -> None:
    old = [*incident("aaaaaa", 40), *incident("bbbbbb", 50), *incident("cccccc", 60), *incident("dddddd", 70)]
    assert gone(entries=old) == {"before/dddddd.file", "jobs/dddddd"}
    assert gone(entries=[*incident("aaaaaa", 91)]) == {"before/aaaaaa.file", "jobs/aaaaaa"}
    # A run that only tried something has no way back that could be missed.
    assert gone(entries=[*old, entry("jobs", "eeeeee", 35)]) == {"before/dddddd.file", "jobs/dddddd", "jobs/eeeeee"}


def test_what_a_younger_incident_needs_stays() -> None:
    """An undo of an undo needs what the first one kept; a restored database is compared by the key of its run."""
    old = [*NEWER, *incident("aaaaaa", 40), *incident("bbbbbb", 40)]
    undo = {"000001": frozenset({f"{STATE}/before/aaaaaa.file"})}
    assert gone(entries=old, named=undo) == {"before/bbbbbb.file", "jobs/bbbbbb"}
    undo = {"000001": frozenset({"__before_aaaaaa"})}
    assert gone(entries=old, named=undo) == {"before/bbbbbb.file", "jobs/bbbbbb"}
    # One that goes itself needs nothing; one that stays needs all that those need which it needs.
    row = {"aaaaaa": frozenset({f"{STATE}/before/bbbbbb.file"}), "bbbbbb": frozenset({"__before_cccccc"})}
    old += incident("cccccc", 40)
    assert gone(entries=old, named=row) == {f"{folder}/{name}" for one in ("aaaaaa", "bbbbbb", "cccccc")
                                            for folder, name in (("before", f"{one}.file"), ("jobs", one))}  # fmt: skip
    assert gone(entries=old, named={**row, "000001": frozenset({f"{API}before-aaaaaa"})}) == set()


def test_the_newest_healthy_version_of_a_file_stays_at_any_age() -> None:
    versions = [entry("kept", f"env/{name}", days) for name, days in
                (("healthy-aaaaaa", 400), ("healthy-bbbbbb", 500), ("bad-cccccc", 100), ("healthy-dddddd", 500))]  # fmt: skip
    assert gone(entries=versions) == {"kept/env/healthy-bbbbbb", "kept/env/bad-cccccc", "kept/env/healthy-dddddd"}
    versions.append(entry("kept", "caddyfile/bad-aaaaaa", 31))
    assert "kept/caddyfile/bad-aaaaaa" in gone(entries=versions)
    younger = [entry("kept", "env/healthy-aaaaaa", 31), entry("kept", "env/healthy-bbbbbb", 50), entry("kept", "env/healthy-cccccc", 91)]
    assert gone(entries=younger) == {"kept/env/healthy-cccccc"}


def test_what_the_newest_whole_releases_name_stays_and_that_of_the_last_one_at_any_age() -> None:
    """Also the copies of a file that has newer versions, and images of services that are not in the ledger by themselves."""
    whole = [
        whole_release.WholeRelease(
            ago(days), name, "", "", files={"/env": whole_release.KeptFile("/env", "", f"{STATE}/kept/env/healthy-{name}")},
            services={"caddy": whole_release.Ran(f"sha256:{name}", "caddy:2", Compose("/opt", ()))},
        )
        for name, days in (("aaaaaa", 80), ("bbbbbb", 70), ("cccccc", 60), ("dddddd", 50))
    ]  # fmt: skip
    found = judged(
        entries=[entry("kept", f"env/healthy-{one.incident}", (NOW - one.when).days) for one in whole],
        images=[copies.Image(f"sha256:{one.incident}", (STACK.kept_image("caddy", one.incident),), 1, one.when) for one in whole],
        whole=whole,
    )
    assert {copy.name for copy in found.beyond} == {STACK.kept_image("caddy", "aaaaaa"), f"{STATE}/kept/env/healthy-aaaaaa"}
    old = [replace(one, when=one.when - timedelta(days=300)) for one in whole]
    images = [copies.Image(f"sha256:{one.incident}", (STACK.kept_image("caddy", one.incident),), 1, one.when) for one in old]
    last = judged(images=images, whole=old)
    assert STACK.kept_image("caddy", "dddddd") not in {copy.name for copy in last.beyond}
    assert len(last.beyond) == 3


def test_a_part_of_an_incident_goes_and_stays_with_it() -> None:
    """A rollback that is made of others names each of them INCIDENT.PART."""
    parts = [entry("before", "aaaaaa.env0.file", 365, 100), entry("jobs", "aaaaaa", 5)]
    assert judged(entries=parts, images=[image("sha256:1", "before-aaaaaa.code", days=100)]).beyond == ()
    assert {copy.incident for copy in judged(entries=parts).all} == {"aaaaaa"}


def test_the_images_of_the_newest_healthy_releases_stay_at_any_age() -> None:
    commits = [letter * 40 for letter in "abcdef"]
    images = [image(f"sha256:{number}", commit) for number, commit in enumerate(commits)]
    lines = [release(commit, f"sha256:{number}", 400 - number) for number, commit in enumerate(commits)]
    lines.append(release(commits[5], "sha256:5", 390, healthy=False))
    assert gone(images=images, releases=lines) == set(commits[:3])
    # A container is of one of them; another one was healthy again lately.
    again = release(commits[1], "sha256:1", 2)
    assert gone(images=images, releases=[*lines, again], in_use=frozenset({"sha256:0"})) == {commits[2], commits[3]}


def test_an_image_that_a_container_is_of_stays_whatever_it_is_called() -> None:
    old, images = [*NEWER, *incident("aaaaaa", 40)], [image("sha256:1", "before-aaaaaa", "redeploy-aaaaaa")]
    assert gone(entries=old, images=images, in_use=frozenset({"sha256:1"})) == {"before/aaaaaa.file", "jobs/aaaaaa"}
    assert gone(entries=old, images=images) == {"before/aaaaaa.file", "jobs/aaaaaa", "before-aaaaaa", "redeploy-aaaaaa"}


def test_what_the_plan_itself_names_stays() -> None:
    old = [*NEWER, *incident("aaaaaa", 40), entry("kept", "env/healthy-bbbbbb", 500), entry("kept", "env/healthy-cccccc", 400)]
    assert "kept/env/healthy-bbbbbb" in gone(entries=old)
    needed = f"sed -n 1,3p {STATE}/kept/env/healthy-bbbbbb; docker tag {API}{'c' * 40} docker-agents-api"
    assert gone(needed, entries=old, images=[image("sha256:1", "c" * 40, days=50)]) == {"before/aaaaaa.file", "jobs/aaaaaa"}


def test_the_limits_are_the_stacks() -> None:
    short = STACK.model_copy(update={"retention": STACK.retention.model_copy(update={"keep_days": 7, "newest": 1, "longest_days": 14})})
    old = [*incident("aaaaaa", 8), *incident("bbbbbb", 9), entry("build", "abc", 8)]
    assert gone(stack=short, entries=old) == {"before/bbbbbb.file", "jobs/bbbbbb", "build/abc"}
    with pytest.raises(ParameterError, match="longest_days is expected to be no less"):
        Stack.load({**STACK.model_dump(exclude_unset=True), "retention": {"keep_days": 100}})


def steps(*, skip: str | None = None) -> Plan:
    put = Step("put", "Put", "why", (Command.of("true"),), changes=Changes.STACK)
    remember = Step("remember", "Remember", "Why.", () if skip else (Command.of("echo", "entered"),), skip=skip)
    return Plan("env", "abcdef", "dyniq-voice", "contabo", "x", (put, remember), ())


def test_what_goes_is_named_in_the_step_after_the_verification() -> None:
    old = judged(entries=[*NEWER, *incident("aaaaaa", 40), entry("jobs", "bbbbbb", 35)], images=[image("sha256:1", "before-aaaaaa")])
    plan = retention.with_removal(steps(), old)
    assert plan.put == steps().put
    entered, removal = plan.remember.commands
    assert str(entered) == "echo entered"
    assert str(removal).startswith(f"sh -eu -s -- {STATE} 999999 abcdef <<'EOF'\n")
    *_, line, first, second, third, fourth, _ = str(removal).splitlines()
    assert '"incident": "aaaaaa", "by": "abcdef"' in line
    assert "bbbbbb" not in line  # it has no way back that somebody could ask for
    assert [first, second, third] == [f"rm -rf -- {STATE}/{one} || :" for one in ("before/aaaaaa.file", "jobs/aaaaaa", "jobs/bbbbbb")]
    assert fourth == f"docker image rm {API}before-aaaaaa || :"
    ((name, words),) = plan.facts
    assert name == "removed afterwards"
    assert "3 files, 0.0 MB; 1 image, up to 2.0 MB: older than 30 days" in words
    assert plan.hash != steps().hash
    assert retention.with_removal(steps(skip="no service was built"), old).remember.skip is None
    assert retention.with_removal(steps(), judged(entries=NEWER)) == steps()


def test_the_container_that_holds_an_image_goes_with_it() -> None:
    removal = retention.with_removal(steps(), judged(images=[image("sha256:1", "c" * 40, days=100)])).remember.commands[-1]
    held, removed, _ = str(removal).splitlines()[-3:]
    assert held == f"docker rm rollback-dyniq-voice-agents-api-{'c' * 40} >/dev/null 2>&1 || :"
    assert removed == f"docker image rm {API}{'c' * 40} || :"


@pytest.mark.parametrize(("last", "there"), [("999999", False), ("abcdef", False), ("777777", True)])
def test_nothing_is_removed_where_another_run_was_there_since(tmp_path: Path, last: str, there: bool) -> None:
    here = STACK.model_copy(update={"state_directory": str(tmp_path)})
    for name, text in (("lock/last", f"{last}\n"), ("before/aaaaaa.file", ""), ("jobs/aaaaaa/key", "")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    plan = retention.with_removal(steps(), judged(stack=here, entries=[*NEWER, *incident("aaaaaa", 40)]))
    done = subprocess.run(["sh", "-c", str(plan.remember.commands[-1])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("777777 ran since this was planned" in done.stdout) is there
    for name in ("before/aaaaaa.file", "jobs/aaaaaa/key"):
        assert (tmp_path / name).exists() is there
    assert (tmp_path / removed.FILE).exists() is not there


def test_where_it_cannot_be_looked_at_nothing_is_removed_and_the_plan_says_so() -> None:
    plan = retention.with_removal(steps(), Unanswered("/var/lib/rollback/x cannot be read"))
    assert plan.steps == steps().steps
    assert "cannot be read), so nothing of it is removed" in plan.notes[0]
    assert plan.hash == steps().hash


def told(fact: Fact[Any]) -> Any:
    done = subprocess.run(["sh", "-c", script(fact.commands)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return fact.read(done.stdout)


def test_files_are_read_as_they_are_on_the_host(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert told(copies.entries(str(state))) == []
    assert told(copies.named(str(state), "rollback/x/")) == {}
    for name, text in {
        "before/aaaaaa.file": "12345", "kept/env/healthy-aaaaaa": "1", "jobs/aaaaaa/put/out": "12", "lock/holder": "",
        "jobs/bbbbbb/undo_put/script": f"cp -p {state}/before/aaaaaa.file x; docker tag rollback/x/api:before-aaaaaa api # __before_cccccc",
        "jobs/bbbbbb/remember/script": f"rm -rf -- {state}/before/dddddd.file",
        "build/abc/tree/deep/file": "1234567",
    }.items():  # fmt: skip
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(text)
    then = int(ago(40).timestamp())
    for path in (state / "jobs" / "aaaaaa").rglob("*"):
        os.utime(path, (then, then))
    os.utime(state / "jobs" / "aaaaaa", (then, then))
    os.utime(state / "before" / "aaaaaa.file", (then, then))
    found = {f"{one.folder}/{one.name}": one for one in told(copies.entries(str(state)))}
    assert sorted(found) == ["before/aaaaaa.file", "build/abc", "jobs/aaaaaa", "jobs/bbbbbb", "kept/env/healthy-aaaaaa"]
    assert found["before/aaaaaa.file"].size == 5
    assert found["build/abc"].size > 7
    assert found["jobs/aaaaaa"].written == ago(40) == found["before/aaaaaa.file"].written
    assert found["before/aaaaaa.file"].arrived > ago(40) + timedelta(hours=1)
    assert told(copies.named(str(state), "rollback/x/")) == {
        "bbbbbb": {f"{state}/before/aaaaaa.file", "rollback/x/api:before-aaaaaa", "__before_cccccc"}
    }


@pytest.mark.parametrize("folder", ["before", "build"])
def test_a_folder_that_cannot_be_read_is_not_empty(tmp_path: Path, folder: str) -> None:
    """Of the export of a build, which is private to its user, it is enough that it is there."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "aaaaaa.file").touch()
    broken = tmp_path / "bin" / "find"
    broken.parent.mkdir()
    broken.write_text('#!/bin/sh\n/usr/bin/find "$@"\necho "find: \'x\': Permission denied" >&2\nexit 1\n')
    broken.chmod(0o755)
    env = {**os.environ, "PATH": f"{broken.parent}:{os.environ['PATH']}"}
    fact = copies.entries(str(tmp_path))
    done = subprocess.run(["sh", "-c", script(fact.commands)], capture_output=True, text=True, env=env)
    assert "Permission denied" in done.stderr
    assert (done.returncode == 0) is (folder == "build")
    if folder == "build":
        assert [one.name for one in fact.read(done.stdout)] == ["aaaaaa.file"]


def test_what_was_removed_is_entered_with_the_hosts_own_time(tmp_path: Path) -> None:
    file = tmp_path / removed.FILE
    for incidents in (["aaaaaa", "bbbbbb"], ["cccccc"]):
        subprocess.run(["sh", "-c", str(removed.enter(str(file), incidents, "abcdef"))], check=True)
    found = told(removed.removed(str(tmp_path)))
    assert [(one.incident, one.by) for one in found] == [("aaaaaa", "abcdef"), ("bbbbbb", "abcdef"), ("cccccc", "abcdef")]
