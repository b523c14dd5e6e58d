"""What a look at a host costs there. Each call of the docker command takes 40 ms of a processor, one of docker compose 100 ms."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.machine import Machine

# Put before the real docker on the host's path. It notes every call, a line for each.
_NOTED = r"""cat >/usr/local/bin/docker <<'END'
#!/bin/bash
printf '%s\n' "${*//$'\n'/ }" >>/run/docker-calls
exec /usr/bin/docker "$@"
END
chmod 755 /usr/local/bin/docker"""
# Asked first for the secrets of the containers, and then for their state; networks are listed before and after the containers; psql reads
# another script each time.
AGAIN = ("ps --all --quiet --no-trunc --filter=", "container inspect --format {{json .}} ", "network ls ", "exec -i ")
# A procedure: the most calls while it looks and plans, and how many of them may be of compose.
MOST = {"triage": (33, 3), "code": (15, 3), "image": (15, 3), "caddyfile": (14, 0), "env": (10, 2)}


@pytest.fixture
def noting(clean: Machine) -> Iterator[Machine]:
    clean.ssh(_NOTED)
    yield clean
    clean.ssh("rm -f /usr/local/bin/docker /run/docker-calls")


def test_a_look_asks_docker_nothing_twice(noting: Machine) -> None:
    for procedure, (most, of_compose) in MOST.items():
        noting.ssh(": >/run/docker-calls")
        noting.rollback(procedure=procedure)
        made = noting.ssh("cat /run/docker-calls").splitlines()
        assert len(made) <= most, (procedure, made)
        assert sum(call.startswith("compose ") for call in made) <= of_compose, (procedure, made)
        counted = Counter(made)
        assert max(counted.values()) <= 2, (procedure, counted)
        if procedure == "triage":  # the others look at their target as well, just before the plan
            assert [call for call, count in counted.items() if count > 1 and not call.startswith(AGAIN)] == []
