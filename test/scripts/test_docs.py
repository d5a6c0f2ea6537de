"""check_docs: what the documents name has to be there, and what they print has to be true."""
import os
import pathlib
import shutil
import unittest

from tree import ROOT, TreeTest, kit

C_TEST = """static void one_thing(void) {}
static void never_run(void) {}
int main(void) { RUN_IN_BOTH(one_thing); }
"""
OWNERSHIP = """# Who owns what

- The caller. `test/c/a.c: one_thing`
- The loop, in more than one line,
  with `src/a.rs: another_thing`
  and `lean/Test/A.lean: a third thing, with a comma`.

Calls are `kja_one`, `KJA_OK` and all of `kja_one_*`; see [the other](../README.md#head).
"""
PROGRAM = """# Read me

<!-- check: c -->
```c
#include <stdio.h>
int main(void) { puts("done"); return 0; }
```

<!-- check: output -->
```text
done
```
"""
CPP_PROGRAM = """<!-- check: c++ -->
```c++
#include <kj/async-io.h>
#include <stdio.h>
int main() { puts(kj::str(7).cStr()); }
```

<!-- check: output -->
```
7
```
"""
LEAN_PROGRAM = """<!-- check: lean -->
```lean
def main : IO Unit := IO.println "done"
```
"""


class Docs(TreeTest):
    FILES = {"include/kjasync.h": "#define KJA_OK 0\nint kja_one(void);\n", "test/c/a.c": C_TEST,
             "src/a.rs": "#[test]\n#[ignore]\nfn another_thing() {}\nfn helper() {}\n",
             "lean/Test/A.lean": 'test "a third thing, with a comma" := pure ()\n',
             "doc/ownership.md": OWNERSHIP, "README.md": "Nothing to run.\n"}

    def check(self, pattern):
        self.assert_fails(pattern, "check_docs", self.root)

    def test_all_is_there(self):
        self.assertIn("3 tests named", self.assert_passes("check_docs", self.root))

    def test_a_test_that_is_not_there(self):
        self.replace("test/c/a.c", "void one_thing", "void one_thing_more")
        self.check("ownership.md:3: test/c/a.c has no test one_thing")

    def test_a_test_that_is_not_run(self):
        self.replace("doc/ownership.md", "one_thing", "never_run")
        self.check("has no test never_run")

    def test_a_function_that_is_no_test(self):
        self.replace("doc/ownership.md", "another_thing", "helper")
        self.check("src/a.rs has no test helper")

    def test_a_lean_test_with_another_title(self):
        self.replace("lean/Test/A.lean", "third", "fourth")
        self.check("has no test a third thing, with a comma")

    def test_a_test_file_that_is_not_there(self):
        self.replace("doc/ownership.md", "src/a.rs", "src/b.rs")
        self.check("there is no src/b.rs")

    def test_a_statement_without_a_test(self):
        self.write("doc/ownership.md", OWNERSHIP + "\n- Somebody,\n  perhaps.\n")
        self.check("ownership.md:10: a statement without a test: - Somebody")

    def test_a_name_that_the_header_does_not_have(self):
        self.replace("doc/ownership.md", "`kja_one`", "`kja_on`")
        self.check("the header has no kja_on$")

    def test_a_file_and_a_link_that_lead_nowhere(self):
        self.write("README.md", "See `src/gone.rs`.\n")
        self.check("README.md:1: there is no src/gone.rs")
        self.write("README.md", "See [it](doc/gone.md).\n")
        self.check("README.md:1: a link to doc/gone.md")


class Programs(TreeTest):
    FILES = {"include/kjasync.h": "", "README.md": PROGRAM}

    def run_it(self):
        return self.run_script("check_docs", self.root, ROOT / "target" / "release")

    def setUp(self):
        super().setUp()
        if not any((ROOT / "target" / "release").glob("libkjasync.*")):
            self.skipTest("the library is not built")

    def test_it_prints_what_is_said(self):
        status, text = self.run_it()
        self.assertEqual(status, 0, text)
        self.assertIn("1 programs", text)

    def test_it_prints_something_else(self):
        self.replace("README.md", "done\n```", "finished\n```")
        status, text = self.run_it()
        self.assertEqual(status, 1, text)
        self.assertIn("it prints\ndone", text)

    def test_it_does_not_compile(self):
        self.replace("README.md", "return 0", "return nothing")
        status, text = self.run_it()
        self.assertEqual(status, 1, text)
        self.assertIn("README.md:3: compiling it", text)

    def test_it_fails(self):
        self.replace("README.md", "return 0", "return 3")
        status, text = self.run_it()
        self.assertEqual(status, 1, text)
        self.assertIn("ended with 3", text)

    @unittest.skipUnless(pathlib.Path("/usr/include/kj/async-io.h").exists(), "needs KJ")
    def test_a_program_in_cpp(self):
        self.write("README.md", CPP_PROGRAM)
        status, text = self.run_it()
        self.assertEqual(status, 0, text)
        self.assertIn("1 programs", text)
        self.replace("README.md", "kj::str(7)", "kj::str(8)")
        status, text = self.run_it()
        self.assertEqual(status, 1, text)
        self.assertIn("it prints\n8", text)

    def test_a_program_in_cpp_that_cannot_be_checked_is_named(self):
        self.write("README.md", CPP_PROGRAM)
        status, text = self.run_script("check_docs", self.root, ROOT / "target" / "release", environment={**os.environ, "CXX": "false"})
        self.assertEqual(status, 0, text)
        self.assertIn("NOT CHECKED: the C++ program in README.md", text)

    @unittest.skipIf(shutil.which("lake") or not kit(), "needs the check kit")
    def test_a_lean_program(self):
        self.write("README.md", LEAN_PROGRAM)
        status, text = self.run_it()
        self.assertEqual(status, 0, text)
        self.assertIn("1 programs", text)
        self.replace("README.md", "println", "printline")
        status, text = self.run_it()
        self.assertEqual(status, 1, text)
        self.assertIn("README.md:1: compiling it", text)

    def test_a_lean_program_that_cannot_be_checked_is_named(self):
        self.write("README.md", LEAN_PROGRAM)
        status, text = self.run_script("check_docs", self.root, ROOT / "target" / "release",
                                       environment={**os.environ, "PATH": "/usr/bin:/bin", "LEAN_CC": "/nowhere/cc"})
        self.assertEqual(status, 0, text)
        self.assertIn("NOT CHECKED: the Lean program in README.md", text)
