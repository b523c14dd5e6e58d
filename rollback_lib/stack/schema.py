"""The JSON schema of a stack file, made from the model: an editor completes keys by it, and marks what is wrong."""

import json
from pathlib import Path
from typing import Any

from rollback_lib.stack.model import Stack

FILE = ".stack.schema.json"  # beside the stack files, so that the line below is right wherever the folder is
LINE = f"# yaml-language-server: $schema={FILE}"  # the first line of a stack file


def schema() -> dict[str, Any]:
    """The schema. What the model accepts it accepts; of what it accepts, the model checks more (paths, addresses, either-or)."""
    made = _untitled(Stack.model_json_schema(ref_template="#/$defs/{model}"))
    parts = made.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of rollback",
        "type": "object",
        "properties": {"stack": {"$ref": "#/$defs/Stack"}},
        "required": ["stack"],
        "additionalProperties": False,
        "$defs": {**parts, "Stack": made},
    }


def text() -> str:
    """The schema as its file has it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def put_beside(folder: Path) -> Path:
    """Write the schema's file into the folder of stack files; the path. Raises OSError."""
    file = folder / FILE
    if not file.exists() or file.read_text(encoding="utf-8") != text():
        file.write_text(text(), encoding="utf-8")
    return file


def _untitled(value: Any) -> Any:
    """Without the titles that only repeat the keys; a key that is called so stays."""
    if isinstance(value, list):
        return [_untitled(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _untitled(one) for key, one in value.items() if not (key == "title" and isinstance(one, str))}
