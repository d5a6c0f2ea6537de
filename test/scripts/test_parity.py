"""scripts/parity has to refuse what is claimed and not proved, and what does not exist."""
import unittest

from tree import TreeTest

ROWS = """\
# PROM Promise
PROM-01\tD\tkj/async.h\tdrop = cancel
PROM-02\tD\tkj/async.h\tconstruct from value
# TIME Timer
TIME-01\tD\tkj/timer.h\tnow
TIME-02\tX\tkj/async.h\tEventLoopLocal<T>
"""
STATE = """\
# id\tstate\tC names\tLean names\tnote
PROM-01\tdone\tkja_promise_release\tPromiseRef.release\t
PROM-02\tchanged\tkja_promise_new\t\ta new one
"""
TIME_STATE = "TIME-02\tleft-out\t\t\tC++ only\n"
C = """\
/* parity: PROM-01, TIME-01 */
static void a_release_cancels(void) {
}
int main(void) {
  RUN_IN_BOTH(a_release_cancels);
}
"""
RUST = """\
    // parity: PROM-02
    #[test]
    fn a_value_is_there() {}
"""
LEAN = '-- parity: PROM-01\ntest "release cancels" := promise.release\n'
HEADER = "/* Releases. (PROM-01) */\nint kja_promise_release(void);\nint kja_promise_new(void);\n"


class Parity(TreeTest):
    FILES = {"scripts/parity-rows.tsv": ROWS, "doc/parity/prom.tsv": STATE,
             "doc/parity/time.tsv": TIME_STATE, "include/kjasync.h": HEADER,
             "lean/KjAsync.lean": "def PromiseRef.release := ()\n", "test/c/promise.c": C, "src/promise.rs": RUST,
             "lean/Test/Promise.lean": LEAN}

    def assert_caught(self, pattern):
        self.assert_fails(pattern, "parity", self.root)
        self.assertFalse((self.root / "doc/parity.md").exists())

    def test_every_row_is_there_with_its_tests(self):
        said = self.assert_passes("parity", self.root)
        self.assertIn("4 capabilities: 1 done, 1 changed on purpose, 1 open, 1 left out", said)
        summary = (self.root / "doc/parity.md").read_text()
        self.assertIn("| [PROM](parity/prom.tsv) | Promise | 2 | 1 | 1 | 0 | 0 |", summary)
        page = (self.root / "doc/parity/rows.md").read_text()
        self.assertIn("| PROM-01 | D | `kj/async.h` | drop = cancel | done | `kja_promise_release` | `PromiseRef.release` | "
                      "test/c/promise.c: `a_release_cancels`, lean/Test/Promise.lean: `release cancels` |", page)
        self.assertIn("| PROM-02 | D | `kj/async.h` | construct from value | changed: a new one | `kja_promise_new` |  | "
                      "src/promise.rs: `a_value_is_there` |", page)
        self.assertIn("| TIME-01 | D | `kj/timer.h` | now | open |  |  | test/c/promise.c: `a_release_cancels` |", page)
        self.assertIn("| TIME-02 | X | `kj/async.h` | EventLoopLocal&lt;T> | left-out: C++ only |  |  |  |", page)

    def test_a_row_called_done_whose_lean_name_no_lean_test_exercises(self):
        self.write("lean/Test/Promise.lean", '-- parity: PROM-01\ntest "it" := pure () -- release\n')
        self.assert_caught("PROM-01 is done, and no Lean test exercises PromiseRef.release")

    def test_a_row_called_done_that_no_test_names(self):
        self.replace("doc/parity/time.tsv", TIME_STATE, "TIME-02\tdone\tkja_promise_release\t\t\n")
        self.assert_caught("TIME-02 is done, and no test names it")

    def test_a_row_called_changed_that_no_test_names(self):
        self.replace("src/promise.rs", "// parity: PROM-02", "// No claim.")
        self.assert_caught("PROM-02 is changed, and no test names it")

    def test_an_id_that_does_not_exist(self):
        for name, old in (("test/c/promise.c", "PROM-01,"), ("src/promise.rs", "PROM-02"),
                          ("lean/Test/Promise.lean", "PROM-01"), ("include/kjasync.h", "PROM-01"), ("doc/parity/prom.tsv", "PROM-02")):
            with self.subTest(name):
                new = "PROM-99," if "," in old else "PROM-99"
                self.replace(name, old, new)
                self.assert_caught("PROM-99")
                self.replace(name, new, old)

    def test_a_family_that_does_not_exist(self):
        self.replace("src/promise.rs", "PROM-02", "PROM-02, PROMISE-01")
        self.assert_caught("PROMISE-01 is no row")

    def test_a_comment_without_a_test(self):
        self.write("src/more.rs", "// parity: PROM-01\nconst A: u8 = 1;\n")
        self.assert_caught("src/more.rs:1: no test below")

    def test_a_test_that_is_never_run(self):
        self.replace("test/c/promise.c", "RUN_IN_BOTH(a_release_cancels);", "")
        self.assert_caught("a_release_cancels is never run")

    def test_a_change_without_a_reason(self):
        self.replace("doc/parity/prom.tsv", "a new one", "")
        self.assert_caught("PROM-02 is changed, and nothing says why")

    def test_an_omission_without_a_reason(self):
        self.replace("doc/parity/time.tsv", "C++ only", "")
        self.assert_caught("TIME-02 is left-out, and nothing says why")

    def test_a_state_that_is_none(self):
        self.replace("doc/parity/prom.tsv", "\tdone", "\tnearly")
        self.assert_caught("'nearly' is no state")

    def test_a_row_twice(self):
        self.write("doc/parity/prom.tsv", STATE + "PROM-01\topen\n")
        self.assert_caught("PROM-01 is there twice")

    def test_names_that_nobody_has(self):
        self.replace("doc/parity/prom.tsv", "kja_promise_new", "kja_promise_old")
        self.assert_caught("PROM-02: the header has no kja_promise_old")
        self.replace("doc/parity/prom.tsv", "kja_promise_old", "kja_promise_new")
        self.replace("doc/parity/prom.tsv", "PromiseRef.release", "PromiseRef.free")
        self.assert_caught("PROM-01: the Lean package has no PromiseRef.free")

    def test_a_page_that_is_out_of_date(self):
        self.assert_fails("doc/parity.md is not what", "parity", "--check", self.root)
        self.assert_passes("parity", self.root)
        self.assert_passes("parity", "--check", self.root)
        self.write("doc/parity/time.tsv", "")
        self.assert_fails("doc/parity.md is not what", "parity", "--check", self.root)

    def test_a_row_in_the_file_of_another_family(self):
        self.write("doc/parity/prom.tsv", STATE + TIME_STATE)
        self.write("doc/parity/time.tsv", "")
        self.assert_caught("TIME-02 belongs into another file")


if __name__ == "__main__":
    unittest.main()
