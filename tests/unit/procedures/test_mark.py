"""The mark: facts in, what is entered out."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import Locked, ParameterError, Refused, TargetRefused
from rollback_lib.facts import docker, files, git, holder, releases
from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.releases import Release
from rollback_lib.health.probe import Probe
from rollback_lib.host.lock import Owner
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import code, image, mark
from rollback_lib.procedures.caddyfile import keeping as caddyfile_keeping
from rollback_lib.procedures.code.state import Deployed
from rollback_lib.procedures.common import snapshots, whole
from rollback_lib.procedures.env import keeping as env_keeping
from rollback_lib.procedures.mark.noted import After
from rollback_lib.record.verdict import Verdict
from rollback_lib.secrets.secret import Secret
from tests.builders.containers import WAY, container
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK, STATE, with_health
from tests.builders.triage import BEFORE, ENV, RUNS, ago, caddy_file, deployed, env_file
from tests.unit.procedures import test_code, test_image

HOST = Recorded(otherwise=Refused("nobody is to be asked"))
IMAGE = container().image
KEPT = f"rollback/{STACK.name}/agents-api"
WORKER = container("worker", image="sha256:" + "7" * 64, created=ago(1))


def state(**changes: Any) -> mark.State:
    """agents-api, built from the tree a month ago and never marked, with an env file and a Caddyfile that nobody kept; and what a test
    changes of it."""
    found = replace(deployed().state.main, kept=[])
    known = {
        "stack": STACK, "head": git.Head(RUNS, "main", ()), "services": (found,), "images": {found.service: ago(1)}, "ledger": [],
        "env": env_file(), "caddyfile": caddy_file(), "kept": [], "holder": None,
    }  # fmt: skip
    known |= changes
    held, proxy, kept = known.pop("env"), known.pop("caddyfile"), known.pop("kept")
    known["files"] = {held.path: env_keeping.running(held)}
    if proxy:
        known["files"][STACK.caddyfile.file] = caddyfile_keeping.running(proxy, kept)
    services = tuple(replace(one, releases=[line for line in known["ledger"] if line.service == one.service]) for one in known["services"])
    return mark.State(**{**known, "services": services})


def with_worker(**changes: Any) -> mark.State:
    """The same, and a second service of its own."""
    worker = Deployed("worker", (WORKER,), WAY, [], [], state().main.reflog)
    return state(services=(state().main, worker), **changes)


def line(commit: str, incident: str, *, healthy: bool = True, service: str = "agents-api", image: str = IMAGE, hours: float = 5) -> Release:
    return Release(service, commit, image, ago(hours), healthy, incident)


def version(word: str, incident: str, content: str, hours: float = 5) -> snapshots.Version:
    """A version of the env file that a run kept."""
    name = f"{word}-{incident}"
    file = files.File(name, name, "regular file", "600", 0, 0, 7, ago(hours), Secret(content))
    return snapshots.Version(name, ago(hours), "healthy here" if word == "healthy" else f"bad ({incident})", "kept by a run", file)


def planned(now: mark.State, verdict: str = mark.HEALTHY, target: str = "", host: Recorded = HOST) -> Plan:
    return mark.plan(now, mark.examine(host, now, target, verdict=verdict), incident="i1")


def shell(plan: Plan) -> str:
    return "\n".join(map(str, plan.remember.commands))


def after(plan: Plan) -> After:
    return After.read(plan.after)


def entered(plan: Plan) -> list[tuple[str, str]]:
    return [(one.service, one.commit) for one in after(plan).releases]


def lines_of(plan: Plan) -> Iterable[str]:
    return (text for text in shell(plan).splitlines() if f"{STATE}/releases.jsonl" in text)


# -- as healthy ---------------------------------------------------------------------------------------------------------


def test_what_runs_is_kept_and_entered_last_and_nothing_that_serves_is_changed() -> None:
    made = planned(state())
    assert not made.touches
    assert made.undo == ()
    first, *others = shell(made).splitlines()
    assert first == f"mkdir -p -m 2770 {STATE}/kept"
    assert f"docker tag {IMAGE} {KEPT}:{RUNS}" in others[0]
    assert f"cp {STACK.env.file} {STATE}/kept/env/.healthy-i1" in shell(made)
    assert f"cp {STACK.caddyfile.file} {STATE}/kept/caddyfile/.healthy-i1" in shell(made)
    assert f'"commit": "{RUNS}"' in made.remember.commands[-2].shell()
    assert '"healthy": true' in made.remember.commands[-2].shell()
    assert WAY.files[0] in made.remember.commands[-2].shell(), "how compose was called"
    assert made.remember.commands[-1] == whole.enter(STACK, "i1"), "last, the whole release"
    assert after(made).files == (STACK.env.file, STACK.caddyfile.file)
    assert f"rm -f {STATE}/kept/env/healthy-i1 {STATE}/kept/caddyfile/healthy-i1" in str(made.cleanup[0])


def test_what_was_replaced_since_it_was_looked_at_is_not_entered() -> None:
    """A deploy may go on while the routes are waited for."""
    guards = planned(state()).remember.guards
    assert guards[0].argv[-1] == container().id
    assert "what runs has changed since it was looked at; mark it again" in str(guards[0])
    assert [STACK.env.file in str(guards[1]), STACK.caddyfile.file in str(guards[2])] == [True, True]
    assert planned(state(), mark.BAD).remember.guards == ()


def test_the_same_release_again_adds_a_line_with_its_time_and_nothing_else() -> None:
    now = state(
        ledger=[line(RUNS, "m0")], env=replace(env_file(), versions=[version("healthy", "m0", ENV)]),
        kept=[replace(version("healthy", "m0", "new"), where="")],
    )  # fmt: skip
    made = planned(now)
    assert after(made).files == ()
    assert f"{STATE}/kept/env/.healthy" not in shell(made)
    assert len(list(lines_of(made))) == 1
    assert mark.Marked(now, mark.examine(HOST, now, ""), made).reason == f"agents-api {RUNS[:7]} is known good on contabo, as before"


@pytest.mark.parametrize("last", [version("bad", "m1", ENV, 1), version("healthy", "m1", "LEVEL=3\n", 1)], ids=["bad", "another"])
def test_a_file_that_was_kept_before_something_else_is_kept_anew(last: snapshots.Version) -> None:
    """Or the next env rollback would go back to what came between."""
    made = planned(state(env=replace(env_file(), versions=[version("healthy", "m0", ENV), last])))
    assert STACK.env.file in after(made).files


def test_a_file_that_what_runs_does_not_have_is_not_kept_and_that_is_said() -> None:
    now = state(env=env_file(holds="3"), caddyfile=caddy_file(loaded=False))
    made = planned(now)
    assert after(made).files == ()
    reason = mark.Marked(now, mark.examine(HOST, now, ""), made).reason
    assert f"not entered: {STACK.env.file}: agents-api was not recreated since it was changed" in reason
    assert f"not entered: {STACK.caddyfile.file}: Caddy runs with something else" in reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"head": git.Head(RUNS, "main", ("agents_api/server.py",))}, r"has uncommitted changes \(agents_api/server\.py\)"),
        ({"images": {"agents-api": ago(800)}}, rf"its image was here before the commit {RUNS[:7]} came"),
        ({"services": (Deployed("agents-api", (), WAY, [], [], []),)}, "it has no container; start it"),
        ({"services": (Deployed("agents-api", (container(),), WAY, [], [], []),)}, "nothing tells which commit it was built from"),
        ({"services": (Deployed("agents-api", (container(), replace(WORKER, number=2)), WAY, [], [], []),)}, "finish the deploy"),
        ({"services": (Deployed("agents-api", (container(state="exited"),), WAY, [], [], []),)}, "finish the deploy"),
    ],
    ids=["dirty", "older image", "no container", "no commit", "half deployed", "not running"],
)
def test_what_no_rollback_could_go_back_to_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(TargetRefused, match=f"agents-api is no release that a rollback could go back to: .*{why}"):
        planned(state(**changes))


def test_env_file_and_caddyfile_may_have_uncommitted_changes_since_they_are_kept_themselves() -> None:
    assert entered(planned(state(head=git.Head(RUNS, "main", (".env", "docker/Caddyfile"))))) == [("agents-api", RUNS)]


def test_another_service_that_cannot_be_entered_is_named_and_the_rest_entered() -> None:
    now = state(services=(state().main, Deployed("worker", (), WAY, [], [], [])))
    made = planned(now)
    assert entered(made) == [("agents-api", RUNS)]
    assert "not entered: worker: it has no container" in mark.Marked(now, mark.examine(HOST, now, ""), made).reason
    assert entered(planned(with_worker(images={"agents-api": ago(1), "worker": ago(1)}))) == [("agents-api", RUNS), ("worker", RUNS)]


@pytest.mark.parametrize(
    ("name", "revision", "commit"),
    [
        (f"ghcr.io/x/api:{BEFORE}@sha256:{'5' * 64}", None, BEFORE),
        ("ghcr.io/x/api:latest", BEFORE, BEFORE),
        ("ghcr.io/x/api:v1.2", None, ""),
    ],
    ids=["tag", "label", "neither"],
)
def test_an_image_of_a_registry_has_its_commit_by_itself_and_never_by_the_tree(name: str, revision: str | None, commit: str) -> None:
    pulled = container(image_name=name, revision=revision, compose=replace(WAY, files=tuple(STACK.image.files)))
    now = state(
        services=(Deployed("agents-api", (pulled,), WAY, [], [], state().main.reflog),), head=git.Head(RUNS, "main", ("server.py",))
    )
    made = planned(now)
    assert entered(made) == [("agents-api", commit)]
    assert f"docker tag {IMAGE} {KEPT}:{commit or IMAGE[7:19]}" in shell(made)


def test_who_changes_the_stack_just_now_is_named() -> None:
    somebody = Owner("3f2a9c", "code", "someone@there", "", "2026-01-02T03:04:05+00:00")
    for verdict in (mark.HEALTHY, mark.BAD):
        with pytest.raises(Locked, match=r"contabo is held by someone@there, since .*3f2a9c.* mark it when that run has ended"):
            planned(state(holder=somebody), verdict)


# -- as bad -------------------------------------------------------------------------------------------------------------


def test_a_bad_release_is_entered_with_the_files_that_came_with_it() -> None:
    now = state(ledger=[line(RUNS, "m1")], env=replace(env_file(), versions=[version("healthy", "m1", ENV)]), caddyfile=None)
    made = planned(now, mark.BAD)
    assert "docker tag" not in shell(made)
    assert '"healthy": false' in shell(made)
    assert f"cp {STACK.env.file} {STATE}/kept/env/.bad-i1" in shell(made)
    assert (
        "is entered as bad on contabo, and no rollback proposes that any more"
        in mark.Marked(now, mark.examine(HOST, now, "", verdict=mark.BAD), made).reason
    )


@pytest.mark.parametrize("others", [[line(BEFORE, "m0", image="sha256:0")], []], ids=["another release", "a rollback of the file"])
def test_a_file_that_was_healthy_without_the_bad_release_is_not_at_fault(others: list[Release]) -> None:
    versions = [version("healthy", "m0", ENV, 9)]
    made = planned(state(ledger=[*others, line(RUNS, "m1")], env=replace(env_file(), versions=versions), caddyfile=None), mark.BAD)
    assert after(made).files == ()


def test_a_service_that_was_healthy_without_the_bad_release_is_not_at_fault() -> None:
    before = [line(BEFORE, "m0", image="sha256:0"), line(RUNS, "m0", service="worker", image=WORKER.image)]
    assert entered(planned(with_worker(ledger=[*before, line(RUNS, "m1")]), mark.BAD)) == [("agents-api", RUNS)]
    assert entered(planned(with_worker(), mark.BAD)) == [("agents-api", RUNS), ("worker", RUNS)]


def test_of_a_tree_with_changes_the_image_is_bad_and_the_commit_is_not() -> None:
    made = planned(state(head=git.Head(RUNS, "main", ("server.py",))), mark.BAD)
    assert [(one.commit, one.image) for one in after(made).releases] == [("", IMAGE)]


def test_a_commit_is_bad_by_its_name_whether_it_runs_or_its_image_is_gone() -> None:
    ran = line(BEFORE, "m0", image="sha256:" + "3" * 64)
    by_ledger = planned(with_worker(ledger=[ran]), mark.BAD, BEFORE[:8])
    assert [(one.service, one.commit, one.image) for one in after(by_ledger).releases] == [("agents-api", BEFORE, ran.image)]
    assert after(by_ledger).files == ()
    host = Recorded((git.resolve(STACK.tree, "v1"), test_code.commit(BEFORE, 20)))
    by_git = planned(with_worker(), mark.BAD, "v1", host)
    assert entered(by_git) == [("agents-api", BEFORE), ("worker", BEFORE)]
    assert [one.image for one in after(by_git).releases] == ["", ""]


def test_a_commit_that_is_not_known_or_not_one_is_refused() -> None:
    with pytest.raises(TargetRefused, match="names no commit"):
        planned(state(), mark.BAD, "v9", Recorded(otherwise=Refused("'v9' names no commit")))
    twins = [line("abab" + "0" * 36, "m0"), line("abab" + "1" * 36, "m1")]
    with pytest.raises(TargetRefused, match="more than one release"):
        planned(state(ledger=twins), mark.BAD, "abab")
    with pytest.raises(TargetRefused, match="nothing of agents-api runs on contabo; name what is bad"):
        planned(state(services=(Deployed("agents-api", (), WAY, [], [], []),)), mark.BAD)


@pytest.mark.parametrize(
    ("verdict", "target"), [("good", ""), (mark.HEALTHY, BEFORE), (mark.BAD, "$(reboot)"), (mark.BAD, 12), (mark.BAD, "-x")]
)
def test_other_parameters_are_refused_before_anything_is_contacted(verdict: str, target: object) -> None:
    with pytest.raises(ParameterError):
        mark.check(STACK, verdict=verdict, target=target)


# -- what it means for rollbacks ----------------------------------------------------------------------------------------


def test_the_last_word_on_a_commit_counts() -> None:
    good, bad, better = line(BEFORE, "m0"), line(BEFORE, "m1", healthy=False, hours=3), line(BEFORE, "m2", hours=1)
    assert releases.found_bad([good, bad]) == {BEFORE}
    assert releases.found_bad([good, bad, better]) == set()
    known = [line(test_code.OLD, "m0", image="sha256:x"), line(test_code.GOOD, "m1", image="sha256:y")]
    assert code.choose(test_code.state(releases=known), "")[0] == test_code.GOOD
    known.append(line(test_code.GOOD, "m2", image="sha256:y", healthy=False))
    assert code.choose(test_code.state(releases=known), "")[0] == test_code.OLD


def test_an_image_of_no_commit_that_was_healthy_is_what_the_image_rollback_goes_back_to() -> None:
    kept = [docker.Image(f"rollback/{STACK.name}/agents-api", "7" * 12, test_image.digest("7"), None, test_image.NOW, "10MB")]
    known = Release("agents-api", "", test_image.digest("7"), test_image.NOW, True, "m0")
    assert image.choose(test_image.state(kept=kept, releases=[known]), "")[0].tag == "7" * 12
    bad = replace(known, healthy=False)
    assert image.choose(test_image.state(kept=kept, releases=[known, bad]), "")[0].tag == test_image.GOOD


# -- what is asked, and what is said ------------------------------------------------------------------------------------


def test_it_asks_what_runs_and_who_holds_the_stack() -> None:
    ledger, came = [line(RUNS, "m0")], ago(1)
    host = Recorded(
        (docker.project(STACK), [container()]), (releases.releases(STATE), ledger), (holder.holder(STATE), None),
        (git.head(STACK.tree), git.Head(RUNS, "main", ())), (git.reflog(STACK.tree), []), (docker.images(KEPT), []),
        (snapshots.versions(STACK, "caddyfile"), []), (docker.image_time(IMAGE), came), otherwise=Refused("it does not say"),
    )  # fmt: skip
    now = mark.document(host, STACK)
    assert [(one.service, one.running) for one in now.services] == [("agents-api", RUNS)]
    assert now.images == {"agents-api": came}
    assert list(now.files) == [STACK.env.file, STACK.caddyfile.file]
    assert all(isinstance(one, Unanswered) for one in now.files.values())
    made = planned(now)
    assert (entered(made), after(made).files) == ([("agents-api", RUNS)], ())


@pytest.mark.parametrize(("image", "id"), [("sha256:3", "sha256:3"), ("", ""), ("rollback/x:1", "sha256:9")], ids=["id", "none", "name"])
def test_an_id_is_entered_as_it_is_and_a_name_by_what_docker_says_of_it(image: str, id: str, tmp_path: Path) -> None:
    ran(tmp_path, releases.enter(f"{tmp_path}/ledger", "api", BEFORE, image, healthy=False, incident="m0", compose=WAY))
    (one,) = releases.releases("").read((tmp_path / "ledger").read_text())
    assert (one.image, one.commit, one.healthy, one.compose) == (id, BEFORE, False, WAY)
    assert (datetime.now(UTC) - one.when).total_seconds() < 60


def test_an_image_that_docker_does_not_have_is_not_entered_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        ran(tmp_path, releases.enter(f"{tmp_path}/ledger", "api", BEFORE, "nothing", healthy=True, incident="m0"))
    assert not (tmp_path / "ledger").exists()


def test_the_last_look_finds_a_container_that_has_gone(tmp_path: Path) -> None:
    look = planned(state()).remember.guards[0]
    ran(tmp_path, replace(look, argv=(*look.argv[:-1], "runs")))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        ran(tmp_path, replace(look, argv=(*look.argv[:-1], "runs", "gone")))
    assert failed.value.stderr == "what runs has changed since it was looked at; mark it again\n"


def ran(folder: Path, command: Command) -> None:
    """Run a command on this machine, where Docker knows the container `runs` and the image `rollback/x:1`."""
    docker = folder / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(
        "#!/bin/sh\nfor last; do :; done\ncase $last in runs) echo true ;; rollback/x:1) echo sha256:9 ;; *) exit 1 ;; esac\n"
    )
    docker.chmod(0o755)
    path = {"PATH": f"{docker.parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command.shell()], env=path, check=True, capture_output=True, text=True)


def test_a_route_that_does_not_pass_is_named_with_what_it_said() -> None:
    stack = with_health(passes=3, deadline=20.0)
    probe = Probe("agents-api", ago(0), False, 500, 0.1, "out of order")
    found = mark.NotHealthy(stack, {"agents-api": probe, "ruben-api": None})
    assert found.verdict is Verdict.NOT_READY
    assert found.reason == (
        "contabo is not healthy, so nothing was entered: route agents-api did not pass 3 probes in a row in 20 s (500: out of order); "
        "route ruben-api did not pass 3 probes in a row in 20 s (no answer)"
    )
    assert found.data()["failing"][0] == {"route": "agents-api", "status": 500, "said": "out of order"}
    assert found.next("shop") == ("See what is wrong: `rollback run triage --stack shop`; mark it again once it is healthy.",)
