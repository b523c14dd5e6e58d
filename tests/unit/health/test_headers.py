"""The headers of routes: refused early where their values are not there, and never quoted."""

import pytest

from rollback_lib.errors import ParameterError, Refused
from rollback_lib.health import headers
from rollback_lib.run.options import Options, check
from rollback_lib.secrets.secret import Secret
from tests.builders.stack import bare

STACK = bare(
    routes=[
        {
            "name": "web", "service": "web", "url": "http://shop.example/",
            "headers": {"Authorization": "env:SHOP_TOKEN", "X-Key": "file:/etc/shop/key"},
        }
    ]
)  # fmt: skip


def test_a_variable_that_is_not_set_is_refused_before_anything_is_contacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(ParameterError, match=r"route web: headers\.Authorization: your environment has no variable SHOP_TOKEN; export it"):
        check("triage", STACK, Options())
    monkeypatch.setenv("SHOP_TOKEN", " x1 \n")
    assert check("triage", STACK, Options()) == STACK
    assert headers.of_environment(STACK.routes) == {"env:SHOP_TOKEN": Secret("x1")}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, r"route web: headers\.X-Key: there is no file:/etc/shop/key to take the value from; put it there first"),
        ("", "is empty or of several lines"),
        ("hunter2\nX-Admin: yes", "is empty or of several lines"),
        ("hunter2\x00", "is empty or of several lines"),
    ],
)
def test_a_value_that_cannot_be_sent_is_refused_and_not_quoted(key: str | None, said: str) -> None:
    values = {"env:SHOP_TOKEN": Secret("x1"), **({} if key is None else {"file:/etc/shop/key": Secret(key)})}
    with pytest.raises(Refused, match=said) as caught:
        headers.check_values(STACK.routes, values)
    assert "hunter2" not in str(caught.value)


def test_values_go_by_the_references_of_their_headers() -> None:
    values = {"env:SHOP_TOKEN": Secret("Bearer a b"), "file:/etc/shop/key": Secret("ü")}
    headers.check_values(STACK.routes, values)
    assert headers.of_route(STACK.routes[0], values) == {b"Authorization": b"Bearer a b", b"X-Key": "ü".encode()}
