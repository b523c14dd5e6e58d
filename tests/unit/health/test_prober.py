"""What a probe asks, and what it makes of the answer."""

from typing import Any

import pytest

from rollback_lib.health.watch import Prober, probe_once
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.route import Expect, Route
from tests.builders.server import Server, serving

TOKEN = "Bearer correct-horse-battery"


def ask(server: Server, values: dict[str, Secret] | None = None, **changes: Any) -> Any:
    route = Route(**{"name": "a", "service": "a", "url": server.url, **changes})
    (probe,) = probe_once([route], 5.0, values)
    return probe


@pytest.mark.parametrize(
    ("status", "body", "expect", "ok", "said"),
    [
        (200, "fine", {}, True, "fine"),
        (500, "broken", {}, False, "broken"),
        (204, "", {}, False, ""),
        (204, "", {"status": 204}, True, ""),
        (200, "up", {"status": 204}, False, "the status 204 is expected: up"),
        (200, "db: ok", {"body": "ok"}, True, "db: ok"),
        (200, "db: gone", {"body": "ok"}, False, "“ok” does not occur in it: db: gone"),
        (503, "db: ok", {"status": [200, 503], "body": "ok"}, True, "db: ok"),
    ],
)
def test_health_is_what_the_route_expects(status: int, body: str, expect: dict[str, Any], ok: bool, said: str) -> None:
    with serving(status, body) as server:
        probe = ask(server, expect=Expect(**expect))
    assert (probe.ok, probe.status, probe.words) == (ok, status, said)


def test_a_text_behind_what_is_kept_of_an_answer_counts() -> None:
    with serving(200, "x" * 100_000 + "ok") as server:
        assert ask(server, expect=Expect(body="ok")).ok


def test_the_query_and_the_headers_are_sent() -> None:
    with serving() as server:
        assert ask(server, {"env:TOKEN": Secret(TOKEN)}, url=f"{server.url}?full=1", headers={"Authorization": "env:TOKEN"}).ok
    ((path, headers),) = server.asked
    assert (path, headers["Authorization"], headers["User-Agent"]) == ("/health?full=1", TOKEN, "rollback-health")


def test_a_value_that_is_not_known_is_not_left_out_in_silence() -> None:
    with serving() as server:
        probe = ask(server, headers={"Authorization": "file:/etc/token"})
    assert (probe.ok, probe.status, server.asked) == (False, None, [])
    assert probe.words == "not asked: the value of a header is not known here ('file:/etc/token')"


def test_a_prober_does_not_print_what_it_sends() -> None:
    route = Route(name="a", service="a", url="http://127.0.0.1:9/", headers={"Authorization": "env:TOKEN"})
    prober = Prober(route, 1.0, {"env:TOKEN": Secret(TOKEN)})
    assert TOKEN not in repr(vars(prober))
    assert TOKEN not in repr(prober.probe())
