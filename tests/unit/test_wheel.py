"""The wheel: what is in it, and that it serves from any folder. test_wheel.py in acceptance/ has it on a practice host."""

import json
import subprocess
import zipfile
from pathlib import Path

from lab import images
from rollback_lib.settings import PROJECT
from tests.wheel import Installed

SHIPPED = "rollback_lib/shipped/"


def test_all_that_a_clone_has_for_use_travels_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        files = {name.removeprefix(SHIPPED) for name in content.namelist() if ".dist-info/" not in name}
    parts = ["rollback_lib", "lab", "notebooks", "parameters"]
    listed = subprocess.check_output(["git", "ls-files", "--cached", "--others", "--exclude-standard", *parts], cwd=PROJECT, text=True)
    assert files == {name for name in listed.splitlines() if (PROJECT / name).exists()}


def test_practice_hosts_are_made_from_the_same_files(installed: Installed, tmp_path: Path) -> None:
    """Hidden ones and modes, too, and not what pip compiles beside them."""
    assert list(installed.site_packages.glob("lab/seed/history/**/__pycache__"))
    ask = "import lab, lab.images; print(lab.__file__, lab.images.content_hash())"
    file, digest = subprocess.check_output([installed.python, "-c", ask], cwd=tmp_path, text=True).split()
    assert Path(file).is_relative_to(installed.folder)
    assert digest == images.content_hash()


def test_a_new_runbook_folder_serves(installed: Installed, tmp_path: Path) -> None:
    """As far as it does without a host: nothing listens where this one should be."""
    assert installed.rollback("init", "./mine", cwd=tmp_path).returncode == 0
    folder = tmp_path / "mine"
    review = installed.rollback("review", "--json", cwd=folder / "notebooks")
    assert [row["notebook"] for row in json.loads(review.stdout)] == sorted(file.stem for file in folder.glob("notebooks/[0-9]*.ipynb"))
    (folder / "ssh_config").write_text("Host shop-1\n  HostName 127.0.0.1\n  Port 1\n")
    example = (folder / "parameters" / "example.yaml").read_text()
    (folder / "parameters" / "mine.yaml").write_text(example.replace("# ssh_config: ", "ssh_config: "))
    run = installed.rollback("run", "code", "--stack", "mine", cwd=folder / "parameters")
    assert run.returncode == 3, run.stdout + run.stderr
    assert "shop-1" in run.stdout
    (record,) = folder.glob("incidents/[0-9]*/*/*/*/record.json")
    assert json.loads(record.read_text())["verdict"] == "refused"
    kernel = json.loads((record.parent / "notebook.ipynb").read_text())
    assert [cell for cell in kernel["cells"] if cell["cell_type"] == "code" and cell["execution_count"]]


def test_where_no_runbook_folder_is_one_sentence_says_so(installed: Installed, tmp_path: Path) -> None:
    for words in (["run", "code", "--stack", "mine"], ["incidents", "list"], ["review"], ["docs"], ["lab", "status"], ["drill", "code"]):
        done = installed.rollback(*words, cwd=tmp_path)
        assert done.returncode == 2, words
        said = "rollback: there is no runbook folder here; `rollback init` makes one, and ROLLBACK_HOME names one elsewhere\n"
        assert done.stderr == said, words
    assert list(tmp_path.iterdir()) == []


def test_what_only_a_clone_can_do_says_so(installed: Installed, tmp_path: Path) -> None:
    done = installed.rollback("lab", "record", "code", cwd=tmp_path)
    assert (done.returncode, "of a clone of this project" in done.stderr) == (2, True)


def test_the_pages_of_a_runbook_folder_are_written_there(installed: Installed, tmp_path: Path) -> None:
    assert installed.rollback("init", cwd=tmp_path).returncode == 0
    done = installed.rollback("docs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "](../notebooks/01_code.ipynb)" in (tmp_path / "docs" / "rollback-procedures.md").read_text()
