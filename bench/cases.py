"""What is measured: how the practice host is broken again before every round, and who fixes it."""

from dataclasses import dataclass

from bench.peers import Peers
from lab.practice_host import PracticeHost

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


@dataclass(frozen=True)
class Case:
    """`before` runs on the host before every round; `contenders` are commands by name, the page's first."""

    title: str
    scenario: str
    before: str
    contenders: dict[str, list[str]]
    prepare: str = ""
    once: str = ""


def cases(host: PracticeHost, peers: Peers) -> dict[str, Case]:
    """The cases by name."""
    good = host.exec("git -C /opt/dyniq-voice rev-parse HEAD")
    return {
        "code": Case("Code, cached build", "code", f"{FORGET}\n{BREAK_CODE}", peers.all()),
        "kept": Case(
            "Code, a build of 20 s, ours with the target's image kept", "code",
            f"{BREAK_CODE}\ndocker builder prune --all --force >/dev/null", peers.two("code"),
            prepare=f"{FORGET}\n{SLOW_BUILD}\n{BREAK_CODE}", once="rollback",
        ),
        "image": Case("Image, pulled from the registry", "image", f"{FORGET}\n{BREAK_IMAGE}", peers.two("image", good)),
        "env": Case("Env", "env", f"{FORGET}\n{BREAK_ENV}", peers.two("env")),
        "caddyfile": Case("Caddyfile", "caddyfile", f"{FORGET}\n{BREAK_CADDYFILE}", peers.two("caddyfile")),
        "redeploy": Case("Redeploy with a build of 20 s", "stack", f"{FORGET}\n{SLOW_BUILDS}", peers.two("redeploy")),
    }  # fmt: skip
