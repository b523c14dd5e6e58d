"""`python -m rollback_lib.jupyterlab.kernel -f CONNECTION_FILE`: a kernel that has imported what the notebooks use before it answers, while
the page in the browser is still being loaded."""

from contextlib import suppress
from importlib import import_module

from rollback_lib.settings import COMMAND_LINE, SSH_CONFIGURATION, import_less

USED = ("invoke", "click")
USED = ("rollback_lib.notebook", "ipywidgets")

if __name__ == "__main__":
    import_less(SSH_CONFIGURATION, COMMAND_LINE)
    from ipykernel.kernelapp import launch_new_instance

    for name in USED:
        with suppress(Exception):  # the first cell imports it again, and shows why it cannot be imported
            import_module(name)
    launch_new_instance()
