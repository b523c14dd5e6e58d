"""Working copies, the folders that wait for their run, and the notebook that JupyterLab goes on saving."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollback_lib import cli
from rollback_lib.errors import ParameterError, Refused
from rollback_lib.host import lock
from rollback_lib.jupyterlab import server
from rollback_lib.notebook import start
from rollback_lib.record import manifest
from rollback_lib.record.audit import verify
from rollback_lib.record.chain import OPENED, SEALED, Chain
from rollback_lib.record.contents import WORKING_COPY
from rollback_lib.record.folder import ROOT_VARIABLE, Folder
from rollback_lib.record.history import folder_of, incidents
from rollback_lib.report.notebook import html
from rollback_lib.run import notebook_copy, sealing
from rollback_lib.runbook import working_copy
from rollback_lib.settings import PROJECT
from rollback_lib.stack.model import lasting
from tests.builders.stack import STACK_FILE

CODE = PROJECT / "notebooks" / "01_code.ipynb"
RECORD = {"procedure": "code", "stack": "dyniq-voice", "verdict": "planned", "reason": "planned only", "budget": 60.0}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    return tmp_path / "incidents"


def ran(notebook: Path, count: int, said: str = "seen") -> None:
    """Change the notebook as JupyterLab does when it saves it after the first code cell has run."""
    content = json.loads(notebook.read_text())
    cell = next(cell for cell in content["cells"] if cell["cell_type"] == "code")
    cell |= {"execution_count": count, "outputs": [{"output_type": "stream", "name": "stdout", "text": said}]}
    cell["source"] = "".join(cell["source"])
    notebook.write_text(json.dumps(content))


def test_a_working_copy_is_private_filled_in_and_nothing_was_run_in_it(tmp_path: Path) -> None:
    source = tmp_path / "01_code.ipynb"
    shutil.copy(CODE, source)
    ran(source, 3)
    copy = working_copy.copy(source, tmp_path / "copy.ipynb", {"stack": "drill", "reason": 'a "quoted" word'})
    cells = json.loads(copy.read_text())["cells"]
    assert {(str(cell["outputs"]), cell["execution_count"]) for cell in cells if cell["cell_type"] == "code"} == {("[]", None)}
    told: dict[str, str] = {}
    exec("".join(next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", ()))["source"]), told)
    assert (told["stack"], told["reason"], told["mode"]) == ("drill", 'a "quoted" word', "plan")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "seen" in source.read_text()


def test_a_copy_that_somebody_worked_in_is_left_alone(tmp_path: Path) -> None:
    made = working_copy.unused(CODE, tmp_path / "copies", {"stack": "drill"})
    made.write_text(json.dumps(json.loads(made.read_text())))  # JupyterLab lays it out in another way
    assert working_copy.unused(CODE, tmp_path / "copies", {"stack": "drill"}) == made
    ran(made, 1)
    other = working_copy.unused(CODE, tmp_path / "copies", {"stack": "drill"})
    assert (made.name, other.name) == ("01_code.ipynb", "01_code-2.ipynb")
    other.write_text('{"cells": [')  # in the midst of being saved
    assert working_copy.unused(CODE, tmp_path / "copies", {"stack": "drill"}).name == "01_code-3.ipynb"


def test_the_first_run_of_a_copy_takes_the_folder_that_was_made_with_it(root: Path) -> None:
    folder = Folder.create("code", root)
    notebook = folder.path / WORKING_COPY
    assert working_copy.made_for(notebook, "code", root) == folder.path
    assert working_copy.made_for(notebook, "env", root) is None
    assert working_copy.made_for(notebook, "code", root / "2026") is None
    assert working_copy.made_for(root / "working" / "01_code.ipynb", "code", root) is None
    assert working_copy.made_for(None, "code", root) is None
    folder.event("open")
    assert working_copy.made_for(notebook, "code", root) is None


def test_a_folder_in_which_nothing_has_run_is_no_record(root: Path) -> None:
    first = Folder.create("code", root)
    first.event("open", **RECORD)
    Chain(root).enter(OPENED, first.path, RECORD)
    waiting = Folder.create("code", root)
    working_copy.copy(CODE, waiting.path / WORKING_COPY, {"stack": "drill"})
    assert (verify(root).findings, len(incidents(root))) == ((), 1)
    with pytest.raises(ParameterError, match="there is no record"):
        folder_of(root, waiting.id)
    waiting.event("open", **RECORD)
    assert [one.words for one in verify(root).findings] == ["the record is not in the chain: it was inserted"]


@dataclass
class Kernel:
    """A kernel of JupyterLab, whose seventh cell closes the incident. `ends` are the functions that it calls at its end."""

    folder: Folder
    notebook: Path
    ends: list[Callable[[], None]]

    def saves(self, count: int, said: str) -> None:
        """Let JupyterLab save the notebook, and wait until everything that depends on that is done."""
        ran(self.notebook, count, said)
        for thread in threading.enumerate():
            if thread.name == notebook_copy.THREAD:
                thread.join(timeout=10)
                assert not thread.is_alive()


@pytest.fixture
def kernel(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    folder = Folder.create("code", root)
    notebook = working_copy.copy(CODE, folder.path / WORKING_COPY, {"stack": "drill"})
    made = Kernel(folder, notebook, [])
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    monkeypatch.setattr(notebook_copy, "_count", lambda: 7)
    monkeypatch.setattr(notebook_copy, "LOOK", 0.01)
    monkeypatch.setattr(sealing.atexit, "register", made.ends.append)
    folder.event("open", **RECORD)
    folder.write_record(RECORD)
    Chain(root).enter(OPENED, folder.path, RECORD)
    yield made
    made.saves(7, "at the end of the test")


def test_a_record_has_the_notebook_as_saved_and_lets_the_copy_go_on(root: Path, kernel: Kernel) -> None:
    """What the closing cell shows is saved after it has ended, and is in the record then; all else is sealed at once."""
    folder, notebook = kernel.folder, kernel.notebook
    ran(notebook, 6, "before the end")
    sealing.Seal(folder, root).close()
    before = {file: file.read_bytes() for file in folder.path.iterdir() if file.name not in (WORKING_COPY, manifest.FILE)}
    assert (verify(root).sealed, verify(root).findings) == (1, ())
    kernel.saves(7, "the verdict")
    assert (verify(root).sealed, verify(root).findings) == (1, ())
    assert "the verdict" in (folder.path / "notebook.html").read_text()
    assert before == {file: file.read_bytes() for file in before}
    assert {file.name for file in folder.path.iterdir() if file not in before} == {
        WORKING_COPY, manifest.FILE, "manifest-1.json", "notebook.ipynb", "notebook.html",
    }  # fmt: skip
    kept = (folder.path / "notebook.ipynb").read_bytes()
    ran(notebook, 8, "an afterthought")
    (folder.path / ".ipynb_checkpoints").mkdir()
    shutil.copy(notebook, folder.path / ".ipynb_checkpoints" / "working-checkpoint.ipynb")
    assert (verify(root).sealed, verify(root).findings) == (1, ())
    assert (folder.path / "notebook.ipynb").read_bytes() == kept
    assert folder.next_notebook().name == "notebook-2.ipynb"
    kernel.ends[0]()
    assert verify(root).findings == ()
    assert (folder.path / "notebook.ipynb").read_bytes() == kept


def test_a_kernel_that_ends_adds_the_notebook_as_it_was_saved_last(root: Path, kernel: Kernel) -> None:
    ran(kernel.notebook, 6, "before the end")
    sealing.Seal(kernel.folder, root).close()
    kernel.ends[0]()
    assert "before the end" in (kernel.folder.path / "notebook.html").read_text()
    assert (verify(root).sealed, verify(root).findings) == (1, ())


def test_a_run_that_nobody_closed_is_sealed_when_its_kernel_ends(root: Path, kernel: Kernel) -> None:
    ran(kernel.notebook, 6, "so far")
    sealing.Seal(kernel.folder, root)
    assert verify(root).open == 1
    kernel.ends[0]()
    assert "so far" in (kernel.folder.path / "notebook.html").read_text()
    assert (verify(root).sealed, verify(root).findings) == (1, ())
    assert [entry["event"] for entry in Chain(root).entries()] == [OPENED, SEALED]


@pytest.mark.parametrize("closed", [True, False])
def test_a_kernel_leaves_a_record_alone_that_another_run_has_gone_on_with(root: Path, kernel: Kernel, closed: bool) -> None:
    seal = sealing.Seal(kernel.folder, root)
    if closed:
        seal.close()
    elsewhere = Folder(kernel.folder.path)
    elsewhere.event("resumed", who="somebody else")
    Chain(root).enter(OPENED, elsewhere.path, RECORD)
    sealing.seal(elsewhere, root)
    entries = Chain(root).entries()
    kernel.saves(7, "the verdict")
    kernel.ends[0]()
    assert (verify(root).findings, Chain(root).entries()) == ((), entries)
    assert not (elsewhere.path / "notebook.ipynb").exists()


def test_nothing_is_written_to_a_record_that_was_closed(root: Path, kernel: Kernel) -> None:
    folder = kernel.folder
    sealing.Seal(folder, root).close()
    said = rf"{folder.id} is closed, and its record is sealed; if something is left to do, run `rollback resume {folder.id}`"
    for write in (lambda: folder.event("confirmed", plan="abc"), folder.check_open):
        with pytest.raises(Refused, match=said):
            write()
    assert verify(root).findings == ()


def test_a_drawing_stands_for_the_widget_that_only_its_kernel_can_show(tmp_path: Path) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Widget()"}
    shown = [widget | {"text/html": "<b>twin</b>"}, widget | {"image/svg+xml": "<svg>drawn</svg>"}, {"text/plain": "a < b"}]
    outputs = [{"output_type": "display_data", "metadata": {}, "data": data} for data in shown]
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "execution_count": 1, "outputs": outputs}
    file = tmp_path / "notebook.ipynb"
    file.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    page = html(file, RECORD)
    assert all(one in page for one in ("<b>twin</b>", "<svg>drawn</svg>", "a &lt; b"))
    assert "Widget" not in page


def test_the_settings_of_jupyterlab_are_ones_that_it_knows() -> None:
    schemas = next(iter(Path(start.__file__).parents[2].glob(".venv/share/jupyter/lab/schemas")))
    for plugin, settings in json.loads((PROJECT / "rollback_lib/notebook/settings/overrides.json").read_text()).items():
        package, _, name = plugin.partition(":")
        known = json.loads((schemas / package / f"{name}.json").read_text())["properties"]
        kinds = {"boolean": bool, "number": int, "string": str}
        assert all(isinstance(value, kinds[known[key]["type"]]) for key, value in settings.items()), plugin


@pytest.mark.parametrize(
    "words", [["nothing"], ["resume"], ["code", "-p", "target=no such thing"], ["code", "-p", "colour=red"], ["-p", "target=0123456"]]
)
def test_what_cannot_be_opened_leaves_nothing_behind(root: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "serve", lambda *_, **__: pytest.fail("JupyterLab was started"))
    assert cli.main(["open", *words, "--stack", str(STACK_FILE)]) == 2
    assert not root.exists()


def test_jupyterlab_opens_on_the_copy_with_the_stack_found_from_anywhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[object, ...]] = []
    monkeypatch.setattr(server, "serve", lambda *words, run, browser, collapse: served.append((*words, run, browser)))
    monkeypatch.chdir(STACK_FILE.parent)
    cli.main(["open", "code", "--stack", f"./{STACK_FILE.name}", "-p", "target=0123456", "--no-browser", "--port", "9"])
    (copy,) = root.glob("[0-9]*/*/*/*-code-*/working.ipynb")
    ((page, folder, _, port, run, browser),) = served
    assert (page, folder, port, run, browser) == (copy, root, 9, False, False)
    assert f'stack: str = \\"{STACK_FILE}\\"' in copy.read_text()
    assert 'target: str = \\"0123456\\"' in copy.read_text()
    assert lasting("production") == "production"


def test_the_holder_of_a_lock_is_read_and_a_stale_one_holds_nothing() -> None:
    owner = lock.Owner("3f2a9c", "code", "me", "slow", "2026-11-23T03:00:00+00:00")
    for until, holder in ((160, owner), (99, None)):
        told = f"100\n3f2a9c\n{until}\n{json.dumps(owner.__dict__)}\n"
        assert lock.read_holder(told) == holder
        assert lock.read_holder(told + "build\n") == owner  # its job runs
    assert lock.read_holder("100\n") is None


def test_the_latest_incidents_have_a_sign_each_and_links_to_their_pages(root: Path) -> None:
    for verdict, reason in (("succeeded", "healthy"), ("failed-partly", "<b>partly</b>"), ("planned", "planned only")):
        folder = Folder.create("code", root)
        record = {**RECORD, "verdict": verdict, "reason": reason}
        folder.write_record(record)
        Chain(root).enter(OPENED, folder.path, record)
        sealing.seal(folder, root)
    shown = start.latest(str(STACK_FILE))
    assert all(f"{words} " in str(shown) for words in ("● planned", "✘ failed-partly", "✔ succeeded"))
    page = shown._repr_html_()
    assert f'<a href="../{folder.path.relative_to(root)}/report.html">report</a>' in page
    assert "&lt;b&gt;partly&lt;/b&gt;" in page
    assert "_resume" not in page + str(shown)  # nothing that ran is known of them
    assert "_undo" not in page + str(shown)


def test_every_procedure_of_the_page_has_a_copy_to_plan_and_one_to_apply(root: Path) -> None:
    page = start.procedures(str(STACK_FILE))._repr_html_()
    place = root / "working" / "dyniq-voice"
    to_plan, to_apply = sorted(place.glob("*.ipynb")), sorted((place / "apply").glob("*.ipynb"))
    for copy in to_plan:
        assert f'<a href="dyniq-voice/{copy.name}">{copy.stem[3:]}</a>' in page
    for copy in to_apply:
        assert f'<a href="dyniq-voice/apply/{copy.name}">apply</a>' in page
        assert 'mode: str = \\"apply\\"' in copy.read_text()
    assert (len(to_plan), len(to_apply), page.count("<a ")) == (9, 8, 21)
    assert "triage" not in str(to_apply)


def test_a_database_of_several_is_chosen_by_its_link(root: Path) -> None:
    page = start.procedures(str(STACK_FILE))._repr_html_()
    for name in ("voice", "n8n"):
        assert f'<a href="dyniq-voice/{name}/05_database.ipynb">database\u00a0{name}</a>' in page
        assert f'<a href="dyniq-voice/{name}/apply/05_database.ipynb">apply\u00a0{name}</a>' in page
        copy = (root / "working" / "dyniq-voice" / name / "apply" / "05_database.ipynb").read_text()
        assert f'database: str = \\"{name}\\"' in copy
        assert 'mode: str = \\"apply\\"' in copy
