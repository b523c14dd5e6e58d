"""Whatever happens in the middle of a step: the host is old-good or new-good, or the record says what is half done and
`rollback resume` finishes it; no step ran twice; the record is true; nothing leaks; the lock is free or expires."""

import json
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.drill import DRILLS, MARKED
from lab.relay import Relay
from tests.acceptance.faults.matrix import CELLS, SHORT, STEPS, Cell
from tests.faults import FAULTS, JOB, Scene, engine_is_back, free_disk, freeze, prepare_disk, thaw
from tests.machine import BIN, Machine

ENDED_WELL = ("succeeded", "failed-restored", "refused", "aborted")


@pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell), marks=() if cell in SHORT else pytest.mark.whole) for cell in CELLS])
def test_a_fault_in_the_middle_of_a_step(clean: Machine, tmp_path: Path, cell: Cell, ends: Callable[[str, str, str, str], None]) -> None:
    scenario, own = DRILLS[cell.procedure]
    own = {**own, **cell.given}
    if cell.fault == "disk full":
        prepare_disk(clean.host)
    if cell.procedure in MARKED:
        clean.mark()
    clean.host.break_(scenario)
    with Relay(clean.host.ssh_port) as relay, ThreadPoolExecutor(1) as pool:
        stack = over(relay, clean, tmp_path)
        first = [roll_back(clean, cell.procedure, stack, own)] if cell.undoes else []
        before = fingerprint(clean)
        frozen = pool.submit(freeze, clean.host, cell.step, STEPS[cell.run][cell.step])
        run = begin_undo(clean, first[0]) if first else begin(clean, cell.procedure, stack, own)
        scene = Scene(clean.host, relay, run, frozen.result())
        fault = FAULTS[cell.fault]
        fault.strike(scene)
        thaw(scene)
        out, err = run.communicate(timeout=150)
        assert "Traceback" not in out + err, out + err
        if cell.fault == "docker restarted":
            engine_is_back(clean.host)
        (folder,) = (one for one in clean.folders() if one not in first)
        assert fault.seen(run.returncode, events(folder)), f"the fault did not take place: {out}{err}"
        verdicts = [look(clean, folder, before, cell)]
        if cell.fault == "disk full":
            free_disk(clean.host)
        if verdicts[-1] not in ENDED_WELL:
            halves = {name: word for name, word in record(folder).get("steps", {}).items() if "half" in word or word == "not begun"}
            assert halves or cell.fault in ("runner SIGKILL", "cells killed"), record(folder)
            resumed = clean.resume(folder, *(["--accept-loss"] if "accept_loss" in own else []))
            verdicts.append(look(clean, folder, before, cell))
            assert verdicts[-1] in ENDED_WELL, resumed.out + resumed.err
    no_step_ran_twice(clean)
    nothing_leaked(clean, folder)
    the_lock_is_free_or_expires(clean)
    no_process_is_left(folder)
    verified = subprocess.run([BIN / "rollback", "incidents", "verify"], env=clean.env(), capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout
    ends(cell.run, cell.step, cell.fault, " → ".join(verdicts))


def roll_back(machine: Machine, procedure: str, stack: Path, own: dict[str, str]) -> Path:
    """Run a rollback that succeeds. Returns its record."""
    done = machine.apply(*(word for key, value in own.items() for word in ("-p", f"{key}={value}")), procedure=procedure, stack=stack)
    assert done.status == 0, done.out + done.err
    assert done.folder
    return done.folder


def begin_undo(machine: Machine, incident: Path) -> "subprocess.Popen[str]":
    argv = [BIN / "rollback", "undo", incident.name, "--apply", "--confirm", "contabo"]
    return subprocess.Popen(argv, env=machine.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def events(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if line.endswith("}")]


def over(relay: Relay, machine: Machine, tmp_path: Path) -> Path:
    """A stack file for the same host, reached through the relay."""
    config = tmp_path / "ssh_config"
    config.write_text(machine.host.ssh_config.read_text().replace(f"Port {machine.host.ssh_port}", f"Port {relay.listening}"))
    # The host key is on file for the port it has.
    config.write_text(config.read_text() + f"  HostKeyAlias [127.0.0.1]:{machine.host.ssh_port}\n")
    stack = tmp_path / "stack.yaml"
    stack.write_text(machine.stack.read_text().replace(str(machine.host.ssh_config), str(config)))
    return stack


def begin(machine: Machine, procedure: str, stack: Path, own: dict[str, str]) -> "subprocess.Popen[str]":
    words = [word for key, value in own.items() for word in ("-p", f"{key}={value}")]
    argv = [BIN / "rollback", "run", procedure, "--stack", stack, "--apply", "--confirm", "contabo", *words]
    return subprocess.Popen(argv, env=machine.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def look(machine: Machine, folder: Path, before: str, cell: Cell) -> str:
    """Compare the record with the host, and return its verdict. `before` is the state before the run."""
    verdict = record(folder)["verdict"]
    if verdict == "succeeded":
        route = "notes" if cell.procedure == "datafile" else "agents-api"
        assert (machine.health(route)[0] == 200) is not cell.undoes, "the record says succeeded, and the route is not as it should be"
        assert machine.health("ruben-api")[0] == 200
        assert fingerprint(machine) != before
    if verdict in ("failed-restored", "refused", "aborted"):
        assert fingerprint(machine) == before, f"the record says {verdict}, and the host is another"
    return verdict


def fingerprint(machine: Machine) -> str:
    """Everything that a rollback can change: the commit, running images, files, databases and networks."""
    return machine.ssh(r"""
        git -C /opt/dyniq-voice rev-parse HEAD; git -C /opt/dyniq-voice status --porcelain
        sha256sum /opt/dyniq-voice/.env /opt/dyniq-voice/docker/.env /opt/dyniq-voice/docker/Caddyfile 2>/dev/null
        for name in docker-agents-api-1 docker-ruben-api-1 docker-caddy-1; do
            docker inspect --format '{{.Name}} {{.Image}} {{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' $name
        done
        docker exec voice-postgres-1 psql -X -A -t -U dyniq -d postgres -c "SELECT datname, oid FROM pg_database ORDER BY 1"
        stat -c '%n %i' /var/lib/docker/volumes/docker_notes_data/_data/notes.db 2>/dev/null || true # only datafile has it
    """)


def no_step_ran_twice(machine: Machine) -> None:
    """Check that no command began twice in a job, and that a step was tried again only if the earlier attempt had not succeeded."""
    jobs = {}
    for line in machine.ssh(f"for job in {JOB}/*/; do echo $job $(cat $job/exit 2>/dev/null || echo none); done").splitlines():
        path, _, status = line.partition(" ")
        jobs[Path(path).name] = status
        marks = machine.ssh(f"grep -a $(printf '^\\036') {path}out || true").split("\n")
        assert len(marks) == len(set(marks)), f"{path}: a command ran twice"
    for name, status in jobs.items():
        step, _, number = name.partition(".")
        later = f"{step}.{int(number or 1) + 1}"
        assert later not in jobs or status != "0", f"{step} was done, and done again"


def nothing_leaked(machine: Machine, folder: Path) -> None:
    values = re.findall(r"(?:PASSWORD|KEY|SECRET|TOKEN)\w*=(\S{6,})", machine.ssh("cat /opt/dyniq-voice/.env"))
    assert values
    for file in folder.rglob("*"):
        if file.is_file():
            text = file.read_text(errors="replace")
            assert not [value for value in values if value.strip("'\"") in text], file


def the_lock_is_free_or_expires(machine: Machine) -> None:
    holder = machine.ssh("cat /var/lib/rollback/dyniq-voice/lock/holder 2>/dev/null || true").splitlines()
    if holder:
        left = int(holder[1]) - int(machine.ssh("date +%s"))
        assert left <= 60
        assert machine.ssh(f"for job in {JOB}/*/; do flock -ns $job/alive true || echo $job; done") == ""


def no_process_is_left(folder: Path) -> None:
    """Check that the process that runs the cells of a killed runner has ended by itself within seconds."""
    mine = f"ROLLBACK_INCIDENT={folder}"
    find = f"for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep -qx {mine} && echo $p; done"
    subprocess.run(["timeout", "20", "sh", "-c", f'while [ -n "$({find})" ]; do sleep 0.2; done'], check=True)
