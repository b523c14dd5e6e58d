"""The section `approval` of a stack."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.stack.model import Stack
from tests.builders.stack import content, written

ASKING = {"signers": "signers", "for": ["database", "redeploy"], "freezes": [{"since": "2026-12-20", "until": "2027-01-02"}]}


def asking(**changes: Any) -> Stack:
    return Stack.load(content(approval={**ASKING, **changes}))


def test_a_stack_in_a_record_asks_as_the_file_does(tmp_path: Path) -> None:
    stack = Stack.load(
        written(tmp_path / "stack.yaml", approval={**ASKING, "freezes": [{"since": date(2026, 12, 20), "until": date(2027, 1, 2)}]})
    )
    assert stack == asking()
    assert Stack.load(json.loads(stack.model_dump_json(exclude_unset=True))) == stack


@pytest.mark.parametrize(
    ("procedures", "day", "why"),
    [
        (["code"], "2026-12-19", ""), (["code"], "2026-12-20", "there is a freeze until 2027-01-02"),
        (["code"], "2027-01-02", "there is a freeze until 2027-01-02"), (["code"], "2027-01-03", ""),
        (["release", "database"], "2026-11-30", "the stack asks for it before database"),
    ],
)  # fmt: skip
def test_it_says_why_it_asks(procedures: list[str], day: str, why: str) -> None:
    approval = asking().approval
    assert approval
    assert approval.why(procedures, date.fromisoformat(day)) == why


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"for": [], "freezes": []}, "either `for` is expected, or `freezes`"), ({"count": 0}, "approval.count: "),
        ({"procedures": ["code"]}, "approval.procedures: this key is not known"), ({"signers": ""}, "approval.signers: "),
        ({"freezes": [{"since": "2026-12-20", "until": "2026-12-19"}]}, "until is expected to be no earlier than since"),
        ({"freezes": [{"since": "Christmas", "until": "2026-12-19"}]}, "a day such as 2026-12-20 is expected"),
        ({"freezes": [{"since": 20261220, "until": "2026-12-19"}]}, "approval.freezes.0.since: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError) as error:
        asking(**changes)
    assert said in str(error.value)


def test_a_day_that_is_none_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("stack:\n  approval: {signers: x, freezes: [{since: 2026-13-01, until: 2026-12-01}]}\n")
    with pytest.raises(ParameterError, match=r"stack\.yaml: month must be in 1\.\.12; fix that value"):
        Stack.load(file)
