"""A kernel that answers widgets while a cell runs.

JupyterLab asks a kernel on its shell channel what it is and which widgets it has. On that channel the questions wait until the running
cells have ended, so a page that is reloaded during a step would show nothing. Here these questions are answered at once, and the click on
a button is handled in its own thread. This works with ipykernel 7.4 and JupyterLab 4.6. A kernel that is built differently is left
unchanged; its page shows the widgets once the cell has ended.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

_QUESTIONS = ("kernel_info_request", "comm_info_request")
_CLICKS = ("comm_open", "comm_msg", "comm_close")


def attend(kernel: Any) -> None:
    """Let this kernel answer widgets while it runs a cell. A second call for the same kernel does nothing."""
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None or getattr(kernel, "rollback_attends", False):
        return
    kernel.rollback_attends = True
    later, worker = kernel.shell_channel_thread_main, ThreadPoolExecutor(1, thread_name_prefix="widgets")
    stream, session = kernel.shell_stream, kernel.session

    def answer(kind: str, content: dict[str, Any], request: dict[str, Any], sender: Any) -> None:
        session.send(stream, kind, {"status": "ok", **content}, request, sender)

    async def receive(message: Any) -> None:
        sender, frames = session.feed_identities(message, copy=False)
        header = session.unpack(frames[1].bytes)  # without a check of the signature: it may be checked only once, by whoever answers
        kind = header["msg_type"]
        if header.get("subshell_id") is not None or kind not in (*_QUESTIONS, *_CLICKS):
            await later(message)
            return
        request = session.deserialize(frames, content=True, copy=False)
        if kind == "kernel_info_request":
            answer("kernel_info_reply", kernel.kernel_info, request, sender)
        elif kind == "comm_info_request":
            answer("comm_info_reply", {"comms": _comms(kernel, request["content"].get("target_name"))}, request, sender)
        else:
            worker.submit(getattr(kernel.comm_manager, kind), stream, sender, request)

    thread.io_loop.add_callback(lambda: stream.on_recv(receive, copy=False))


def _comms(kernel: Any, target: str | None) -> dict[str, dict[str, str]]:
    found = kernel.comm_manager.comms.items()
    return {name: {"target_name": comm.target_name} for name, comm in found if target in (None, comm.target_name)}
