"""`rollback init`: what it makes of a folder, and what it leaves."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from rollback_lib.cli import main
from rollback_lib.errors import ParameterError
from rollback_lib.runbook import metadata
from rollback_lib.runbook.new_folder import make
from rollback_lib.settings import HOME_VARIABLE, PROJECT, home, is_runbook_folder
from rollback_lib.stack.model import Stack


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_new_one_has_notebooks_with_their_outputs_stack_files_and_what_a_repository_needs(tmp_path: Path) -> None:
    made = make(tmp_path / "a" / "runbooks")
    found = contents(tmp_path / "a" / "runbooks")
    assert sorted(made.written) == sorted(found)
    assert (made.left, made.differing) == ([], [])
    notebooks = {name: content for name, content in found.items() if name.startswith("notebooks/")}
    assert notebooks == {f"notebooks/{file.name}": file.read_bytes() for file in (PROJECT / "notebooks").glob("*.ipynb")}
    assert {"README.md", ".gitignore", "parameters/drill.yaml", "parameters/example.yaml"} < set(found)
    assert is_runbook_folder(tmp_path / "a" / "runbooks")


def test_its_notebooks_and_stack_files_are_those_that_commands_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    make(tmp_path)
    monkeypatch.chdir(tmp_path / "parameters")
    assert home() == tmp_path
    assert metadata.notebook("code") == tmp_path / "notebooks" / "01_code.ipynb"
    assert metadata.start() == tmp_path / "notebooks" / "start.ipynb"
    assert Stack.load("example").host == "shop-1"
    assert Stack.load("drill").host == "contabo"


def test_a_notebook_that_it_lacks_is_that_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    (tmp_path / "notebooks" / "01_code.ipynb").rename(tmp_path / "notebooks" / "21_code.ipynb")
    (tmp_path / "notebooks" / "02_image.ipynb").unlink()
    (tmp_path / "notebooks" / "start.ipynb").unlink()
    assert metadata.notebook("code") == tmp_path / "notebooks" / "21_code.ipynb"
    assert metadata.notebook("image") == PROJECT / "notebooks" / "02_image.ipynb"
    assert metadata.start() == PROJECT / "notebooks" / "start.ipynb"
    assert [one.procedure for one in metadata.ours()].count("code") == 1


def test_the_example_is_right_with_all_that_is_commented_out(tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    text = (PROJECT / "parameters" / "example.yaml").read_text()
    either = re.compile(r"^ +# services: .*$", re.MULTILINE)  # instead of `service`
    whole.write_text(re.sub(r"(?m)^( +)# ", r"\1", either.sub("", text)))
    stack = Stack.load(whole)
    assert all((stack.ssh_config, stack.sudo, stack.required, stack.notify, stack.image, stack.caddyfile, stack.databases, stack.redeploy))


def test_what_exists_is_left_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "example.yaml").write_text("mine")
    (tmp_path / ".gitignore").symlink_to("nowhere")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "parameters" / "example.yaml").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert "Left as they are: .gitignore, parameters/example.yaml.\n" in capsys.readouterr().out


def test_a_second_time_writes_nothing_and_names_what_is_not_of_this_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path)
    code, env = tmp_path / "notebooks" / "01_code.ipynb", tmp_path / "notebooks" / "03_env.ipynb"
    _edit(code, lambda cell: cell | {"source": ["# older"]})
    _edit(env, lambda cell: cell | ({"outputs": []} if "outputs" in cell else {}))  # as run again: not another notebook
    (tmp_path / "notebooks" / "04_caddyfile.ipynb").write_text("no notebook")
    before = contents(tmp_path)
    assert main(["init", f"{tmp_path}/"]) == 0
    assert contents(tmp_path) == before
    said = capsys.readouterr().out
    assert f"{tmp_path} is a runbook folder already.\n" in said
    assert ": notebooks/01_code.ipynb, notebooks/04_caddyfile.ipynb.\n" in said


def _edit(file: Path, change: object) -> None:
    content = json.loads(file.read_text())
    content["cells"] = [change(cell) for cell in content["cells"]]  # type: ignore[operator]
    file.write_text(json.dumps(content))


def test_where_a_file_stands_in_the_way_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "notebooks").write_text("a list of my notebooks")
    with pytest.raises(ParameterError, match=r"notebooks is a file, and a runbook folder needs a folder there"):
        make(tmp_path)
    assert list(contents(tmp_path)) == ["notebooks"]


def test_a_place_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "/proc/runbooks"]) == 2
    assert "/proc/runbooks/README.md cannot be written" in capsys.readouterr().err


def test_options_for_a_host_are_refused_for_a_folder(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "new"), "--name", "shop"]) == 2
    assert not (tmp_path / "new").exists()


def test_records_and_keys_are_not_in_git(tmp_path: Path) -> None:
    make(tmp_path)
    for name in ("incidents/2026/x", ".lab/id_ed25519", "notebooks/.ipynb_checkpoints/x"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.check_output(["git", "-C", tmp_path, "status", "--porcelain", "-uall"], text=True)
    kept = {line[3:] for line in listed.splitlines()}
    shutil.rmtree(tmp_path / ".git")
    assert kept == set(contents(tmp_path)) - {"incidents/2026/x", ".lab/id_ed25519", "notebooks/.ipynb_checkpoints/x"}


@pytest.mark.parametrize("name", ["github-actions", "gitlab-ci"])
def test_the_examples_of_a_ci_are_yaml_whose_commands_exist(tmp_path: Path, name: str) -> None:
    make(tmp_path)
    text = (tmp_path / "ci" / f"{name}.yml").read_text()
    assert yaml.safe_load(text)
    assert 'rollback run code --stack "$STACK"' in text
    assert 'rollback run readiness --stack "$STACK" --apply --confirm "$HOST"' in text
