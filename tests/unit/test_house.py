"""Rules for the whole project: imports go down only, dependencies agree, files and functions are small, parameters are documented."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from papermill import inspect_notebook

from rollback_lib.settings import PROJECT

PACKAGE = PROJECT / "rollback_lib"
# The rooms by level, from the bottom up. A room may import from its own level and those below.
LEVELS = [
    {"errors", "settings"},
    {"secrets", "text"},
    {"commands"},
    {"plan", "stack"},
    {"health", "host"},
    {"facts"},
    {"record"},
    {"archive", "discovery", "following", "procedures", "report", "runbook"},
    {"fleet", "run"},
    {"notebook", "headless", "jupyterlab", "terminal"},
    {"airflow", "cli"},
]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", [f for f in PACKAGE.rglob("*.py") if f.parent != PACKAGE or f.name != "__init__.py"], ids=str)
def test_imports_go_down_only(file: Path) -> None:
    room = room_of(file)
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names] if isinstance(node, ast.Import) else []
        for name in filter(None, names):
            if name.startswith("rollback_lib."):
                other = name.split(".")[1]
                assert level(other) <= level(room), f"{file}: {room} imports {other}"
            if name.split(".")[0] == "lab":
                assert room == "cli", f"{file} imports the practice host"


def test_only_its_own_room_imports_airflow() -> None:
    """All else works where it is not installed. Nothing imports that room."""
    importing = re.compile(r"^\s*(?:from|import) (?:airflow|rollback_lib\.airflow)\b", re.MULTILINE)
    assert {room_of(file) for file in PACKAGE.rglob("*.py") if importing.search(file.read_text())} == {"airflow"}


def test_what_airflow_imports_of_this_package_needs_little() -> None:
    """Airflow's environment has neither paramiko nor papermill; a fleet is planned and shown there."""
    names = ("paramiko", "papermill", "httpx", "IPython", "jupyterlab")
    loaded = f"import sys, rollback_lib.fleet.page, rollback_lib.fleet.command; print([one for one in {names} if one in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True, cwd=PROJECT).strip() == "[]"


def test_only_what_is_of_a_clone_knows_where_that_is() -> None:
    """All else asks for the runbook folder, or for what the package brings, so that it also works from a wheel."""
    files = [*PACKAGE.rglob("*.py"), *(PROJECT / "lab").glob("*.py")]
    assert {file.name for file in files if re.search(r"\bPROJECT\b", file.read_text())} == {"settings.py", "reference.py"}


def test_times_are_worded_in_one_place() -> None:
    """Only `text/times.py` formats points in time and numbers of seconds."""
    spelled = re.compile(r"\{[^{}]+:(%[YHd]|[.\d]*[fg]\} s\b)")
    found = {file.name for file in PACKAGE.rglob("*.py") if spelled.search(file.read_text())}
    assert found <= {"times.py", "folder.py"}, "folder.py names the folder of a record after the moment"


@pytest.mark.parametrize("folder", ["rollback_lib", "lab", "bench", "tests"])
def test_files_and_functions_are_small(folder: str) -> None:
    """Files have at most 400 lines, functions at most 50. Tests may be longer functions."""
    files = [file for file in (PROJECT / folder).rglob("*.py") if "seed" not in file.parts]
    assert [str(file) for file in files if len(file.read_text().splitlines()) > 400] == []
    long = [
        f"{file}: {node.name}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 50 and not node.name.startswith("test_")
    ]
    assert long == []


def test_conda_and_pip_have_the_same_packages() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    assert {one for one in conda if isinstance(one, str)} - {"pip"} == {*project["dependencies"], f"python{project['requires-python']}"}


def test_every_dependency_says_why_it_is_here() -> None:
    lines = (PROJECT / "pyproject.toml").read_text().splitlines()
    for line in lines:
        if re.match(r'\s+"[\w-]+[><=]', line):
            assert re.search(r"# \w+", line), line


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_papermill_lists_every_parameter_with_its_meaning(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    cell = next(cell for cell in json.loads(file.read_text())["cells"] if "parameters" in cell["metadata"].get("tags", ()))
    known = inspect_notebook(str(file))
    assert list(known) == re.findall(r"^(\w+):", "".join(cell["source"]), re.MULTILINE)
    assert all(one["help"] for one in known.values())
    assert caplog.text == ""


def test_procedures_and_the_checks_of_parameters_reach_no_host() -> None:
    """They do not even load the modules that connect to hosts and routes."""
    loaded = "import sys, rollback_lib.run.options; print([name for name in ('paramiko', 'httpx', 'IPython') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True, cwd=PROJECT).strip() == "[]"


def test_the_public_names_of_commands_need_no_heavy_import() -> None:
    """`rollback --help` must be fast, so the command line imports heavy modules only when a command needs them."""
    for file in (PACKAGE / "cli").glob("*.py"):
        top = ast.parse(file.read_text()).body
        imported = {node.module for node in top if isinstance(node, ast.ImportFrom)}
        light = {"collections.abc", "contextlib", "dataclasses", "datetime", "functools", "pathlib", "typing", "rollback_lib.errors"}
        assert imported <= light, file
