"""Triage and readiness of stacks whose images come from a registry, and that have several env files."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.facts.releases import Release
from rollback_lib.procedures import mark, readiness, redeploy, registry
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.code.look import from_registry
from rollback_lib.procedures.code.state import Deployed
from rollback_lib.procedures.common.stack_state import StackState, Ways
from rollback_lib.procedures.env import keeping as env_keeping
from rollback_lib.procedures.image.look import Look as Pulled
from rollback_lib.procedures.readiness.plan import plan as trials
from rollback_lib.procedures.readiness.report import Restored, report
from rollback_lib.procedures.triage import diagnose
from rollback_lib.stack.model import Stack
from tests.builders.containers import WAY, container
from tests.builders.stack import STACK, bare
from tests.builders.triage import ago, around, env_file, facts, probe
from tests.unit.procedures.test_image import digest
from tests.unit.procedures.test_without_git import image_state

SILENT = Unanswered("nobody answers")
WEB_ENV, DB_ENV = "/opt/shop/web.env", "/opt/shop/db.env"
SHOP = bare(
    image={"services": ["web", "worker"], "files": ["/opt/shop/compose.yaml"]}, env={"files": [WEB_ENV, DB_ENV]}, redeploy={},
    routes=[{"name": name, "service": "web", "url": f"http://shop.example/{name}"} for name in ("web", "admin")],
)  # fmt: skip


def pulled(service: str, *, came: float = 0.2, made: float = 0.1, known: tuple[Release, ...] = ()) -> Pulled:
    """A service whose image came so many hours ago, and its container was made then."""
    one = container(service, image=digest("1"), image_name=f"shop/{service}:2", created=ago(made))
    return Pulled(service, one, ago(came), list(known))


def release(*, healthy: bool) -> Release:
    return Release("web", "", digest("1"), ago(1), healthy, "3f2a9c")


def shop(
    stack: Stack = SHOP, *, ill: str = "", envs: dict[str, Any] | None = None, web: Pulled | None = None, **changes: Any
) -> StackState:
    """What a look finds of it; `ill`: the route web answers 500, saying that, and so does its service past the proxy."""
    answers = {"web": Answer((80,), 500, ill) if ill else Answer((80,), 200, "fine", True), "admin": Answer((80,), 200, "fine", True)}
    files = {path: env_file(read=False) for path in (WEB_ENV, DB_ENV)} | (envs or {})
    looks = {
        "image web": web or pulled("web"), "image worker": pulled("worker"), **{f"env {path}": one for path, one in files.items()},
        "redeploy": replace(around((), (), "", ""), stack=stack), "release": facts().looks["release"],
    }  # fmt: skip
    known = {
        "stack": stack, "looks": looks, "ways": Ways(answers, None), "probes": (probe("web", 500 if ill else 200), probe("admin", 200)),
    }  # fmt: skip
    return replace(facts(), **{**known, **changes})


def ranked(now: StackState) -> str:
    return ", ".join(f"{one.parameters.get('service') or one.parameters.get('file') or one.procedure} {one.points}"
                     for one in diagnose(now).findings if one.points > 0)  # fmt: skip


def test_a_stack_without_git_or_proxy_is_healthy_when_its_routes_pass() -> None:
    found = diagnose(shop())
    assert found.reason.startswith("healthy: every route passes")
    assert [one.procedure for one in found.findings] == ["caddyfile", "env", "env", "image", "image", "redeploy"]


@pytest.mark.parametrize(
    ("web", "points"),
    [
        (lambda: pulled("web"), "web 5"),
        (lambda: pulled("web", came=5, made=4), "web 4"),
        (lambda: pulled("web", came=200, made=199), "web 3"),
        (lambda: pulled("web", came=200, made=0.1), "web 1"),
        (lambda: pulled("web", known=(release(healthy=False),)), "web 7"),
        (lambda: pulled("web", known=(release(healthy=True),)), ""),
        (lambda: Pulled("web", None, None, []), "web 1"),
    ],
)
def test_a_bad_image_is_known_by_when_it_came_and_by_the_ledger(web: Callable[[], Pulled], points: str) -> None:
    now = shop(ill="ZeroDivisionError: division by zero", web=web())
    assert ranked(now) == points
    (one,) = [one for one in diagnose(now).findings if one.parameters == {"service": "worker"}]
    assert one.speaks_against == ["worker itself works"]


def test_what_fits_names_the_service() -> None:
    found = diagnose(shop(ill="ZeroDivisionError: division by zero"))
    assert found.next("shop") == ("Bad image deploy (web): look with `rollback run image --stack shop -p service=web`",)
    one = shop(SHOP.model_copy(update={"image": SHOP.image.model_copy(update={"service": "web", "services": []})}), ill="Error")
    alone = replace(one, looks={**one.looks, "image": pulled("web")})
    assert diagnose(alone).next("shop") == ("Bad image deploy: look with `rollback run image --stack shop`",)


def test_of_several_env_files_the_one_fits_that_an_ill_service_reads() -> None:
    mine = replace(env_file(changed=0.2, made=0.1), path=WEB_ENV)
    mine = replace(
        mine, replicas={"web": mine.replicas["agents-api"]}, meant={WAY: {"web": mine.meant[WAY]["agents-api"]}},
        written={WAY: {"web": replace(mine.written[WAY]["agents-api"], env_files=(WEB_ENV,))}},
    )  # fmt: skip
    now = shop(ill="all is bad", web=pulled("web", came=900, made=0.1), envs={WEB_ENV: mine})
    found = diagnose(now)
    assert [one.parameters for one in found.fitting] == [{"file": WEB_ENV}]
    assert found.fitting[0].situation == f"Bad env change ({WEB_ENV})"


def test_a_file_that_compose_only_fills_in_is_weighed_as_well() -> None:
    mine = replace(env_file(changed=0.2, made=0.1, read=False), path=WAY.variables)
    mine = replace(mine, replicas={"web": mine.replicas["agents-api"]}, meant={WAY: {"web": mine.meant[WAY]["agents-api"]}})
    assert (mine.readers, mine.filled) == ([], ["web"])
    now = shop(ill="KeyError: 'STREAM_URL'", web=pulled("web", came=900, made=0.1), envs={WEB_ENV: mine})
    assert [one.parameters for one in diagnose(now).fitting] == [{"file": WEB_ENV}]


@pytest.mark.parametrize(
    ("before", "image", "fits"),
    [
        ("WEB_TAG=1\nLEVEL=2\n", "x/web:${WEB_TAG:?}", ["image"]),
        ("WEB_TAG=1\nLEVEL=1\n", "x/web:${WEB_TAG:?}", ["env", "image"]),
        ("WEB_TAG=1\nLEVEL=2\n", "x/web:${OTHER_TAG}", ["env", "image"]),
    ],
)
def test_a_new_tag_in_the_env_file_is_no_change_of_the_environment(before: str, image: str, fits: list[str]) -> None:
    mine = replace(env_file(changed=0.2, made=0.1, content="WEB_TAG=2\nLEVEL=2\n", before=before), path=WAY.variables, stack=SHOP)
    mine = replace(
        mine, replicas={"web": mine.replicas["agents-api"]}, meant={WAY: {"web": mine.meant[WAY]["agents-api"]}},
        written={WAY: {"web": replace(mine.written[WAY]["agents-api"], image=image)}},
    )  # fmt: skip
    found = diagnose(shop(ill="ZeroDivisionError: division by zero", envs={WEB_ENV: mine}))
    assert [one.procedure for one in found.fitting] == fits


def test_two_routes_of_a_service_are_told_apart() -> None:
    """A proxy that asks for another path than users do: what the service answers to theirs says nothing."""
    other = Ways({"web": Answer((80,), 404, "no such path"), "admin": Answer((80,), 200, "fine", True)}, None)
    assert diagnose(shop(ways=other)).seen.ill == ()
    failing = shop(ways=other, probes=(probe("web", 502), probe("admin", 200)))
    assert diagnose(failing).seen.ill == ("web",)


# -- readiness ----------------------------------------------------------------------------------------------------------


def running(now: StackState) -> mark.State:
    """What runs, as a mark would enter it."""
    services = tuple(
        Deployed(name, (one.container,), WAY, [], one.releases, [])
        for name, one in ((one.service, one) for one in now.every(Pulled)) if one.container
    )  # fmt: skip
    helds = {path: replace(now.looks[f"env {path}"], stack=now.stack, path=path) for path in (WEB_ENV, DB_ENV)}
    files = {path: env_keeping.running(held) for path, held in helds.items()}
    return mark.State(
        stack=now.stack, head=None, services=services, images={}, ledger=[], files=files, holder=None
    )  # fmt: skip


def ready(now: StackState, **targets: Any) -> tuple[dict[str, Any], Any]:
    """Its rows by name, and the plan."""
    states = {**now.looks, "image web": image_state(stack=SHOP), "image worker": SILENT, "release": SILENT}
    state = readiness.State(now.stack, now, states, running(now), SILENT, SILENT, SILENT, now.probes)
    target = readiness.Target({**{part.label: SILENT for part, _ in registry.of_readiness(now.stack)}, **targets})
    made = trials(state, target, incident="i1")
    found = report(state, target, made, {}, Restored({}))
    return {row.name: row for row in found.rows}, made


def test_rows_that_need_git_are_left_out_with_a_reason() -> None:
    rows, _ = ready(shop())
    assert (rows["code"].level, rows["code"].found) == (
        "green", "left out, with build and releases: the stack has no tree, so git tells nothing here",
    )  # fmt: skip
    assert not {"build", "releases", "drift"} & rows.keys()
    in_git = shop(SHOP.model_copy(update={"tree": "/opt/shop"}))
    assert "the stack names no service that is built here" in ready(in_git)[0]["code"].found


def test_each_service_and_each_file_has_its_row() -> None:
    rows, _ = ready(shop())
    assert {"image web", "image worker", f"env {WEB_ENV}", f"env {DB_ENV}"} <= rows.keys()
    assert (rows["image web"].level, rows["image worker"].level) == ("amber", "red")  # of web, others could be named


def test_what_runs_is_kept_by_its_image_and_each_env_file_by_its_path() -> None:
    _, made = ready(shop())
    lines = [str(command) for command in made.remember.commands]
    assert f"docker tag {digest('1')} rollback/shop/worker:{'1' * 12}" in lines
    assert [line for line in lines if '"service": "web", "commit": "", "healthy": true' in line]
    kept = {line.split("/kept/")[1].split("/")[0] for line in lines if "/kept/" in line and line.startswith("cp ")}
    assert kept == {"env=opt=shop=web.env", "env=opt=shop=db.env"}


def test_a_redeploy_without_a_tree_has_its_row() -> None:
    as_it_is = redeploy.Target("/opt/shop", None, "why", (), (), 0)
    rows, _ = ready(shop(), redeploy=as_it_is)
    assert rows["redeploy"].found == "the files in /opt/shop could be deployed, there is room to build it"


def test_a_service_that_is_built_here_is_no_image_of_the_registry() -> None:
    """Both sections may name the same compose files: what is built is known by its service."""
    found = facts().of(Code)
    both = STACK.model_copy(update={"image": STACK.image.model_copy(update={"service": "caddy"})})
    main = found.state.services[0]
    way = replace(main.compose, files=tuple(STACK.image.files))
    of_registry = replace(found.state, services=(replace(main, replicas=(container(compose=way),)),))
    assert from_registry(of_registry)
    assert not from_registry(replace(of_registry, stack=both))


@pytest.mark.parametrize(
    ("said", "do"),
    [
        ("[Errno -2] Name or service not known", "add `connect_to: HOST:PORT`"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate", "add `ca: FILE`"),
        ("[Errno 111] Connection refused", "rollback run triage"),
    ],
)
def test_of_a_route_that_does_not_pass_it_says_what_the_stack_file_may_lack(said: str, do: str) -> None:
    rows, _ = ready(shop(probes=(replace(probe("web", 0), status=None, said=said), probe("admin", 200))))
    assert do in rows["route web"].do
