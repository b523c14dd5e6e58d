"""The code procedure: facts in, plan out."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import compose, docker, git
from rollback_lib.facts.releases import Release
from rollback_lib.procedures import code
from rollback_lib.procedures.code.target import beside
from rollback_lib.procedures.common import compose_call
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import ComposeCall
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
BAD, GOOD, OLD = "b" * 40, "a" * 40, "0" * 40


def commit(sha: str, hours: int) -> git.Commit:
    return git.Commit(sha, "someone", NOW - timedelta(hours=hours), f"subject {sha[:2]}")


def a_container(**changes: object) -> docker.Container:
    known = {
        "id": "c" * 64, "name": "docker-agents-api-1", "image": "sha256:" + "1" * 64, "image_name": "docker-agents-api",
        "service": "agents-api", "created": NOW, "started": NOW, "state": "running", "exit": 0, "restarts": 0, "revision": None,
        "compose": Compose("/opt/dyniq-voice/docker", ("/opt/dyniq-voice/docker/docker-compose.yml",), "docker"),
        "compose_version": "2.26.1", "mounts": (), "environment": {},
    }  # fmt: skip
    return docker.Container(**{**known, **changes})


def state(
    *, container: docker.Container | str | None = "one", replicas: tuple[docker.Container, ...] = (), **changes: object
) -> code.State:
    """A state with one service, agents-api, which runs as `container` or as `replicas`."""
    bad, good, old = commit(BAD, 1), commit(GOOD, 20), commit(OLD, 90)
    reflog = changes.get("reflog", [
        git.Move(bad, NOW - timedelta(minutes=5), "pull"),
        git.Move(good, NOW - timedelta(hours=19), "pull"),
        git.Move(old, NOW - timedelta(hours=80), "clone"),
    ])  # fmt: skip
    one = a_container() if container == "one" else container
    mine = replicas or ((one,) if one else ())
    way = one.compose if isinstance(one, docker.Container) else a_container().compose
    main = code.Deployed("agents-api", mine, way, changes.pop("kept", []), changes.pop("releases", []), reflog)
    known = {
        "stack": STACK, "head": git.Head(BAD, "main", ()), "log": [bad, good, old], "reflog": reflog, "services": (main,),
        "defined": {way: {"agents-api": service()}}, "environments": {}, "compose": "2", "lines": [], "probes": (),
    }  # fmt: skip
    return code.State(**{**known, **changes})


def service(**changes: object) -> compose.Service:
    known = {"image": "docker-agents-api", "builds": True, "networks": (), "own": (), "binds": (), "optional": False,
             "context": "/opt/dyniq-voice", "dockerfile": "/opt/dyniq-voice/agents_api/Dockerfile"}  # fmt: skip
    return compose.Service(**{**known, **changes})


def target(sha: str = GOOD, **changes: object) -> code.Target:
    known = {"commit": commit(sha, 20), "why": "named", "changes": [git.Change("deleted", "new.py")], "diff": "", "in_the_way": [],
             "services": {"agents-api": service()}}  # fmt: skip
    return code.Target(**{**known, **changes})


def shell(step: object) -> str:
    return "\n".join(map(str, step.script))


@pytest.mark.parametrize(
    ("changes", "running", "by"),
    [
        ({}, BAD, "reflog at the container's creation"),
        ({"container": a_container(created=NOW - timedelta(hours=1))}, GOOD, "reflog at the container's creation"),
        ({"container": a_container(revision=OLD)}, OLD, "image label"),
        ({"kept": [docker.Image("rollback/x/agents-api", GOOD, "sha256:" + "1" * 64)]}, GOOD, "image kept by a run"),
        ({"releases": [Release("agents-api", OLD, "sha256:" + "1" * 64, NOW, True, "x")]}, OLD, "ledger of releases"),
        ({"container": None}, None, "no container"),
    ],
)
def test_how_we_know_what_runs(changes: dict, running: str | None, by: str) -> None:
    now = state(**changes)
    assert (now.running, now.by) == (running, by)


def test_without_a_target_it_is_what_was_deployed_before() -> None:
    assert code.choose(state(), "")[0] == GOOD


def test_without_a_target_a_release_known_good_comes_first_and_a_bad_one_never() -> None:
    good = Release("agents-api", OLD, "sha256:x", NOW, True, "x")
    bad = Release("agents-api", GOOD, "sha256:y", NOW, False, "x")
    assert code.choose(state(releases=[good]), "")[0] == OLD
    assert code.choose(state(releases=[bad]), "")[0] == OLD


def test_without_a_target_and_without_history_it_is_refused() -> None:
    with pytest.raises(TargetRefused, match="name a commit"):
        code.choose(state(reflog=[]), "")


@pytest.mark.parametrize("value", [123456, 1e5, float("inf"), None, ["a"]])
def test_a_target_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="a text is expected"):
        code.check(STACK, value)


@pytest.mark.parametrize("value", ["-x", "a b", "$(reboot)", "a;b", "`x`", "a\nb", "../x\0", "HEAD@{1}", "é"])
def test_a_target_with_shell_characters_is_refused(value: str) -> None:
    with pytest.raises(ParameterError, match="a commit, tag or branch"):
        code.check(STACK, value)


@pytest.mark.parametrize("value", ["0123456", "12e4567", "v1.2", "HEAD~1", "feature/x", ""])
def test_a_target_that_looks_like_a_number_stays_text(value: str) -> None:
    code.check(STACK, value)
    assert code.choose(state(), value)[0] == (value or GOOD)


def test_nothing_is_touched_before_the_target_is_built() -> None:
    plan = code.plan(state(), target(), incident="i1")
    assert [(step.name, step.touches) for step in plan.steps] == [
        ("keep", False), ("build", False), ("restore_tree", True), ("recreate", True), ("remember", False),
    ]  # fmt: skip
    assert f"docker tag sha256:{'1' * 64} rollback/dyniq-voice/agents-api:before-i1" in shell(plan.keep)
    assert "/opt/dyniq-voice/docker docker compose" not in shell(plan.build)
    assert "--no-build --pull=never --force-recreate agents-api" in shell(plan.recreate)


def test_a_kept_image_is_not_built() -> None:
    kept = docker.Image("rollback/dyniq-voice/agents-api", GOOD, "sha256:2")
    assert "is kept" in code.plan(state(kept=[kept]), target(), incident="i1").build.skip


def test_the_files_the_container_was_started_with_are_used_in_their_order() -> None:
    files = ("/opt/dyniq-voice/docker/docker-compose.yml", "/opt/dyniq-voice/docker/docker-compose.prod.yml", "/etc/extra.yml")
    plan = code.plan(state(container=a_container(compose=Compose("/opt/dyniq-voice/docker", files, "voice"))), target(), incident="i1")
    assert f"-p voice -f {files[0]} -f {files[1]} -f {files[2]} up" in shell(plan.recreate)
    exported = "/var/lib/rollback/dyniq-voice/build/aaaaaaaaaaaa/tree/docker/docker-compose"
    assert f"-f {exported}.yml -f {exported}.prod.yml -f /etc/extra.yml" in shell(plan.build)


def test_what_runs_is_nothing_to_do() -> None:
    plan = code.plan(state(head=git.Head(BAD, "main", ())), target(BAD, changes=[]), incident="i1")
    assert plan.nothing_to_do
    assert all(step.skip and not step.commands for step in plan.steps)


@pytest.mark.parametrize(
    "changes", [{"container": a_container(state="exited")}, {"container": a_container(created=NOW - timedelta(hours=1))}]
)
def test_the_right_commit_in_the_tree_is_not_enough(changes: dict) -> None:
    assert not code.plan(state(**changes), target(BAD, changes=[]), incident="i1").nothing_to_do


def test_a_dirty_tree_is_refused_or_saved() -> None:
    now = state(head=git.Head(BAD, "main", ("server.py",)))
    with pytest.raises(Refused, match=r"server\.py.*dirty=save"):
        code.plan(now, target(), incident="i1")
    plan = code.plan(now, target(), incident="i1", dirty="save")
    assert shell(plan.restore_tree).index("stash push") < shell(plan.restore_tree).index("checkout")
    assert "diff -z --name-only --no-renames --no-ext-diff --ignore-submodules HEAD" in shell(plan.keep)


def test_files_in_the_way_are_refused() -> None:
    with pytest.raises(Refused, match=r"local\.txt"):
        code.plan(state(), target(in_the_way=["local.txt"]), incident="i1")


def test_undo_goes_back_to_branch_and_image() -> None:
    plan = code.plan(state(), target(), incident="i1")
    assert shell(plan.undo[0]).endswith("symbolic-ref -m 'rollback: undo of i1' HEAD refs/heads/main")
    assert "/before/i1.tree.tar" in shell(plan.undo[0])
    assert "/before/i1.tree.tar" in shell(plan.keep)
    assert "docker tag rollback/dyniq-voice/agents-api:before-i1 docker-agents-api" in shell(plan.undo[1])
    detached = code.plan(state(head=git.Head(BAD, None, ())), target(), incident="i1")
    assert shell(detached.undo[0]).endswith(f"update-ref --no-deref -m 'rollback: undo of i1' HEAD {BAD}")


def test_the_hash_follows_what_would_run() -> None:
    first, again = (code.plan(state(), target(), incident=incident) for incident in ("i1a2b3", "i4c5d6"))
    assert first.shell() != again.shell()
    assert first.hash == again.hash != code.plan(state(), target(OLD), incident="i1a2b3").hash


def test_every_replica_is_recreated_and_undone() -> None:
    three = tuple(
        a_container(id=letter * 64, name=f"docker-agents-api-{number}", number=number) for number, letter in ((1, "d"), (2, "e"), (3, "f"))
    )
    plan = code.plan(state(replicas=three), target(), incident="i1")
    assert "--scale agents-api=3" in shell(plan.recreate)
    assert "--scale agents-api=3" in shell(plan.undo[1])
    assert plan.removes == ("docker-agents-api-1", "docker-agents-api-2", "docker-agents-api-3")


def test_the_tag_is_the_one_that_the_target_s_files_name() -> None:
    plan = code.plan(state(), target(services={"agents-api": service(image="voice-api")}, named={"voice-api": None}), incident="i1")
    assert f"docker tag rollback/dyniq-voice/agents-api:{GOOD} voice-api\n" in shell(plan.recreate)
    assert "docker tag rollback/dyniq-voice/agents-api:before-i1 docker-agents-api" in shell(plan.undo[1])
    assert "docker image rm --no-prune voice-api" in shell(plan.undo[1])
    meant = code.plan(state(), target(services={"agents-api": service(image="x")}, named={"x": "sha256:7"}), incident="i1")
    assert "docker tag sha256:7 x" in shell(meant.undo[1])


def test_what_new_containers_would_lose_is_said_without_a_value() -> None:
    exported = a_container(environment={"TAG": Secret("hunter2hunter2")})
    plan = code.plan(state(container=exported, environments={exported.image: {}}), target(), incident="i1")
    assert plan.drift == ("docker-agents-api-1 has the variables TAG, which no file sets: a new container would not",)
    assert "hunter2" not in plan.json()
    assert plan.hash != code.plan(state(), target(), incident="i1").hash


def test_two_services_of_one_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The change is in the folder of one: that one is built and recreated, and the other is named as left alone."""
    contexts = {
        name: service(context=f"/opt/dyniq-voice/{name}", dockerfile=f"/opt/dyniq-voice/{name}/Dockerfile") for name in ("agents", "ruben")
    }
    way = a_container().compose
    deployed = tuple(
        code.Deployed(name, (a_container(name=f"docker-{name}-1", service=name),), way, [], [], state().reflog) for name in contexts
    )  # fmt: skip
    now = state(services=deployed, defined={way: contexts})
    changed = [git.Change("modified", "ruben/server.py")]
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 12)  # of the folder in which compose reads the target's files
    tree = STACK.tree
    host = Recorded(
        (git.resolve(tree, GOOD), commit(GOOD, 20)), (git.changes(tree, BAD, GOOD), changed), (git.diff(tree, BAD, GOOD), ""),
        (git.changes_if_known(tree, BAD, GOOD), changed), (compose.defined_at(way, tree, GOOD, beside(now)), contexts),
        (docker.image_id("docker-agents-api"), None), otherwise=[],
    )  # fmt: skip
    found = code.examine(host, now, GOOD)
    assert list(found.services) == ["ruben"]
    assert found.others == {"agents": "nothing in agents differs from what it runs"}
    plan = code.plan(now, found, incident="i1")
    assert "up --detach --no-deps --scale ruben=1 --no-build --pull=never --force-recreate ruben" in shell(plan.recreate)
    assert "agents: nothing in agents differs" in str(plan.facts)


@pytest.mark.parametrize(
    ("path", "dirty", "asked"),
    [
        ("ruben/server.py", (), False),
        ("ruben/compose.extra.yml", (), True),
        ("ruben/.env.production", (), True),
        ("settings.conf", (), True),  # outside of what is built: it may be an env file
        ("ruben/server.py", ("docker/docker-compose.yml",), True),
    ],
)
def test_compose_is_asked_about_the_target_if_it_may_read_something_else_there(
    path: str, dirty: tuple[str, ...], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    here = {"agents-api": service(context="/opt/dyniq-voice/ruben", dockerfile="/opt/dyniq-voice/ruben/Dockerfile")}
    there = {"agents-api": service(context="/opt/dyniq-voice/ruben", dockerfile="/opt/dyniq-voice/ruben/Other")}
    way, tree = a_container().compose, STACK.tree
    now = state(defined={way: here}, head=git.Head(BAD, None, dirty))
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 12)  # of the folder in which compose reads the target's files
    host = Recorded(
        (git.resolve(tree, GOOD), commit(GOOD, 20)), (git.changes(tree, BAD, GOOD), [git.Change("modified", path)]),
        (compose.defined_at(way, tree, GOOD, beside(now)), there), (docker.image_id("docker-agents-api"), None), otherwise=[],
    )  # fmt: skip
    assert code.examine(host, now, GOOD).services == (there if asked else here)
    assert len(host.rounds) == (3 if asked else 2)  # the first resolves the commit that was named


def test_how_compose_is_called_is_never_guessed() -> None:
    gone = code.Deployed("agents-api", (), None, [], [], [])
    with pytest.raises(Refused, match=r"no container of agents-api is left .* compose: \{project: NAME, files"):
        code.examine(Recorded((git.resolve(STACK.tree, GOOD), commit(GOOD, 20)), otherwise=[]), state(services=(gone,)), GOOD)


def test_how_compose_is_called_without_a_container() -> None:
    way = Compose("/opt/dyniq-voice/docker", ("/opt/x.yml",), "voice")
    other = Compose("/opt/dyniq-voice/docker", ("/opt/y.yml",), "voice")
    entered = Release("agents-api", GOOD, "sha256:1", NOW, True, "x", way)
    siblings = [a_container(service="caddy", compose=way), a_container(service="ruben", compose=other)]
    assert compose_call.way(STACK, "agents-api", [], []) is None
    assert compose_call.way(STACK, "agents-api", siblings, []) is None
    assert compose_call.way(STACK, "agents-api", siblings[:1], []) == way
    assert compose_call.way(STACK, "agents-api", siblings, [entered]) == way
    named = STACK.model_copy(update={"compose": ComposeCall(project="p", files=["/opt/z.yml"])})
    assert compose_call.way(named, "agents-api", siblings, [entered]) == Compose(STACK.compose_directory, ("/opt/z.yml",), "p")
    assert compose_call.way(named, "caddy", siblings, [entered]) == way


@pytest.mark.parametrize(("kept", "built"), [("", "web"), ("web", ""), ("queue", "web")])
def test_services_that_are_one_image_by_name_get_one_image(kept: str, built: str) -> None:
    """Web and queue are built from the same folder under the same name: built apart, they would be two images, and the name one of them.
    What is kept of the second alone does not count."""
    way = a_container().compose
    deployed = tuple(
        code.Deployed(
            name, (a_container(name=f"docker-{name}-1", service=name, image_name="app"),), way,
            [docker.Image(f"rollback/x/{name}", GOOD, "sha256:9")] if name == kept else [], [], state().reflog,
        )
        for name in ("web", "queue")
    )  # fmt: skip
    plan = code.plan(state(services=deployed), target(services=dict.fromkeys(("web", "queue"), service(image="app"))), incident="i1")
    names = "rollback/dyniq-voice"
    assert [line for line in shell(plan.build).splitlines() if " build " in line][-1:] == (
        [line for line in shell(plan.build).splitlines() if line.endswith(f" build {built}")] if built else []
    )
    assert bool(plan.build.skip) is not bool(built)
    tags = [line for line in shell(plan.recreate).splitlines() if line.startswith("docker tag")]
    assert tags == [f"docker tag {names}/web:{GOOD} {names}/queue:{GOOD}", f"docker tag {names}/web:{GOOD} app"]
