"""Arbitrary answers from hosts and arbitrary input from people: each is understood, or refused in a sentence, and has no other effect."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import mistune
import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import Reference
from rollback_lib.commands.psql import Postgres
from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.facts import (
    access,
    approvals,
    backups,
    caddy,
    caddy_sites,
    compose,
    copies,
    docker,
    dumps,
    files,
    fronts,
    git,
    inside_container,
    inventory,
    ledger,
    machine,
    networks,
    paths,
    postgres,
    reach,
    registry,
    releases,
    removed,
    repository,
    restores,
    schedules,
    schema,
    worktrees,
)
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.jobs import read_state, read_states
from rollback_lib.host.lock import read_taken
from rollback_lib.host.stream import LONGEST, Lines
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.common import snapshots
from rollback_lib.record.history import folder_of
from rollback_lib.record.state import RunState
from rollback_lib.report import notebook, page, postmortem
from rollback_lib.run.options import Options
from rollback_lib.secrets.redactor import HIDDEN, Redactor, clean
from rollback_lib.secrets.secret import Key
from tests.builders.plans import changing, plan
from tests.builders.recorded import OneByOne
from tests.builders.stack import STACK
from tests.builders.stored import STORED

SERVER = Postgres("voice-postgres-1", "dyniq")
WAY = Compose("/opt/x/docker", ("/opt/x/docker/docker-compose.yml",))
IMAGE = Reference.parse("localhost:5000/dyniq/agents-api:latest")
BACKUP = backups.Backup("/backup/x.sql", 10, datetime.now(UTC), backups.PLAIN, "17.1", "17.1", "x", True, "")
FACTS: dict[str, Fact[Any]] = {
    "approvals": approvals.filed("/var/lib/rollback/x"),
    "replicas": docker.replicas(STACK, "api"),
    "project": docker.project(STACK),
    "named": docker.named("x"),
    "environments": docker.image_environments({"sha256:1"}),
    "stored": docker.stored({"x:y"}),
    "space": machine.for_images("/s"),
    "image_id": docker.image_id("x"),
    "images": docker.images("x"),
    "existing": paths.existing(["/x"]),
    "missing": paths.missing(["/x"]),
    "server": postgres.server(SERVER, "postgres"),
    "outline": postgres.outline(SERVER, "x"),
    "content": postgres.content(SERVER, "x"),
    "free": postgres.free_space(SERVER),
    "client": postgres.client_version(SERVER),
    "ledger": ledger.entries("/x", restores.Restore),
    "head": git.head("/x"),
    "log": git.log("/x"),
    "reflog": git.reflog("/x"),
    "resolve": git.resolve("/x", "HEAD"),
    "changes": git.changes("/x", "a", "b"),
    "differing": git.differing("/x", "a"),
    "repository": repository.repository("/x"),
    "unseen": repository.unseen("/x"),
    "defined_at": compose.defined_at(WAY, "/opt/x", "a", ["/opt/x/.env"]),
    "diff": git.diff("/x", "a", "b"),
    "in_the_way": git.in_the_way("/x", "a", "b"),
    "history": git.file_history("/x", "f"),
    "blob": git.blob_at("/x", "HEAD", "f"),
    "at_head": git.file_at("/x", "f"),
    "blobs": git.blobs("/x", ["a" * 40], "f"),
    "backups": backups.listing("/backup/*"),
    "contents": backups.contents(BACKUP, SERVER),
    "attachments": networks.attachments(),
    "volumes": networks.volumes(),
    "live": caddy.live("c"),
    "inside": caddy.inside("c", "/f", "/f"),
    "adapted": caddy.adapted(Command.of("cat"), Command.of("caddy")),
    "validated": caddy.validated(Command.of("cat"), Command.of("caddy")),
    "file": files.file("/f"),
    "matching": files.matching("/f", "x"),
    "tags": registry.tags(IMAGE),
    "manifests": registry.manifests(IMAGE, ["a"]),
    "written": compose.written(WAY),
    "image": compose.image(WAY, "api"),
    "defined": compose.defined(WAY),
    "meant": compose.meant(WAY),
    "restores": restores.restores("/s"),
    "releases": releases.releases("/s"),
    "machine": machine.machine("/s"),
    "answer": inside_container.answer("c", STACK.routes[0], {}),
    "schemas": schema.of_backups("/backup/*", SERVER),
    "upstreams": caddy.upstreams("c"),
    "image_time": docker.image_time("x"),
    "whole_log": docker.whole_log("c", 10),
    "versions": snapshots.versions(STACK, "env", files.env_files),
    "concerned": docker.concerned(STACK, ["x"]),
    "env_file": files.env_file("/f"),
    "value": files.value("/f"),
    "entries": copies.entries("/s"),
    "named_in_jobs": copies.named("/s", "rollback/x/"),
    "kept_images": copies.images("rollback/x/"),
    "in_use": copies.in_use(),
    "held": copies.held("x"),
    "cleanups": schedules.cleanups(),
    **STORED,
    "stashes": copies.stashes("/x"),
    "removed": removed.removed("/s"),
    "reach": reach.reach(),
    "inventory": inventory.containers(),
    "schedules": schedules.schedules(),
    "dumps": dumps.dumps(["/backup"]),
    "on_host": fronts.on_host(),
    "nginx": fronts.nginx(),
    "sites": caddy_sites.sites("c"),
    "tops": worktrees.tops(["/x"]),
    "unknown": worktrees.unknown("/x", ["/x/f"]),
    "closed": paths.closed(["/x"]),
    "compose_files": paths.compose_files("/x"),
    "mounted": access.mounted([Write("/f", How.REPLACED)]),
}

anything = st.text(max_size=200)
jsonish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["Id", "Name", "State", "Config", "services", "Labels", "config", "tags", "Image"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
shaped = st.lists(st.lists(st.text(alphabet="ab01 \t\x1e\x1f\0:=@-{}[]\"'/.", max_size=12), max_size=8).map("\t".join), max_size=5).map(
    "\n".join
)
answers = st.one_of(
    anything, jsonish.map(json.dumps), st.lists(jsonish, max_size=3).map(lambda all_: "\n".join(map(json.dumps, all_))), shaped
)


ENDINGS = [*[Ending.exited(0)] * 3, Ending.exited(1), Ending.exited(127), Ending(Kind.DEADLINE, 30), Ending(Kind.SIGNAL, 9)]


class Host(OneByOne):
    """A link on which every script prints the same text, and succeeds or fails."""

    alias = "contabo"

    def __init__(self, says: str, ending: Ending) -> None:
        self._says, self._ending = says, ending

    def run(self, script: str, **_: object) -> Result:
        return Result(self._ending, self._says, self._says, 0, 0.0)


@pytest.mark.parametrize("name", FACTS)
@settings(max_examples=60, deadline=None)
@given(says=answers, ending=st.sampled_from(ENDINGS))
def test_a_host_may_say_anything(name: str, says: str, ending: Ending) -> None:
    """It is an answer, or refused in one sentence that names the host."""
    try:
        LiveHost(Host(says, ending), Redactor(), Key()).ask(FACTS[name]).result()
    except RollbackError as error:
        said = str(error)
    else:
        said = "an answer"
    assert said


@settings(max_examples=300, deadline=None)
@given(answers, answers)
def test_jobs_and_locks_may_be_anything(out: str, err: str) -> None:
    for read in (lambda: Ending.read(out), lambda: read_state(out), lambda: read_states(out), lambda: read_taken(out, err)):
        try:
            read()
        except (ValueError, LookupError, TypeError):
            continue


@given(st.one_of(anything, st.integers(), st.none(), st.booleans(), st.floats()))
def test_options_are_good_or_refused(value: object) -> None:
    for name in ("mode", "on_failure", "reason", "take_over", "revert_after", "reviewed"):
        try:
            options = Options(**{name: value})
            options.check()
        except ParameterError:
            continue
        assert options.revert_seconds >= 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
def test_no_name_of_a_record_leads_elsewhere(tmp_path: Path, name: str) -> None:
    root = tmp_path / "incidents"
    root.mkdir(exist_ok=True)
    try:
        found = folder_of(root, name)
    except ParameterError:
        return
    assert found == Path(name)  # a path that a person gave, and that holds a record


words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=30)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    argv = st.lists(words, min_size=1, max_size=3)
    command = Command.of(*draw(argv))
    if draw(st.booleans()):
        command = command.saying(draw(st.text("ab \n'$", max_size=10)))
    if draw(st.booleans()):
        command = command.pipe(*draw(argv)).to(draw(words.filter(bool)))
    return command.or_else(Command.of(*draw(argv))) if draw(st.booleans()) else command


@given(st.lists(commands(), max_size=4), words)
def test_a_plan_that_was_kept_is_the_same_plan(made: list[Command], target: str) -> None:
    one = replace(changing(), commands=tuple(made), sends="values")
    kept = plan(one, undo=(one,), target=target, cleanup=tuple(made), facts=(("a", target),), before={"x": target})
    again = Plan.from_json(kept.json())
    assert again == kept
    assert (again.hash, again.shell(), again.undo_shell()) == (kept.hash, kept.shell(), kept.undo_shell())


def streamed(chunks: list[bytes], *secrets: str) -> str:
    """What a run that knows these secrets shows and keeps of a stream."""
    shown: list[str] = []
    redactor = Redactor()
    redactor.protect(secrets)
    cleaner = redactor.stream()

    def line(text: str, _: int) -> None:
        cleaned = cleaner.line(text)
        if cleaned is not None:
            shown.append(cleaned[:LONGEST])

    reader = Lines(line, lambda _: None)
    for chunk in chunks:
        reader.feed(chunk)
    reader.end()
    return "\n".join(shown)


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    places = sorted({one % (len(data) + 1) for one in at})
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        yield data[start:end]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    st.text("abcdefghXYZ0123456789+/=", min_size=10, max_size=60), st.lists(st.integers(min_value=0), max_size=6),
    st.sampled_from(["{}", "x {} y", "url postgres://u:{}@h/d", "{{\"k\": \"{}\"}}", "\x1b[31m{}\x1b[0m", "10%\r{}", "é{}"]),
    st.one_of(st.just(0), st.integers(LONGEST - 80, LONGEST + 10)),
)  # fmt: skip
def test_no_chunk_and_no_cut_lets_a_secret_through(secret: str, at: list[int], frame: str, before: int) -> None:
    said = streamed(list(cut(("." * before + frame.format(secret) + "\nnext\n").encode(), at)), secret)
    assert secret not in said
    assert said.endswith("next")


@settings(deadline=None)
@given(st.lists(st.text("abcXYZ0189+/=", min_size=20, max_size=64), min_size=1, max_size=8), st.lists(st.integers(min_value=0), max_size=9))
def test_no_line_of_a_private_key_is_let_through(lines: list[str], at: list[int]) -> None:
    key = "\n".join(["first", "-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", "last", ""])
    said = streamed(list(cut(key.encode(), at)))
    assert said == f"first\n{HIDDEN}\nlast"


def test_lines_of_a_protected_value_are_hidden_one_by_one() -> None:
    said = streamed([b"a first-line-of-it\nsecond-li", b"ne-of-it b\n"], "first-line-of-it\nsecond-line-of-it")
    assert said == f"a {HIDDEN}\n{HIDDEN} b"


@given(st.text(max_size=300))
def test_nothing_that_acts_on_a_terminal_is_left(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean(text))


class Tags(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"@{name}" for name, _ in attrs)}


ELEMENTS = (
    "html head meta title style body header main b br small h1 h2 ul li p pre table tr th td details summary svg text path rect line code"
)
ATTRIBUTES = (
    "lang charset name content http-equiv xmlns viewbox width style role aria-label x y x1 x2 y1 y2 d stroke stroke-width stroke-dasharray "
    "font-family "
    "opacity fill font-size text-anchor height class"
)
ALLOWED = {*ELEMENTS.split(), "div", "@tabindex", *(f"@{name}" for name in ATTRIBUTES.split())}
hostile = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</pre></table><svg onload=alert(1)>", "javascript:alert(1)"]
    ),
    st.sampled_from(
        ["![x](http://evil.example/x.png)", "[x](http://evil.example)", "![x][1]\n[1]: http://evil.example", "<http://evil.example>",
         "see http://evil.example/x", "www.evil.example", "a | ![](//evil.example) | b", "\\![x](http://evil.example)", "`x` **b** ~~c~~"]
    ),
)  # fmt: skip
# What a draft is made of: nothing that leads elsewhere, or that a viewer fetches.
PARTS = "h1 h2 p ul li table thead tbody tr th td em strong input blockquote code @type @disabled @class"
DRAFT = set(PARTS.split())
rendered = mistune.create_markdown(escape=False, plugins=["table", "url", "task_lists", "strikethrough"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=hostile, route=hostile, step=hostile, command=hostile)
def test_nothing_in_a_record_becomes_part_of_its_page(tmp_path: Path, said: str, route: str, step: str, command: str) -> None:
    at = "2026-11-23T12:00:00.000+00:00"
    events = [
        {"at": at, "event": "open", "who": said, "mode": said},
        {"at": at, "event": "step-begin", "step": step, "job": step, "plan": "x", "touches": True, "commands": [command]},
        {"at": at, "event": "probe", "route": route, "ok": False, "status": 500, "ms": 3, "said": said},
        {"at": at, "event": "step-end", "step": step, "job": step, "plan": "x", "status": 0, "last_lines": [said]},
        {"at": at, "event": "error", "cell": step, "error": said},
    ]
    record = {
        "verdict": said, "reason": said, "because": said, "who": said, "procedure": said, "seconds": 1.0, "budget": 2.0, "next": [said],
        "steps": {step: said}, "before": {said: said}, "effects": [{"name": said, "asked": said, "found": said, "ok": False}],
    }  # fmt: skip
    (tmp_path / "plan.sh").write_bytes(command.encode(errors="replace"))
    tags = Tags()
    tags.feed(page.html(record, events, tmp_path))
    assert tags.found <= ALLOWED
    draft = postmortem.markdown(record, events, tmp_path)
    assert not re.search(r"(?<!\\)<\w", draft)
    of_draft = Tags()
    of_draft.feed(str(rendered(draft)))
    assert of_draft.found <= DRAFT
    assert RunState.of(events).done == {("x", step)}
    assert RunState.of(events).ran[0].ok


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=hostile)
def test_nothing_that_a_cell_shows_as_text_becomes_part_of_its_page(tmp_path: Path, said: str) -> None:
    shown = [
        nbformat.v4.new_output("stream", name="stdout", text=said),
        nbformat.v4.new_output("error", ename="Failed", evalue=said, traceback=[said]),
        nbformat.v4.new_output("display_data", data={"text/plain": said, "text/markdown": said}),
    ]
    file = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(said, outputs=shown)]), file)
    tags = Tags()
    tags.feed(notebook.html(file, {"verdict": said, "reason": said}))
    assert tags.found <= {*ALLOWED, "div"}
