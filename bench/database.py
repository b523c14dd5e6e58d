"""The database rollback: its restore beside plain psql and pg_restore, how long a client is cut off, and what memory it takes."""

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Peers
from lab.practice_host import PracticeHost
from lab.writer import Writer, interruption

ROWS = {"100 MB": 1_000_000, "1 GB": 10_000_000}  # a row is about 100 bytes of SQL
PSQL = "docker exec -i voice-postgres-1 psql -X -q -v ON_ERROR_STOP=1 -U dyniq"
# Keys and an index are part of every restore.
FILL = """CREATE TABLE bulk (id bigserial PRIMARY KEY, at timestamptz NOT NULL, agent integer NOT NULL, note text NOT NULL);
INSERT INTO bulk (at, agent, note)
    SELECT now() - n * interval '1 second', n % 12, md5(n::text) || md5((n + 1)::text) FROM generate_series(1, {rows}) n;
CREATE INDEX ON bulk (at);"""


@dataclass
class Run:
    """A database rollback: seconds of its restore and of all of it, the longest gap of the client, and the run's memory in MB."""

    restore: float
    whole: float
    cut_off: float
    memory: float


def measure(host: PracticeHost, peers: Peers, rounds: int) -> None:
    """Both formats in both sizes, ours and the peer's in turn; one round less of the large one, at least one."""
    print("\n| Restore | peer | ours | of the peer | whole run | client cut off | memory of the run |\n|---|---|---|---|---|---|---|")
    for size, rows in ROWS.items():
        host.reset()
        host.exec(f"{PSQL} -d dyniq <<'EOF'\n{FILL.format(rows=rows)}\nCHECKPOINT\nEOF")
        host.exec("rm /backup/voice-*; docker exec voice-postgres-1 pg_dump -U dyniq dyniq >/backup/voice-plain.sql")
        host.exec("docker exec voice-postgres-1 pg_dump -U dyniq -Fc dyniq >/backup/voice-custom.dump")
        for name, peer in {"voice-plain.sql": _psql, "voice-custom.dump": _pg_restore}.items():
            theirs, ours = [], []
            for _ in range(rounds if size == "100 MB" else max(1, rounds - 2)):
                theirs.append(peer(host))
                ours.append(_rollback(host, peers, name))
            page, mine = statistics.median(theirs), statistics.median(run.restore for run in ours)
            print(
                f"| {size}, {name.rpartition('-')[2].partition('.')[0]} | {page:.1f} s | {mine:.1f} s | {mine / page:.2f} "
                f"| {statistics.median(run.whole for run in ours):.1f} s | {max(run.cut_off for run in ours):.2f} s "
                f"| {max(run.memory for run in ours):.0f} MB |", flush=True,
            )  # fmt: skip


def _fresh(host: PracticeHost) -> None:
    host.exec(
        "docker exec voice-postgres-1 dropdb -U dyniq --if-exists peer; docker exec voice-postgres-1 createdb -U dyniq -T template0 peer"
    )
    host.exec(f"{PSQL} -d postgres -c CHECKPOINT; sync")


def _psql(host: PracticeHost) -> float:
    _fresh(host)
    return _timed(host, f"{PSQL} -1 -o /dev/null -d peer -f - </backup/voice-plain.sql")


def _pg_restore(host: PracticeHost) -> float:
    """From a file that is in the container already."""
    _fresh(host)
    host.exec("docker cp -q /backup/voice-custom.dump voice-postgres-1:/tmp/peer.dump")
    jobs = host.exec("nproc")
    seconds = _timed(host, f"docker exec voice-postgres-1 pg_restore -e -j {jobs} -U dyniq -d peer /tmp/peer.dump")
    host.exec("docker exec voice-postgres-1 rm /tmp/peer.dump")
    return seconds


def _timed(host: PracticeHost, command: str) -> float:
    started = time.monotonic()
    host.exec(command)
    seconds = time.monotonic() - started
    host.exec("docker exec voice-postgres-1 dropdb -U dyniq peer")
    return seconds


def _rollback(host: PracticeHost, peers: Peers, target: str) -> Run:
    words = [*peers.two("database")["rollback"], "-p", "database=voice", "-p", "accept_loss=true", "-p", f"target={target}", "--json"]
    host.exec(f"{PSQL} -d postgres -c CHECKPOINT; sync")
    with Writer(host) as writer:
        started = time.monotonic()
        done = subprocess.Popen(words, env=peers.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said, _ = done.communicate()
        whole = time.monotonic() - started
    if done.returncode:
        raise SystemExit(said)
    # The run and its kernel are children of ours; the largest of all so far is what this tells.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    outcome = json.loads(said)
    events = [json.loads(line) for line in (Path(outcome["folder"]) / "events.jsonl").read_text().splitlines()]
    restore = next(event["seconds"] for event in events if event["event"] == "step-end" and event["step"] == "restore")
    incident = Path(outcome["folder"]).name.rpartition("-")[2]
    host.exec(f"docker exec voice-postgres-1 dropdb -U dyniq dyniq__before_{incident}")
    print(f"{target}: restore {restore:.1f} s, whole {whole:.1f} s, cut off {interruption(writer.writes):.2f} s", file=sys.stderr)
    return Run(restore, whole, interruption(writer.writes), memory)
