"""The cases: what is measured, how many times, and how long that takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from bench import records
from bench.browser import opening
from bench.database import HUGE, SIZES, restores
from bench.memory import memory
from bench.results import Taken
from bench.rollbacks import Rollback, Users, in_turn, under_traffic
from bench.site import Site
from bench.sources import ROWS, from_places
from bench.startup import start, triage

# grep finds nothing when nothing is kept, which is no failure here.
FORGET = """rm -rf /var/lib/rollback
docker images --format '{{.Repository}}:{{.Tag}}' | { grep ^rollback/ || true; } | xargs -r docker rmi >/dev/null  # none kept: fine"""
# Back to the bad commit, deployed; what we keep on the host is removed, or left.
BREAK_CODE = """cd /opt/dyniq-voice; git reset -q --hard; git checkout -q main; cd docker
docker compose build -q agents-api >/dev/null 2>&1; docker compose up -d --force-recreate agents-api >/dev/null 2>&1; sleep 1"""
# The good commit gets a build of 20 s, the bad one on top of it too; both built once, so that the bad one is in the cache.
SLOW_BUILD = r"""rm -rf /tmp/c; git clone -q --no-hardlinks /srv/git/dyniq-voice.git /tmp/c; cd /tmp/c; git checkout -q HEAD~1
sed -i 's/^CMD/RUN sleep 20\nCMD/' agents_api/Dockerfile; git commit -qam slow
sed -i 's/^RUN sleep 20$/RUN true/' agents_api/Dockerfile
sed -i 's/def health.*/def health():\n    raise SystemError\n\ndef unused():/' agents_api/server.py
git commit -qam bad; git push -qf origin HEAD:main
cd /opt/dyniq-voice; git fetch -q; git checkout -q main; git reset -q --hard origin/main~1; git reset -q --hard origin/main"""
# The bad image again, by the tag `latest`; the good one is not on the host, so that both have to pull it.
BREAK_IMAGE = """cd /opt/dyniq-voice/docker; sed -i /^AGENTS_API_TAG/d .env
docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d agents-api >/dev/null 2>&1
docker images --digests --format '{{.Repository}}@{{.Digest}} {{.Tag}}' | { grep dyniq/agents-api || true; } |  # none there: fine
while read -r name tag; do [ "$tag" = latest ] || docker rmi "$name" >/dev/null 2>&1 || true; done  # one that a container uses stays
docker image prune -f >/dev/null; sleep 1"""
BREAK_ENV = """cd /opt/dyniq-voice; [ -f /root/bad.env ] || cp .env /root/bad.env; cat /root/bad.env >.env
cd docker; docker compose up -d --force-recreate agents-api >/dev/null 2>&1; sleep 1"""
# A build of 20 s that no cache has, whoever comes.
SLOW_BUILDS = r"""cd /opt/dyniq-voice; sed -i '/^RUN sleep/d' agents_api/Dockerfile
sed -i "s/^CMD/RUN sleep 20 # $(date +%s%N)\nCMD/" agents_api/Dockerfile; sleep 1"""
BREAK_CADDYFILE = """cd /opt/dyniq-voice; git checkout -q HEAD -- docker/Caddyfile; docker restart docker-caddy-1 >/dev/null; sleep 1"""
# The bad commit deployed again, with the env file and the Caddyfile that came with it. What is kept on the host stays: the mark is there.
BREAK_RELEASE = """cd /opt/dyniq-voice; git reset -q --hard; git checkout -q main
[ -f /root/bad.env ] || cp .env /root/bad.env; cat /root/bad.env >.env; cd docker; docker compose build -q agents-api >/dev/null 2>&1
docker compose up -d --force-recreate agents-api >/dev/null 2>&1; docker restart docker-caddy-1 >/dev/null; sleep 1"""

COPY = "cp -p /opt/dyniq-voice/.env /root/good.env; echo /root/good.env"  # on the clean host
GOOD = "git -C /opt/dyniq-voice rev-parse HEAD"  # on the clean host
CODE = Rollback("code", "code", f"{FORGET}\n{BREAK_CODE}")
CODE_BY_ALL = replace(CODE, everybody=True)
IMAGE = Rollback("image", "image", f"{FORGET}\n{BREAK_IMAGE}", told=GOOD)
ENV = Rollback("env", "env", f"{FORGET}\n{BREAK_ENV}")
CADDYFILE = Rollback("caddyfile", "caddyfile", f"{FORGET}\n{BREAK_CADDYFILE}")
RELEASE = Rollback("release", "release", BREAK_RELEASE, told=COPY, marked=True)
REDEPLOY = Rollback("redeploy", "", f"{FORGET}\n{SLOW_BUILDS}")
KEPT = Rollback(
    "code", "code", f"{BREAK_CODE}\ndocker builder prune --all --force >/dev/null",
    prepare=f"{FORGET}\n{SLOW_BUILD}\n{BREAK_CODE}", kept=True,
)  # fmt: skip
AGENTS = Users(50, ("agents-api",), bad="500")
UNTOUCHED = Users(200, ("ruben-api",))  # over a route that the bad Caddyfile does not break
EVERYBODY = Users(50)


@dataclass(frozen=True)
class Case:
    """`measure` yields what every round of every contender took. `rounds` is the usual number of them, which take `minutes` on two
    cores. With `far`, it is also measured with the host far away. What is not `usual` is measured only if it is named."""

    title: str
    minutes: float
    rounds: int
    measure: Callable[[Site, int], Iterator[Taken]]
    far: bool = False
    usual: bool = True


CASES = {
    "code": Case("code rollback, cached build, beside Fabric, pyinfra and Ansible", 9, 7, partial(in_turn, CODE_BY_ALL), far=True),
    "image": Case("image rollback, pulled from the registry", 4, 7, partial(in_turn, IMAGE), far=True),
    "env": Case("env rollback", 3, 7, partial(in_turn, ENV), far=True),
    "caddyfile": Case("Caddyfile rollback", 3, 7, partial(in_turn, CADDYFILE), far=True),
    "release": Case("release rollback of commit, env file and Caddyfile", 4, 7, partial(in_turn, RELEASE), far=True),
    "kept": Case("code rollback with a build of 20 s, the target's image kept", 4, 3, partial(in_turn, KEPT)),
    "outage-code": Case("seconds of failed requests in a code rollback", 2, 5, partial(under_traffic, CODE, AGENTS)),
    "outage-image": Case("the same in an image rollback", 2, 5, partial(under_traffic, IMAGE, AGENTS)),
    "outage-env": Case("the same in an env rollback", 2, 5, partial(under_traffic, ENV, AGENTS)),
    "redeploy": Case("the same in a redeploy with a build of 20 s", 3, 3, partial(under_traffic, REDEPLOY, EVERYBODY)),
    "traffic": Case("failed requests in a Caddyfile rollback", 1, 3, partial(under_traffic, CADDYFILE, UNTOUCHED)),
    "start": Case("commands, and a run until its first cell", 2, 7, start, far=True),
    "triage": Case("triage", 1, 7, triage, far=True),
    "open": Case("`rollback open` until a browser shows the first state", 2, 5, opening, far=True),
    "memory": Case("memory of a run, also with a step that prints 100 MB", 1, 3, partial(memory, CODE)),
    "database": Case("database rollback of 100 MB and 1 GB", 6, 3, partial(restores, SIZES)),
    "sources": Case("database rollback from restic, Borg and S3", 6, 3, partial(from_places, ROWS)),
    "records": Case("list, search and verify 10,000 records", 3, 3, records.many),
    "database-10gb": Case("database rollback of 10 GB; needs 60 GB of disk", 40, 1, partial(restores, HUGE), usual=False),
}
