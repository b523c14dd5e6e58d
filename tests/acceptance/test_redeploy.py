"""The redeploy on the practice host: what is up afterwards, on which networks, with which volumes, and what users met."""

import json

import pytest

from lab.traffic import Traffic
from rollback_lib.stack.model import Stack
from tests.machine import Done, Machine

DOCKER = "/opt/dyniq-voice/docker"


def run(machine: Machine, *words: str, **options: object) -> Done:
    return machine.apply(*words, procedure="redeploy", **options)


def inspect(machine: Machine, name: str) -> dict:
    return json.loads(machine.ssh(f"docker inspect {name}"))[0]


def networks(machine: Machine, name: str) -> set[str]:
    return set(inspect(machine, name)["NetworkSettings"]["Networks"])


def aliases(machine: Machine, name: str, network: str) -> set[str]:
    return set(inspect(machine, name)["NetworkSettings"]["Networks"][network]["Aliases"] or ())


def ids(machine: Machine) -> dict[str, str]:
    lines = machine.ssh("docker ps -a --no-trunc --format '{{.Names}} {{.ID}}'").splitlines()
    return dict(line.split(" ") for line in lines)


def images(machine: Machine) -> list[str]:
    return sorted(machine.ssh("docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}'").splitlines())


@pytest.fixture
def torn(clean: Machine) -> Machine:
    """The practice host whose stack has lost its network; agents-api answers 502."""
    clean.host.break_("stack")
    assert clean.health()[0] == 502
    return clean


def test_from_broken_to_healthy_with_every_network_and_volume_and_back(torn: Machine) -> None:
    # Others on the stack's network: one that runs, one that is stopped, one that never ran; and one on two networks.
    torn.ssh("""set -e; with="python:3.13-slim sleep 1000"
        docker run -d --name runs --network docker_default --network-alias other $with
        docker run -d --name stopped --network docker_default --network-alias quiet $with; docker stop -t 0 stopped
        docker create --name never --network docker_default $with
        docker run -d --name both --network n8n_default $with
        docker network connect --alias both-here docker_default both; docker stop -t 0 both
        docker run -d --name orphan --network docker_default --label com.docker.compose.project=docker \
            --label com.docker.compose.project.working_dir=/opt/dyniq-voice/docker --label com.docker.compose.service=gone \
            --label com.docker.compose.oneoff=False $with
        docker network connect --alias www --alias web langfuse_default docker-ruben-api-1
        docker exec docker-caddy-1 sh -c 'echo kept >/config/mine; echo kept >/data/mine'""")
    before, caddy = ids(torn), inspect(torn, "docker-caddy-1")
    volumes = torn.ssh("docker volume inspect $(docker volume ls -q) --format '{{.Name}} {{.CreatedAt}}' | sort")

    done = run(torn)

    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert [torn.health(name)[0] for name in ("agents-api", "ruben-api")] == [200, 200]
    after = ids(torn)
    ours = {"docker-agents-api-1", "docker-ruben-api-1", "docker-caddy-1"}
    assert set(after) == set(before)
    assert {name for name in after if after[name] != before[name]} == ours
    assert networks(torn, "docker-caddy-1") == {"docker_default", "n8n_default", "nocodb_default", "langfuse_default"}
    assert aliases(torn, "docker-ruben-api-1", "langfuse_default") == {"www", "web"}
    assert aliases(torn, "runs", "docker_default") >= {"other"}
    # Trap: `down` deletes the network under those that are stopped, and they cannot start any more.
    torn.ssh("docker start stopped never both")
    assert aliases(torn, "stopped", "docker_default") >= {"quiet"}
    assert (networks(torn, "both"), aliases(torn, "both", "docker_default")) == ({"n8n_default", "docker_default"}, {"both-here"})
    # Volumes are the same, the one without a name too.
    assert torn.ssh("docker volume inspect $(docker volume ls -q) --format '{{.Name}} {{.CreatedAt}}' | sort") == volumes
    mounts = {(one["Destination"], one["Source"]) for one in caddy["Mounts"]}
    assert {(one["Destination"], one["Source"]) for one in inspect(torn, "docker-caddy-1")["Mounts"]} == mounts
    assert torn.ssh("docker exec docker-caddy-1 cat /config/mine /data/mine") == "kept\nkept"
    # What the containers said is in the record, since they are gone.
    facts = json.dumps([event for event in done.events if event["event"] == "facts"])
    assert "agents-api 1.2.0 listening on 8000" in facts

    # Once more is as good; then the way back, by hand, from the record alone.
    assert run(torn).status == 0
    torn.ssh((done.folder / "undo.sh").read_text())
    assert {name for name, one in ids(torn).items() if one != before[name]} == ours
    assert networks(torn, "docker-caddy-1") == {"docker_default", "n8n_default", "nocodb_default", "langfuse_default"}
    assert torn.ssh("docker exec docker-caddy-1 cat /config/mine /data/mine") == "kept\nkept"
    for service in ("agents-api", "ruben-api", "caddy"):
        kept = torn.ssh(f"docker image inspect --format '{{{{.Id}}}}' rollback/dyniq-voice/{service}:before-{done.record['incident']}")
        assert inspect(torn, f"docker-{service}-1")["Image"] == kept


def test_plan_mode_changes_nothing(torn: Machine) -> None:
    before = torn.listing()
    done = torn.rollback(procedure="redeploy")
    assert (done.status, done.record["verdict"]) == (0, "planned")
    assert torn.listing() == before
    shell = (done.folder / "plan.sh").read_text()
    downs = [line for line in shell.splitlines() if " compose " in line and " down" in line]
    assert downs
    assert all(line.endswith(" down") for line in downs), "no -v, which would remove the volumes"
    assert "--remove-orphans" not in shell


@pytest.mark.quiet
def test_a_build_that_fails_leaves_the_old_stack_up(clean: Machine) -> None:
    clean.ssh("echo 'RUN false' >>/opt/dyniq-voice/ruben_api/Dockerfile; sed -i 's/1.2.0/1.3.0/' /opt/dyniq-voice/agents_api/server.py")
    before, was = ids(clean), images(clean)
    with Traffic(Stack.load(clean.stack), 50) as traffic:
        done = run(clean)
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
    assert "step build failed" in done.record["reason"]
    assert (traffic.failed, ids(clean), images(clean)) == (0, before, was)
    assert clean.ssh("ls /var/lib/rollback/dyniq-voice/before") == ""


@pytest.mark.whole
@pytest.mark.parametrize("policy", ["undo", "stop"])
def test_a_tree_that_does_not_come_up(clean: Machine, policy: str) -> None:
    """ruben-api builds and ends at once: not verified, and undone with images and files as they were."""
    clean.ssh("echo 'raise SystemExit(3)' >/opt/dyniq-voice/ruben_api/server.py")
    was = {name: inspect(clean, name)["Image"] for name in ("docker-agents-api-1", "docker-ruben-api-1", "docker-caddy-1")}
    quick = clean.edited_stack(lambda stack: stack["health"].update(deadline=4.0))
    done = run(clean, "--on-failure", policy, stack=quick)
    if policy == "stop":
        assert (done.status, done.record["verdict"]) == (5, "failed-partly"), done.out
        clean.ssh((done.folder / "undo.sh").read_text())
    else:
        assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    # Every route was well before; this one is down from the first change on, by the record as by the chart.
    seconds = done.record["outage_by_rollback_seconds"]
    assert (done.record["failing_since"], seconds > 3) == (None, True)
    assert f">down {seconds:.1f} s by the rollback" in (done.folder / "report.html").read_text()
    assert {name: inspect(clean, name)["Image"] for name in was} == was
    assert networks(clean, "docker-caddy-1") == {"docker_default", "n8n_default", "nocodb_default", "langfuse_default"}
    assert clean.ssh(
        "for n in $(seq 300); do curl -fsk --connect-to ::127.0.0.1: https://ruben-api.dyniq.ai/health && break; sleep 0.1; done"
    )


@pytest.mark.whole
def test_a_service_started_from_the_registry_stays_with_it_and_scaled_ones_keep_their_number(clean: Machine) -> None:
    both = f"docker compose --project-directory {DOCKER} -f {DOCKER}/docker-compose.yml -f {DOCKER}/docker-compose.prod.yml"
    clean.ssh(f"{both} pull -q agents-api; {both} up -d agents-api; cd {DOCKER} && docker compose up -d --scale ruben-api=2 ruben-api")
    image = inspect(clean, "docker-agents-api-1")["Image"]
    done = run(clean)
    assert done.status == 0, done.out + done.err
    agents = inspect(clean, "docker-agents-api-1")
    assert (agents["Image"], agents["Config"]["Image"]) == (image, "localhost:5000/dyniq/agents-api:latest")
    assert agents["Config"]["Labels"]["com.docker.compose.project.config_files"].endswith("docker-compose.prod.yml")
    assert {"docker-ruben-api-1", "docker-ruben-api-2"} <= set(ids(clean))
    assert [clean.health(name)[0] for name in ("agents-api", "ruben-api")] == [200, 200]


def test_what_would_not_come_up_is_refused_before_anything_stops(clean: Machine) -> None:
    def refused(said: str, **options: object) -> None:
        before = clean.listing()
        done = run(clean, **options)
        assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
        assert said in done.record["reason"]
        assert clean.listing() == before

    clean.ssh(f"mv {DOCKER}/Caddyfile /root/")
    refused("Docker would make a directory of that name")
    clean.ssh(f"mv /root/Caddyfile {DOCKER}/; cp {DOCKER}/docker-compose.yml /root/; printf 'services: [' >{DOCKER}/docker-compose.yml")
    refused("compose cannot read its files")
    clean.ssh(f"cp /root/docker-compose.yml {DOCKER}/")
    named = clean.edited_stack(lambda stack: stack["redeploy"]["networks"].update({"docker-caddy-1": ["nowhere_default"]}))
    refused("there is no network nowhere_default", stack=named)
    named = clean.edited_stack(lambda stack: stack["redeploy"]["networks"].update({"docker-cady-1": ["n8n_default"]}))
    refused("docker-cady-1, which the stack names in `redeploy.networks`, is no container", stack=named)
    # An image that is in no registry and not here any more.
    clean.ssh(f"sed -i 's|/caddy:2|/caddy:9|' {DOCKER}/docker-compose.yml")
    before = ids(clean)
    done = run(clean, "--checked", "drift")
    assert (done.status, ids(clean)) == (3, before), done.out
    assert "step pull failed" in done.record["reason"]
