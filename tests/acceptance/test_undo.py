"""Undoing any run from its record, also an undo."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.record.folder import Folder
from rollback_lib.record.manifest import NotExtended
from rollback_lib.run.sealing import seal
from tests.forging import seal_all_the_same
from tests.machine import BIN, Machine

DATABASE = ("-p", "database=voice", "-p", "accept_loss=true")


def env(machine: Machine) -> str:
    held = "docker exec docker-agents-api-1 env | grep -v HOSTNAME | sort | sha256sum"
    return machine.ssh(f"cd /opt/dyniq-voice; sha256sum .env; stat -c '%a %u' .env; {held}")


def database(machine: Machine) -> str:
    ask = "docker exec voice-postgres-1 psql -U dyniq -d dyniq -Atc"
    return machine.ssh(f"""{ask} "SELECT oid FROM pg_database WHERE datname = 'dyniq'"; {ask} '\\dt' """)


def stack(machine: Machine) -> str:
    return machine.ssh(
        "docker inspect docker-agents-api-1 docker-ruben-api-1 docker-caddy-1 --format '{{.Image}} {{.Name}}'; docker volume ls -q | sort"
    )


def caddyfile(machine: Machine) -> str:
    return machine.ssh("sha256sum </opt/dyniq-voice/docker/Caddyfile; docker exec docker-caddy-1 cat /etc/caddy/Caddyfile | sha256sum")


def code(machine: Machine) -> str:
    state = machine.ssh(
        "cd /opt/dyniq-voice; git rev-parse HEAD; git symbolic-ref -q --short HEAD || echo detached; git status --porcelain"
    )
    return f"{state} {machine.container()['Image']}"


def image(machine: Machine) -> str:
    return f"{machine.container()['Image']} {machine.container()['Config']['Image']} {machine.ssh('cat /opt/dyniq-voice/docker/.env')}"


def there_and_back(machine: Machine, scenario: str, procedure: str, look: Callable[[Machine], str], *words: str) -> None:
    """Break the host, roll back, undo, and undo the undo. Check that triage names the procedure, and that `look` finds the same as before,
    each time."""
    machine.host.break_(scenario)
    assert machine.rollback(procedure="triage").record["found"]["fits"] == [procedure]
    broken, ill = look(machine), machine.health()[0]
    rolled = machine.apply(*words, procedure=procedure)
    assert rolled.status == 0, rolled.out + rolled.err
    mended = look(machine)
    assert mended != broken or procedure == "redeploy"
    undone = machine.undo(rolled.folder)
    assert (undone.status, undone.record["verdict"]) == (0, "succeeded"), undone.out + undone.err
    assert look(machine) == broken
    if procedure != "redeploy":  # which puts the networks back, whichever images run
        assert machine.health()[0] == ill
    again = machine.undo(undone.folder)
    assert again.status == 0, again.out + again.err
    assert look(machine) == mended
    assert machine.health()[0] == 200
    assert (rolled.record["procedure"], undone.record["procedure"], again.record["procedure"]) == (procedure, "undo", "undo")


@pytest.mark.whole
def test_what_is_in_files_databases_and_networks(clean: Machine) -> None:
    there_and_back(clean, "env", "env", env)
    there_and_back(clean, "database", "database", database, *DATABASE)
    there_and_back(clean, "stack", "redeploy", stack)
    there_and_back(clean, "caddyfile", "caddyfile", caddyfile)


@pytest.mark.whole
def test_an_image(clean: Machine) -> None:
    there_and_back(clean, "image", "image", image)


def test_code_and_what_is_refused(broken: Machine) -> None:
    """Where the host has moved on, or what is needed is gone, nothing is changed; then it is undone after all."""
    bad = code(broken)
    rolled = broken.apply()
    assert rolled.status == 0
    mended = code(broken)

    planned = broken.rollback()
    refused = broken.undo(planned.folder)
    assert (refused.status, refused.folder) == (2, None)
    assert "only planned, so there is nothing to undo" in refused.err or "found nothing to do" in refused.err

    before = f"rollback/dyniq-voice/agents-api:before-{rolled.record['incident']}"
    broken.ssh(f"docker tag {before} aside; docker rmi {before} >/dev/null")
    listing = broken.listing()
    gone = broken.undo(rolled.folder)
    assert (gone.status, gone.record["verdict"]) == (3, "refused")
    assert f"not on contabo any more: {before}" in gone.out
    assert broken.listing() == listing
    broken.ssh(f"docker tag aside {before}; docker rmi aside >/dev/null")

    broken.ssh("cd /opt/dyniq-voice; git checkout -q main~2")
    listing = broken.listing()
    moved = broken.undo(rolled.folder)
    assert moved.status == 3
    assert "has moved on since" in moved.out
    assert "commit of the tree is" in moved.out
    assert broken.listing() == listing
    broken.ssh(f"cd /opt/dyniq-voice; git checkout -q --detach {rolled.record['target']}")

    undone = broken.undo(rolled.folder)
    assert undone.status == 0, undone.out
    assert code(broken) == bad
    assert undone.record["reason"].endswith("; not healthy, as then: agents-api")
    assert broken.leads_to() == [["undo"], *[[]] * (len(broken.folders()) - 1)]
    twice = broken.undo(rolled.folder)
    assert twice.status == 3
    assert "has moved on since" in twice.out
    assert f"undo {undone.record['incident']}" in twice.out
    again = broken.undo(undone.folder)
    assert again.status == 0, again.out
    assert code(broken) == mended
    plan = json.loads((undone.folder / "plan.json").read_text())
    assert [step["name"] for step in plan["steps"]] == ["keep", "undo_tree", "undo_recreate"]


def test_a_record_that_was_written_anew_is_refused(broken: Machine, tmp_path: Path) -> None:
    """Also where it was sealed again with our own code, and in another place; nothing is contacted."""
    rolled = broken.apply()
    assert rolled.status == 0, rolled.out
    handed = tmp_path / "handed"
    shutil.copytree(broken.incidents, handed)
    plan, undo = rolled.folder / "plan.json", rolled.folder / "undo.sh"
    whole = {file: file.read_text() for file in (plan, undo)}
    listing, logins = broken.listing(), broken.logins()

    def refused(incident: Path | str, said: str) -> None:
        for words in (["undo", incident, "--apply", "--confirm", "contabo"], ["resume", incident]):
            before = broken.folders()
            done = subprocess.run([BIN / "rollback", *words], env=broken.env(), capture_output=True, text=True, timeout=60)
            assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
            assert broken.folders() == before

    for file in whole:
        file.write_text(whole[file].replace("docker", "touch /root/pwned; docker"))
        refused(rolled.folder.name, f"{file.name} was changed after it was sealed")
        file.write_text(whole[file])
    for file in whole:
        file.write_text(whole[file].replace("docker", "touch /root/pwned; docker"))
    with pytest.raises(NotExtended):
        seal(Folder(rolled.folder), broken.incidents)
    seal_all_the_same(Folder(rolled.folder), broken.incidents)
    refused(rolled.folder.name, "plan.json was changed after it was sealed, and sealed again")
    refused(rolled.folder, "plan.json was changed after it was sealed, and sealed again")
    refused(handed / rolled.folder.relative_to(broken.incidents), "set ROLLBACK_INCIDENTS to the folder of the records that it belongs to")
    assert (broken.listing(), broken.logins()) == (listing, logins + 1)  # that of the listing itself
    assert "undo" not in str(broken.leads_to())

    undone = Machine(broken.host, handed).undo(rolled.folder)
    assert undone.status == 0, undone.out
