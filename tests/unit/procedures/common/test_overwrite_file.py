"""A file that is overwritten in place: completely or not at all, even if the disk is full."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.commands.command import Command
from rollback_lib.procedures.common import overwrite_file

content = st.binary(max_size=12)


def run(command: Command, most: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command. With `most`, no file may grow beyond so many blocks, as on a full disk."""
    limit = "" if most is None else f"trap '' XFSZ; ulimit -f {most}; "
    return subprocess.run(["sh", "-c", limit + command.shell()], capture_output=True, text=True)


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path, Path]:
    return tmp_path / "file", tmp_path / "new", tmp_path / "old"


@pytest.mark.parametrize(("old", "new"), [(b"old", b"a longer one"), (b"a longer one", b"new"), (b"", b"new"), (b"old", b""), (b"a", b"a")])
def test_it_is_the_same_file_with_the_new_content(paths: tuple[Path, Path, Path], old: bytes, new: bytes) -> None:
    file, of_new, of_old = paths
    file.write_bytes(old), of_new.write_bytes(new), of_old.write_bytes(old)
    inode = file.stat().st_ino
    assert run(overwrite_file.write(str(file), str(of_new), str(of_old))).returncode == 0
    assert (file.read_bytes(), file.stat().st_ino) == (new, inode)


def test_what_has_no_room_leaves_the_file_to_the_byte(paths: tuple[Path, Path, Path]) -> None:
    file, of_new, of_old = paths
    old, new = b"o" * 1500, b"n" * 9000
    file.write_bytes(old), of_new.write_bytes(new), of_old.write_bytes(old)
    done = run(overwrite_file.write(str(file), str(of_new), str(of_old)), most=4)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert file.read_bytes() == old


def test_a_write_that_was_cut_off_is_finished(paths: tuple[Path, Path, Path]) -> None:
    file, of_new, of_old = paths
    file.write_bytes(b"new old olonger"), of_new.write_bytes(b"new new is longer"), of_old.write_bytes(b"old old o")
    assert run(overwrite_file.write(str(file), str(of_new), str(of_old))).returncode == 0
    assert file.read_bytes() == of_new.read_bytes()


@given(content, content, content)
def test_what_lies_between_is_the_same_to_the_guard_and_to_us(
    tmp_path_factory: pytest.TempPathFactory, file: bytes, old: bytes, new: bytes
) -> None:
    folder = tmp_path_factory.mktemp("guard")
    for name, one in (("file", file), ("old", old), ("new", new)):
        (folder / name).write_bytes(one)
    passed = run(overwrite_file.guard(*(str(folder / name) for name in ("file", "old", "new")))).returncode == 0
    assert passed is overwrite_file.between(file, old, new)


@given(content, content, st.integers(0, 12))
def test_whatever_a_write_leaves_that_is_cut_off_lies_between(old: bytes, new: bytes, at: int) -> None:
    grown = old + new[len(old) :][:at]
    assert overwrite_file.between(grown, old, new)
    whole = old + new[len(old) :]
    assert overwrite_file.between(new[:at] + whole[len(new[:at]) :], old, new)


@pytest.mark.parametrize("other", [b"", b"somebody's edit", b"old and more", b"nold"])
def test_what_somebody_wrote_does_not(other: bytes) -> None:
    assert not overwrite_file.between(other, b"old", b"newer")
