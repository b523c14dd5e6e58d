"""The snapshot of a real Redis is rolled back and undone, with and without a log of changes (AOF), and refused in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import versions
from rollback_lib.errors import Refused
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.link import Link
from rollback_lib.procedures import datafile
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.machine import Done, Machine

ACCEPT = ("-p", "accept_loss=true")
DATA = "/opt/dyniq-voice/cache"
SECTION = {"name": "cache", "kind": "redis", "service": "cache", "file": "/data/dump.rdb", "backups": "/backup/cache-*"}
# A Redis with 300 keys in two databases, of which a backup was made; and then a bad job takes most of them, and adds some.
MAKE = r"""
cat >/tmp/Dockerfile <<'EOF'
FROM python:3.13-slim
COPY . /
VOLUME /data
ENTRYPOINT ["redis-server", "--dir", "/data", "--protected-mode", "no", "--save", "3600 1"]
EOF
docker build -q -f /tmp/Dockerfile -t redis:7 /tmp/files >/dev/null; rm -r /tmp/files
cat >/tmp/service.yml <<'EOF'
  cache:
    image: redis:7
    command: [OPTIONS]
    restart: unless-stopped
    volumes: ["../cache:/data"]

EOF
cd /opt/dyniq-voice
mkdir cache; echo cache >>.git/info/exclude
sed -i '/^services:/r /tmp/service.yml' docker/docker-compose.yml
git commit -qam "A cache"
cd docker; docker compose up -d cache >/dev/null 2>&1
redis() { docker exec -i docker-cache-1 redis-cli "$@"; }
until [ "$(redis ping)" = PONG ]; do sleep 0.1; done
for n in $(seq 200); do echo "SET session:$n $n"; done | redis >/dev/null
for n in $(seq 100); do echo "SET job:$n $n EX 360000"; done | redis -n 1 >/dev/null
redis SAVE >/dev/null; cp ../cache/dump.rdb /backup/cache-1.rdb; gzip -c ../cache/dump.rdb >/backup/cache-0.rdb.gz
touch -d '1 day ago' /backup/cache-0.rdb.gz
redis FLUSHALL >/dev/null; redis MSET late:1 1 late:2 2 >/dev/null
"""


def cached(machine: Machine, *options: str) -> Path:
    """Make the Redis, with these options. Returns the stack file that names it."""
    versions.bring(machine.host.container, "redis-7.0")
    machine.ssh(f"set -e\n{MAKE.replace('OPTIONS', ', '.join(options))}")
    return machine.edited_stack(lambda stack: stack.update(datafiles=[SECTION]))


def run(machine: Machine, stack: Path, *words: str) -> Done:
    done = machine.apply(*ACCEPT, *words, procedure="datafile", stack=stack)
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    return done


def redis(machine: Machine, *words: str) -> str:
    return machine.ssh(f"docker exec docker-cache-1 redis-cli {' '.join(words)}")


@pytest.mark.whole
@pytest.mark.parametrize("options", [(), ("--appendonly", '"yes"')], ids=["snapshot", "log of changes"])
def test_keys_that_were_lost_come_back_and_go_again(clean: Machine, options: tuple[str, ...]) -> None:
    stack = cached(clean, *options)
    done = run(clean, stack)
    assert "keys: 2 keys now, 300 keys in the backup" in done.out
    assert [redis(clean, "-n", n, "DBSIZE") for n in "01"] == ["200", "100"]
    assert redis(clean, "GET", "session:7") == "7"
    assert {one["name"]: one["found"] for one in done.record["effects"]}["keys that Redis loaded"] == "300"
    kept = clean.ssh(f"cat {DATA}/*__before_*/SHA256SUMS")
    assert ("appendonlydir" in kept) is bool(options)

    # What it writes from then on is kept as before: with a log, it survives a kill.
    redis(clean, "SET", "new", "1")
    if options:
        clean.ssh("docker kill docker-cache-1 >/dev/null; docker start docker-cache-1 >/dev/null")
        clean.ssh("until docker exec docker-cache-1 redis-cli GET new | grep -q 1; do sleep 0.1; done")
        assert redis(clean, "DBSIZE") == "201"

    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert [redis(clean, "-n", n, "DBSIZE") for n in "01"] == ["2", "0"]
    assert redis(clean, "MGET", "late:1", "late:2").split() == ["1", "2"], "what was written last was saved at the stop"
    if not options:
        # Redis has not saved since: the very file is back.
        assert clean.ssh(f"sha256sum {DATA}/dump.rdb").split()[0] in kept
    again = clean.undo(undone.folder)
    assert again.status == 0, again.out + again.err
    assert redis(clean, "DBSIZE") == "201"
    well = run(clean, stack, "-p", "target=cache-0.rdb.gz")
    assert "301 keys now, 300 keys in the backup" in well.out.replace("keys: ", "")


@contextmanager
def asked(stack: Path) -> Iterator[tuple[LiveHost, Stack]]:
    loaded = Stack.load(stack)
    link = Link.to(loaded)
    try:
        yield LiveHost(link, Redactor(), Key()), loaded
    finally:
        link.close()


def refusal(machine: Machine, target: str = "", **section: Any) -> str:
    changed = machine.edited_stack(lambda stack: stack.update(datafiles=[{**SECTION, **section}]))
    with asked(changed) as (host, stack), pytest.raises(Refused) as refused:
        datafile.examine(host, datafile.document(host, stack), target)
    return str(refused.value)


@pytest.mark.whole
def test_a_redis_that_cannot_be_rolled_back_is_refused_before_anything_stops(clean: Machine) -> None:
    stack = cached(clean)
    clean.ssh("""cd /backup; head -c 2000 cache-1.rdb >cache-cut.rdb; cp cache-1.rdb cache-bit.rdb
        printf x | dd of=cache-bit.rdb bs=1 seek=1000 conv=notrunc 2>/dev/null; echo hello >cache-text.rdb""")
    assert "redis-check-rdb says of it" in refusal(clean, "cache-cut.rdb")
    assert "redis-check-rdb says of it" in refusal(clean, "cache-bit.rdb")
    assert "it is not a snapshot (RDB) of a Redis" in refusal(clean, "cache-text.rdb")
    assert "is in no volume and no mounted folder" in refusal(clean, file="/var/lib/redis/dump.rdb")
    clean.ssh("docker exec docker-cache-1 redis-cli CONFIG SET requirepass hunter-two-and-more >/dev/null")
    assert "give it REDISCLI_AUTH in its environment" in refusal(clean)
    clean.ssh(
        "docker restart docker-cache-1 >/dev/null; until docker exec docker-cache-1 redis-cli PING | grep -q PONG; do sleep 0.1; done"
    )
    redis(clean, "REPLICAOF", "192.0.2.1", "6379")
    assert "is a replica" in refusal(clean)
    redis(clean, "REPLICAOF", "NO", "ONE")
    # It does not start on a snapshot that is damaged: triage sees that, and a rollback brings it back.
    clean.ssh(
        f"docker stop docker-cache-1 >/dev/null; cp /backup/cache-bit.rdb {DATA}/dump.rdb; rm /backup/cache-[cbt]*.rdb; "
        "docker start docker-cache-1 >/dev/null; until docker logs --tail 20 docker-cache-1 2>&1 | grep -q 'CRC error'; do sleep 0.1; done"
    )
    found = clean.rollback(procedure="triage", stack=stack).record["found"]
    assert "datafile" in found["fits"], found
    run(clean, stack)
    assert redis(clean, "DBSIZE") == "200"
