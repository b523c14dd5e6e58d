"""`python -m rollback_lib.headless.cells REQUESTS ANSWERS`: runs the cells that it is sent. The two words are descriptors of pipes.

It checks the parameters first. Then it connects to the host while it imports what the notebook needs. When the runner has ended, however
that came about, it ends at once; what it began on the host continues there.
"""

import builtins
import importlib
import os
import queue
import signal
import sys
import threading

from rollback_lib.errors import RollbackError
from rollback_lib.headless import wire
from rollback_lib.headless.cells.interrupts import Interrupts
from rollback_lib.headless.cells.sender import Sender
from rollback_lib.settings import COMMAND_LINE, SSH_CONFIGURATION, import_less


def main(requests: int, answers: int) -> None:
    # systemd, for example, sends SIGTERM to every process of a run. Only the runner acts on it, and ends this process when it is time.
    signal.signal(signal.SIGTERM, lambda *_: None)
    for descriptor in (requests, answers):
        os.set_inheritable(descriptor, False)  # programs that cells start have no part in this
    interrupts = Interrupts()
    sender = Sender(answers, interrupts)
    asked: queue.SimpleQueue[wire.Message] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, asked), daemon=True).start()
    import_less(SSH_CONFIGURATION, COMMAND_LINE)
    if _checked(asked.get(), sender):
        _run_cells(asked, sender, interrupts)


def _read(descriptor: int, asked: "queue.SimpleQueue[wire.Message]") -> None:
    reader = wire.Reader()
    while chunk := os.read(descriptor, wire.CHUNK):
        for message in reader.feed(chunk):
            asked.put(message)
    os._exit(1)  # the runner has ended


def _checked(start: wire.Message, sender: Sender) -> bool:
    """Check the parameters, if there are any to check, and begin to connect to the host. False if they are refused."""
    if start["parameters"] is not None:
        from rollback_lib.host import ahead
        from rollback_lib.run import options

        try:
            stack = options.check_headless(start["procedure"], start["parameters"])
        except RollbackError as error:
            sender.send("refused", type=type(error).__name__, words=str(error))
            return False
        ahead.begin(stack)
    sender.send("checked")
    return True


def _run_cells(asked: "queue.SimpleQueue[wire.Message]", sender: Sender, interrupts: Interrupts) -> None:
    from rollback_lib.headless.cells.shell import Shell

    variables = {"__name__": "__main__", "__builtin__": builtins, "__builtins__": builtins}
    shell = Shell.start(sender, variables)
    importlib.import_module("rollback_lib.notebook")
    sender.send("ready")
    while True:
        request = asked.get()
        sender.cell = request["cell"]
        ok = False
        try:
            with interrupts.running():
                sender.send("begun", count=shell.execution_count)
                ok = shell.run(request["source"])
        except KeyboardInterrupt as error:  # it came before the first or after the last statement of the cell
            shell.failed(error)
        sender.send("done", ok=ok)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
