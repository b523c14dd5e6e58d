"""The release procedure: facts in, plan out. Its parts are the plans of the other procedures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import compose, docker, files, git, networks
from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.whole_release import Data, KeptFile, Ran, WholeRelease
from rollback_lib.host.ending import Ending
from rollback_lib.notebook.views import release as views
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import release
from rollback_lib.procedures.common.readiness import Seen, Tried
from rollback_lib.procedures.release.dimensions import Dimension, Kind, different, lanes
from rollback_lib.procedures.release.noted import After
from rollback_lib.procedures.release.readiness import READINESS
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack
from tests.builders.containers import WAY, attached
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK, STATE
from tests.builders.triage import facts
from tests.unit.procedures import test_caddyfile, test_code, test_env
from tests.unit.procedures.test_code import BAD, GOOD

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
THEN, BROKEN = "sha256:" + "7" * 64, "sha256:" + "1" * 64
ENV, CADDY = STACK.env.file, STACK.caddyfile.file
SILENT = Unanswered("nobody answers")
PROXY = {"docker-caddy-1": "n8n_default"}


def whole(incident: str, hours: float, commit: str = GOOD, image: str = THEN, **changes: Any) -> WholeRelease:
    """A release that was healthy so many hours ago."""
    services = {"agents-api": Ran(image, "docker-agents-api", WAY, frozenset({"docker_default"})),
                "caddy": Ran("sha256:" + "3" * 64, "caddy:2", WAY, frozenset({"docker_default"}))}  # fmt: skip
    files = {path: KeptFile(path, "a", f"{STATE}/kept/{name}/healthy-{incident}") for path, name in ((ENV, "env"), (CADDY, "caddyfile"))}
    known = {"by": "ann@laptop", "services": services, "files": files, "databases": {"voice": Data("s1", "/backup/1")}}
    return WholeRelease(NOW - timedelta(hours=hours), incident, commit=commit, **{**known, **changes})


def present(**changes: Any) -> WholeRelease:
    """What runs: another commit and image, and other files."""
    files = {path: KeptFile(path, "b", "") for path in (ENV, CADDY)}
    return whole("", 0, BAD, BROKEN, files=files, databases={"voice": Data("s1", "")}, **changes)


def state(**changes: Any) -> release.State:
    env_now = test_env.state()
    containers = (test_code.a_container(), test_caddyfile.container(image="sha256:" + "3" * 64, compose=WAY))
    known = {
        "stack": STACK, "releases": (whole("cccccc", 1), whole("bbbbbb", 30), whole("aaaaaa", 60)), "present": present(),
        "bad": frozenset(), "containers": containers, "code": test_code.state(), "envs": {ENV: env_now}, "images": {},
        "caddy": test_caddyfile.state(), "copies": {},
        "attachments": networks.Attachments(tuple(attached(*one) for one in PROXY.items()), {}),
    }  # fmt: skip
    return release.State(**{**known, **changes})


def target(now: release.State, **changes: Any) -> release.Target:
    """Everything differs, and the image of the release is on the host."""
    kept = [docker.Image("kept", GOOD, THEN)]
    code_now = replace(now.code, services=tuple(replace(one, kept=kept) for one in now.code.services))
    caddy_now = replace(now.caddy, replaced=True)
    env_now = now.envs[ENV]
    known = {
        "release": now.releases[0], "why": "the newest", "differences": tuple(release.candidates(now)[0].differences),
        "code": (code_now, test_code.target()), "envs": {ENV: (env_now, test_env.examine(env_now, test_env.AFTER, "one"))}, "images": {},
        "caddy": (caddy_now, test_caddyfile.target(now.caddy.versions[1])), "retags": (), "recreate": {"agents-api": (WAY, 2)},
        "kept": {"agents-api": THEN}, "risks": (),
    }  # fmt: skip
    return release.Target(**{**known, **changes})


def without(*names: str) -> Stack:
    return STACK.model_copy(update=dict.fromkeys(names))


def planned(now: release.State | None = None, **changes: Any) -> Plan:
    now = now or state()
    return release.plan(now, target(now, **changes), incident="i1")


def shell(plan: Plan, name: str) -> str:
    return "\n".join(map(str, getattr(plan, name).script))


def test_everything_is_kept_before_anything_is_changed_and_each_thing_is_done_once() -> None:
    made = planned()
    needed = [step for step in made.steps if not step.skip]
    assert [step.name for step in needed] == ["keep", "prove", "change", "recreate", "load", "remember"]
    assert [step.touches for step in needed] == [False, False, True, True, True, False]
    assert len(set(made.keep.commands)) == len(made.keep.commands)
    # No part writes over what another one keeps.
    kept = [command.file or command.argv[-1] for command in made.keep.commands]
    for name in ("i1.env0.file", "i1.caddyfile.file", "i1.caddyfile.target"):
        assert f"{STATE}/before/{name}" in kept
    assert f"{STATE}/before/i1.code." in shell(made, "keep")
    assert f"docker tag {BROKEN} rollback/dyniq-voice/agents-api:before-i1" in shell(made, "keep")
    # The image is there, so that nothing is built: it gets the name of its commit.
    assert shell(made, "prove") == f"docker tag {THEN} rollback/dyniq-voice/agents-api:{GOOD}"
    change = shell(made, "change")
    assert change.index("git -C /opt/dyniq-voice checkout") < change.index(f"mv -f {ENV}.i1.env0.part {ENV}") < change.index(CADDY)
    assert not [word for word in ("docker compose", "docker tag", "docker restart") if word in change], "what runs stays as it is"
    recreate = shell(made, "recreate")
    assert recreate.count(" up ") == 1
    assert "--scale agents-api=2" in recreate
    assert recreate.index("docker tag") < recreate.index(" up ")
    assert (shell(made, "load").count("reload --config"), "restart" in shell(made, "load")) == (1, False)


def test_the_undo_has_the_same_order_and_needs_no_build() -> None:
    made = planned()
    assert [step.name for step in made.undo] == ["undo_change", "undo_recreate", "undo_load"]
    back = "\n".join(str(command) for step in made.undo for command in step.commands)
    assert back.count(" up ") == 1
    assert "build" not in back.replace(f"{STATE}/build", "").replace("--no-build", "")
    assert f"{STATE}/before/i1.env0.file" in back


def test_only_what_differs_is_touched() -> None:
    made = planned(code=None, caddy=None)
    assert (made.prove.skip, made.load.skip) == ("every image is there", "its configuration is as it was then")
    assert "git" not in shell(made, "change")
    assert [step.name for step in made.undo] == ["undo_change", "undo_recreate"]
    nothing = planned(code=None, caddy=None, envs={}, recreate={})
    assert nothing.nothing_to_do
    assert all(step.skip for step in nothing.steps)


def test_where_git_replaces_the_caddyfile_the_container_gets_it_too_and_the_tree_is_its_guard() -> None:
    now = state()
    with_tree, alone = planned(now), planned(now, code=None, caddy=(now.caddy, target(now).caddy[1]))
    assert "/proc/$pid/root" in shell(with_tree, "change")
    assert "/proc/$pid/root" not in shell(alone, "change")
    assert len(with_tree.change.guards) == len(alone.change.guards), "the guard of the tree instead of that of the file"


def test_a_caddyfile_that_comes_with_its_commit_is_not_said_to_differ_from_it() -> None:
    now = state()
    version = now.caddy.versions[1]
    for coming, said in ((version.hash, False), ("of another commit", True)):
        caddy_now = replace(now.caddy, coming=coming, replaced=True)
        made = planned(now, caddy=(caddy_now, replace(test_caddyfile.target(version), diff="+new")))
        assert ("Caddyfile\n+new" in made.diff) is said, "the diff of the tree has it"
        assert any("git will show docker/Caddyfile as changed" in note for note in made.notes) is said, made.notes


def test_the_guard_of_the_tree_knows_what_the_other_parts_write_into_it() -> None:
    """They may have done so, and git before them, when a run that was cut off begins its step again."""
    now = state()
    with_env = replace(test_code.target(), changes=[git.Change("modified", STACK.in_tree(ENV))])
    made, other = planned(now, code=(now.code, with_env)), planned(now)
    assert made.change.guards[0].argv[-4:] == (
        STACK.in_tree(ENV), f"{STATE}/kept/env/healthy-cccccc", STACK.in_tree(CADDY), f"{STATE}/before/i1.caddyfile.target",
    )  # fmt: skip
    assert len(made.change.guards) == len(other.change.guards) - 1, "the guard of the tree instead of that of the env file"


def test_networks_that_were_connected_by_hand_are_put_back_on_new_containers() -> None:
    made = planned(recreate={"caddy": (WAY, 1)})
    assert "n8n_default docker-caddy-1" in shell(made, "recreate")
    assert "n8n_default" not in shell(planned(), "recreate")


def test_uncommitted_changes_are_refused_as_the_code_rollback_does() -> None:
    dirty = state(code=test_code.state(head=git.Head(BAD, "main", ("x.py",))))
    with pytest.raises(Refused, match="dirty=save"):
        planned(dirty)


def test_a_caddyfile_that_was_edited_by_hand_is_kept_by_its_own_part_and_needs_no_stash() -> None:
    path = STACK.in_tree(CADDY)
    made = planned(state(code=test_code.state(head=git.Head(BAD, "main", (path,)))))
    assert "stash" not in shell(made, "change")
    assert "before/i1.code.tree.tar" in shell(made, "keep")


def test_the_parts_come_back_from_the_record_without_their_steps() -> None:
    made = planned()
    parts = After.read(Plan.from_json(made.json()).after).parts
    assert [(name, part.procedure, part.incident) for name, part in parts.items()] == [
        ("tree", "code", "i1.code"), (".env", "env", "i1.env0"), ("Caddyfile", "caddyfile", "i1.caddyfile"),
    ]  # fmt: skip
    assert not any(part.steps or part.undo for part in parts.values())


def test_no_secret_is_in_the_plan() -> None:
    """Hashes of the files neither: they would tell whether a guess is right."""
    made = planned()
    assert "A=1" not in made.json() + made.shell()


def only_env(**changes: Any) -> release.State:
    """A stack of which only the env file is known to be another one than at its only release."""
    held, bare = test_env.state(), without("code", "caddyfile")
    files = {ENV: KeptFile(ENV, "a", "/kept/one")}
    then = whole("aaaaaa", 5, services={}, files=files, commit="")
    here = replace(present(services={}), files={ENV: KeptFile(ENV, "b", "")})
    containers = tuple(one for mine in held.replicas.values() for one in mine)
    known = {"stack": bare, "releases": (then,), "present": here, "containers": containers, "code": None, "caddy": None, **changes}
    return state(**known)


def test_the_env_file_of_a_release_is_found_by_its_copy_and_its_readers_are_recreated() -> None:
    now = only_env()
    chosen = release.examine(Recorded((docker.stored(set()), {}), otherwise=test_env.AFTER), now, "latest")
    assert (chosen.name, set(chosen.envs), set(chosen.recreate)) == ("aaaaaa", {ENV}, {"api"})
    made = release.plan(now, chosen, incident="i1")
    assert [step.name for step in made.steps if not step.skip] == ["keep", "change", "recreate", "remember"]
    assert "/kept/one" in shell(made, "change")


@pytest.mark.parametrize(
    ("file", "holds", "ok"), [("A=1\nB=x\n", "1", True), ("A=1\nB=x\n", "2", False), ("A=2\nB=x\n", "1", True)]
)  # fmt: skip
def test_what_containers_hold_is_only_judged_while_the_files_are_those_of_the_release(file: str, holds: str, ok: bool) -> None:
    """In the midst of an undo the files are back, and the containers still are those of the release."""
    known = only_env()
    now = replace(known, releases=(replace(known.releases[0], services={"api": Ran("sha256:1", "docker-api", WAY)}),))
    made = release.plan(now, release.examine(Recorded((docker.stored(set()), {}), otherwise=test_env.AFTER), now, "latest"), incident="i1")
    api = test_env.container("api", A=holds, B="x")
    host = Recorded(
        (files.env_file(ENV), test_env.file(file)), (docker.project(now.stack), [api]),
        (compose.meant(WAY), {"api": test_env.meant(A=file[2], B="x")}),
        (docker.image_environments({"sha256:1"}), {"sha256:1": {"PATH": Secret("/bin")}}), otherwise={},
    )  # fmt: skip
    host.key = now.envs[ENV].key
    (row,) = [row for row in release.effects(host, now.stack, made) if row.name == "api: what its containers hold"]
    assert row.ok is ok


def test_a_release_whose_copy_is_gone_is_refused() -> None:
    gone = replace(only_env().releases[0], files={ENV: KeptFile(ENV, "a", "/kept/none")})
    with pytest.raises(TargetRefused, match="is not on contabo any more; choose another release"):
        release.examine(Recorded((docker.stored(set()), {})), only_env(releases=(gone,)), "aaaaaa")


# -- which release ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "incident"),
    [
        ("latest", "cccccc"), ("", "cccccc"), ("bbbbbb", "bbbbbb"), (GOOD[:8], "cccccc"), ("2026-01-01", "bbbbbb"),
        ("2026-01-02T02:05", "cccccc"), ("2026-01-02 02:03", "bbbbbb"), ("2025-12-31T00:00Z", "aaaaaa"),
    ],
)  # fmt: skip
def test_a_release_is_named_by_time_by_itself_or_by_its_commit(to: str, incident: str) -> None:
    assert release.choose(state(), to)[0].incident == incident


@pytest.mark.parametrize(
    ("to", "said"),
    [("dddddd", "take one from the list"), ("2025-01-01", "no release was healthy here by 2025-01-01"), ("2026-13-01", "is no time")],
)
def test_what_names_no_release_is_refused(to: str, said: str) -> None:
    with pytest.raises(TargetRefused, match=said):
        release.choose(state(), to)


def test_latest_is_the_newest_that_differs_and_was_not_found_bad() -> None:
    same = replace(present(), incident="dddddd")
    assert release.choose(state(releases=(same, whole("bbbbbb", 30))), "latest")[0].incident == "bbbbbb"
    assert release.choose(state(releases=(same,)), "latest")[0].incident == "dddddd"
    worse = (whole("cccccc", 1, "c" * 40), whole("bbbbbb", 30))
    assert release.choose(state(releases=worse, bad=frozenset({"c" * 40})), "latest")[0].incident == "bbbbbb"
    with pytest.raises(TargetRefused, match="rollback mark"):
        release.choose(state(releases=()), "latest")


@pytest.mark.parametrize("wrong", [{"to": "yesterday"}, {"to": 7}, {"dirty": "force"}, {"databases": "dyniq"}])
def test_parameters_are_checked_before_anything_is_contacted(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        release.check(STACK, **wrong)
    release.check(STACK)


# -- what differs -------------------------------------------------------------------------------------------------------


def test_releases_are_compared_in_every_dimension_that_is_known_of_both() -> None:
    then, now = whole("aaaaaa", 1), present(changed=True)
    assert [one.words for one in different(then, now)] == ["commit", "image of agents-api", ".env", "Caddyfile"]
    old = replace(then, files=None, databases=None)
    assert {one.kind for one in different(old, now)} == {Kind.COMMIT, Kind.IMAGE}
    newer = replace(then, databases={"voice": Data("s2", "")})
    assert Dimension(Kind.SCHEMA, "voice") in different(newer, now)
    assert different(then, then) == []


def test_a_difference_says_what_a_rollback_makes_of_it() -> None:
    now = only_env(copies={f"{STATE}/kept/one": b"A=1\nB=2\nC=3\n"})
    held = replace(now.envs[ENV], file=test_env.file("A=9\nB=2\nD=4\n"))
    there = replace(now.releases[0], files={ENV: KeptFile(ENV, "a", f"{STATE}/kept/one")})
    (found,) = release.candidates(replace(now, releases=(there,), envs={ENV: held}))[0].differences
    assert found.words == "other values of A; again with C; without D"
    commit, *_ = release.candidates(state())[0].differences
    assert commit.words.startswith(f"{BAD[:7]}")
    assert " → " in commit.words


def test_equal_versions_have_the_same_letter() -> None:
    found = lanes([whole("aaaaaa", 3, "a" * 40), whole("bbbbbb", 2, "b" * 40), whole("cccccc", 1, "a" * 40, files=None)])
    assert found == {Dimension(Kind.COMMIT): (0, 1, 0)}, "lanes without a change are left out"


def test_the_timeline_is_a_picture_and_a_text() -> None:
    now = state()
    shown = views.timeline(now.releases, now)
    assert shown.svg.startswith("<svg")
    rows = str(shown).splitlines()
    assert rows[1].split()[-1] == "now"
    assert next(row for row in rows if row.startswith("commit")).split()[1:] == ["A", "A", "A", "B"]
    table = views.listed(release.candidates(now))
    assert [row[0] for row in table.cells] == ["cccccc", "bbbbbb", "aaaaaa"]
    assert "ann@laptop" in str(table)


def test_a_stack_without_sections_has_the_parts_that_it_has() -> None:
    now = state(stack=without("caddyfile", "code"), caddy=None, code=None)
    made = release.plan(now, replace(target(state()), code=None, caddy=None), incident="i1")
    assert After.read(made.after).parts.keys() == {".env"}


# -- readiness ----------------------------------------------------------------------------------------------------------


def row(now: release.State | Unanswered, chosen: release.Target | Unanswered, **tried: Tried) -> tuple[str, str]:
    seen: Seen[Any, Any] = Seen("release", "", now, chosen, facts(), None, {}, SILENT, tried, "", None)  # type: ignore[arg-type]
    (found,) = READINESS.rows(seen)
    return found.level, found.found


def test_readiness_says_whether_everything_could_be_brought_back() -> None:
    copies = {file.kept: b"" for file in whole("cccccc", 1).files.values()}
    now = state(copies=copies)
    assert row(now, target(now)) == ("green", "would go back to cccccc, healthy here 2026-01-02 02:04 UTC; all it needs is there")
    assert row(state(releases=()), SILENT)[0] == "amber"
    assert row(state(), target(state()))[1].startswith(f"the copies of {ENV}, {CADDY} that cccccc was healthy with are gone")
    assert row(now, Unanswered("the image is gone")) == ("amber", "the image is gone")
    assert row(SILENT, SILENT)[0] == "amber"
    done = Tried(Ending.exited(0), 1.0, "")
    assert row(state(releases=()), SILENT, remember=done) == ("green", "what runs is entered whole, from now on, as healthy here")
