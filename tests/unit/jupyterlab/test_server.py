"""The JupyterLab server of `rollback open`: what is under way when the browser comes, and what is left out."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import nbformat
import pytest

from rollback_lib.jupyterlab import page
from rollback_lib.jupyterlab.contents import Contents
from rollback_lib.runbook import start_page, working_copy
from rollback_lib.runbook.new_folder import make
from rollback_lib.runbook.still import WIDGET
from rollback_lib.settings import HOME_VARIABLE

SECONDS = 60  # until a server on a busy machine answers


class Server:
    """A server that `rollback open` has started: its process, and what it answers."""

    def __init__(self, process: "subprocess.Popen[bytes]", address: str) -> None:
        self.process = process
        self._root, self._token = re.fullmatch(r"(http://[^/]+)/.*token=(\w+)", address).groups()  # type: ignore[union-attr]

    def answers(self) -> bool:
        try:
            self.get("api")
        except URLError:
            return False
        return True

    def get(self, path: str) -> str:
        with urlopen(f"{self._root}/{path}?token={self._token}", timeout=SECONDS) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("open")
    make(folder / "runbooks")
    env = {name: value for name, value in os.environ.items() if name != HOME_VARIABLE}
    env |= {"ROLLBACK_INCIDENTS": str(folder / "incidents"), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    (folder / "bin").mkdir()
    node = folder / "bin" / "node"
    node.write_text(f'#!/bin/sh\necho "$*" >>{folder}/node\n')
    node.chmod(0o755)
    env["PATH"] = f"{folder}/bin:{env['PATH']}"
    argv = [Path(sys.executable).parent / "rollback", "open", "code", "--stack", "example", "--no-browser"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(argv, cwd=folder / "runbooks", env=env, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + SECONDS
        while not (printed := re.search(r"http://127\.0\.0\.1:\S+token=\w+", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = Server(process, printed[0])
        while not found.answers():  # it prints its address a moment before it listens
            assert time.monotonic() < deadline
        assert not (folder / "node").exists()  # it is asked for nothing
        yield found
    finally:
        process.terminate()
        process.wait(SECONDS)


def test_the_kernel_of_the_page_starts_before_a_browser_asks_for_it(served: Server) -> None:
    deadline = time.monotonic() + SECONDS
    while not (sessions := json.loads(served.get("api/sessions"))):
        assert time.monotonic() < deadline
    (session,) = sessions
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\d{6}Z-code-[0-9a-f]{6}/working\.ipynb", session["path"])
    assert session["type"] == "notebook"


def test_what_a_person_uses_is_there_and_what_nobody_uses_is_not(served: Server) -> None:
    (config,) = re.findall(r'<script id="jupyter-config-data" type="application/json">(.*?)</script>', served.get("lab"), re.DOTALL)
    found: dict[str, Any] = json.loads(config)
    assert found["buildCheck"] is False
    assert set(found["disabledExtensions"]) >= {"@jupyterlab/extensionmanager-extension", "@jupyterlab/lsp-extension"}
    assert [extension["name"] for extension in found["federated_extensions"]].count("@jupyter-widgets/jupyterlab-manager") == 1
    assert json.loads(served.get("api/terminals")) == []
    with pytest.raises(HTTPError, match="404"):
        served.get("lsp/status")


@pytest.mark.parametrize("runs", [False, True])
def test_a_notebook_without_a_kernel_shows_no_widget_and_says_how_old_it_is(
    runs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    bundle = {WIDGET: {"model_id": "1"}, "text/plain": "Confirmed."}
    cell = nbformat.v4.new_code_cell("confirm", outputs=[nbformat.v4.new_output("display_data", data=bundle)])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "sent.ipynb")
    contents, before = Contents(root_dir=str(tmp_path)), (tmp_path / "sent.ipynb").read_bytes()

    async def known(self: Contents, path: str) -> bool:
        return runs

    monkeypatch.setattr(Contents, "_runs", known)
    shown = json.dumps(asyncio.run(contents.get("/sent.ipynb"))["content"])
    assert (WIDGET in shown, "from an earlier session" in shown) == (runs, not runs)
    assert "Confirmed." in shown
    assert (tmp_path / "sent.ipynb").read_bytes() == before


def test_code_is_collapsed_for_who_wants_that_and_no_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "one.ipynb"
    cells = [nbformat.v4.new_code_cell("mode = 'plan'", metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_markdown_cell("Look.")]), file)

    async def read_and_save(contents: Contents) -> list[bool]:
        shown = await contents.get("one.ipynb")
        hidden = [bool(cell["metadata"].get("jupyter", {}).get("source_hidden")) for cell in shown["content"]["cells"]]
        await contents.save({"type": "notebook", "format": "json", "content": shown["content"]}, "one.ipynb")
        return hidden

    assert asyncio.run(read_and_save(Contents(root_dir=str(tmp_path)))) == [False, False, False]
    before = json.loads(file.read_text())["cells"]
    assert asyncio.run(read_and_save(Contents(root_dir=str(tmp_path), collapse_code=True))) == [False, True, False]
    assert json.loads(file.read_text())["cells"] == before


def test_a_page_that_is_being_run_is_read_when_that_has_ended(tmp_path: Path) -> None:
    for name in ("start.ipynb", "other.ipynb"):
        (tmp_path / name).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    contents = Contents(root_dir=str(tmp_path))

    async def read() -> str:
        writer = asyncio.get_running_loop().create_future()
        contents.hold("start.ipynb", writer)
        held = asyncio.create_task(contents.get("/start.ipynb"))
        assert (await contents.get("other.ipynb"))["name"] == "other.ipynb"
        assert not held.done()
        writer.set_exception(RuntimeError("the kernel died"))  # the page is shown as it is
        name = str((await held)["name"])
        assert writer.exception()
        return name

    assert asyncio.run(read()) == "start.ipynb"


def test_the_page_of_a_stack_is_run_before_it_is_shown_and_no_other_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "runbooks")
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "runbooks"))
    shutil.copy(tmp_path / "runbooks" / "parameters" / "example.yaml", tmp_path / "runbooks" / "parameters" / "shop.yaml")
    root, ran = tmp_path / "incidents", []
    place = working_copy.place(root)
    own = start_page.of("shop", place)
    working_copy.copy(own, place / "start.ipynb", {"stack": "shop"})
    start_page.of("unknown", place)
    working_copy.copy(own, place / "stacks" / "shop" / "sent.ipynb", {"stack": "other"})
    changed = start_page.of("shop", place).with_name("changed.ipynb")
    changed.write_text(own.read_text().replace("start.history(stack)", "start.history(stack); print(1)"))

    async def run(_: object, path: str) -> None:
        ran.append(path)
        assert "<script>" not in (root / path).read_text()  # nothing that somebody sent is left in it

    monkeypatch.setattr(page, "run", run)
    sent = json.loads(own.read_text())
    sent["cells"][-1]["outputs"] = [nbformat.v4.new_output("display_data", data={"text/html": "<script>"})]
    own.write_text(json.dumps(sent))

    async def read() -> None:
        contents = Contents(root_dir=str(root))
        for file in (place / "start.ipynb", changed, *place.glob("stacks/*/*.ipynb")):
            await contents.get(file.relative_to(root).as_posix(), content=False)
            await contents.get(file.relative_to(root).as_posix())

    asyncio.run(read())
    assert ran == ["working/stacks/shop/shop.ipynb"]
    assert start_page.of("shop", place) == own  # also once it has run
