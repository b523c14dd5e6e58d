"""The checklist before a rollback, and those who are told of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.machine import Done, Machine

BAD = "/opt/dyniq-voice"


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[str]]]:
    """A webhook that keeps what is sent to it and answers with `status`. Yields its address and what was sent."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/xoxb-no-one-may-read-this", heard
    finally:
        server.shutdown()
        server.server_close()


def points(done: Done) -> dict[str, dict]:
    return {one["name"]: one for one in next(event for event in done.events if event["event"] == "checklist")["points"]}


def told(done: Done) -> list[tuple[str, str, bool]]:
    return sorted((event["to"], event["word"], event["ok"]) for event in done.events if event["event"] == "told")


def test_people_are_told_and_logs_are_kept(broken: Machine, tmp_path: Path) -> None:
    heard_by_command = tmp_path / "heard"
    command = ["sh", "-c", f"cat >>{heard_by_command}; echo >>{heard_by_command}"]
    stack = broken.edited_stack(
        lambda content: content.update(
            notify=[{"webhook": "env:CHAT"}, {"command": command}, {"webhook": "env:NOBODY"}, {"webhook": "env:DOWN"}]
        )
    )
    with webhook(200) as (address, heard), webhook(500) as (ill, _):
        env = {"CHAT": address, "DOWN": ill}
        planned = broken.rollback(stack=stack, env=env)
        assert heard == []
        assert not heard_by_command.exists()
        assert "env:NOBODY is not set" in points(planned)["people"]["answer"]
        done = broken.apply("-p", "reason=calls fail", stack=stack, env=env)
        assert done.status == 0, done.out
        begin, end = heard
    incident = done.record["incident"]
    assert begin.startswith("● code rollback of dyniq-voice on contabo")
    assert "because: calls fail" in begin
    assert end.startswith("✔ code rollback of dyniq-voice on contabo")
    assert "succeeded" in end
    words = [json.loads(line) for line in heard_by_command.read_text().splitlines() if line]
    assert [(one["kind"], one["incident"]) for one in words] == [("start", incident), ("succeeded", incident)]
    assert told(done) == [
        ("command sh", "start", True), ("command sh", "succeeded", True),
        ("webhook env:CHAT", "start", True), ("webhook env:CHAT", "succeeded", True),
        ("webhook env:DOWN", "start", False), ("webhook env:DOWN", "succeeded", False),
        ("webhook env:NOBODY", "start", False), ("webhook env:NOBODY", "succeeded", False),
    ]  # fmt: skip
    assert "xoxb" not in done.everything() + planned.everything()

    log = done.folder / "logs" / "docker-agents-api-1.txt"
    assert "STREAM_URL" in log.read_text()  # of the container that is gone
    found = points(done)
    assert "Stream answers word by word" in found["change"]["answer"]
    assert found["state"]["answered"]
    assert not found["target"]["answered"]  # deployed here before, and never verified


def test_what_is_required_and_open_refuses_before_anything_is_changed(broken: Machine) -> None:
    stack = broken.edited_stack(lambda content: content.update(required=["people", "target"]))
    before = broken.listing()
    refused = broken.apply(stack=stack)
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert "run again with checked=target,people" in refused.out
    assert broken.listing() == before
    done = broken.apply("--checked", "people,target", stack=stack)
    assert done.status == 0, done.out
    assert "vouches for it" in points(done)["people"]["answer"]

    # A target that was found bad here is refused without being required.
    bad = broken.ssh(f"git -C {BAD} rev-parse main")
    mended = broken.container()["Id"]
    refused = broken.apply("-p", f"target={bad}")
    assert refused.status == 3
    assert "found bad here" in refused.out
    assert broken.container()["Id"] == mended
    assert broken.rollback("--checked", "all").status == 2
