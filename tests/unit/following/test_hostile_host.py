"""A host may say anything of its runs: it is taken, or refused as what cannot be understood."""

from contextlib import suppress

from hypothesis import given, settings

from rollback_lib.following.events import Run
from rollback_lib.host.following import Looks
from tests.unit.test_hostile import answers


@settings(max_examples=300, deadline=None)
@given(answers, answers)
def test_what_is_followed_may_be_anything(out: str, words: str) -> None:
    looks = Looks("/state", lambda seen: list(Run(seen, None).take(seen)) if seen.owner else None)
    look = f"lock 1 2 a a\nowner {words}\nfile 1 1 keep out\nexit keep {words}\nended {words}\nout keep 0 {words}\nend\n"
    for text in (out, look):
        with suppress(ValueError, LookupError, TypeError):
            looks.feed(text.encode(errors="surrogateescape"))
