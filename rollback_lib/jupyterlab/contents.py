"""The files that JupyterLab shows."""

import asyncio
from subprocess import Popen
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class Contents(AsyncLargeFileManager):  # type: ignore[misc]
    """Files in a folder. One of them may be held until a process that writes it has ended."""

    _held: tuple[str, "Popen[bytes]"] | None = None

    def hold(self, path: str, writer: "Popen[bytes]") -> None:
        """Return the file at `path` only when the process `writer` has ended."""
        self._held = path, writer

    async def get(self, path: str, *args: Any, **options: Any) -> Any:
        if self._held and path.strip("/") == self._held[0]:
            await asyncio.to_thread(self._held[1].wait)
        return await super().get(path, *args, **options)
