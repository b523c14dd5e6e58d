"""`python -m rollback_lib.jupyterlab.kernel -f CONNECTION_FILE`: a kernel that has imported what the notebooks use before it answers, while
the page in the browser is still being loaded."""

import os
import sys
from contextlib import suppress
from importlib import import_module

# Libraries import these for parts of theirs that are not used here: paramiko to read SSH configurations, httpx for its command line.
UNUSED = ("invoke", "click")
USED = ("rollback_lib.notebook", "ipywidgets")

if __name__ == "__main__":
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # pydantic would search all packages for plug-ins of its own
    from ipykernel.kernelapp import launch_new_instance

    for name in USED:
        with suppress(Exception):  # the first cell imports it again, and shows why it cannot be imported
            import_module(name)
    launch_new_instance()
