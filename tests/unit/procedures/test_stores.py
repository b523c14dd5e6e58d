"""Every procedure that starts images sees to it that they can read the files of their services."""

from dataclasses import replace

import pytest

from rollback_lib.commands.stores import STORES
from rollback_lib.errors import TargetRefused
from rollback_lib.facts import docker, git, stores
from rollback_lib.facts.docker import Mount
from rollback_lib.facts.stores import Held
from rollback_lib.facts.whole_release import Ran
from rollback_lib.procedures import code, image, redeploy, release
from rollback_lib.procedures.code.target import beside
from rollback_lib.secrets.secret import Secret
from tests.builders import containers
from tests.builders.containers import WAY
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK
from tests.unit.procedures import test_code, test_image, test_redeploy, test_release
from tests.unit.procedures.test_code import BAD, GOOD

IMAGE = "sha256:" + "8" * 64
DATABASE = containers.container("db", image=IMAGE, image_name="postgres:18", volumes=(Mount("d", "/var/lib/postgresql/data"),),
                                environment={"PG_MAJOR": Secret("18")})  # fmt: skip
NEWER = (stores.held(DATABASE), Held(STORES[0], (18,)))
CANNOT = "db would start Postgres 17 on the files of Postgres 18, which it cannot read"


def of(name: str) -> tuple[object, object]:
    return stores.environment(name), {"PG_MAJOR": "17"}


def test_a_redeploy_of_compose_files_that_name_an_older_version_is_refused() -> None:
    services = {"db": containers.service("postgres:17")}
    images = {"postgres:17": docker.Stored("sha256:7", 1, True)}
    now = test_redeploy.state(containers=[DATABASE], ways={"db": WAY}, services=services, images=images)
    with pytest.raises(TargetRefused, match=CANNOT):
        test_redeploy.target(now, also=(NEWER, of("postgres:17")))


def test_an_image_that_a_redeploy_pulls_first_is_looked_at_before_anything_stops() -> None:
    services = {"db": containers.service("registry.example/db:new")}
    now = test_redeploy.state(containers=[DATABASE], ways={"db": WAY}, services=services, images={})
    target = test_redeploy.target(now, also=(NEWER, (stores.environment("registry.example/db:new"), {})))
    pull, check = redeploy.plan(now, target, incident="i1").pull.commands
    assert str(pull) == "docker pull --quiet registry.example/db:new"
    assert check.argv[-6:] == ("db", "Postgres", "18", "yes", "PG_MAJOR", "PG_VERSION")


def test_a_release_with_an_older_version_is_refused() -> None:
    then = {"db": Ran("sha256:7", "postgres:17", WAY, frozenset())}
    whole = test_release.whole("cccccc", 1, commit="", services=then, files={})
    stack = test_release.without("code", "env", "caddyfile", "image")
    now = test_release.state(stack=stack, releases=(whole,), containers=(DATABASE,), code=None, envs={}, caddy=None)
    stored = docker.stored({"sha256:7"}), {"sha256:7": docker.Stored("sha256:7", 1, True)}
    with pytest.raises(TargetRefused, match=CANNOT):
        release.examine(Recorded(stored, NEWER, of("sha256:7"), otherwise=[]), now, "latest")


def test_a_code_rollback_leaves_the_database_alone_and_warns_of_the_next_up() -> None:
    now, tree = test_code.state(), STACK.tree
    way = now.services[0].compose
    there = {"agents-api": test_code.service(), "db": containers.service("postgres:17")}
    host = Recorded(
        (git.resolve(tree, GOOD), test_code.commit(GOOD, 20)), (git.changes(tree, BAD, GOOD), []),
        NEWER, of("postgres:17"), (docker.image_id("docker-agents-api"), None), otherwise=[],
    )  # fmt: skip
    now = replace(now, defined={way: there}, containers=(*now.services[0].replicas, DATABASE))
    assert beside(now)
    target = code.examine(host, now, GOOD)
    assert [one.service for one in target.misfits] == ["db"]
    (note,) = (line for line in code.plan(now, target, incident="i1").notes if "Postgres" in line)
    assert CANNOT in note
    assert "keeps running" in note


def test_an_image_is_not_looked_at_for_a_service_that_is_no_store() -> None:
    now = test_image.state()
    host = Recorded(otherwise=AssertionError("asked"))
    assert image.examine(host, now, "").files == {}
    assert host.rounds == []
