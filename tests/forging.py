"""Forging records: they are sealed again without the checks of the real code."""

import json
from pathlib import Path

from rollback_lib.record import contents, manifest
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.files import file_hash, write_private
from rollback_lib.record.folder import Folder


def seal_all_the_same(folder: Folder, root: Path) -> None:
    """Seal the present files of a record, without checking whether they only extend the last seal. The earlier manifest is kept, as the
    real code does."""
    number = sum(entry["event"] == SEALED for entry in Chain(root).of(folder.path).values())
    write_private(folder.path / contents.earlier(number), (folder.path / manifest.FILE).read_text())
    content = {"incident": folder.id, "files": contents.hashes(folder.path), "awaits": [], "chain": Chain(root).head}
    folder.write(manifest.FILE, json.dumps(content, indent=1) + "\n")
    Chain(root).enter(SEALED, folder.path, folder.record(), manifest=file_hash(folder.path / manifest.FILE))
