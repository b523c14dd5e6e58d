"""A diff in a notebook stands side by side, with signs beside the colours, and is told word for word where there is no HTML."""

from rollback_lib.notebook.views.diffs import diff

TEXT = "--- a/<b>.py\n+++ b/<b>.py\n@@ -1 +1 @@ def f():\n-old <i>\n+new <i>\n~ KEY: set, 4 characters → set, 9 characters"


def test_lines_that_go_stand_beside_those_that_come() -> None:
    shown = diff(TEXT, title="What changes", folded=True)
    assert str(shown) == f"What changes\n{TEXT}"
    drawn = shown._repr_html_()
    assert drawn.startswith("<details><summary")
    assert "<code>&lt;b&gt;.py</code> +2 −2" in drawn
    assert "def f():  @@ -1 +1 @@</td>" in drawn
    before, after = drawn.index("− old &lt;i&gt;</td>"), drawn.index("+ new &lt;i&gt;</td>")
    assert before < after
    assert "</tr>" not in drawn[before:after]
    assert "− KEY: set, 4 characters" in drawn
    assert "<i>" not in drawn


def test_what_is_no_diff_or_too_long_stays_text() -> None:
    assert "<pre" in diff("(no difference)" + "\n" * 2001, title="What changes")._repr_html_()
