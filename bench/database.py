"""The database rollback: its restore beside psql and pg_restore, how long a client is cut off, and what memory it takes."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.peers import CONFIRMED
from bench.results import Taken
from bench.site import Site
from lab.practice_host import PracticeHost
from lab.shell import run
from lab.writer import Writer, interruption
from rollback_lib.errors import LabError

SIZES = {"100 MB": 1_000_000, "1 GB": 10_000_000}  # a row is about 100 bytes of SQL
HUGE = {"10 GB": 100_000_000}
DISK = 6  # bytes of disk for each byte of SQL: the live database, the backups, and a restore beside it
DEADLINE = 3600.0  # seconds for one run
PLAIN, CUSTOM = "voice-plain.sql", "voice-custom.dump"
PSQL = "docker exec -i voice-postgres-1 psql -X -q -v ON_ERROR_STOP=1 -U dyniq"
# Keys and an index are part of every restore.
FILL = """CREATE TABLE bulk (id bigserial PRIMARY KEY, at timestamptz NOT NULL, agent integer NOT NULL, note text NOT NULL);
INSERT INTO bulk (at, agent, note)
    SELECT now() - n * interval '1 second', n % 12, md5(n::text) || md5((n + 1)::text) FROM generate_series(1, {rows}) n;
CREATE INDEX ON bulk (at);"""


def restores(sizes: Mapping[str, int], site: Site, rounds: int) -> Iterator[Taken]:
    """Both formats in every size, the peer's restore and this project's rollback in turn; of the larger sizes two rounds less, at least
    one. The peer is `psql -1`, or `pg_restore -j` of a file that is in the container already. Raises LabError if the disk is too small."""
    _check_disk(max(sizes.values()))
    for number, (size, rows) in enumerate(sizes.items()):
        site.host.reset()
        site.host.exec(f"{PSQL} -d dyniq <<'EOF'\n{FILL.format(rows=rows)}\nCHECKPOINT\nEOF")
        site.host.exec(f"rm /backup/voice-*; docker exec voice-postgres-1 pg_dump -U dyniq dyniq >/backup/{PLAIN}")
        site.host.exec(f"docker exec voice-postgres-1 pg_dump -U dyniq -Fc dyniq >/backup/{CUSTOM}")
        for form, (backup, peer) in {"plain": (PLAIN, _psql), "custom": (CUSTOM, _pg_restore)}.items():
            for _ in range(max(1, rounds - 2) if number else rounds):
                yield f"{size}, {form}, peer", {"restore": peer(site.host)}
                yield f"{size}, {form}, rollback", rolled_back(site, backup)


def _check_disk(rows: int) -> None:
    needed, folder = rows * 100 * DISK / 1e9, run(["docker", "info", "--format={{.DockerRootDir}}"])
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed:
        raise LabError(f"{folder} has {free:.0f} GB free, and this case needs {needed:.0f} GB; make room and run it again")


def _psql(host: PracticeHost) -> float:
    fresh(host)
    return timed(host, f"{PSQL} -1 -o /dev/null -d peer -f - </backup/{PLAIN}")


def _pg_restore(host: PracticeHost) -> float:
    fresh(host)
    host.exec(f"docker cp -q /backup/{CUSTOM} voice-postgres-1:/tmp/peer.dump")
    jobs = host.exec("nproc")
    seconds = timed(host, f"docker exec voice-postgres-1 pg_restore -e -j {jobs} -U dyniq -d peer /tmp/peer.dump")
    host.exec("docker exec voice-postgres-1 rm /tmp/peer.dump")
    return seconds


def fresh(host: PracticeHost) -> None:
    """Make an empty database for the peer."""
    host.exec(
        "docker exec voice-postgres-1 dropdb -U dyniq --if-exists peer; docker exec voice-postgres-1 createdb -U dyniq -T template0 peer"
    )
    host.exec(f"{PSQL} -d postgres -c CHECKPOINT; sync")


def timed(host: PracticeHost, command: str) -> float:
    """How many seconds the peer's command takes on the host; what it restored is dropped."""
    started = time.monotonic()
    host.exec(command)
    seconds = time.monotonic() - started
    host.exec("docker exec voice-postgres-1 dropdb -U dyniq peer")
    return seconds


def rolled_back(site: Site, backup: str) -> dict[str, float]:
    """A rollback: the seconds of its restore and of all of it, the longest gap of a client that writes meanwhile, and its memory."""
    given = ("database=voice", "accept_loss=true", f"target={backup}")
    words = site.peers.rollback("run", "database", *CONFIRMED, *(word for one in given for word in ("-p", one)))
    site.host.exec(f"{PSQL} -d postgres -c CHECKPOINT; sync")
    with Writer(site.host) as writer:
        taken = site.run(words, memory=True, deadline=DEADLINE)
    record = site.peers.newest_record()
    site.host.exec(f"docker exec voice-postgres-1 dropdb -U dyniq dyniq__before_{record.name.rpartition('-')[2]}")
    return taken | {"restore": step_seconds(record, "restore"), "cut_off": interruption(writer.writes)}


def step_seconds(record: Path, step: str) -> float:
    """How long a step of a run took, according to its record."""
    events = [json.loads(line) for line in (record / "events.jsonl").read_text().splitlines()]
    return float(next(event["seconds"] for event in events if event["event"] == "step-end" and event["step"] == step))
