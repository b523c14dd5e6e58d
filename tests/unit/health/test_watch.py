"""When health counts."""

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rollback_lib.health.probe import Probe, passes_in_a_row
from rollback_lib.health.watch import Watch
from rollback_lib.stack.route import Health, Route

START = datetime(2026, 1, 1, tzinfo=UTC)


def probe(second: float, ok: bool, route: str = "a") -> Probe:
    return Probe(route, START + timedelta(seconds=second), ok, 200 if ok else 500, 0.01, "")


@pytest.mark.parametrize(
    ("results", "wanted", "healthy"),
    [([True] * 3, 3, True), ([True] * 2, 3, False), ([False, True, True, True], 3, True), ([True, True, False], 1, False), ([], 1, False)],
)
def test_passes_in_a_row(results: list[bool], wanted: int, healthy: bool) -> None:
    assert passes_in_a_row(results, wanted) is healthy


def test_a_probe_without_answer_among_answered_ones_does_not_pass() -> None:
    begun = [(START, probe(0, True)), (START, None), (START, probe(2, True)), (START, None)]
    assert Watch._results(begun, START) == [True, False, True]


def test_a_probe_that_waits_for_its_answer_when_the_watch_ends_is_no_failure() -> None:
    """Three pass, which is health; the fourth is sent just before the watch ends."""
    sent, fourth, ended = [], threading.Event(), threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.append(self.path)
            if len(sent) > 3:
                fourth.set()
                ended.wait(10)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        route = Route(name="a", url=f"http://127.0.0.1:{server.server_port}/", service="a")
        watch = Watch([route], Health(passes=3, every=0.05), lambda _: None).start()
        try:
            assert watch.until_healthy(START)
            assert fourth.wait(10)
            watch.stop()
            assert [one.ok for one in watch.probes] == [True] * 3
        finally:
            ended.set()
            server.shutdown()
