"""Lines are wrapped between words, and nothing of them is lost."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.terminal.line import Line, Tone, laid_out, table

AT = datetime(2026, 11, 24, 3, 12, 4, tzinfo=UTC)
TEXTS = st.text(st.sampled_from("abc/.:'\"<>|$ \n-"), max_size=300)


def rows(line: Line, width: int | None) -> list[str]:
    return [str(row) for row in laid_out(line, width)]


@given(
    TEXTS, st.sampled_from([Tone.CODE, Tone.BAD, Tone.QUIET]), st.integers(40, 150), st.sampled_from(["", "$ ", "a long name of a row  "])
)
def test_no_word_is_broken_and_none_is_lost(text: str, tone: Tone, width: int, name: str) -> None:
    shown = rows(Line(text, tone, name=name), width)
    sign = rows(Line("", tone), None)[0].split()
    assert " ".join(shown).split() == [*sign, *name.split(), *text.split()]
    assert all(len(row) <= width or len(row.strip().removeprefix("$ ").split()) <= 2 for row in shown)


def test_a_script_keeps_its_own_indentation() -> None:
    assert rows(Line("for x; do\n    echo  two\ndone", Tone.CODE, name="$ "), 60) == ["  $ for x; do", "        echo  two", "    done"]


def test_a_command_continues_further_in_than_it_begins() -> None:
    shown = rows(Line("docker compose up --detach --no-deps", Tone.CODE, name="$ "), 32)
    assert shown == ["  $ docker compose up --detach", "      --no-deps"]


def test_an_event_is_one_line_of_a_log() -> None:
    assert rows(Line("one\ntwo", Tone.BAD, AT), None) == ["03:12:04 ✘ one two"]


def test_what_does_not_fit_beside_its_name_stands_below() -> None:
    name = "agents-api: containers recreated"
    assert rows(Line("nothing of it is lost", Tone.GOOD, name=f"{name}  "), 40) == [f"  ✔ {name}", "    nothing of it is lost"]
    assert rows(Line("yes", Tone.GOOD, name=f"{name}  "), 42) == [f"  ✔ {name}  yes"]


def test_a_table_has_its_texts_below_each_other() -> None:
    lines = table([(Tone.GOOD, "a", "x"), (Tone.QUIET, "longer", "y")])
    assert [row for line in lines for row in rows(line, 60)] == ["  ✔ a       x", "    longer  y"]
