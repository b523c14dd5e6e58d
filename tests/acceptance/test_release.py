"""The release rollback on the practice host: everything that was changed since a marked release comes back at once, and nothing else."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.databases import content, databases, sql
from tests.faults import FAULTS, power_cut, thaw
from tests.machine import BIN, Done, Machine

TREE, STATE = "/opt/dyniq-voice", "/var/lib/rollback/dyniq-voice"
PART = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def mark(machine: Machine) -> str:
    """Mark what runs as known good. Returns the incident, which names the release."""
    before = machine.folders()
    argv = [BIN / "rollback", "mark", "--stack", machine.stack]
    done = subprocess.run(argv, env=machine.env(), **PART)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (one for one in machine.folders() if one not in before)
    return str(json.loads((folder / "record.json").read_text())["incident"])


def run(machine: Machine, *words: str, **options: object) -> Done:
    return machine.apply(*words, procedure="release", **options)


def serving(machine: Machine) -> dict[str, str]:
    """What serves: each container of the stack with its image and environment, the tree, and the files that others have."""
    containers = machine.ssh(
        "for one in docker-agents-api-1 docker-ruben-api-1 docker-caddy-1; do docker inspect --format '{{.Name}} {{.Image}}' $one; done"
    )
    held = machine.ssh("docker exec docker-agents-api-1 env | grep -v HOSTNAME | sort | sha256sum")
    tree = machine.ssh(f"cd {TREE}; git rev-parse HEAD; git status --porcelain; sha256sum .env docker/Caddyfile; stat -c '%a %u %g' .env")
    caddy = machine.ssh("docker exec docker-caddy-1 cat /etc/caddy/Caddyfile | sha256sum")
    return {"containers": containers, "held": held, "tree": tree, "caddy": caddy}


def ids(machine: Machine) -> dict[str, str]:
    """Every container by its name, and when the proxy was started."""
    lines = machine.ssh("docker ps -a --no-trunc --format '{{.Names}} {{.ID}}'").splitlines()
    started = machine.ssh("docker inspect --format 'proxy {{.State.StartedAt}}' docker-caddy-1")
    return dict(line.split(" ", 1) for line in [*lines, started])


def health(machine: Machine) -> list[int]:
    return [machine.health(name)[0] for name in ("agents-api", "ruben-api")]


@pytest.fixture
def released(clean: Machine) -> Machine:
    """The practice host with a release that was marked, and then a bad deploy of commit, env file and Caddyfile at once."""
    clean.release = mark(clean)
    clean.good = serving(clean)
    clean.host.break_("release")
    assert clean.health()[0] == 502
    return clean


def test_everything_comes_back_at_once_and_is_undone_and_redone_by_its_record(released: Machine) -> None:
    broken, before, was = serving(released), ids(released), health(released)
    listing = released.listing()
    planned = released.rollback(procedure="release")
    assert (planned.status, planned.record["verdict"], planned.record["target"]) == (0, "planned", released.release), planned.out
    assert released.listing() == listing
    for words in ("commit", ".env", "Caddyfile", "image of agents-api"):
        assert words in planned.out
    secret = released.ssh(f"sed -n 's/^OPENAI_API_KEY=//p' {TREE}/.env")
    done = run(released)
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert secret not in done.everything() + planned.everything()
    assert "git will show" not in done.out, "the tree is as its commit has it"
    assert serving(released) == released.good
    assert health(released) == [200, 200]
    # Only what differs was touched: one service was recreated, once; the proxy was reloaded, not restarted.
    after = ids(released)
    assert {name for name in after if after[name] != before[name]} == {"docker-agents-api-1"}
    assert done.record["seconds"] < 90
    whole = [json.loads(line) for line in released.ssh(f"grep '\"containers\":' {STATE}/releases.jsonl").splitlines()]
    assert [one["incident"] for one in whole] == [released.release, done.record["incident"]]
    assert [[(file["path"], file["hash"]) for file in one["files"]] for one in whole[1:]] == [
        [(file["path"], file["hash"]) for file in whole[0]["files"]]
    ]

    undone = released.undo(done.folder)
    assert (undone.status, undone.record["verdict"]) == (0, "succeeded"), undone.out + undone.err
    assert serving(released) == broken
    assert health(released) == was
    again = released.undo(undone.folder)
    assert again.status == 0, again.out + again.err
    assert serving(released)["containers"] == released.good["containers"]
    assert serving(released)["held"] == released.good["held"]
    assert health(released) == [200, 200]


@pytest.mark.parametrize(("step", "command"), [("change", 6), pytest.param("recreate", 1, marks=pytest.mark.whole)])
def test_a_run_that_is_killed_in_its_midst_is_resumed(released: Machine, step: str, command: int) -> None:
    with released.stopped_in("release", step, command) as scene:
        os.kill(scene.run.pid, signal.SIGKILL)
        thaw(scene)
        scene.run.wait()
    (folder,) = (one for one in released.folders() if "-release-" in one.name)
    resumed = released.resume(folder)
    assert resumed.status == 0, resumed.out + resumed.err
    assert resumed.record["verdict"] == "succeeded"
    assert serving(released) == released.good
    assert health(released) == [200, 200]


@pytest.mark.whole
def test_a_step_that_is_cut_off_after_it_wrote_a_caddyfile_of_no_commit_is_done_again(clean: Machine) -> None:
    clean.ssh(f"echo '# by hand' >>{TREE}/docker/Caddyfile; docker restart docker-caddy-1")
    mark(clean)
    good = serving(clean)
    clean.ssh(f"git -C {TREE} checkout -q docker/Caddyfile")
    clean.host.break_("release")
    planned = json.loads((clean.rollback(procedure="release").folder / "plan.json").read_text())
    (change,) = (step for step in planned["steps"] if step["name"] == "change")
    last = len(change["guards"]) + len(change["commands"]) - 1  # by then the file is written, and the proxy's is not
    with clean.stopped_in("release", "change", last) as scene:
        FAULTS["job killed"].strike(scene)
        scene.run.communicate(timeout=60)
    resumed = clean.resume(clean.folders()[-1])
    assert resumed.status == 0, resumed.out + resumed.err
    assert serving(clean) == good


@pytest.mark.whole
def test_a_rollback_that_is_not_verified_leaves_everything_as_it_was(released: Machine) -> None:
    """The release's commit answers, but the database is gone: nothing helps, and all of it is undone."""
    before = serving(released)
    released.ssh("docker stop -t 0 voice-postgres-1")
    quick = released.edited_stack(lambda stack: stack["health"].update(deadline=4.0))
    done = run(released, "--on-failure", "undo", stack=quick)
    assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    assert serving(released) == before


@pytest.mark.whole
def test_only_what_differs_is_touched_and_the_release_can_be_named(clean: Machine) -> None:
    nothing = clean.rollback(procedure="release")
    assert nothing.status == 3
    assert "rollback mark" in nothing.record["reason"]
    first = mark(clean)
    same = clean.rollback(procedure="release")
    assert (same.status, same.record["verdict"]) == (0, "planned")
    assert "already runs" in same.out

    clean.host.break_("env")
    before = ids(clean)
    refused = clean.rollback("-p", "databases=dyniq", procedure="release")
    assert (refused.status, refused.folder) == (2, None)
    assert "not 'dyniq'; there are: voice, n8n" in refused.err
    early = clean.rollback("-p", "to=2020-01-01", procedure="release")
    assert (early.status, "no release was healthy here by" in early.record["reason"]) == (3, True)
    done = run(clean, "-p", f"to={first}")
    assert done.status == 0, done.out + done.err
    shell = (done.folder / "plan.sh").read_text()
    assert "git" not in shell.partition("Keep everything")[2].partition("Enter the outcome")[0].replace("rollback", "")
    after = ids(clean)
    assert {name for name in after if after[name] != before[name]} == {"docker-agents-api-1"}
    assert health(clean) == [200, 200]

    # A release whose copies are gone is refused, before anything is touched.
    clean.host.break_("env")
    clean.ssh(f"rm {STATE}/kept/env/healthy-*")
    listing = clean.listing()
    gone = run(clean, "-p", f"to={first}")
    assert (gone.status, gone.record["verdict"]) == (3, "refused")
    assert "is not on contabo any more; choose another release" in gone.record["reason"]
    assert clean.listing() == listing


@pytest.mark.whole
def test_the_schema_is_newer_than_the_release(released: Machine) -> None:
    """Databases stay as they are; the plan says what that risks."""
    ask = "docker exec voice-postgres-1 psql -X -q -U dyniq -d dyniq -c"
    released.ssh(f"{ask} 'ALTER TABLE calls ADD COLUMN cost numeric'")
    planned = released.rollback(procedure="release")
    assert planned.status == 0, planned.out
    said = planned.out + (planned.folder / "plan.json").read_text()
    assert "The schema of voice has changed since that release (new: public.calls.cost" in said
    assert run(released).status == 0
    assert "cost" in released.ssh(f"{ask} '\\d calls'")


VOICE = ("-p", "databases=voice", "-p", "accept_loss=true")


@pytest.fixture
def migrated_too(clean: Machine) -> Machine:
    """The same bad deploy, with a bad migration."""
    clean.release = mark(clean)
    clean.good = serving(clean)
    clean.host.break_("database")
    clean.host.break_("release")
    return clean


def test_a_database_comes_back_with_the_release_and_goes_with_its_undo(migrated_too: Machine) -> None:
    broken, was = serving(migrated_too), content(migrated_too)
    unaccepted = run(migrated_too, *VOICE[:2])
    assert (unaccepted.status, unaccepted.folder) == (2, None)
    assert "-p accept_loss=true" in unaccepted.err
    planned = migrated_too.rollback(*VOICE[:2], procedure="release")
    assert planned.status == 0, planned.out
    assert "public.assistants: 12 rows now, not there in the backup" in planned.out
    assert databases(migrated_too) == {"postgres", "dyniq"}

    done = run(migrated_too, *VOICE)
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert serving(migrated_too) == migrated_too.good
    assert health(migrated_too) == [200, 200]
    assert sql(migrated_too, "SELECT count(*) FROM agents") == "12"
    kept, undone_ = (f"dyniq__{word}_{done.record['incident']}" for word in ("before", "undone"))
    assert databases(migrated_too) == {"postgres", "dyniq", kept}
    told = [event.get("step", event["event"]) for event in done.events if event["event"] in ("step-begin", "accepted")]
    assert [one for one in told if one != "reconnect"] == [
        "keep", "prove", "restore", "accepted", "change", "recreate", "load", "swap_voice", "remember",
    ]  # fmt: skip

    undone = migrated_too.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert (serving(migrated_too), content(migrated_too)) == (broken, was)
    assert databases(migrated_too) == {"postgres", "dyniq", undone_}
    again = migrated_too.undo(undone.folder)
    assert again.status == 0, again.out + again.err
    assert databases(migrated_too) == {"postgres", "dyniq", kept}
    assert health(migrated_too) == [200, 200]


@pytest.mark.whole
@pytest.mark.parametrize(("step", "command"), [("change", 6), ("swap_voice", 1)])
def test_a_run_with_a_database_that_is_killed_in_its_midst_is_resumed(migrated_too: Machine, step: str, command: int) -> None:
    folder = killed(migrated_too, step, command)
    if step == "change":  # more may be lost by now than was accepted
        asked = migrated_too.resume(folder)
        assert (asked.status, "--accept-loss" in asked.out) == (5, True), asked.out
    resumed = migrated_too.resume(folder, "--accept-loss")
    assert resumed.status == 0, resumed.out + resumed.err
    assert serving(migrated_too) == migrated_too.good
    assert databases(migrated_too) == {"postgres", "dyniq", f"dyniq__before_{resumed.record['incident']}"}
    assert health(migrated_too) == [200, 200]


@pytest.mark.whole
def test_a_run_whose_host_dies_with_it_in_the_midst_of_a_restore_is_resumed(migrated_too: Machine) -> None:
    broken = serving(migrated_too)
    with migrated_too.stopped_in("release", "restore", 4, *VOICE) as scene:
        power_cut(scene)
    (folder,) = (one for one in migrated_too.folders() if "-release-" in one.name)
    assert len(databases(migrated_too)) == 3, "what was being restored is there, half done"
    assert serving(migrated_too) == broken
    resumed = migrated_too.resume(folder, "--accept-loss")
    assert (resumed.status, resumed.record["verdict"]) == (0, "succeeded"), resumed.out + resumed.err
    assert serving(migrated_too) == migrated_too.good
    assert databases(migrated_too) == {"postgres", "dyniq", f"dyniq__before_{resumed.record['incident']}"}
    assert sql(migrated_too, "SELECT count(*) FROM agents") == "12"
    assert health(migrated_too) == [200, 200]


@pytest.mark.whole
def test_the_undo_of_a_run_that_never_came_to_its_swap_leaves_no_database(migrated_too: Machine) -> None:
    broken, was = serving(migrated_too), content(migrated_too)
    undone = migrated_too.undo(killed(migrated_too, "recreate", 1), "--take-over")
    assert undone.status == 0, undone.out + undone.err
    assert (serving(migrated_too), content(migrated_too)) == (broken, was)
    assert databases(migrated_too) == {"postgres", "dyniq"}


def killed(machine: Machine, step: str, command: int) -> Path:
    """A release rollback with a database, killed before that command of a step. Returns its record."""
    with machine.stopped_in("release", step, command, *VOICE) as scene:
        os.kill(scene.run.pid, signal.SIGKILL)
        thaw(scene)
        scene.run.wait()
    (folder,) = (one for one in machine.folders() if "-release-" in one.name)
    return folder


@pytest.mark.whole
def test_a_service_that_came_from_the_registry_meanwhile_is_the_built_one_again(clean: Machine) -> None:
    """It was started with other compose files: it is started as then, and its undo as it was."""
    mark(clean)
    good = serving(clean)
    clean.host.break_("image")
    broken = serving(clean)
    assert clean.container()["Config"]["Image"] == "localhost:5000/dyniq/agents-api:latest"
    done = run(clean)
    assert done.status == 0, done.out + done.err
    assert serving(clean) == good
    assert clean.container()["Config"]["Labels"]["com.docker.compose.project.config_files"] == f"{TREE}/docker/docker-compose.yml"
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert serving(clean) == broken
    assert clean.container()["Config"]["Image"] == "localhost:5000/dyniq/agents-api:latest"
