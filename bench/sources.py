"""Restores from other places than files on the host: restic, Borg and S3, beside each tool's own output piped into psql."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.database import FILL, PSQL, fresh, rolled_back, timed
from bench.results import Taken
from bench.site import Site
from lab import versions
from lab.shell import run

ROWS = {"100 MB": 1_000_000}  # a row is about 100 bytes of SQL
FILE = "/srv/voice.sql"
WEED = Path(sys.executable).with_name("weed")
URL = "http://127.0.0.1:8333/backups"
S3 = "curl -sf -u rollback:bench --aws-sigv4 aws:amz:us-east-1:s3"
# All three keep the same dump, which is then removed. It is fetched from this disk: what the network takes is not measured.
FILLED = f"""set -e; cp -a /tmp/files/usr/. /usr/; rm -rf /tmp/files; mkdir -p /etc/backup /srv/s3
echo RESTIC_PASSWORD=bench >/etc/backup/restic; echo BORG_PASSPHRASE=bench >/etc/backup/borg
printf '%s\\n' AWS_ACCESS_KEY_ID=rollback AWS_SECRET_ACCESS_KEY=bench AWS_ENDPOINT_URL=http://127.0.0.1:8333 >/etc/backup/s3
set -a; . /etc/backup/restic; . /etc/backup/borg; . /etc/backup/s3; set +a
docker exec voice-postgres-1 pg_dump -U dyniq dyniq >{FILE}
restic -q -r /srv/restic init; restic -q -r /srv/restic backup {FILE}
borg init -e repokey /srv/borg; borg create /srv/borg::voice {FILE}
(setsid weed mini -dir=/srv/s3 -ip=127.0.0.1 -ip.bind=127.0.0.1 >/dev/null 2>&1 </dev/null &)
until {S3} -X PUT {URL}; do sleep 0.2; done
{S3} -T {FILE} {URL}/voice.sql; rm {FILE} /backup/voice-*"""


@dataclass(frozen=True)
class Contender:
    """A place as the stack file has it, the command that prints its backup, and the name by which the rollback calls it."""

    place: dict[str, Any]
    prints: str
    target: str


PLACES = {
    "restic": Contender({"restic": {"repository": "/srv/restic", "secrets": "/etc/backup/restic", "path": FILE}},
                        f"RESTIC_PASSWORD=bench restic -q -r /srv/restic dump latest {FILE}", "restic:{snapshot}"),
    "Borg": Contender({"borg": {"repository": "/srv/borg", "secrets": "/etc/backup/borg", "path": FILE}},
                      f"BORG_PASSPHRASE=bench borg extract --stdout /srv/borg::voice {FILE[1:]}", "borg:voice"),
    "S3": Contender({"s3": {"url": "s3://backups/voice*", "secrets": "/etc/backup/s3"}}, f"{S3} {URL}/voice.sql", "voice.sql"),
}  # fmt: skip


def from_places(rows: dict[str, int], site: Site, rounds: int) -> Iterator[Taken]:
    """A plain dump in every place: the tool's output piped into `psql -1`, and this project's rollback, in turn. Raises LabError."""
    for size, number in rows.items():
        site.host.reset()
        site.host.exec(f"{PSQL} -d dyniq <<'EOF'\n{FILL.format(rows=number)}\nCHECKPOINT\nEOF")
        versions.bring(site.host.container, "backup-tools")
        run(["docker", "cp", "-q", str(WEED), f"{site.host.container}:/usr/local/bin/weed"])
        site.host.exec(FILLED)
        snapshot = site.host.exec("ls /srv/restic/snapshots").strip()[:8]
        _told(site)
        for name, one in PLACES.items():
            for _ in range(rounds):
                fresh(site.host)
                peer = timed(site.host, f"{one.prints} | {PSQL} -1 -o /dev/null -d peer -f -")
                yield f"{size}, {name}, peer", {"restore": peer}
                yield f"{size}, {name}, rollback", rolled_back(site, one.target.format(snapshot=snapshot))


def _told(site: Site) -> None:
    """Enter the places in the stack file."""
    file = Path(site.peers.stack)
    known = yaml.safe_load(file.read_text())
    known["stack"]["databases"][0]["sources"] = [one.place for one in PLACES.values()]
    file.write_text(yaml.safe_dump(known))
