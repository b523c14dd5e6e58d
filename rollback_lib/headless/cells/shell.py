"""An IPython shell whose outputs are messages to the runner, as those of a Jupyter kernel are."""

import base64
import builtins
import os
import sys
from collections.abc import Mapping
from typing import Any

from IPython.core import page, payloadpage
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from rollback_lib.headless.cells.sender import Sender, Stream

# What a Jupyter kernel sets for the programs that cells start.
ENVIRONMENT = {"TERM": "xterm-color", "CLICOLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "PAGER": "cat", "GIT_PAGER": "cat"}


def flush() -> None:
    """Send what both streams hold back."""
    sys.stdout.flush()
    sys.stderr.flush()


class _Displays(DisplayPublisher):  # type: ignore[misc]
    def publish(
        self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None, *, transient: Mapping[str, Any] | None = None,
        update: bool = False, **_: Any,
    ) -> None:  # fmt: skip
        flush()
        content = {"data": _plain(data), "metadata": metadata or {}, "transient": transient or {}}
        Shell.sender.send("update_display_data" if update else "display_data", content=content)

    def clear_output(self, wait: bool = False) -> None:
        flush()
        Shell.sender.send("clear_output", content={"wait": wait})


class _Results(DisplayHook):  # type: ignore[misc]
    """Sends the value of the last expression of a cell."""

    def start_displayhook(self) -> None:
        self._content: dict[str, Any] = {}

    def write_output_prompt(self) -> None: ...

    def write_format_data(self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None) -> None:
        self._content = {"execution_count": self.prompt_count, "data": _plain(format_dict), "metadata": md_dict or {}}

    def finish_displayhook(self) -> None:
        flush()
        if self._content.get("data"):
            Shell.sender.send("execute_result", content=self._content)


class Shell(InteractiveShell):  # type: ignore[misc]
    """Runs cells on the main thread. Beside a kernel's shell it lacks what needs a person or a browser: an answer to `input()`, widgets
    that react, and an event loop that runs between cells."""

    display_pub_class = Type(_Displays)
    displayhook_class = Type(_Results)
    sender: Sender
    erred = False  # whether an error was shown since the cell began

    @classmethod
    def start(cls, sender: Sender, variables: dict[str, Any]) -> "Shell":
        """Start the shell of this process. `variables` are the global variables of its cells."""
        cls.sender = sender
        os.environ.update(ENVIRONMENT)
        sys.stdout, sys.stderr = Stream("stdout", 1, sender), Stream("stderr", 2, sender)
        builtins.input = _nobody
        config = Config()
        config.HistoryManager.enabled = False  # the record is the history
        shell: Shell = cls.instance(config=config, user_ns=variables)
        shell.set_hook("show_in_pager", page.as_hook(payloadpage.page), 99)
        return shell

    def run(self, source: str) -> bool:
        """Run a cell, and send its outputs. False if it failed."""
        self.erred = False
        result = self.run_cell(source, store_history=True)
        flush()
        return bool(result.success) and not self.erred

    def failed(self, error: BaseException) -> None:
        """Show an error that left `run`."""
        self._showtraceback(type(error), error, [type(error).__name__])

    def _showtraceback(self, etype: type, evalue: BaseException | None, stb: list[str]) -> None:
        flush()
        self.erred = True
        self.sender.send("error", content={"ename": etype.__name__, "evalue": str(evalue), "traceback": stb})

    def enable_gui(self, gui: str | None = None) -> None: ...


def _nobody(*_: object) -> str:
    raise StdinNotImplementedError("input() has nobody to ask: this notebook runs headless")


def _plain(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """A bundle as JSON holds it, with images as base64."""
    return {kind: base64.b64encode(value).decode() if isinstance(value, bytes) else value for kind, value in bundle.items()}
