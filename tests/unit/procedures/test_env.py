"""The env procedure: facts in, plan out; what it hides."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import compose, docker, files, secret_values
from rollback_lib.facts.compose import Meant, Written
from rollback_lib.procedures import env
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.env.noted import After, Before
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key, Secret
from tests.builders import containers
from tests.builders.containers import WAY
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
FILE = STACK.env.file


def file(content: str, path: str = FILE) -> files.File:
    return files.File(path, path, "regular file", "600", 0, 0, 7, NOW, Secret(content))


def version(name: str, content: str, hours: int = 1, verdict: str = "") -> snapshots.Version:
    return snapshots.Version(name, NOW - timedelta(hours=hours), verdict, "kept by a run", file(content, f"/kept/{name}"))


def container(service: str, **environment: str) -> docker.Container:
    held = {"PATH": Secret("/bin"), **{key: Secret(value) for key, value in environment.items()}}
    return containers.container(service, image="sha256:1", environment=held)


def meant(**environment: str) -> Meant:
    return Meant({key: Secret(value) for key, value in environment.items()}, Secret("{}"))


def written(*files: str) -> Written:
    return Written("image", files, Secret(json.dumps({"env_file": files, "environment": {}})))


def state(**changes: object) -> env.State:
    known = {
        "stack": STACK, "path": FILE, "file": file("A=2\nB=x\n"), "versions": [version("one", "A=1\nB=x\n")],
        "replicas": {"api": [container("api", A="2", B="x")], "other": [container("other")]}, "defined": {WAY: {}},
        "images": {"sha256:1": {"PATH": Secret("/bin")}},
        "written": {WAY: {"api": written(FILE), "other": written()}},
        "meant": {WAY: {"api": meant(A="2", B="x"), "other": meant()}}, "lines": [], "key": Key(),
    }  # fmt: skip
    if "containers" in changes:
        changes["replicas"] = {name: [one] for name, one in changes.pop("containers").items()}
    return env.State(**{**known, **changes})


def examine(now: env.State, understood: object, target: str = "", **options: str) -> env.Target:
    """Examine a target. Compose answers every question with `understood`."""
    return env.examine(Recorded(otherwise=understood), now, target, **options)


AFTER = {"api": meant(A="1", B="x"), "other": meant()}


def test_only_the_services_that_read_the_file_are_made_anew() -> None:
    now = state()
    made = env.plan(now, examine(now, AFTER), incident="i1")
    assert now.readers == ["api"]
    assert str(made.recreate.commands[0]).endswith("--force-recreate api")
    assert [(step.name, bool(step.skip)) for step in made.steps] == [
        ("keep", False), ("send", True), ("put", False), ("recreate", False), ("remember", False),
    ]  # fmt: skip


def test_a_stopped_reader_stays_stopped_and_a_crashed_one_is_made_anew() -> None:
    for exit_status, services in ((0, []), (137, []), (1, ["api"])):
        stopped = docker.Container(**{**vars(container("api", A="2", B="x")), "state": "exited", "exit": exit_status})
        now = state(containers={"api": stopped})
        made = env.plan(now, examine(now, AFTER), incident="i1")
        assert list(After.read(made.after).services) == list(Before.read(made.before).services) == services


def test_the_newest_healthy_version_is_chosen_and_bad_or_unclear_ones_never() -> None:
    bad, unclear, plain = version("bad-x", "A=3\n", 1, "bad (x)"), version("unclear", "A B=3\n", 2), version("plain", "A=4\n", 3)
    healthy = version("healthy-y", "A=5\n", 9, "healthy here")
    assert env.choose(state(versions=[bad, unclear, plain]), "")[0] is plain
    assert env.choose(state(versions=[bad, unclear, plain, healthy]), "")[0] is healthy
    assert env.choose(state(versions=[bad, unclear]), "bad-x")[0] is bad
    with pytest.raises(TargetRefused, match="no other version"):
        env.choose(state(versions=[bad, unclear]), "")


def test_a_version_kept_twice_is_listed_once_and_found_by_both_names() -> None:
    now = state(versions=[version("beside", "A=1\n"), version("healthy-z", "A=1\n", 5, "healthy here")])
    assert [row.version.name for row in env.candidates(now)] == ["healthy-z"]
    assert env.choose(now, "beside")[0].name == "beside"


def test_candidates_name_variables_and_no_values() -> None:
    (row,) = env.candidates(state(versions=[version("v", "A=secret-1\nC=secret-2\n")]))
    assert (row.changed, row.added, row.removed) == (("A",), ("C",), ("B",))
    assert "secret" not in repr(row)


def test_changes_that_nobody_asked_for_are_told_from_those_that_were() -> None:
    now = state()
    made = examine(now, {"api": meant(A="1", B="y"), "other": meant()}, target="one", keys="A")
    assert {one.key: one.asked for one in made.differences} == {"A": True, "B": False}
    assert "also understand B differently" in " ".join(env.plan(now, made, incident="i1").notes)


def test_what_compose_cannot_read_is_refused_by_the_line_alone() -> None:
    said = 'failed to read /opt/x/.env: line 12: unexpected character "h" in variable name "hunter2 secret"'
    assert compose.unreadable(said) == compose.Unreadable("line 12")
    with pytest.raises(TargetRefused, match=r"compose cannot read the file as it would be \(line 12\)"):
        examine(state(), compose.unreadable(said))
    assert compose.unreadable("something hunter2") == compose.Unreadable("a line it does not name")


def test_a_value_that_compose_would_not_hand_on_to_the_letter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_VALUE", "wanted")
    with pytest.raises(TargetRefused, match="the value of A exactly"):
        examine(state(), {"api": meant(A="other"), "other": meant()}, assign="A=env:MY_VALUE")


def test_a_sent_value_is_in_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_VALUE", "sent-value")
    now = state()
    made = env.plan(now, examine(now, {"api": meant(A="sent-value", B="x"), "other": meant()}, assign="A=env:MY_VALUE"), incident="i1")
    assert made.send.send.reveal() == b"sent-value"
    assert "sent-value" not in made.shell() + made.undo_shell() + repr(made)
    assert "It reads the new values of A" in made.shell()


def test_a_missing_file_needs_a_whole_version() -> None:
    with pytest.raises(Refused, match="is missing on the host; restore a whole version"):
        examine(state(file=None), AFTER, target="one", keys="A")
    made = env.plan(state(file=None), examine(state(file=None), AFTER, target="one"), incident="i1")
    assert After.read(made.after).file.rights == "600 0:0"


@pytest.mark.parametrize(
    "parameters",
    [
        {"target": 1}, {"target": "a b"}, {"target": "../x"}, {"keys": "A;B"}, {"remove": "A B"}, {"assign": "A=plain"},
        {"assign": "A=env:"},
        {"assign": "A=file:relative"}, {"assign": "A=file:/x;y"}, {"assign": "A=env:NOT_SET_ANYWHERE"}, {"keys": "A", "remove": "A"},
    ],
)  # fmt: skip
def test_bad_parameters_are_refused(parameters: dict) -> None:
    with pytest.raises(ParameterError) as caught:
        env.check(STACK, **parameters)
    assert "plain" not in str(caught.value)


def test_values_are_hidden_in_every_form_and_words_of_the_stack_are_not() -> None:
    content = (
        'A="q u o t e d"\nB=postgresql://u:pass-in-url@h/d\nC=pa$dollar1\nD="line one\nline two"\n# E=commented-1\nF=agents-api\nG=true\n'
    )
    redactor = Redactor(STACK.model_dump_json())
    redactor.protect(secret_values.in_env_file(Secret(content)))
    redactor.protect(secret_values.in_environment({"H": Secret("from-a-container")}))
    text = "q u o t e d|pass-in-url|dollar1|line two|commented-1|from-a-container|agents-api|true|/opt/dyniq-voice"
    assert redactor.clean(text).split("|") == [HIDDEN] * 6 + ["agents-api", "true", "/opt/dyniq-voice"]
