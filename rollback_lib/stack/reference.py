"""Writes docs/stack-file.md from the model: each key of a stack file with its type, default and meaning."""

import json
from collections.abc import Iterator
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Gt
from pydantic import AfterValidator, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from rollback_lib.stack import values
from rollback_lib.stack.model import Stack

_INTRODUCTION = """# The stack file

<!-- Written by `rollback docs` from rollback_lib/stack/model.py. Change the descriptions there. -->

Every key of a file in `parameters/`. All of them are under one top-level key, `stack`. For a walk through, see
[your own stack](your-own-stack.md); `parameters/production.yaml` is a complete example.

The file is checked before anything is contacted. An unknown key, a missing one or a value of the wrong type is refused with a sentence
that names the file and the key, and exit status 2."""
# The types that the page calls by a name.
_NAMED = {
    values.Name: "name", values.ProjectName: "project name", values.HostPath: "path", values.Pattern: "path pattern",
    values.DatabaseName: "database name", values.Url: "URL", values.SecretReference: "secret reference", values.Address: "address",
    values.HeaderName: "header name", values.ComposeProject: "compose project", values.Statuses: "HTTP status",
}  # fmt: skip
_PLAIN = {str: "text", bool: "true or false", int: "integer", float: "number", date: "day"}


def markdown() -> str:
    """The text of the page."""
    first: dict[type[BaseModel], str] = {}
    for key, section in _sections("stack", Stack):
        first.setdefault(section, key)
    parts = [_INTRODUCTION, *(_section(key, section) for section, key in first.items()), _types()]
    return "\n\n".join(parts) + "\n"


def _sections(key: str, section: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """A section and all sections in it, each with its key, the outer ones first."""
    yield key, section
    for name, kind in _hints(section).items():
        for inner in _inner(kind):
            yield from _sections(f"{key}.{name}", inner)


def _section(key: str, section: type[BaseModel]) -> str:
    rows = ["| Key | Type | Default | Meaning |", "|-----|------|---------|---------|"]
    hints = _hints(section)
    for name, field in section.model_fields.items():
        cells = (f"`{field.alias or name}`", _type(hints[name]), _default(field), " ".join((field.description or "").split()))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return f"## `{key}`\n\n{' '.join((section.__doc__ or '').split())}\n\n" + "\n".join(rows)


def _hints(section: type[BaseModel]) -> dict[str, Any]:
    """The type of each key of a section, as written in the model."""
    known = get_type_hints(section, include_extras=True)
    return {name: known[name] for name in section.model_fields}


def _inner(kind: Any) -> Iterator[type[BaseModel]]:
    """The sections that a value of this type contains."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    elif kind not in _NAMED:
        for part in get_args(kind):
            yield from _inner(part)


def _type(kind: Any) -> str:
    if kind in _NAMED:
        return f"[{_NAMED[kind]}](#types)"
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "section"
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"{_type(parts[0])} above {parts[1].gt}" if isinstance(parts[1], Gt) else _type(parts[0])
    if origin in (Union, UnionType):
        return " or ".join(_type(part) for part in parts if part is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin is list:
        return f"list of {_many(_type(parts[0]))}"
    if origin is dict and get_origin(parts[1]) is not list and parts[1] in _NAMED:
        return f"{_many(_type(parts[1]))} by {_type(parts[0])}"
    if origin is dict:
        return f"lists of {_many(_type(get_args(parts[1])[0]))} by {_type(parts[0])}"
    raise TypeError(f"no words for the type {kind!r}; add them to {__name__}")


def _many(word: str) -> str:
    if word.startswith("["):
        name, link = word[1:].split("](")
        return f"[{name}s]({link}"
    return {"section": "sections", "text": "texts"}.get(word, word)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "as below"
    return f"`{json.dumps(value)}`" if value not in (None, "", [], {}) else "none"


def _types() -> str:
    rows = ["## Types", "", "| Type | What is accepted |", "|------|------------------|"]
    rows += [f"| {name} | {_accepted(get_args(kind)[1])} |" for kind, name in _NAMED.items()]
    return "\n".join(rows)


def _accepted(check: Any) -> str:
    """What a type accepts, in words: its pattern, or the error message of its check."""
    if isinstance(check, StringConstraints):
        longest = f", of {check.max_length} characters at most" if check.max_length else ""
        pattern = str(check.pattern).removeprefix("^").removesuffix("$").replace("|", "\\|")
        return f"a text that matches `{pattern}`{longest}"
    if isinstance(check, AfterValidator):
        try:
            check.func("\0")  # type: ignore[call-arg]
        except ValueError as error:
            return str(error).removesuffix(" is expected").replace(" is expected, ", ", ")
    raise TypeError(f"no words for the check {check!r}; add them to {__name__}")
