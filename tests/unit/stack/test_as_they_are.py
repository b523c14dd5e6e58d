"""What a stack may lack, and what it may have several of."""

from typing import Any

import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.procedures import code, env, image
from rollback_lib.stack.model import Stack
from tests.builders.stack import bare

ROUTE = {"name": "web", "service": "web", "url": "http://shop.example/"}


def route(**changes: Any) -> Stack:
    return bare(routes=[{**ROUTE, **changes}])


def test_a_directory_and_a_route_are_enough() -> None:
    stack = bare()
    assert (stack.main, stack.env_files, stack.in_tree("/opt/shop/Caddyfile")) == ("web", ["/opt/shop/.env"], None)
    with pytest.raises(ParameterError, match="the stack shop has no tree"):
        _ = stack.work_tree
    with pytest.raises(ParameterError, match="no section 'code'"):
        code.check(stack)


def test_what_is_built_is_built_from_a_tree() -> None:
    with pytest.raises(ParameterError, match="stack: stack: code: a tree is expected beside it"):
        bare(code={"service": "web"})


def test_a_path_as_git_has_it() -> None:
    stack = bare(tree="/opt/shop", caddyfile={"service": "caddy", "file": "/etc/caddy/Caddyfile"})
    assert (stack.in_tree("/opt/shop/a/b"), stack.in_tree("/opt/shop"), stack.in_tree("/opt/shopping/a")) == ("a/b", None, None)


def test_the_main_service_is_built_here_or_pulled_or_has_a_route() -> None:
    pulled = {"services": ["api", "worker"], "files": ["/opt/shop/compose.yaml"]}
    assert bare(image=pulled).main == "api"
    assert bare(image=pulled, tree="/opt/shop", code={"services": ["site", "web"]}).main == "site"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"env": {}}, "env: either a file is expected, or a list of files, each once"),
        ({"env": {"file": "/a/b", "files": ["/c/d"]}}, "env: either a file"),
        ({"env": {"files": ["/a/b", "/a/b"]}}, "env: either a file"),
        ({"image": {"files": ["/a/b"]}}, "image: either a service is expected, or a list of services, each once"),
        ({"image": {"service": "a", "services": ["b"], "files": ["/a/b"]}}, "image: either a service"),
    ],
)
def test_one_or_several_and_not_both(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        bare(**section)


def test_one_of_several_has_to_be_named() -> None:
    several = bare(
        env={"files": ["/opt/shop/web.env", "/opt/shop/db/.env", "/opt/shop/.env"]},
        image={"services": ["web", "api"], "files": ["/opt/shop/compose.yaml"]},
    )
    with pytest.raises(ParameterError, match=r"file: the stack has several, and one has to be named: /opt/shop/web\.env, "):
        env.check(several)
    with pytest.raises(ParameterError, match=r"one of /opt/shop/web\.env, .* not '\.env': more than one of them is called so"):
        env.check(several, file=".env")
    with pytest.raises(ParameterError, match="service: one of web, api is expected, not 'db': the stack has no such one"):
        image.check(several, service="db")
    env.check(several, file="web.env")
    env.check(several, file="/opt/shop/.env")
    image.check(several, service="api")


def test_versions_of_several_env_files_are_kept_apart() -> None:
    one, several = bare(env={"file": "/opt/shop/.env"}), bare(env={"files": ["/opt/shop/.env", "/opt/shop/web.env"]})
    assert env.kept(one, "/opt/shop/.env") == "env"
    assert {env.kept(several, path) for path in several.env.paths} == {"env=opt=shop=.env", "env=opt=shop=web.env"}


@pytest.mark.parametrize("url", ["https://x/health?full=1&of=db", "http://x:8080?a=%20b", "http://x/"])
def test_an_address_may_have_a_query(url: str) -> None:
    assert route(url=url).routes[0].url == url


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "https://x/?a='b'"}, "url: an http or https address without user, password or fragment is expected"),
        ({"url": "https://x/#top"}, "url: an http"),
        ({"expect": {"status": 42}}, "routes.0.expect.status: an http status from 100 to 599 is expected, or a list of such"),
        ({"expect": {"status": []}}, "routes.0.expect.status: an http status"),
        ({"expect": {"status": ["204"]}}, "routes.0.expect.status: an http status"),
        ({"expect": {"words": "ok"}}, "expect.words: this key is not known"),
        ({"headers": {"Authorization": "Bearer hunter2hunter2"}}, "headers.Authorization: a text that matches"),
        ({"headers": {"A b": "env:TOKEN"}}, "headers.A b"),
        ({"headers": {"host": "env:TOKEN"}}, "headers: each header once is expected, and no host"),
        ({"headers": {"X-A": "env:A", "x-a": "env:B"}}, "headers: each header once"),
    ],
)
def test_what_a_route_may_not_say(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        route(**changes)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("expect", "status", "body", "objection"),
    [
        ({}, 200, "x", ""), ({}, 204, "", "the status 200 is expected"), ({"status": 204}, 204, "", ""),
        ({"status": 204}, 200, "", "the status 204 is expected"), ({"status": [200, 204]}, 204, "", ""),
        ({"status": [200, 204]}, 500, "", "the status 200 or 204 is expected"),
        ({"body": '"ok"'}, 200, '{"db": "ok"}', ""), ({"body": "ok"}, 200, "all is bad", "“ok” does not occur in it"),
    ],
)  # fmt: skip
def test_what_is_expected_of_an_answer(expect: dict[str, Any], status: int, body: str, objection: str) -> None:
    assert route(expect=expect).routes[0].expect.objection(status, body) == objection
