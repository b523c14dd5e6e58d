"""Stacks without a tree: nothing is asked of git, and what git would tell comes from elsewhere, or is said not to be known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import account, caddy, docker, networks, paths
from rollback_lib.facts.host import Host
from rollback_lib.facts.live import LiveHost
from rollback_lib.facts.releases import Release
from rollback_lib.procedures import caddyfile, env, image, redeploy
from rollback_lib.procedures.common import permissions, retention
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.builders import containers
from tests.builders.recorded import Here, Recorded
from tests.builders.stack import STACK, bare
from tests.unit.procedures import test_caddyfile, test_env, test_image
from tests.unit.procedures.test_image import NOW, digest

CADDYFILE = "/etc/shop/Caddyfile"
SHOP = bare(
    image={"services": ["web", "worker"], "files": ["/opt/shop/compose.yaml"]}, env={"files": ["/opt/shop/web.env", "/opt/shop/.env"]},
    caddyfile={"service": "caddy", "file": CADDYFILE}, redeploy={},
)  # fmt: skip
WAY = Compose("/opt/shop", ("/opt/shop/compose.yaml",), "shop")


def shell(plan: Any) -> list[str]:
    """All that would run on the host."""
    return [str(command) for step in (*plan.steps, *plan.undo) for command in step.script]


class Asked(Host):
    """Notes what it is asked, and knows of no answer but `known`."""

    def __init__(self, *known: tuple[Any, object]) -> None:
        super().__init__(Key())
        self._host = Recorded(*known, otherwise=Refused("nobody answers"))
        self.commands: list[str] = []

    def round(self, facts: Any) -> list[Any]:
        self.commands += [str(command) for fact in facts for command in fact.commands]
        return self._host.round(facts)


DOCUMENTS: dict[str, Callable[[Host, Stack], object]] = {
    "caddyfile": caddyfile.document,
    "redeploy": redeploy.document,
    "image": lambda host, stack: image.document(host, stack, "worker"),
    "env": lambda host, stack: env.document(host, stack, "web.env"),
    "retention": retention.look,
    "permissions": permissions.user,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_git_is_asked_for_nothing(name: str) -> None:
    host = Asked()
    with pytest.raises(Refused, match="nobody answers"):
        DOCUMENTS[name](host, SHOP)
    assert host.commands
    assert not [command for command in host.commands if "git -C" in command or "git --no" in command or "/.git" in command]


def test_the_folder_of_the_state_is_found_by_the_compose_directory_and_git_is_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "git").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin:/usr/sbin:/sbin")

    def look(stack: Stack) -> account.Account:
        return LiveHost(Here(), Redactor(), Key()).ask(account.account(stack)).result()

    here = bare(compose_directory=str(tmp_path))
    in_git = here.model_copy(update={"tree": str(tmp_path)})
    assert look(here).state == look(in_git).state
    assert set(look(in_git).lacking) - set(look(here).lacking) == {"git 2.31, or a newer one"}


# -- the Caddyfile ------------------------------------------------------------------------------------------------------


def caddy_state(**changes: Any) -> caddyfile.State:
    now = test_caddyfile.state()
    file = replace(now.file, path=CADDYFILE, real=CADDYFILE)
    return replace(now, **{"stack": SHOP, "file": file, "committed": None, **changes})


def test_a_caddyfile_in_no_tree_goes_back_to_what_was_kept_and_the_plan_says_why() -> None:
    kept = [test_caddyfile.version("healthy-3f2a9c", b"good", 9, "healthy here")]
    now = caddy_state(versions=kept)
    made = test_caddyfile.plan(now)
    assert made.target == "healthy-3f2a9c"
    assert "The Caddyfile is in no git tree: only versions that earlier runs kept can be chosen." in made.notes
    assert not [line for line in shell(made) if "git " in line]
    assert made.rationale.change.startswith("an edit, ")
    assert not [note for note in test_caddyfile.plan(test_caddyfile.state()).notes if "no git tree" in note]


def test_without_a_kept_caddyfile_it_says_how_there_will_be_one() -> None:
    with pytest.raises(TargetRefused, match=r"no other version of /etc/shop/Caddyfile was kept .* in no git tree; .* readiness --apply"):
        caddyfile.choose(caddy_state(versions=[]))
    host = Recorded(otherwise=caddy.Configuration("1" * 12, caddy.ADMIN))
    with pytest.raises(TargetRefused, match="'HEAD~1' is no version of /etc/shop/Caddyfile that was kept"):
        caddyfile.examine(host, caddy_state(), "HEAD~1")
    with pytest.raises(Refused, match=r"Caddyfile is missing on the host; put one there first$"):
        caddyfile.examine(host, caddy_state(file=None), "")


# -- a redeploy ---------------------------------------------------------------------------------------------------------


def web(**changes: Any) -> docker.Container:
    return containers.container(
        "web", **{"name": "shop-web-1", "image": digest("1"), "image_name": "shop/web:1", "compose": WAY, **changes}
    )


def redeployed(stack: Stack = SHOP, **changes: Any) -> redeploy.State:
    known = {
        "stack": stack, "head": None, "containers": [web()], "ways": {"web": WAY}, "services": {"web": containers.service("shop/web:1")},
        "unreadable": "", "images": {"shop/web:1": docker.Stored(digest("1"), 10, True)}, "attachments": networks.Attachments((), {}),
        "volumes": {}, "env_files": {}, "free": 10**12, "logs": {}, "releases": [],
    }  # fmt: skip
    return redeploy.State(**{**known, **changes})


def redeploy_target(now: redeploy.State, *known: tuple[Any, object]) -> redeploy.Target:
    return redeploy.examine(Recorded((paths.missing([]), []), *known, otherwise=["/opt/shop/compose.yaml"]), now)


def test_without_a_tree_the_files_are_deployed_as_they_are() -> None:
    now = redeployed(releases=[Release("web", "", digest("1"), NOW, True, "3f2a9c")])
    target = redeploy_target(now)
    made = redeploy.plan(now, target, incident="i1")
    assert (target.name, target.commit, target.dirty) == ("/opt/shop as it is", None, ())
    assert ("tree", "none: no git here") in made.facts
    assert any("There is no tree: the files are deployed as they are" in note for note in made.notes)
    assert not [line for line in shell(made) if "git " in line]
    assert (made.rationale.stable, "healthy here" in made.rationale.target) == (True, True)


def test_the_image_of_a_service_that_is_built_without_a_tree_belongs_to_no_commit() -> None:
    now = redeployed(services={"web": containers.service("shop-web", builds=True)}, images={})
    made = redeploy.plan(now, redeploy_target(now), incident="i1")
    assert '"commit": ""' in "\n".join(map(str, made.remember.commands))
    assert "rollback/shop/web:redeploy-i1" in made.shell()


def test_a_proxy_may_be_of_another_project() -> None:
    stack = SHOP.model_copy(update={"redeploy": STACK.redeploy.model_copy(update={"networks": {"edge-nginx-1": ["shop_default"]}})})
    outside = networks.Attachments((containers.attached("edge-nginx-1", "edge_default"),), {"shop_default": "n1", "edge_default": "n2"})
    now = redeployed(stack, attachments=outside)
    assert ("edge-nginx-1", "shop_default") in redeploy.lost(now)
    nginx = docker.named("edge-nginx-1"), containers.container("nginx", name="edge-nginx-1")
    made = redeploy.plan(now, redeploy_target(now, nginx), incident="i1")
    assert "docker restart edge-nginx-1" in "\n".join(map(str, made.restart.commands))
    assert "shop_default edge-nginx-1" in "\n".join(map(str, made.redeploy.commands))
    with pytest.raises(Refused, match=r"edge-nginx-1, which the stack names in `redeploy\.networks`, is no container on contabo"):
        redeploy_target(now, (docker.named("edge-nginx-1"), None))


# -- images and env files -----------------------------------------------------------------------------------------------


def image_state(**changes: Any) -> image.State:
    local = [
        docker.Image("shop/web", tag, digest(letter), digest(letter.swapcase()), NOW - timedelta(days=days), "10MB")
        for tag, letter, days in (("3", "c", 1), ("2", "b", 2), ("1", "a", 3), ("4", "d", 0))
    ]
    mine = {"stack": SHOP, "service": "web", "log": [], "tags": [], "tagged": {}, "local": local, "replicas": [web(image=digest("c"))]}
    return replace(test_image.state(), **{**mine, **changes})


def test_the_image_that_was_healthy_here_is_known_by_its_id() -> None:
    ledger = [Release("web", "", digest("a"), NOW, True, "x"), Release("web", "", digest("b"), NOW, False, "y")]
    assert image.choose(image_state(releases=ledger), "")[0].tag == "1"


def test_without_a_ledger_it_is_the_newest_that_was_made_before_the_one_that_runs() -> None:
    row, why = image.choose(image_state(), "")
    assert (row.tag, "nothing tells of which commits" in why) == ("2", True)
    with pytest.raises(TargetRefused, match="no target was named"):
        image.choose(image_state(replicas=[web(image=digest("a"))]), "")


def test_an_image_that_we_kept_is_listed_once_unless_it_has_no_other_name() -> None:
    kept = [docker.Image("rollback/shop/web", "a" * 12, digest("a"), None, NOW, "10MB")]
    assert [row.tag for row in image.candidates(image_state(kept=kept))] == ["4", "3", "2", "1"]
    only = image_state(kept=kept, local=[], releases=[Release("web", "", digest("a"), NOW, True, "x")])
    assert image.choose(only, "")[0].tag == "a" * 12


def test_the_plan_is_of_the_service_that_was_named() -> None:
    now = image_state(service="worker")
    made = image.plan(now, image.Target(*image.choose(now, "")), incident="i1")
    assert made.before["service"] == "worker"
    assert "--force-recreate worker" in "\n".join(map(str, made.recreate.commands))
    assert any("There is no tree" in note for note in made.notes)


def test_the_plan_is_of_the_env_file_that_was_named_and_keeps_it_apart() -> None:
    now = replace(test_env.state(), stack=SHOP, path=SHOP.env.paths[1])
    made = env.plan(now, test_env.examine(now, test_env.AFTER), incident="i1")
    assert made.before["path"] == "/opt/shop/.env"
    assert "/kept/env=opt=shop=.env/healthy-i1" in "\n".join(map(str, made.remember.commands))
