"""Backups wherever they are: restic, Borg, S3 and the output of a command, each of them real, and each in trouble."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import versions
from rollback_lib.errors import TargetRefused
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.link import Link
from rollback_lib.procedures import database
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.acceptance.databases import ACCEPT, content, databases, sql
from tests.machine import Machine

PASSWORD = "correct-horse-battery"
FILE = "/srv/dumps/voice.sql.gz"
RESTIC = {"restic": {"repository": "/srv/restic", "secrets": "/etc/backup/restic", "path": FILE}}
BORG = {"borg": {"repository": "/srv/borg", "secrets": "/etc/backup/borg", "path": "/srv/dumps/voice.dump"}}
BUCKET = {"s3": {"url": "s3://backups/voice/voice-*", "secrets": "/etc/backup/s3"}}
SIDECAR = {"command": {"name": "sidecar", "list": ["sh", "-c", "stat -c '%Y %s latest' /srv/sidecar/latest.sql.zst"],
                       "fetch": ["cat", "/srv/sidecar/latest.sql.zst"]}}  # fmt: skip
ENDPOINT = "http://127.0.0.1:8333"


@pytest.fixture
def places(clean: Machine) -> Machine:
    """The practice host before a bad migration, whose backups are in every kind of place, and no more in a folder of the host."""
    versions.bring(clean.host.container, "backup-tools")
    subprocess.run(
        ["docker", "cp", "-q", Path(sys.executable).with_name("weed"), f"{clean.host.container}:/usr/local/bin/weed"], check=True
    )
    clean.ssh(f"""set -e; cp -a /tmp/files/usr/. /usr/; rm -r /tmp/files; mkdir -m 700 /etc/backup; mkdir -p /srv/dumps /srv/sidecar /srv/s3
        echo RESTIC_PASSWORD={PASSWORD} >/etc/backup/restic; echo BORG_PASSPHRASE={PASSWORD} >/etc/backup/borg
        printf '%s\\n' AWS_ACCESS_KEY_ID=rollback AWS_SECRET_ACCESS_KEY={PASSWORD} AWS_ENDPOINT_URL={ENDPOINT} >/etc/backup/s3
        dumped() {{ docker exec voice-postgres-1 pg_dump -U dyniq "$@" dyniq; }}
        dumped | gzip >{FILE}; dumped -Fc >/srv/dumps/voice.dump; dumped | zstd -q >/srv/sidecar/latest.sql.zst
        set -a; . /etc/backup/restic; . /etc/backup/borg; . /etc/backup/s3; set +a
        restic -q -r /srv/restic init; restic -q -r /srv/restic backup {FILE}
        borg init -e repokey /srv/borg; borg create /srv/borg::voice-1 /srv/dumps/voice.dump
        (setsid weed mini -dir=/srv/s3 -ip=127.0.0.1 -ip.bind=127.0.0.1 >/var/log/weed.log 2>&1 </dev/null &)
        s3() {{ curl -sf -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --aws-sigv4 aws:amz:us-east-1:s3 "$@"; }}
        until s3 -X PUT {ENDPOINT}/backups; do sleep 0.2; done
        dumped | s3 -T - {ENDPOINT}/backups/voice/voice-1.sql; s3 -T {FILE} {ENDPOINT}/backups/voice/notes.txt
        rm -r /root/.cache/restic /root/.cache/borg /root/.config/borg""")
    return clean


@pytest.fixture
def lost(places: Machine) -> Machine:
    """The same after the bad migration."""
    places.host.break_("database")
    return places


def stack(machine: Machine, *sources: dict[str, Any], backups: str = "") -> Path:
    def change(known: dict[str, Any]) -> None:
        voice = known["databases"][0]
        voice["sources"] = list(sources)
        voice.pop("backups")
        voice.update({"backups": backups} if backups else {})

    return machine.edited_stack(change)


@contextmanager
def asked(machine: Machine, file: Path) -> Iterator[LiveHost]:
    link = Link.to(Stack.load(file))
    try:
        yield LiveHost(link, Redactor(), Key())
    finally:
        link.close()


def names(machine: Machine, file: Path) -> dict[str, str]:
    """The names of the backups by the place that each is from."""
    with asked(machine, file) as host:
        now = database.document(host, Stack.load(file), "voice")
        assert now.away == ()
        return {one.source.words if one.source else "the host": one.name for one in now.backups}


def refusal(machine: Machine, file: Path, name: str = "") -> str:
    """Why the procedure refuses a backup. This changes nothing."""
    with asked(machine, file) as host, pytest.raises(TargetRefused) as refused:
        database.examine(host, database.document(host, Stack.load(file), "voice"), name)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


@pytest.mark.whole
def test_a_backup_of_every_place_is_restored(lost: Machine) -> None:
    every = stack(lost, RESTIC, BORG, BUCKET, SIDECAR)
    before = lost.listing()
    known = names(lost, every)
    assert set(known) == {"restic /srv/restic", "Borg /srv/borg", "s3://backups/voice/voice-*", "command sidecar"}
    assert known["s3://backups/voice/voice-*"] == "voice-1.sql"  # and not the notes beside it
    planned = lost.rollback("-p", "database=voice", procedure="database", stack=every)
    assert planned.record["verdict"] == "planned", planned.out + planned.err
    assert lost.listing() == before  # no lock in a repository, no cache, no file

    # Whoever lists processes sees no password, whatever runs.
    lost.ssh(f"""echo {PASSWORD} >/etc/backup/word
        (setsid sh -c 'while sleep 0.02; do cat /proc/[0-9]*/cmdline; done 2>/dev/null | tr "\\0" "\\n" |
            grep -a --line-buffered -F -f /etc/backup/word >/srv/seen' >/dev/null 2>&1 </dev/null &)""")

    for place, name in known.items():
        done = lost.apply(*ACCEPT, "-p", f"target={name}", procedure="database", stack=every)
        assert (done.status, done.record["verdict"]) == (0, "succeeded"), f"{place}: {done.out}{done.err}"
        assert sql(lost, "SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM calls)") == "12|2300", place
        assert place in (done.folder / "notebook.html").read_text()
        assert PASSWORD not in done.everything()
        assert lost.ssh("docker exec voice-postgres-1 ls /tmp") == ""
        undone = lost.undo(done.folder)
        assert undone.status == 0, undone.out + undone.err
    assert lost.ssh("stat -c %s /srv/seen") == "0"
    lost.ssh('until [ -s /srv/seen ]; do sh -c "sleep 0.2; :" "$(cat /etc/backup/word)"; done')  # it would have been seen
    assert not lost.ssh(f"grep -rl {PASSWORD} /var/lib/rollback", check=False)


@pytest.mark.whole
def test_a_place_in_trouble_is_named_and_nothing_is_swapped(lost: Machine) -> None:
    was, before = content(lost), databases(lost)

    # Locked by somebody who prunes, or who died: reading needs no lock.
    lost.ssh("""(. /etc/backup/borg; export BORG_PASSPHRASE; setsid borg with-lock /srv/borg sleep 300 >/dev/null 2>&1 </dev/null &)
        until [ -e /srv/borg/lock.exclusive ]; do sleep 0.1; done""")
    assert names(lost, stack(lost, BORG)) == {"Borg /srv/borg": "borg:voice-1"}

    # The wrong password, a program that is not there, and one that hangs: the others are still there to choose from.
    lost.ssh("echo RESTIC_PASSWORD=wrong >/etc/backup/wrong; echo AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=x "
             f"AWS_ENDPOINT_URL={ENDPOINT} | tr ' ' '\\n' >/etc/backup/nobody")  # fmt: skip
    wrong = {"restic": {**RESTIC["restic"], "secrets": "/etc/backup/wrong"}}
    nobody = {"s3": {**BUCKET["s3"], "secrets": "/etc/backup/nobody"}}
    absent = {"command": {"name": "absent", "list": ["no-such-program"], "fetch": ["true"]}}
    slow = {"command": {"name": "slow", "list": ["sleep", "600"], "fetch": ["true"]}}
    several = stack(lost, wrong, nobody, absent, slow, SIDECAR)
    done = lost.rollback("-p", "database=voice", procedure="database", stack=several)
    assert done.record["verdict"] == "planned", done.out + done.err
    page = (done.folder / "notebook.html").read_text()
    for said in ("restic /srv/restic gave no list", "command slow gave no list: it did not answer within 20 s",
                 "command absent gave no list", "s3://backups/voice/voice-* gave no list"):  # fmt: skip
        assert said in page
    assert "no list" in refusal(lost, stack(lost, wrong))

    # It lacks what it listed: the snapshot is gone, or it has no such file.
    gone = {"command": {"name": "gone", "list": ["echo", "1 - x"], "fetch": ["cat", "/srv/gone"]}}
    assert "command gone did not give gone:x" in refusal(lost, stack(lost, gone))
    elsewhere = {"restic": {**RESTIC["restic"], "path": "/srv/dumps/other.sql"}}
    assert "restic /srv/restic did not give restic:" in refusal(lost, stack(lost, elsewhere))
    assert "Borg /srv/borg did not give borg:voice-1" in refusal(lost, stack(lost, {"borg": {**BORG["borg"], "path": "/srv/other"}}))

    # Damaged: what is stored cannot be read as it was written.
    lost.ssh("""for file in $(find /srv/restic/data -type f -size +4k); do
        chmod u+w "$file"; printf 'damaged' | dd of="$file" bs=1 seek=2000 conv=notrunc 2>/dev/null; done""")
    assert "restic" in refusal(lost, stack(lost, RESTIC))
    lost.ssh("pkill -f 'borg with-lock'; find /srv/borg/data -type f -size +4k -exec sh -c "
             "'printf damaged | dd of=\"$1\" bs=1 seek=9000 conv=notrunc 2>/dev/null' sh {} \\;")  # fmt: skip
    assert "borg" in refusal(lost, stack(lost, BORG)).lower()

    # Cut off while it is restored, after it was read to its end twice: nothing is swapped, and nothing is left.
    lost.ssh(f"""printf '%s\\n' '#!/bin/sh' 'echo >>/tmp/calls; [ "$(wc -l </tmp/calls)" -gt 2 ] || exec cat {FILE}' \\
        'head -c 9000 {FILE}; exit 1' >/usr/local/bin/cuts; chmod +x /usr/local/bin/cuts""")
    cuts = {"command": {"name": "cuts", "list": ["echo", "1 - x"], "fetch": ["cuts"]}}
    done = lost.apply(*ACCEPT, procedure="database", stack=stack(lost, cuts))
    assert done.record["verdict"] in ("refused", "failed-restored"), done.out + done.err
    assert lost.ssh("wc -l </tmp/calls") == "3"
    assert (databases(lost), content(lost)) == (before, was)
