"""What is found in files of a host: schedules, dumps, work trees. This machine stands for it, with folders of the test's own."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from rollback_lib.facts import dumps, schedules, worktrees
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.live import LiveHost
from rollback_lib.facts.schedules import Dump
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from tests.builders.recorded import Here


def ask(fact: Fact[Any]) -> Any:
    return LiveHost(Here(), Redactor(), Key()).ask(fact).result()  # type: ignore[arg-type]


def below(root: Path, fact: Fact[Any]) -> Fact[Any]:
    """The same, with a folder in the place of the root of the host's files."""
    words = (word.replace(" /etc/", f" {root}/etc/").replace(" /var/", f" {root}/var/") for word in fact.commands[0].argv)
    return replace(fact, commands=(replace(fact.commands[0], argv=tuple(words)),))


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_crontabs_and_timers_and_the_scripts_they_run(tmp_path: Path) -> None:
    script = write(
        tmp_path / "dump.sh", '#!/bin/sh\nDIR="/srv/dumps"\nexport PGPASSWORD=secret\npg_dump shop >"$DIR/shop.sql"\n# pg_dump old\n'
    )
    line = "0 3 * * * root pg_dump blog >/backup/blog.sql"
    table = write(tmp_path / "etc/cron.d/own", f"# by hand: pg_dump\n{line}\n0 4 * * * root {script} --all\n")
    timer = write(tmp_path / "etc/systemd/system/dump.timer", "[Timer]\nOnCalendar=daily\nUnit=real.service\n")
    write(tmp_path / "etc/systemd/system/real.service", f"[Service]\nExecStart=/bin/sh -c '{script}'\n")
    found = ask(below(tmp_path, schedules.schedules()))
    of_script = 'pg_dump shop >"$DIR/shop.sql"'
    assert [one for one in found.dumps if str(tmp_path) in one.by] == [
        Dump(str(table), str(table), line, ()),
        Dump(str(table), str(script), of_script, (("DIR", "/srv/dumps"),)),
        Dump(str(timer), str(script), of_script, (("DIR", "/srv/dumps"),)),
    ]


def test_dumps_newest_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new.sql.gz", "sub/older.dump", "folder/toc.dat", "folder/1.dat", "notes.txt"]):
        file = write(tmp_path / name, "x")
        os.utime(file, (1_700_000_000 - age, 1_700_000_000 - age))
    write(tmp_path / "empty.sql", "")
    found = [path for path in ask(dumps.dumps([str(tmp_path)])).paths if path.startswith(str(tmp_path))]
    assert found == [f"{tmp_path}/new.sql.gz", f"{tmp_path}/sub/older.dump", f"{tmp_path}/folder"]


def test_work_trees_as_they_are_called_here(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "docker/inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "none").mkdir()
    subprocess.run(["git", "init", "-q", real], check=True)
    tree = f"{tmp_path}/link"
    folders = [tree, f"{tree}/docker", f"{tree}/docker/inner", f"{tmp_path}/none", f"{tmp_path}/nowhere"]
    assert ask(worktrees.tops(folders)) == dict.fromkeys(folders[:3], tree)


def test_files_that_git_does_not_know(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    known, unknown = write(tmp_path / "a", ""), write(tmp_path / ".env", "")
    subprocess.run(["git", "-C", tmp_path, "add", "a"], check=True)
    assert ask(worktrees.unknown(str(tmp_path), [str(known), str(unknown), f"{tmp_path}/gone"])) == [str(unknown)]
