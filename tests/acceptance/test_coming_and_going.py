"""A host on which containers, networks and volumes come and go all the time, some with compose's labels of the stack itself."""

from collections.abc import Iterator

import pytest

from tests.machine import Machine
from tests.marks import whole

# In each turn: one that is removed as soon as it ends and looks like a service of the stack, one of another stack that is made,
# started and removed on the stack's own network, a network and a volume.
BUSY = """
image=$(docker inspect --format '{{.Image}}' docker-agents-api-1)
for worker in 1 2; do
    setsid nohup sh -c '
        image=$1 worker=$2
        label() { printf " --label com.docker.compose.%s" "$@"; }
        ours=$(label project=docker oneoff=False service=passing container-number=$worker project.working_dir=/opt/dyniq-voice/docker \\
            project.config_files=/opt/dyniq-voice/docker/docker-compose.yml)
        while [ -e /run/busy ]; do
            docker run --rm --network none $ours --entrypoint true "$image"
            id=$(docker create --network docker_default --volume /passing --entrypoint true "$image") && docker start "$id"
            docker network create "passing-$worker"
            docker run --rm --network "passing-$worker" --entrypoint true "$image"
            docker rm --force --volumes "$id"
            docker network rm "passing-$worker"
            echo >>/run/turns
        done
    ' sh "$image" $worker </dev/null >/dev/null 2>&1 &
done
until [ "$(wc -l </run/turns 2>/dev/null || echo 0)" -gt 3 ]; do sleep 0.1; done
"""


@pytest.fixture
def busy(clean: Machine) -> Iterator[Machine]:
    clean.ssh(": >/run/turns; touch /run/busy")
    clean.ssh(BUSY)
    yield clean
    clean.ssh("rm -f /run/busy")


def turns(machine: Machine) -> int:
    return int(machine.ssh("wc -l </run/turns"))


@pytest.mark.parametrize("procedure", ["code", *whole("redeploy", "image", "env", "caddyfile")])
def test_what_comes_and_goes_is_in_nobodys_way(busy: Machine, procedure: str) -> None:
    busy.host.break_({"redeploy": "stack"}.get(procedure, procedure))
    before = turns(busy)
    for look in ("triage", procedure, procedure):
        seen = busy.rollback(procedure=look)
        assert seen.status == 0, seen.out + seen.err
    done = busy.apply(procedure=procedure)
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert busy.health()[0] == 200
    undone = busy.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert turns(busy) > before + 3


def test_a_docker_that_does_not_answer_is_no_host_without_containers(broken: Machine) -> None:
    """Nothing is planned of what only seems to be not there."""
    broken.ssh("mv /var/run/docker.sock /var/run/docker.sock.away")
    for procedure in ("code", "env", "redeploy", "caddyfile", "image"):
        seen = broken.rollback(procedure=procedure)
        assert (seen.status, seen.record["verdict"]) == (3, "refused"), seen.out
        assert "docker" in seen.record["reason"], procedure
        assert "no container" not in seen.record["reason"]
