"""What a plan notes about the host for later. Each procedure has models of its own for it; a record keeps it as plain JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from rollback_lib.errors import Refused

Plain = Mapping[str, JsonValue]


class Noted(BaseModel):
    """Base of the models of what a procedure notes in a plan. Records keep it as it is, so it holds hashes of secrets, and no secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def read(cls, plain: Plain) -> Self:
        """Read what a plan has noted. Raises Refused if it does not fit the model, as in a record from another version."""
        try:
            return cls.model_validate_json(json.dumps(dict(plain)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "all of it"
            raise Refused(
                f"what the plan in this record notes of the host is from another version of its procedure ({where}: {first['msg']}); "
                "undo it by hand with the record's undo.sh"
            ) from None

    def plain(self) -> dict[str, JsonValue]:
        """This model as a plan keeps it."""
        return self.model_dump(mode="json")

    @staticmethod
    def shown(plain: Plain) -> dict[str, str]:
        """What a plan has noted, as text for people, for any procedure: names and values, such as `replicas api count` and `2`."""
        return dict(_rows("", dict(plain)))


def _rows(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _rows(f"{name} {key}" if name else key, inner)
    else:
        yield name, _words(value)


def _words(value: JsonValue) -> str:
    """A value as text. A list of mappings has a line for each of them."""
    if isinstance(value, dict):
        return " ".join(words for words in map(_words, value.values()) if words)
    if isinstance(value, list):
        return ("\n" if any(isinstance(item, dict) for item in value) else ", ").join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
