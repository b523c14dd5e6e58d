"""What is known to be secret before a procedure has asked for anything."""

import pytest

from rollback_lib.facts import docker, files
from rollback_lib.procedures.common import known_secrets
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Secret
from tests.builders.recorded import Recorded
from tests.builders.stack import bare
from tests.unit.procedures.test_env import file

ROUTE = {"name": "web", "service": "web", "url": "http://shop.example/", "headers": {"Authorization": "env:SHOP_TOKEN"}}


def test_every_env_file_is_read_and_a_header_is_known_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "Bearer correct-horse")
    stack = bare(routes=[ROUTE], secrets=["file:/etc/shop/key"], env={"files": ["/opt/shop/a.env", "/opt/shop/b.env"]})
    asked = [files.env_file(f"/opt/shop/{name}") for name in ("a.env", "b.env", ".env")]
    host = Recorded(
        (docker.concerned(stack, []), []), (files.value("/etc/shop/key"), file("battery-staple\n")), *((one, None) for one in asked),
        otherwise=AssertionError("asked"),
    )  # fmt: skip
    values = known_secrets.known(host, stack)
    assert values == {"env:SHOP_TOKEN": Secret("Bearer correct-horse"), "file:/etc/shop/key": Secret("battery-staple")}
    assert {fact.commands for fact in host.rounds[0]} >= {fact.commands for fact in asked}
    redactor = Redactor()
    redactor.protect(known_secrets.forms(values), declared=True)
    assert redactor.hide('{"you sent": "correct-horse"}, battery-staple') == f'{{"you sent": "{HIDDEN}"}}, {HIDDEN}'
