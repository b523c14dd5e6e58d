"""A notebook without what lives only in the session in which it was made, so that it reads the same wherever it is opened later.

GitHub refuses a notebook whose `metadata.widgets` has no `state` (https://github.com/jupyter/jupyter.github.io/issues/787). JupyterLab
shows an error in the place of a widget whose kernel has ended; without the widget it shows the twin that each of ours has.
"""

import json
from datetime import datetime
from typing import Any

from rollback_lib.text import times

WIDGET = "application/vnd.jupyter.widget-view+json"
_OLD = "rollback-old"  # in the metadata of the output that says how old the others are


def still(notebook: str) -> str:
    """The notebook, as the text of its file, without widgets. Their twins and everything else stay as they are. Raises ValueError for a
    text that is no notebook."""
    content: dict[str, Any] = json.loads(notebook)
    drop_widgets(content)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def drop_widgets(content: dict[str, Any]) -> None:
    """Remove the widgets from the content of a notebook where they have twins, and their states."""
    content["metadata"].pop("widgets", None)
    for cell in content["cells"]:
        for output in cell.get("outputs", ()):
            if len(output.get("data", ())) > 1:
                output["data"].pop(WIDGET, None)


def say_old(content: dict[str, Any], saved: datetime) -> None:
    """Let the first code cell of a notebook that has outputs say that they are of an earlier session, until that cell is run again. `saved`
    is when the notebook was saved last."""
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    if not any(cell["outputs"] for cell in code):
        return
    said = f"These outputs are from an earlier session, saved at {times.minute(saved)}. Run the cells to see how things are now."
    drawn = f'<div style="border-left:4px solid #9a6700;padding:.4em .8em">▲ {said}</div>'
    note = {
        "output_type": "display_data",
        "metadata": {_OLD: True},
        "data": {"text/html": drawn, "text/plain": f"▲ {said}"},
    }
    code[0]["outputs"] = [note, *(output for output in code[0]["outputs"] if _OLD not in output.get("metadata", {}))]
