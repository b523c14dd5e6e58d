"""Env files: cut into lines by compose's rules, and put together again, here and on a host, to the same bytes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.commands import env_file
from rollback_lib.commands.command import script
from rollback_lib.errors import Refused
from rollback_lib.procedures.common import env_edit

FILE = b"""# comment A=1
A=1
export B = two # inline
  C: three
D="one
  D2=not a variable
end" # after
E='it''s'
F
A=again
G="a \\" b"
"""


def keys(content: bytes) -> list[tuple[str, int, int]]:
    return [(one.key, one.first, one.last) for one in env_file.assignments(content)]


def test_every_assignment_is_found_with_its_lines() -> None:
    content = FILE.replace(b"E='it''s'\n", b"E='its'\n")
    assert keys(content) == [
        ("A", 2, 2), ("B", 3, 3), ("C", 4, 4), ("D", 5, 7), ("E", 8, 8), ("F", 9, 9), ("A", 10, 10), ("G", 11, 11),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "line"), [(FILE, 8), (b"A=1\nB KEY=2\n", 2), (b'A="open\nB=1\n', 1), (b"'A'=1\n", 1), (b'X=1\nA="a" b\n', 2)]
)
def test_what_cannot_be_understood_is_refused_by_its_line(content: bytes, line: int) -> None:
    with pytest.raises(Refused, match=rf"^line {line} of the env file") as caught:
        env_file.assignments(content)
    assert "open" not in str(caught.value).replace("opens", "")


def test_carriage_returns_and_a_missing_newline_belong_to_their_lines() -> None:
    assert keys(b"A=1\r\nB=2") == [("A", 1, 1), ("B", 2, 2)]


def pieces(content: bytes, changes: dict[str, list[env_edit.Piece]]) -> bytes:
    return env_edit.content(env_edit.changed("old", content, changes), {"old": content, "value": b"new", "other": b"X=1\nA=9 # kept\n"})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'A="a\\\\" # c\nB="#b"\n', [("A", 1, 1), ("B", 2, 2)]),  # a backslash that is escaped escapes nothing
        (b"A='a\\\\'\nB='#b'\n", [("A", 1, 1), ("B", 2, 2)]),
        (b"A='a\\'\nB='#b'\n", [("A", 1, 2)]),  # its quote is that of the next line
        (b'A="a\\\nb"\n', [("A", 1, 2)]),
    ],
)
def test_a_quote_is_closed_where_compose_closes_it(content: bytes, found: list[tuple[str, int, int]]) -> None:
    assert keys(content) == found


def test_the_last_assignment_is_replaced_and_all_are_removed() -> None:
    content = b"A=1\n# c\nA=2\nB=3"
    assert pieces(content, {"A": [env_edit.Lines("other", 2, 2)]}) == b"A=1\n# c\nA=9 # kept\nB=3"
    assert pieces(content, {"A": []}) == b"# c\nB=3"
    assert pieces(content, {"B": [env_edit.Value("B", "value")]}) == b"A=1\n# c\nA=2\nB='new'\n"
    assert pieces(content, {"C": [env_edit.Value("C", "value")], "A": []}) == b"# c\nB=3\nC='new'\n"
    assert pieces(b"", {"C": [env_edit.Text("C=1\n")]}) == b"C=1\n"
    assert pieces(content, {}) == content


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@given(TEXT, st.text("A=#'\"\\ \n\r:$x", max_size=60))
def test_the_host_makes_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, value: str, old: str) -> None:
    """The commands of an edit, run by a real shell with real files, against the bytes that were proven."""
    folder = tmp_path_factory.mktemp("edit")
    files = {str(folder / "old"): old.encode(), str(folder / "value"): value.encode() or b"x"}
    for path, content in files.items():
        Path(path).write_bytes(content)
    source, other = files
    count = len(env_file.lines(old.encode()))
    made: list[env_edit.Piece] = [
        env_edit.Lines(source, 1, max(1, count)),
        env_edit.Text("\nT=1\n"),
        env_edit.Value("K", other),
        env_edit.Lines(source, 1, 1),
    ]
    into = folder / "new"
    into.touch()
    subprocess.run(["sh", "-c", script(env_edit.commands(made, str(into)))], check=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    assert into.read_bytes() == env_edit.content(made, files)
