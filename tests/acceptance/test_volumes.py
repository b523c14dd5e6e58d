"""Anonymous volumes: what a service has written into one is there again after the undo of a rollback, whatever its target mounts there."""

import json

import pytest

from tests.machine import Machine

WITH = "echo 'VOLUME /data' >>agents_api/Dockerfile"
NAMED = r"""sed -i -e '/^  agents-api:/a\    volumes: ["kept:/data"]' -e 's/^volumes:/&\n  kept:/' docker/docker-compose.yml"""


def write(machine: Machine, container: str) -> None:
    machine.ssh(f"docker exec {container} sh -c 'echo {container} >/data/marker'")


def read(machine: Machine, container: str) -> str:
    return machine.ssh(f"docker exec {container} cat /data/marker 2>&1", check=False)


def effects(done: object) -> dict[str, tuple[str, str]]:
    (verified,) = [event for event in done.events if event["event"] == "verified"]  # type: ignore[attr-defined]
    return {effect["name"]: (effect["asked"], effect["found"]) for effect in verified["effects"] if "volumes" in effect["name"]}


def test_a_volume_that_the_target_lacks_is_mounted_again_by_the_undo(clean: Machine) -> None:
    clean.commit("Keep data in a volume", WITH, deploy=True)
    write(clean, "docker-agents-api-1")
    done = clean.apply(procedure="code")
    assert done.status == 0, done.out + done.err
    assert "undo mounts it again" in " ".join(json.loads((done.folder / "plan.json").read_text())["notes"])
    assert "No such file" in read(clean, "docker-agents-api-1")
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert read(clean, "docker-agents-api-1") == "docker-agents-api-1"
    assert clean.ssh("docker ps --all --quiet --filter status=created") == ""
    (row,) = effects(undone).values()
    assert row[0] == row[1] != "none"
    # And once more, by the scripts that a person would run.
    again = clean.undo(undone.folder)
    assert again.status == 0, again.out + again.err
    notes = json.loads((again.folder / "plan.json").read_text())["notes"]
    assert not any("anonymous volume" in note for note in notes), "the undo of this mounts it again, so nothing is left behind"
    clean.ssh((done.folder / "undo.sh").read_text())
    assert read(clean, "docker-agents-api-1") == "docker-agents-api-1"


@pytest.mark.whole
@pytest.mark.parametrize("target", [WITH, NAMED], ids=["anonymous", "named"])
def test_every_replica_has_its_own(clean: Machine, target: str) -> None:
    """The target has a volume there as well: compose hands an anonymous one over by itself, and mounts a named one in its place."""
    earlier = clean.commit("A volume", target)
    then = "touch agents_api/more" if target == WITH else f"git checkout -q HEAD~1 -- .; {WITH}"
    clean.commit("Keep data in a volume", then, deploy=True)
    clean.ssh("cd /opt/dyniq-voice/docker && docker compose up -d --scale agents-api=2 agents-api")
    both = ("docker-agents-api-1", "docker-agents-api-2")
    for name in both:
        write(clean, name)
    done = clean.apply("-p", f"target={earlier}")
    assert done.status == 0, done.out + done.err
    assert [read(clean, name) == name for name in both] == [target == WITH] * 2
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert [read(clean, name) for name in both] == list(both)


@pytest.mark.whole
def test_a_volume_that_only_the_target_has_stays_on_the_host_and_the_undo_says_where(clean: Machine) -> None:
    earlier = clean.commit("Keep data in a volume", WITH)
    clean.commit("No volume any more", "git checkout -q HEAD~1 -- .", deploy=True)
    done = clean.apply("-p", f"target={earlier}")
    assert done.status == 0, done.out + done.err
    write(clean, "docker-agents-api-1")
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    (note,) = [note for note in json.loads((undone.folder / "plan.json").read_text())["notes"] if "anonymous volume" in note]
    name = note.rpartition(" ")[2].removesuffix(".")
    assert clean.ssh(f"docker run --rm -v {name}:/data docker-agents-api cat /data/marker") == "docker-agents-api-1"


@pytest.mark.whole
def test_a_volume_that_somebody_removed_meanwhile_is_not_called_as_before(clean: Machine) -> None:
    clean.commit("Keep data in a volume", WITH, deploy=True)
    write(clean, "docker-agents-api-1")
    done = clean.apply(procedure="code")
    assert done.status == 0, done.out + done.err
    clean.ssh("docker volume prune --force")
    undone = clean.undo(done.folder)
    assert undone.status == 5, undone.out + undone.err
    (row,) = effects(undone).values()
    assert row[0] != row[1]
