"""No value of a stack file that a shell would act on is taken."""

from pathlib import Path

import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.settings import PROJECT
from rollback_lib.stack.model import Stack
from tests.builders.hostile import HOSTILE, KEYS, hostile

DRILL = (PROJECT / "parameters" / "drill.yaml").read_text()


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("key", KEYS)
def test_it_is_refused_and_its_key_is_named(tmp_path: Path, key: str, value: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(hostile(DRILL, key, value))
    with pytest.raises(ParameterError) as refused:
        Stack.load(str(file))
    assert key in str(refused.value).removeprefix(str(file))
