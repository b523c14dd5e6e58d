"""Streams: bounded memory, lines and marks however the bytes are cut."""

from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.host.output import BoundedOutput
from rollback_lib.host.stream import LONGEST, MARGIN, Lines


def test_short_output_is_kept_whole() -> None:
    output = BoundedOutput(keep=10)
    output.add(b"abcdefghij")
    output.add(b"klmnopqrst")
    assert (output.text(), output.dropped) == ("abcdefghijklmnopqrst", 0)


@given(st.lists(st.binary(max_size=40), max_size=40))
def test_beginning_end_and_count_are_true(chunks: list[bytes]) -> None:
    output, whole = BoundedOutput(keep=16), b"".join(chunks)
    for chunk in chunks:
        output.add(chunk)
    kept = len(output._head) + output._tail_size
    assert output.size == len(whole)
    assert bytes(output._head) == whole[:16]
    assert whole.endswith(b"".join(output._tail))
    assert output.dropped == len(whole) - kept
    assert kept == min(len(whole), 32)


@given(st.integers(1, 7))
def test_lines_and_marks_do_not_depend_on_the_cut(size: int) -> None:
    data = b"\x1e0\nhello\nw\xc3\xb6rld\n\x1e1\n10%\r50%\r100%\nrest"
    lines: list[str] = []
    marks: list[int] = []
    reader = Lines(lambda line, _: lines.append(line), marks.append)
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
    reader.end()
    assert lines == ["hello", "wörld", "100%", "rest"]
    assert marks == [0, 1]


def test_a_line_without_end_does_not_grow() -> None:
    lines: list[tuple[str, int]] = []
    reader = Lines(lambda *line: lines.append(line), lambda number: None)
    for _ in range(10):
        reader.feed(b"x" * LONGEST)
        assert len(reader._rest) <= LONGEST + MARGIN
    reader.end()
    assert lines == [("x" * (LONGEST + MARGIN), 10 * LONGEST - LONGEST - MARGIN)]
