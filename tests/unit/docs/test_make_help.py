"""`make help` lists every target under its group; pre-commit runs what `make test` checks first."""

import re
import subprocess

import yaml

from rollback_lib.settings import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text()


def test_every_target_is_listed_under_its_group() -> None:
    said = subprocess.check_output(["make", "--no-print-directory", "help"], cwd=PROJECT, text=True)
    groups = {block.splitlines()[0]: re.findall(r"^  make (\w+) +\S", block, re.MULTILINE) for block in said.split("\n\n")}
    assert list(groups) == ["Use", "Practise", "Develop"]
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert sorted(name for names in groups.values() for name in names) == sorted(phony[1].split())


def test_pre_commit_runs_what_make_test_checks_first() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checks = next(line for line in MAKEFILE.splitlines() if "ruff check" in line).strip("\t@").replace("$(BIN)", ".venv/bin")
    assert [hook["entry"] for hook in hooks] == checks.split(" && ")
