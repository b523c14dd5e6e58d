"""Where a record is, and how it is proven, for a document that tells of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rollback_lib.record.contents import FILE, SIGNATURE, STAMP
from rollback_lib.record.files import file_hash
from rollback_lib.report.markdown import plain


def link(folder: Path, document: Path, archive: str = "", summary: Mapping[str, Any] | None = None) -> str:
    """The place of a record as Markdown: a link from the document to its report, or in words its object in an archive."""
    if archive:
        return plain(f"{archive}/{(summary or {}).get('bundle', '')}")
    report = folder / "report.html"
    if not report.exists():
        return plain(folder)
    return f"[{plain(folder.name)}]({quote(os.path.relpath(report, document.parent))})"


def seal(folder: Path) -> str:
    """The hash of the newest seal of a record as Markdown, and whether it is signed and has a timestamp; "" if it is not sealed."""
    manifest = folder / FILE
    if not manifest.exists():
        return ""
    proofs = [word for file, word in ((SIGNATURE, "signed"), (STAMP, "with a timestamp")) if (folder / file).exists()]
    words = ", ".join([f"SHA-256 of its {FILE}: `{file_hash(manifest)}`", *proofs])
    return f"{words}; `rollback incidents verify` compares it with the chain"
