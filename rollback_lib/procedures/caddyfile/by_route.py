"""The difference between two Caddyfiles, site by site: a change is easier to judge beside the address whose requests it concerns."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

AROUND = "outside of a site"  # the global options, snippets, and what stands between sites


@dataclass(frozen=True)
class Block:
    """Lines of a Caddyfile that belong together: a site with its address, or what stands between two. `begin` is its first line, from 0."""

    address: str
    begin: int
    lines: tuple[str, ...]


def difference(old: Sequence[str], new: Sequence[str], old_name: str, new_name: str) -> list[str]:
    """A unified diff of two Caddyfiles, as lines, with a part for each site that differs; each part is headed by its address."""
    before, after = _by_key(old), _by_key(new)
    parts: list[str] = []
    for key in dict.fromkeys([*before, *after]):
        parts += _part(before.get(key), after.get(key))
    if parts or list(old) == list(new):
        return [f"--- {old_name}", f"+++ {new_name}", *parts] if parts else []
    return list(difflib.unified_diff(old, new, old_name, new_name, lineterm=""))  # the same blocks in another order


def blocks(lines: Sequence[str]) -> Iterator[Block]:
    """The blocks of a Caddyfile in their order. Braces within quotes are rare there, and only shift where a block ends."""
    begin = depth = 0
    for number, line in enumerate(lines):
        words = line.partition("#")[0].split()
        if depth == 0 and words and words[-1] == "{" and number > begin:
            yield _block(lines, begin, number)
            begin = number
        depth = max(depth + (words[-1:] == ["{"]) - (words == ["}"]), 0)
        if depth == 0 and words == ["}"]:
            yield _block(lines, begin, number + 1)
            begin = number + 1
    if begin < len(lines):
        yield _block(lines, begin, len(lines))


def _block(lines: Sequence[str], begin: int, end: int) -> Block:
    head = lines[begin].partition("#")[0].split()
    site = head[-1:] == ["{"] and len(head) > 1 and not head[0].startswith("(")
    return Block(" ".join(head[:-1]) if site else AROUND, begin, tuple(lines[begin:end]))


def _by_key(lines: Sequence[str]) -> dict[tuple[str, str, int], Block]:
    """The blocks by what tells them from the others; those that nothing tells apart are numbered."""
    found: dict[tuple[str, str, int], Block] = {}
    for block in blocks(lines):
        number = 0
        while (*_key(block), number) in found:
            number += 1
        found[*_key(block), number] = block
    return found


def _key(block: Block) -> tuple[str, str]:
    """What tells a block from the others: a site's address, or the first words of what is around sites."""
    return block.address, "" if block.address != AROUND else next((line.strip() for line in block.lines if line.strip()), "")


def _part(old: Block | None, new: Block | None) -> Iterator[str]:
    mine, other = old.lines if old else (), new.lines if new else ()
    for line in list(difflib.unified_diff(mine, other, lineterm=""))[2:]:
        yield _headed(line, old, new) if line.startswith("@@") else line


def _headed(line: str, old: Block | None, new: Block | None) -> str:
    """The head of a part, with its lines counted from the top of the file, and the address of the site."""
    ranges = []
    for text, block in zip(line.split()[1:3], (old, new), strict=True):
        first, _, many = text[1:].partition(",")
        ranges.append(f"{text[0]}{int(first) + (block.begin if block else 0)}{f',{many}' if many else ''}")
    return f"@@ {' '.join(ranges)} @@ {(new or old or Block(AROUND, 0, ())).address}"
