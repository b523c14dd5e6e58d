"""The files that JupyterLab shows."""

from asyncio import Future, ensure_future, wait
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from traitlets import Bool

from rollback_lib.runbook import collapsed, start_page, still, working_copy


class Contents(AsyncLargeFileManager):  # type: ignore[misc]
    """Files in a folder. A file may be held until what writes it has ended.

    A notebook without a kernel is shown without its widgets, which nothing would answer, and says how old its outputs are. Only the start
    page of a stack is run before it is shown. With `collapse_code`, notebooks are shown with their code collapsed, and saved without that.
    """

    collapse_code = Bool(False, config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._written: dict[str, Future[None]] = {}

    def hold(self, path: str, writer: "Future[None]") -> None:
        """Return the file at `path` only when `writer` has ended, well or not."""
        self._written[path] = writer
        writer.add_done_callback(lambda _: self._written.pop(path))

    async def get(self, path: str, content: bool = True, *args: Any, **options: Any) -> Any:
        path = path.strip("/")
        if content and path not in self._written and not await self._runs(path) and self._is_start_page(path):
            from rollback_lib.jupyterlab import page  # imported here, since few servers run a page

            self.hold(path, ensure_future(page.run(self.parent, path)))
        writer = self._written.get(path)
        if writer:
            await wait([writer])
        model = await super().get(path, content, *args, **options)
        if not _has_cells(model):
            return model
        if not await self._runs(path):
            still.drop_widgets(model["content"])
            if not writer:  # else it was written just now
                still.say_old(model["content"], model["last_modified"])
        if self.collapse_code:
            collapsed.collapse(model["content"])
        return model

    async def save(self, model: Any, path: str = "") -> Any:
        if self.collapse_code and _has_cells(model):
            collapsed.expand(model["content"])
        return await super().save(model, path)

    def _is_start_page(self, path: str) -> bool:
        """Whether the file is the start page of a stack, which is then as it was made."""
        root = Path(self.root_dir)
        return start_page.renew(root / path, working_copy.place(root))

    async def _runs(self, path: str) -> bool:
        """Whether a kernel runs for the notebook."""
        return self.parent is not None and bool(await self.parent.session_manager.session_exists(path))


def _has_cells(model: Any) -> bool:
    """Whether a model of the contents API is a notebook with its content."""
    return model.get("type") == "notebook" and bool(model.get("content"))
