"""Data files: a real SQLite database and a real Redis are rolled back and undone, damaged, left in half, and refused in words."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import Refused
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.link import Link
from rollback_lib.procedures import datafile
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.faults import thaw
from tests.machine import Done, Machine

ACCEPT = ("-p", "accept_loss=true")
DATA = "/var/lib/docker/volumes/docker_notes_data/_data"
BACKUPS = "ls -t /backup/notes-*.db"


@pytest.fixture
def lost(clean: Machine) -> Machine:
    """The practice host with a service whose SQLite database has lost its rows."""
    clean.host.break_("datafile")
    return clean


def run(machine: Machine, *words: str, stack: Path | None = None) -> Done:
    return machine.apply(*ACCEPT, *words, procedure="datafile", stack=stack)


def well(done: Done) -> Done:
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    return done


def files(machine: Machine, folder: str = DATA) -> str:
    """The content, owners and modes of the data files, but not of SQLite's shared memory, which each process makes anew."""
    return machine.ssh(f"cd {folder}; find . -type f ! -name '*-shm' ! -path '*__*' -exec sha256sum {{}} + | sort -k 2; "
                       "find . ! -name '*-shm' ! -path '*__*' -printf '%p %m %U %G\\n' | sort")  # fmt: skip


def stopped(machine: Machine, *services: str) -> None:
    machine.ssh(f"cd /opt/dyniq-voice/docker; docker compose stop {' '.join(services)} >/dev/null 2>&1")


def test_rows_that_were_lost_come_back_and_go_again(lost: Machine) -> None:
    before = lost.listing()
    assert lost.health("notes")[0] == 500
    done = well(run(lost))
    assert lost.health("notes") == (200, '{"notes": 1200}')
    assert "notes: 0 rows now, 1,200 rows in the backup" in done.out
    # The sidecar, which has the same volume, was stopped as well; both are the same containers as before.
    assert before.count("docker-notes") == lost.listing().count("docker-notes")
    assert lost.ssh(f"stat -c '%a %u:%g' {DATA}/notes.db") == "640 1000:1000"
    kept = lost.ssh(f"cat {DATA}/notes.db__before_*/SHA256SUMS").split()[0]

    undone = lost.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert lost.health("notes")[0] == 500
    assert f"{kept}  ./notes.db" in done.everything()
    stopped(lost, "notes")
    assert lost.ssh(f"sha256sum {DATA}/notes.db").split()[0] == kept, "the service only read it since"


@pytest.mark.whole
def test_a_plan_changes_nothing(lost: Machine) -> None:
    before = lost.listing() + files(lost) + lost.ssh("ls -A /var/tmp")
    planned = lost.rollback(procedure="datafile")
    assert planned.record["verdict"] == "planned", planned.out + planned.err
    assert lost.listing() + files(lost) + lost.ssh("ls -A /var/tmp") == before


@pytest.mark.whole
def test_a_wal_goes_and_comes_with_its_file(clean: Machine) -> None:
    """The service is killed instead of told to end, so that what it wrote last is in the WAL alone."""
    clean.host.break_("datafile")
    clean.ssh("""cd /opt/dyniq-voice/docker; sed -i 's/^  notes:$/&\\n    stop_signal: SIGKILL/' docker-compose.yml
        docker compose up -d notes >/dev/null 2>&1
        until curl -sk --connect-to ::127.0.0.1: https://notes.dyniq.ai/health | grep -q 'no notes'; do sleep 0.1; done
        docker exec -i docker-notes-1 python3 - <<'EOF'
import sqlite3
database = sqlite3.connect("/data/notes.db")
database.execute("INSERT INTO notes (said, at) VALUES ('the last one', datetime('now'))")
database.commit()
EOF""")
    clean.ssh("until curl -sk --connect-to ::127.0.0.1: https://notes.dyniq.ai/health | grep -q 1}; do sleep 0.1; done")
    done = well(run(clean))
    assert clean.health("notes") == (200, '{"notes": 1200}')
    kept = clean.ssh(f"cd {DATA}/notes.db__before_*; stat -c '%n %s' notes.db-wal; cat SHA256SUMS")
    assert int(kept.splitlines()[0].split()[1]) > 0
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert clean.health("notes") == (200, '{"notes": 1}'), "what was in the WAL alone is there again"


@pytest.mark.whole
def test_a_file_that_is_gone_or_damaged_is_found_by_triage_and_comes_back(lost: Machine) -> None:
    def fits() -> list[str]:
        return lost.rollback(procedure="triage").record["found"]["fits"]

    assert "datafile" in fits()
    stopped(lost, "notes")
    lost.ssh(f"printf 'no page at all, this is' | dd of={DATA}/notes.db bs=1 seek=4096 conv=notrunc 2>/dev/null; rm -f {DATA}/notes.db-*")
    assert "datafile" in fits()
    lost.ssh(f"rm {DATA}/notes.db")
    assert "datafile" in fits()
    done = well(run(lost))
    assert lost.health("notes") == (200, '{"notes": 1200}')
    undone = lost.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert lost.ssh(f"ls {DATA}").split() == [lost.ssh(f"basename {DATA}/*__undone_*")], "there was none before"
    assert lost.ssh("docker inspect -f '{{.State.Running}}' docker-notes-1") == "false", "nor did the service run"


@contextmanager
def asked(machine: Machine, file: Path | None = None) -> Iterator[tuple[LiveHost, Stack]]:
    stack = Stack.load(file or machine.stack)
    link = Link.to(stack)
    try:
        yield LiveHost(link, Redactor(), Key()), stack
    finally:
        link.close()


def refusal(machine: Machine, target: str = "", name: str = "", **section: Any) -> str:
    """Why the procedure refuses this. It changes nothing."""
    changed = machine.edited_stack(lambda stack: stack["datafiles"][0].update(section))
    with asked(machine, changed) as (host, stack), pytest.raises(Refused) as refused:
        datafile.examine(host, datafile.document(host, stack, name), target)
    return str(refused.value)


@pytest.mark.whole
def test_a_backup_that_is_no_use_is_refused_before_anything_stops(lost: Machine) -> None:
    before = lost.listing()
    lost.ssh(f"""newest=$({BACKUPS} | head -n 1); cd /backup
        head -c 20000 $newest >notes-cut.db; : >notes-empty.db; echo hello >notes-text.db
        cp $newest notes-page.db; head -c 4096 /dev/urandom | dd of=notes-page.db bs=4096 seek=3 conv=notrunc 2>/dev/null
        gzip -c $newest | head -c 9000 >notes-cut.db.gz; gzip -c $newest >notes-good.db.gz
        cp $newest notes-live.db; echo frames >notes-live.db-wal
        python3 -c 'import sqlite3; sqlite3.connect("notes-other.db").executescript("CREATE TABLE users (id)")'
        touch -d '10 days ago' notes-*""")
    assert "it is cut off: its header says" in refusal(lost, "notes-cut.db")
    assert "it is empty" in refusal(lost, "notes-empty.db")
    assert "it is not a SQLite database" in refusal(lost, "notes-text.db")
    assert "SQLite says of it: " in refusal(lost, "notes-page.db")
    assert "it cannot be unpacked to its end" in refusal(lost, "notes-cut.db.gz")
    assert "its WAL is beside it" in refusal(lost, "notes-live.db")
    assert "has none of the tables of" in refusal(lost, "notes-other.db")
    assert "no backup 'notes-none.db' is among those of /backup/notes-*" in refusal(lost, "notes-none.db")
    lost.ssh("cd /backup; rm notes-cut.db notes-empty.db notes-text.db notes-page.db notes-cut.db.gz notes-live.db* notes-other.db")
    assert lost.listing().count("docker-notes") == before.count("docker-notes")
    assert lost.ssh("ls -A /var/tmp") == ""
    well(run(lost, "-p", "target=notes-good.db.gz"))
    assert lost.health("notes") == (200, '{"notes": 1200}')


@pytest.mark.whole
def test_a_file_that_cannot_be_replaced_is_refused(lost: Machine) -> None:
    assert "has no container of the service redis" in refusal(lost, service="redis")
    assert "is in no volume and no mounted folder of docker-notes-1" in refusal(lost, file="/tmp/notes.db")
    assert "mounted read-only" in refusal(lost, file="/srv/notes.db")
    lost.ssh(f"(setsid sh -c 'echo $$ >/tmp/holder; exec sleep 600' 3<{DATA}/notes.db >/dev/null 2>&1 </dev/null &)")
    assert "is open in sleep (process" in refusal(lost)
    lost.ssh("kill $(cat /tmp/holder)")
    with asked(lost) as (host, stack):
        now = datafile.document(host, stack)
        proven = datafile.examine(host, now, "").content.proven
        assert "PRAGMA integrity_check of Python's SQLite on the host" in proven
    # Without any on the host, the image of the service has one.
    lost.ssh("mv /usr/bin/python3 /usr/bin/python3.away")
    with asked(lost) as (host, stack):
        now = datafile.document(host, stack)
        assert "Python's SQLite in the image" in datafile.examine(host, now, "").content.proven
        assert now.content is not None
        assert now.content.rows == {"notes": 0, "tags": 2400 // 2}
    lost.ssh("mv /usr/bin/python3.away /usr/bin/python3")


@pytest.mark.whole
@pytest.mark.parametrize("half", ["nothing", "moved out in part", "moved out", "moved in"])
def test_an_exchange_that_was_cut_off_is_finished_or_taken_back(lost: Machine, half: str) -> None:
    """The job dies before the exchange, and the folder is left as a kill in its midst would leave it."""
    for way in ("resume", "undo"):
        folder = cut_off(lost, half)
        ended = lost.resume(folder, "--accept-loss") if way == "resume" else lost.undo(folder, "--take-over")
        assert ended.status == 0, ended.out + ended.err
        assert lost.health("notes")[0] == (200 if way == "resume" else 500)
        assert lost.ssh(f"ls -d {DATA}/*__restore_* {DATA}/*.part 2>/dev/null || true") == ""  # ls fails on none
        if way == "resume":
            assert lost.undo(folder).status == 0
            lost.ssh(f"rm -r {DATA}/*__undone_*")


def cut_off(machine: Machine, half: str) -> Path:
    with machine.stopped_in("datafile", "put", 1, *ACCEPT) as scene:
        os.kill(scene.run.pid, signal.SIGKILL)
        runner, group = (f"$(($(cat {scene.job}/{name})))" for name in ("runner", "pid"))
        machine.host.exec(f"kill -s KILL {runner}; kill -s KILL -- -{group}; until flock -ns {scene.job}/alive true; do sleep 0.02; done")
        thaw(scene)
        scene.run.wait()
    folder = max((one for one in machine.folders() if "-datafile-" in one.name), key=lambda one: one.stat().st_ctime)
    kept = f"notes.db__before_{folder.name.rpartition('-')[2]}"
    out = f"mkdir -m 700 {kept}.part; mv notes.db {kept}.part/"
    whole = f"{out}; mv {kept}.part {kept}"
    script = {"nothing": ":", "moved out in part": out, "moved out": whole,
              "moved in": f"{whole}; mv notes.db__restore_*/notes.db ."}[half]  # fmt: skip
    machine.ssh(f"set -e; cd {DATA}; {script}")
    return folder
