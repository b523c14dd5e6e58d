"""The redeploy: facts in, plan out."""

import json
from datetime import UTC, datetime

import pytest

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import docker, git, networks, paths
from rollback_lib.plan.effect import Effect
from rollback_lib.procedures import redeploy
from rollback_lib.procedures.redeploy.noted import After
from tests.builders.containers import attached, service
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK
from tests.unit.procedures.test_image import container

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
BASE = Compose(STACK.compose_directory, (f"{STACK.compose_directory}/docker-compose.yml",), "docker")
PROD = Compose(STACK.compose_directory, tuple(STACK.image.files), "docker")
HEX = "0123456789abcdef" * 4
SHA = "a" * 40


def caddy(**changes: object) -> docker.Container:
    return container(name="docker-caddy-1", service="caddy", image="sha256:" + "3" * 64, compose=BASE, **changes)


def state(**changes: object) -> redeploy.State:
    known = {
        "stack": STACK, "head": git.Head(SHA, "main", ()), "containers": [container(compose=PROD), caddy()],
        "ways": {"agents-api": PROD, "caddy": BASE, "ruben-api": BASE},
        "services": {"agents-api": service("ghcr.io/x/agents-api:latest", builds=True), "caddy": service("caddy:2"),
                     "ruben-api": service("docker-ruben-api", builds=True)},
        "unreadable": "", "images": {"ghcr.io/x/agents-api:latest": docker.Stored("sha256:1", 10, True),
                                     "caddy:2": docker.Stored("sha256:3", 10, True)},
        "attachments": networks.Attachments((), {name: name for name in ("n8n_default", "nocodb_default", "langfuse_default")}),
        "volumes": {}, "env_files": {}, "free": 10**12, "logs": {}, "releases": [],
    }  # fmt: skip
    return redeploy.State(**{**known, **changes})


def target(now: redeploy.State, **answers: object) -> redeploy.Target:
    commit = git.Commit(SHA, "someone", NOW, "subject")
    binds = sorted({bind.source for one in now.services.values() for bind in one.binds})
    missing = paths.missing(binds), answers.get("missing", [])
    known = ((git.resolve(STACK.tree, "HEAD"), commit), missing, *answers.get("also", ()))
    return redeploy.examine(Recorded(*known, otherwise=["/opt/dyniq-voice/.env"]), now)


def plan(now: redeploy.State) -> object:
    return redeploy.plan(now, target(now), incident="i1")


def shell(step: object) -> str:
    return "\n".join(map(str, step.commands))


def test_only_what_is_built_here_is_built_and_under_names_of_ours() -> None:
    """A service whose image came from a registry stays with it, though it could be built."""
    made = plan(state())
    assert "build ruben-api" in shell(made.build)
    assert "agents-api" not in shell(made.build)
    assert "rollback/dyniq-voice/ruben-api:redeploy-i1" in shell(made.build)
    assert shell(made.redeploy).startswith("docker tag rollback/dyniq-voice/ruben-api:redeploy-i1 docker-ruben-api\n")
    assert not [step for step in made.steps if step.touches and step.name not in ("redeploy", "restart")]


def test_every_way_of_calling_compose_is_taken_down_and_up_and_no_volume_or_orphan_with_it() -> None:
    lines = shell(plan(state()).redeploy).splitlines()
    downs = [line for line in lines if line.endswith(" down")]
    assert (len(downs), sum("docker-compose.prod.yml" in line for line in downs)) == (2, 1)
    assert all(line.index("docker compose") for line in downs)
    assert "--remove-orphans" not in "".join(lines)
    assert "up --no-start --no-deps --no-build --pull=never caddy ruben-api" in "".join(lines)
    assert lines.index(downs[-1]) < next(number for number, line in enumerate(lines) if "--no-start" in line)


def test_networks_of_ours_and_of_others_are_put_back_and_those_the_stack_names() -> None:
    known = (
        attached("docker-caddy-1", "docker_default", "caddy"), attached("docker-caddy-1", "extra_default", "www"),
        attached("outsider", "docker_default", "out", state="exited"), attached("outsider", "elsewhere"),
    )  # fmt: skip
    now = state(attachments=networks.Attachments(known, state().attachments.networks))
    lines = shell(plan(now).redeploy).splitlines()
    assert "extra_default docker-caddy-1 --alias www" in lines
    assert "docker_default outsider --alias out" in lines
    assert {f"{name}_default docker-caddy-1" for name in ("n8n", "nocodb", "langfuse")} <= set(lines)
    assert not [line for line in lines if line.startswith(("elsewhere", "docker_default docker-caddy"))]
    assert any("outsider: stopped" in note for note in plan(now).notes)


def test_an_anonymous_volume_goes_over_to_the_new_container() -> None:
    mounted = caddy(volumes=(docker.Mount(HEX, "/config"), docker.Mount("docker_caddy_data", "/data")))
    named = networks.Volume("docker_caddy_data", "then", False)
    now = state(containers=[mounted], volumes={HEX: networks.Volume(HEX, "then", True), "docker_caddy_data": named})
    (placeholder,) = [line for line in shell(plan(now).redeploy).splitlines() if line.startswith("docker create")]
    assert f"--volume {HEX}:/config --volume docker_caddy_data:/data" in placeholder
    assert "--label com.docker.compose.config-hash=none" in placeholder
    only_named = state(volumes={HEX: networks.Volume(HEX, "then", False)}, containers=[mounted])
    assert "docker create" not in shell(plan(only_named).redeploy)


def test_scaled_services_keep_their_number() -> None:
    two = [container(name=f"docker-agents-api-{number}", compose=PROD) for number in (1, 2)]
    assert shell(plan(state(containers=two)).redeploy).count("--scale agents-api=2 agents-api") == 2


@pytest.mark.parametrize(
    ("changes", "answers", "said"),
    [
        ({"unreadable": "line 3"}, {}, "compose cannot read its files"),
        ({"services": {}, "ways": {}}, {}, "have no service to start"),
        ({}, {"missing": ["/opt/x"]}, "/opt/x is mounted into a service and missing"),
        ({"free": 1000}, {}, "building the images again may take"),
        ({"attachments": networks.Attachments((), {})}, {}, "there is no network langfuse_default, n8n_default, nocodb_default"),
        (
            {"containers": [], "ways": {"ruben-api": BASE}, "services": {"ruben-api": service("x")}},
            {"also": [(docker.named("docker-caddy-1"), None)]},
            "docker-caddy-1, which the stack names",
        ),
    ],
)
def test_what_would_not_come_up_is_refused(changes: dict[str, object], answers: dict[str, object], said: str) -> None:
    with pytest.raises((Refused, TargetRefused), match=said):
        target(state(**changes), **answers)


def test_a_tree_with_changes_is_no_commit_in_the_ledger() -> None:
    dirty = state(head=git.Head(SHA, "main", ("x.py",)))
    assert f'"commit": "{SHA}"' in shell(plan(state()).remember)
    assert '"commit": ""' in shell(plan(dirty).remember)
    assert f"ruben-api:{SHA}" not in shell(plan(dirty).remember)


def test_effects_of_networks_volumes_and_the_containers_of_others() -> None:
    known = (attached("docker-caddy-1", "extra", "www"), attached("outsider", "docker_default"))
    volumes = {"data": networks.Volume("data", "then", False)}
    mounted = [container(compose=PROD), caddy(volumes=(docker.Mount("data", "/data"),))]
    made = plan(state(attachments=networks.Attachments(known, state().attachments.networks), volumes=volumes, containers=mounted))

    def wrong(attachments: networks.Attachments, volumes: dict[str, networks.Volume]) -> set[str]:
        built = set(After.read(made.after).built.values())
        host = Recorded(
            (docker.project(STACK), mounted), (docker.stored(built), {}), (networks.attachments(), attachments),
            (networks.volumes(), volumes), otherwise="as before",
        )  # fmt: skip
        found = redeploy.undo_effects(host, STACK, made)
        return {effect.name for effect in found if not effect.ok}

    named = tuple(attached("docker-caddy-1", f"{name}_default") for name in ("n8n", "nocodb", "langfuse"))
    good = networks.Attachments((*known, *named), {"all": "n1"})
    assert wrong(good, volumes) == set()
    assert wrong(networks.Attachments(known, {"all": "n1"}), volumes) == {"networks that are missing"}
    # Somebody removed it meanwhile: nothing of ours does that.
    others = networks.Attachments((*known[:1], *named), {"all": "n1"})
    assert wrong(others, volumes) == set()
    assert wrong(networks.Attachments(good.all, {}), volumes) == {"containers that could not start any more"}
    assert wrong(good, {"data": networks.Volume("data", "now", False)}) == {"volumes and where they are mounted"}
    assert Effect("state", "running", "running").settles is False


def test_attachments_are_read_with_what_was_asked_for() -> None:
    asked = {"Aliases": ["www", "abcdef"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}, "Links": None, "DriverOpts": {"a": "b"}}
    known = {"net": {**asked, "NetworkID": "n0"}, "host": {"NetworkID": "h"}}
    raw = {"Id": "abcdef" * 10, "Name": "/one", "State": {"Status": "exited"}, "NetworkSettings": {"Networks": known}}
    found = networks.attachments().read(f"n1 net\n\x1e{json.dumps(raw)}\n\x1en1 net\nn2 my net\n")
    assert found.networks == {"net": "n1", "my net": "n2"}
    (one,) = found.all
    assert one.line() == "net one --alias www --ip 10.0.0.9 --driver-opt a=b"
    assert found.stale == (one,)
    assert networks.attachments().read(f"n0 net\n\x1e{json.dumps(raw)}\n\x1e").stale == ()  # it went while we looked
    assert networks.attachments().read("\x1e\x1en1 net\n").all == ()


def test_parameters_are_checked() -> None:
    redeploy.check(STACK)
    with pytest.raises(ParameterError, match="takes the tree as it is checked out"):
        redeploy.check(STACK, target="abc")
    with pytest.raises(ParameterError, match="no section 'redeploy'"):
        redeploy.check(STACK.model_copy(update={"redeploy": None}))


def test_services_that_are_one_image_by_name_are_built_once() -> None:
    one = service("app", builds=True)
    made = plan(state(services={"web": one, "queue": one, "other": service("other", builds=True)},
                      ways={"web": BASE, "queue": BASE, "other": BASE}, containers=[caddy()]))  # fmt: skip
    assert After.read(made.after).built == {
        "other": "rollback/dyniq-voice/other:redeploy-i1",
        "queue": "rollback/dyniq-voice/queue:redeploy-i1",
        "web": "rollback/dyniq-voice/queue:redeploy-i1",
    }
    assert " build other queue\n" in shell(made.build) + "\n"
    assert shell(made.redeploy).count("docker tag rollback/dyniq-voice/queue:redeploy-i1 app\n") == 1
    assert f"docker tag rollback/dyniq-voice/queue:redeploy-i1 rollback/dyniq-voice/web:{SHA}" in shell(made.remember)
