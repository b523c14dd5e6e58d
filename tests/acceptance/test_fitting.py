"""Image and data must fit: Postgres 17 is never started on the files of Postgres 18, whichever rollback would do it."""

from pathlib import Path

import pytest

from tests.acceptance.databases import sql
from tests.machine import Machine

VOICE = "/opt/voice"
CANNOT = "postgres would start Postgres 17 on the files of Postgres 18, which it cannot read"


@pytest.fixture
def newer(clean: Machine) -> Machine:
    """The practice host, with the voice database on Postgres 18."""
    clean.host.shape({"versions": "postgres-18"})
    return clean


def stack(machine: Machine, folder: str = VOICE, **sections: object) -> Path:
    """A stack file for the stack of a database alone."""

    def change(content: dict) -> None:
        for name in ("tree", "code", "image", "env", "caddyfile", "databases", "redeploy"):
            content.pop(name, None)
        content.update(name=f"only-{folder[5:]}", compose_directory=folder, **sections)

    return machine.edited_stack(change)


def image(folder: str) -> dict[str, object]:
    return {"service": "postgres", "files": [f"{folder}/docker-compose.yml"]}


def running(machine: Machine, name: str = "voice-postgres-1") -> str:
    return machine.ssh(f"docker inspect -f '{{{{.Id}}}} {{{{.Image}}}} {{{{.State.StartedAt}}}}' {name}")


def test_postgres_is_not_started_on_the_files_of_a_newer_one(newer: Machine) -> None:
    # The same image in a registry only: it is pulled, looked at, and not started.
    newer.ssh(f"""cd {VOICE}; docker tag postgres:17 localhost:5000/pg:17; docker tag postgres:18 localhost:5000/pg:18
        docker push -q localhost:5000/pg:17; docker push -q localhost:5000/pg:18
        sed -i 's|image: .*|image: localhost:5000/pg:${{VERSION:-18}}|' docker-compose.yml
        printf 'VERSION=17\\n' >.env.good; docker compose up -d 2>&1
        until docker exec voice-postgres-1 pg_isready -q -h 127.0.0.1 -U dyniq; do sleep 0.1; done""")
    before = running(newer)
    rows = "SELECT count(*) FROM calls"
    was = sql(newer, rows)

    def refused(procedure: str, given: Path, *words: str) -> str:
        done = newer.apply(*words, procedure=procedure, stack=given)
        assert done.record["verdict"] in ("refused", "failed-restored"), done.out + done.err
        assert done.status in (3, 4)
        assert (running(newer), sql(newer, rows)) == (before, was)
        return str(done.record["reason"])

    pinned = stack(newer, image=image(VOICE))
    assert CANNOT in refused("image", pinned, "-p", "target=17")
    # An image of the registry of which the host knows nothing: its tag tells nothing either.
    newer.ssh("""docker tag localhost:5000/pg:17 localhost:5000/pg:old; docker push -q localhost:5000/pg:old
        docker image rm localhost:5000/pg:17 localhost:5000/pg:old""")
    assert CANNOT in refused("image", pinned, "-p", "target=old")
    assert "VERSION" not in newer.ssh(f"cat {VOICE}/.env 2>/dev/null", check=False)
    # The variable that names it, and the compose file itself.
    newer.ssh("docker tag postgres:17 localhost:5000/pg:17")
    assert CANNOT in refused("env", stack(newer, env={"file": f"{VOICE}/.env"}), "-p", "target=.env.good")
    newer.ssh(f"sed -i 's/:-18/:-17/' {VOICE}/docker-compose.yml")
    assert CANNOT in refused("redeploy", stack(newer, redeploy={}))


@pytest.mark.whole
def test_the_way_back_from_a_newer_image_that_could_not_start_is_open(newer: Machine) -> None:
    """Postgres 18 was deployed onto the files of Postgres 17, and stops at once: what counts is who wrote the files."""
    folder = "/opt/n8n"
    newer.ssh(f"""cd {folder}; sed -i 's/postgres:17/postgres:18/' docker-compose.yml; docker compose up -d 2>&1
        until docker logs n8n-postgres-1 2>&1 | grep -q incompatible; do sleep 0.1; done""")
    done = newer.apply("-p", "target=17", procedure="image", stack=stack(newer, folder, image=image(folder)))
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    newer.ssh("until docker exec n8n-postgres-1 pg_isready -q -U n8n; do sleep 0.1; done")
    assert int(sql(newer, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "n8n", "n8n")) > 0
