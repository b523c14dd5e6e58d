"""A diff by file, side by side: nothing of it is lost, whatever made it."""

from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.report import page
from rollback_lib.report.diff import LONGEST, File, Row, files

GIT = """ a.py | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/a.py b/a.py
index 77d1fd2..7ec1782 100644
--- a/a.py
+++ b/a.py
@@ -8,3 +8,4 @@ def one():
 same
-old
--- like a head
+new
+more
+most
\\ No newline at end of file
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-last
"""
RELEASE = """code
diff --git a/b.py b/b.py
--- a/b.py
+++ b/b.py
@@ -1 +1 @@
-x
+y

env /opt/.env
~ MODEL: ‹5 bytes› → ‹7 bytes›
+ NEW: nothing → ‹3 bytes›
- OLD: ‹3 bytes› → nothing  (not asked for)

caddyfile
--- /opt/Caddyfile now
+++ /opt/Caddyfile of 7777777
@@ -1 +1 @@
-a
+b
"""


def test_lines_that_go_stand_beside_those_that_come() -> None:
    summary, first, gone = files(GIT)
    assert (summary.name, [row.kind for row in summary.rows]) == ("", ["head", "head"])
    assert (first.name, first.counts) == ("a.py", "+3 −2")
    assert first.rows[1:] == [
        Row("same", "same", "same"), Row("changed", "old", "new"), Row("changed", "-- like a head", "more"), Row("new", "", "most"),
    ]  # fmt: skip
    assert (gone.name, gone.rows[-1]) == ("gone.py", Row("gone", "last"))


def test_a_release_has_several_diffs_and_variables_by_key() -> None:
    code, changed, env, word, caddyfile = files(RELEASE)
    assert (code.rows, word.rows) == ([Row("head", "code")], [Row("head", "caddyfile")])
    assert changed.name == "b.py"
    assert env.rows == [
        Row("head", "env /opt/.env"), Row("changed", "MODEL: ‹5 bytes›", "MODEL: ‹7 bytes›"), Row("new", "", "NEW: ‹3 bytes›"),
        Row("gone", "OLD: ‹3 bytes›  (not asked for)"),
    ]  # fmt: skip
    assert (caddyfile.name, caddyfile.rows[1:]) == ("/opt/Caddyfile of 7777777", [Row("changed", "a", "b")])


def test_there_is_no_file_in_nothing_and_a_very_long_one_stays_text() -> None:
    assert files("") == files("\n") == []
    assert files("x\n" * (LONGEST + 1)) == []


@given(
    st.lists(
        st.sampled_from(["+new", "-old", " same", "", "@@ -1,2 +1,1 @@", "--- a/x", "+++ b/x", "diff --git a/x b/x", "~ A: 1 → 2", "words"])
    )
)
def test_no_line_is_lost_in_whatever_order_lines_come(lines: list[str]) -> None:
    said = " ".join(f"{row.before} {row.after}" for file in files("\n".join(lines)) for row in file.rows)
    for word in ("new", "old", "same", "words", "@@ -1,2 +1,1 @@"):
        many = sum(word in line for line in lines)
        assert (word in said) == (many > 0)


def test_a_page_shows_it_with_every_text_escaped(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "plan.diff").write_text("--- a/<b>\n+++ b/<b>\n@@ -1 +1 @@\n-<script>\n+<i>\n")
    text = page.html({"verdict": "planned", "reason": "x"}, [], tmp_path)
    assert "<caption><code>&lt;b&gt;</code> +1 −1</caption>" in text
    assert "− &lt;script&gt;</td>" in text
    assert File("x").counts == "+0 −0"
