"""What a plan notes of the host: typed for its procedure, plain in a record, a list of names and words for people."""

from datetime import UTC, datetime

import pytest

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.plan.noted import Noted, Plain
from rollback_lib.plan.plan import Plan
from rollback_lib.record.state import RunState
from rollback_lib.run import outcome
from tests.builders.plans import plan, step


class Part(Noted):
    name: str
    free: bool
    aliases: tuple[str, ...] = ()


class Everything(Noted):
    count: int
    when: datetime
    branch: str | None
    parts: dict[str, tuple[Part, ...]]
    way: Compose


NOTED = Everything(
    count=2, when=datetime(2026, 1, 2, 3, 4, 5, 678, UTC), branch=None,
    parts={"my api": (Part(name="one", free=True, aliases=("a", "b")), Part(name="two", free=False)), "none": ()},
    way=Compose("/opt/x", ("/opt/x/a.yml", "/opt/x/b.yml"), None),
)  # fmt: skip


def test_what_was_noted_is_read_as_it_was_from_a_record() -> None:
    kept = Plan.from_json(plan(step(), before=NOTED.plain()).json())
    assert Everything.read(kept.before) == Everything.read(NOTED.plain()) == NOTED
    assert kept == plan(step(), before=NOTED.plain())


def without(name: str) -> Plain:
    return {key: value for key, value in NOTED.plain().items() if key != name}


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({}, "count: Field required"),
        (without("branch"), "branch: Field required"),
        ({**NOTED.plain(), "more": 1}, "more: Extra inputs are not permitted"),
        ({**NOTED.plain(), "count": "2"}, "count: Input should be a valid integer"),
        ({**NOTED.plain(), "when": "yesterday"}, "when: Input should be a valid datetime"),
        ({**NOTED.plain(), "parts": {"api": [{"name": "one"}]}}, r"parts\.api\.0\.free: Field required"),
        ({**NOTED.plain(), "way": {"directory": "/opt/x", "files": [], "flags": []}}, r"way\.flags: Unexpected keyword argument"),
    ],
)
def test_what_was_noted_in_another_way_is_refused_in_a_sentence(plain: Plain, said: str) -> None:
    whole = (
        rf"^what the plan in this record notes of the host is from another version of its procedure \({said}.*\); undo it by hand with .*$"
    )
    with pytest.raises(Refused, match=whole) as refused:
        Everything.read(plain)
    assert "\n" not in str(refused.value)


def test_what_does_not_fit_is_not_repeated() -> None:
    with pytest.raises(Refused) as refused:
        Everything.read({**NOTED.plain(), "count": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_people_read_names_and_words() -> None:
    assert Noted.shown(NOTED.plain()) == {
        "count": "2", "when": "2026-01-02T03:04:05.000678Z", "branch": "", "parts my api": "one yes a, b\ntwo no", "parts none": "",
        "way directory": "/opt/x", "way files": "/opt/x/a.yml, /opt/x/b.yml", "way project": "", "way env_files": "",
    }  # fmt: skip
    assert Noted.shown({"0": 0, "": "empty"}) == {"0": "0", "": "empty"}


def test_a_record_has_what_people_read() -> None:
    made = plan(step(), before={"file": {"content": "#abc", "owner": 0}, "inside": None})
    assert outcome.detail(made, RunState())["before"] == {"file content": "#abc", "file owner": "0", "inside": ""}
