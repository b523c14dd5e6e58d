"""A notebook without what lives only in the session in which it was made, so that it reads the same wherever it is opened later.

GitHub refuses a notebook whose `metadata.widgets` has no `state` (https://github.com/jupyter/jupyter.github.io/issues/787). JupyterLab
shows an error in the place of a widget whose kernel has ended; without the widget it shows the twin that each of ours has.
"""

import json
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"


def still(notebook: str) -> str:
    """The notebook, as the text of its file, without widgets. Their twins and everything else stay as they are. Raises ValueError for a
    text that is no notebook."""
    content: dict[str, Any] = json.loads(notebook)
    content["metadata"].pop("widgets", None)
    for cell in content["cells"]:
        for output in cell.get("outputs", ()):
            if len(output.get("data", ())) > 1:
                output["data"].pop(WIDGET, None)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
