"""The image rollback on the practice host: which image runs, and which the next `up` would start."""

import pytest

from tests.machine import Machine

DOCKER = "/opt/dyniq-voice/docker"
COMPOSE = f"cd {DOCKER} && docker compose -f docker-compose.yml -f docker-compose.prod.yml"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
IMAGE = "localhost:5000/dyniq/agents-api"


def run(machine: Machine, *words: str, **options: object) -> object:
    return machine.apply(*words, procedure="image", **options)


def image_id(machine: Machine, reference: str) -> str:
    return machine.ssh(f"docker image inspect --format '{{{{.Id}}}}' {reference}", check=False)


def steps(done: object) -> list[str]:
    return [event["step"] for event in done.events if event["event"] == "step-begin"]


@pytest.fixture
def deployed(clean: Machine) -> Machine:
    """The practice host with a bad image deployed from the registry; every health check of agents-api answers 500."""
    clean.host.break_("image")
    assert clean.health()[0] == 500
    return clean


@pytest.fixture
def no_registry(deployed: Machine) -> Machine:
    deployed.ssh("docker stop -t 1 registry-registry-1")
    return deployed


def test_from_broken_to_healthy_and_back_again(deployed: Machine) -> None:
    good = deployed.ssh("git -C /opt/dyniq-voice rev-parse HEAD~1")
    before, variables, others = deployed.container(), deployed.ssh(f"cat {DOCKER}/.env; stat -c '%a %u' {DOCKER}/.env"), running(deployed)
    assert image_id(deployed, f"{IMAGE}:{good}") == ""

    done = run(deployed)

    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert steps(done) == ["keep", "pull", "choose", "recreate", "remember"]
    after = deployed.container()
    manifest = f"-H 'Accept: {MANIFEST}' localhost:5000/v2/dyniq/agents-api/manifests/{good}"
    digest = deployed.ssh(f"curl -sI {manifest} | tr -d '\\r' | sed -n 's/^Docker-Content-Digest: //p'")
    assert after["Image"] == image_id(deployed, f"{IMAGE}@{digest}") != before["Image"]
    assert after["Config"]["Image"] == f"{IMAGE}:{good}@{digest}"
    files = after["Config"]["Labels"]["com.docker.compose.project.config_files"]
    assert files == f"{DOCKER}/docker-compose.yml,{DOCKER}/docker-compose.prod.yml"
    assert [deployed.health(name)[0] for name in ("agents-api", "ruben-api")] == [200, 200]
    assert running(deployed) == others  # no other container was touched

    # Trap: a tag given once is lost at the next `up`. This choice outlives `up`, and the page's `pull` and `up`.
    deployed.ssh(f"{COMPOSE} pull -q && docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d agents-api >/dev/null 2>&1")
    assert deployed.container()["Id"] == after["Id"]

    # The way back, by hand, from the record alone.
    deployed.ssh((done.folder / "undo.sh").read_text())
    assert deployed.container()["Image"] == before["Image"]
    assert deployed.ssh(f"cat {DOCKER}/.env; stat -c '%a %u' {DOCKER}/.env") == variables
    assert deployed.health()[0] == 500

    # And forward again: known to be good by now, and on the host, so that nothing is pulled.
    deployed.ssh("docker stop -t 1 registry-registry-1")
    again = run(deployed)
    assert (again.status, deployed.container()["Image"], deployed.health()[0]) == (0, after["Image"], 200), again.out
    assert next(event for event in again.events if event["event"] == "target")["why"].startswith("the newest release that was healthy")
    assert "docker pull" not in (again.folder / "plan.sh").read_text()


def running(machine: Machine) -> str:
    return machine.ssh("docker ps --no-trunc --format '{{.ID}} {{.Names}}' | grep -v agents-api | sort")


def test_plan_mode_changes_nothing(deployed: Machine) -> None:
    before = deployed.listing()
    done = deployed.rollback(procedure="image")
    assert (done.status, done.record["verdict"]) == (0, "planned")
    assert deployed.listing() == before
    assert "docker pull --quiet localhost:5000/dyniq/agents-api@sha256:" in (done.folder / "plan.sh").read_text()
    shown = (done.folder / "notebook.html").read_text()
    assert all(
        subject in shown for subject in ("Say which model answers", "Let health ask the database", "Add a smoke test to run by hand")
    )


def test_plan_and_undo_scripts_do_what_the_notebook_does(deployed: Machine) -> None:
    good = deployed.ssh("git -C /opt/dyniq-voice rev-parse HEAD~2")
    done = deployed.rollback("-p", f"target={good[:7]}", procedure="image")
    before = deployed.container()["Image"]
    deployed.ssh((done.folder / "plan.sh").read_text())
    assert deployed.container()["Config"]["Image"].startswith(f"{IMAGE}:{good}@sha256:")
    deployed.ssh((done.folder / "undo.sh").read_text())
    assert deployed.container()["Image"] == before


def test_a_container_of_the_base_file_moves_to_the_registry_and_back(clean: Machine) -> None:
    """Built on the host so far: the plan says that the compose files change, and undo starts the built image again."""
    built, older = clean.container()["Image"], clean.ssh("git -C /opt/dyniq-voice rev-parse HEAD~1")
    done = run(clean, "-p", f"target={older}")
    assert (done.status, clean.health()[0]) == (0, 200), done.out
    assert "from now on with the files above" in (done.folder / "notebook.html").read_text()
    clean.ssh((done.folder / "undo.sh").read_text())
    assert clean.container()["Image"] == built
    assert clean.container()["Config"]["Labels"]["com.docker.compose.project.config_files"] == f"{DOCKER}/docker-compose.yml"


def test_without_a_registry_what_the_host_has_is_offered(no_registry: Machine) -> None:
    machine = no_registry
    before = machine.listing()
    refused = run(machine)
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert "the registry does not answer: " in refused.record["reason"]
    assert machine.listing() == before

    # An image of the good commit that was built here, and never pushed: no digest, but it is there.
    good = machine.ssh("""cd /opt/dyniq-voice; sha=$(git rev-parse HEAD~1); git archive $sha | docker build -q -f agents_api/Dockerfile \
        -t rollback/dyniq-voice/agents-api:$sha - >/dev/null; echo $sha""")
    done = run(machine)
    assert (done.status, machine.health()[0]) == (0, 200), done.out
    assert machine.container()["Image"] == image_id(machine, f"rollback/dyniq-voice/agents-api:{good}")
    assert f"AGENTS_API_TAG={good}\n" in machine.ssh(f"cat {DOCKER}/.env") + "\n"
    machine.ssh(f"{COMPOSE} up -d agents-api >/dev/null 2>&1")
    assert machine.health()[0] == 200


def test_a_tag_that_is_gone_is_refused_before_anything_stops(deployed: Machine) -> None:
    gone = "0" * 40
    before = deployed.listing()
    done = run(deployed, "-p", f"target={gone}")
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert f"'{gone}' names no image of {IMAGE}, in the registry or on the host" in done.record["reason"]
    assert deployed.listing() == before


def test_an_image_that_cannot_be_pulled_ends_the_run_with_the_service_as_it_was(deployed: Machine) -> None:
    """The manifest is there and the image's configuration is not, as after a careless clean-up of the registry."""
    deployed.ssh(f"""echo 'FROM {IMAGE}:latest\nLABEL hotfix=1' | docker build -q -t {IMAGE}:hotfix-1 - >/dev/null
        docker push -q {IMAGE}:hotfix-1 >/dev/null; docker rmi {IMAGE}:hotfix-1 >/dev/null""")
    manifest = f"-H 'Accept: {MANIFEST}' localhost:5000/v2/dyniq/agents-api/manifests/hotfix-1"
    config = deployed.ssh(f"curl -s {manifest} | grep -o 'sha256:[0-9a-f]*' | head -n 1 | cut -d: -f2")
    deployed.ssh(f"docker exec registry-registry-1 find /var/lib/docker-registry -path '*blobs*{config}/data' -delete")
    container, variables = deployed.container()["Id"], deployed.ssh(f"cat {DOCKER}/.env")
    done = run(deployed, "-p", "target=hotfix-1")
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
    assert "step pull failed" in done.record["reason"]
    assert (deployed.container()["Id"], deployed.ssh(f"cat {DOCKER}/.env")) == (container, variables)
    assert "before-" not in deployed.ssh("docker images")


@pytest.mark.whole
@pytest.mark.parametrize("policy", ["undo", "stop"])
def test_an_image_that_is_unhealthy(clean: Machine, policy: str) -> None:
    clean.host.break_("image")
    bad = clean.ssh("git -C /opt/dyniq-voice rev-parse HEAD")
    assert run(clean).status == 0
    good, variables = clean.container(), clean.ssh(f"cat {DOCKER}/.env")
    quick = clean.edited_stack(lambda stack: stack["health"].update(deadline=2.0))

    # It was found bad here, so somebody has to vouch for it.
    done = run(clean, "-p", f"target={bad}", "--checked", "target", "--on-failure", policy, stack=quick)

    if policy == "undo":
        assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    else:
        assert (done.status, done.record["verdict"]) == (5, "failed-partly")
        clean.ssh((done.folder / "undo.sh").read_text())
    assert (clean.container()["Image"], clean.ssh(f"cat {DOCKER}/.env")) == (good["Image"], variables)


def test_compose_files_without_a_variable_are_answered_with_a_tag(deployed: Machine) -> None:
    """The next `up` keeps it; the next `pull` would not, and the plan says so."""
    deployed.ssh(f"printf 'services:\\n  agents-api:\\n    image: {IMAGE}:latest\\n' >{DOCKER}/docker-compose.fixed.yml")
    files = [f"{DOCKER}/docker-compose.yml", f"{DOCKER}/docker-compose.fixed.yml"]
    done = run(deployed, stack=deployed.edited_stack(lambda stack: stack["image"].update(files=files)))
    assert (done.status, deployed.health()[0]) == (0, 200), done.out
    deployed.ssh(f"cd {DOCKER} && docker compose -f docker-compose.yml -f docker-compose.fixed.yml up -d agents-api >/dev/null 2>&1")
    assert deployed.health()[0] == 200
    assert "have no variable for the tag" in (done.folder / "notebook.html").read_text()


@pytest.mark.whole
def test_what_runs_is_nothing_to_do_and_a_code_rollback_gives_way(deployed: Machine) -> None:
    assert run(deployed).status == 0
    before = deployed.listing()
    again = run(deployed, "-p", f"target={deployed.ssh('git -C /opt/dyniq-voice rev-parse HEAD~1')}")
    assert (again.status, again.record["verdict"]) == (0, "nothing-to-do"), again.out
    assert deployed.listing() == before
    code = deployed.apply()
    assert (code.status, code.record["verdict"]) == (3, "refused")
    assert "use the image rollback" in code.record["reason"]
