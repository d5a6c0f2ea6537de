"""The smaller checks, and the runner that adds everything up."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from tree import ROOT, TreeTest


class Exports(TreeTest):
    FILES = {"a.h": "int kja_one(void);\nint kja_two(int n);\n",
             "a.c": "int kja_one(void) { return 1; }\nint kja_two(int n) { return n; }\n"}

    def check(self, pattern=None):
        library = self.root / ("liba.dylib" if sys.platform == "darwin" else "liba.so")
        self.build_shared(library, (self.root / "a.c").read_text())
        if pattern:
            self.assert_fails(pattern, "check_exports", library, self.root / "a.h")
        else:
            self.assert_passes("check_exports", library, self.root / "a.h")

    def test_the_same_on_both_sides(self):
        self.check()

    def test_a_function_that_is_not_ours(self):
        self.write("a.c", self.FILES["a.c"] + "int rust_eh_personality(void) { return 0; }\n")
        self.check("not ours: rust_eh_personality")

    def test_a_function_that_the_header_does_not_have(self):
        self.write("a.c", self.FILES["a.c"] + "int kja_three(void) { return 0; }\n")
        self.check("not in the header: kja_three")

    def test_a_function_that_is_missing(self):
        self.replace("a.c", "int kja_two", "static __attribute__((unused)) int kja_two")
        self.check("not exported: kja_two")


class EveryFunction(TreeTest):
    FILES = {"a.h": "typedef uint64_t kja_a_t;\ntypedef uint64_t kja_b_t;\ntypedef uint64_t kja_call_t;\n"
                    "typedef struct { size_t size; void *ctx; kja_destroy_fn destroy; } kja_options_t;\n"
                    "kja_status_t kja_a_new(const kja_options_t *options, kja_a_t *out);\n"
                    "kja_status_t kja_a_b(kja_a_t a, const kja_options_t *options, kja_b_t *out);\n"
                    "kja_status_t kja_a_join(kja_a_t a, const kja_b_t *list, size_t count);\n"
                    "bool kja_b_is(kja_b_t b, const char *text, size_t text_len);\n"
                    "kja_status_t kja_call_b(kja_call_t call, kja_b_t b);\n"}

    def derived(self):
        return " ".join(self.assert_passes("every_function", self.root / "a.h").split())

    def test_each_taker_is_called_with_a_bad_handle(self):
        text = self.derived()
        self.assertNotIn("kja_a_new", text)
        self.assertIn("enum { A, B, FAMILIES }", text)
        a = text[text.index("void a_refuses"):text.index("void b_refuses")]
        self.assertRegex(a, r"options_.size = sizeof options_; options_.ctx = .* lent_\+\+; kja_b_t out_ = 1; "
                            r"CHECK_IS\(kja_a_b\(h, &options_, &out_\), KJA_ERR_BAD_HANDLE\); CHECK_U64\(out_, 0\);")
        self.assertIn('CHECK(!kja_b_is(h, "x", 1));', text[text.index("void b_refuses"):text.index("void call_refuses")])
        self.assertIn("CHECK_IS(kja_call_b(h, 0), KJA_ERR_BAD_HANDLE);", text[text.index("void call_refuses"):])

    def test_the_second_of_two_is_bad(self):
        second = self.derived().split("every_second_handle_is_refused")[1]
        self.assertIn("list_[2] = {live[B], bad}; CHECK_IS(kja_a_join(live[A], list_, 2), KJA_ERR_BAD_HANDLE);", second)
        self.assertNotIn("kja_call_b", second)

    def test_what_is_not_understood_is_not_left_out(self):
        self.write("a.h", self.FILES["a.h"] + "kja_status_t kja_a_hear(kja_a_t a, kja_hear_fn hear);\n")
        self.assert_fails("what is kja_a_hear to be given for kja_hear_fn hear", "every_function", self.root / "a.h")
        self.write("a.h", self.FILES["a.h"] + "double kja_a_size(kja_a_t a);\n")
        self.assert_fails("how does kja_a_size refuse", "every_function", self.root / "a.h")


class Layers(TreeTest):
    FILES = {"doc/architecture.md": "## Layers\n\n| Modules | |\n| --- | --- |\n| `error` | |\n| `cell`, `turns` | |\n| `ffi` | |\n"
                                    "\n## Where\n\n| `elsewhere` | |\n",
             "src/lib.rs": "pub use error::Error;\n", "src/error.rs": "pub struct Error;\n",
             "src/cell.rs": "use crate::turns::Loop;\nuse crate::Error;\n",
             "src/turns/mod.rs": "//! See [`crate::ffi`].\nuse crate::cell::Cell;\n", "src/ffi/mod.rs": "use crate::{cell, error};\n"}

    def test_from_above_and_within_a_row(self):
        self.assert_passes("check_layers", self.root)

    def test_from_below(self):
        for use in ("use crate::ffi::handle;", "use crate::{error, ffi};", "fn f() { crate::ffi::f() }"):
            with self.subTest(use):
                self.write("src/turns/deep/mod.rs", f"\n{use}\n")
                self.assert_fails(r"src/turns/deep/mod.rs:2: turns uses ffi", "check_layers", self.root)

    def test_a_name_that_the_crate_has_too(self):
        self.write("src/sync.rs", "use crate::Error;\n")
        self.replace("doc/architecture.md", "| `error`", "| `sync` | |\n| `error`")
        self.assert_fails("src/sync.rs:1: sync uses error", "check_layers", self.root)

    def test_a_module_without_a_place_and_a_place_without_a_module(self):
        self.write("src/new.rs", "")
        self.assert_fails("new is in no layer", "check_layers", self.root)
        self.replace("doc/architecture.md", "`turns`", "`turns`, `new`, `gone`")
        self.assert_fails("there is no src/gone", "check_layers", self.root)


class Licences(TreeTest):
    def check(self, library, tool="MIT", pattern=None):
        packages = [("kjasync", "Apache-2.0 OR MIT"), ("needed", library), ("tool", tool)]
        nodes = [{"id": name, "dependencies": ["needed"] if name == "kjasync" else []} for name, _ in packages]
        packages = [{"id": name, "name": name, "version": "1.0.0", "license": licence} for name, licence in packages]
        self.write("metadata.json", json.dumps({"packages": packages, "resolve": {"nodes": nodes}}))
        if pattern:
            self.assert_fails(pattern, "check_licences", self.root / "metadata.json")
        else:
            self.assert_passes("check_licences", self.root / "metadata.json")

    def test_permissive_ones_pass(self):
        for licence in ("MIT", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "GPL-3.0-only OR ISC", "Zlib",
                        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"):
            with self.subTest(licence):
                self.check(licence)

    def test_others_do_not(self):
        for licence in ("GPL-3.0-only", "MIT AND GPL-2.0", "MPL-2.0", "(MIT OR ISC) AND LGPL-2.1", None, "", "MIT)"):
            with self.subTest(licence):
                self.check(licence, pattern="not allowed: needed 1.0.0")

    def test_a_tool_may_be_under_the_mpl_but_not_the_gpl(self):
        self.check("MIT", "MPL-2.0")
        self.check("MIT", "GPL-3.0-only", "not allowed: tool")


@unittest.skipUnless(shutil.which("git"), "needs git")
class Sources(TreeTest):
    def setUp(self):
        super().setUp()
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.write("a.md", "See ../work/a, https://example.org/home/a and a/root/b.\n")

    def test_an_ordinary_tree_passes(self):
        self.assert_passes("check_sources", self.root)

    def test_a_place_of_one_machine(self):
        for place in ("work/x", "root/.cargo", "home/me", "Users/me"):
            with self.subTest(place):
                self.write("b.c", f"/* see\n /{place} */\n")
                self.assert_fails(r"b.c:2: names a place", "check_sources", self.root)

    def test_a_source_that_is_too_large(self):
        self.write("b.c", "int a;\n" * 4000)
        self.assert_fails(r"b.c: 28000 bytes", "check_sources", self.root)

    def test_a_registry_of_ones_own(self):
        self.write("Cargo.lock", 'source = "registry+https://github.com/rust-lang/crates.io-index"\n')
        self.assert_passes("check_sources", self.root)
        self.write("Cargo.lock", 'source = "registry+https://packages.example.org/index"\n')
        self.assert_fails(r"Cargo.lock: a source that is not crates.io", "check_sources", self.root)


class Runner(TreeTest):
    """test/run with parts that are shell scripts."""

    def sum_of(self, scripts="", rust="", c="", lean="", **variables):
        for name, text in (("test/scripts/run", scripts), ("cargo", rust), ("test/run_c", c), ("test/run_lean", lean)):
            self.write(name, f"#!/bin/sh\n{text}\n")
            (self.root / name).chmod(0o755)
        shutil.copy(ROOT / "test" / "run", self.root / "test" / "run")
        parts = ("scripts", "rust", "c", "lean")
        done = subprocess.run([str(self.root / "test" / "run"), *parts], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "CARGO": str(self.root / "cargo"), **variables})
        return done.returncode, done.stdout.splitlines()

    GOOD = "echo 1 passed, 0 failed"

    def test_the_closing_lines_are_added_up(self):
        cargo = "for n in 10 5; do echo \"test result: ok. $n passed; 0 failed; 1 ignored;\"; done"
        c = "echo 9 passed, 0 failed; echo 100 passed, 0 failed"
        status, lines = self.sum_of(self.GOOD, cargo, c, "echo 1000 passed, 0 failed")
        self.assertEqual((status, lines[-1]), (0, "1116 passed, 0 failed"))

    def test_failures_are_added_up(self):
        cargo = "echo 'test result: FAILED. 10 passed; 2 failed; 0 ignored;'; exit 101"
        status, lines = self.sum_of(self.GOOD, cargo, "echo 3 passed, 4 failed; exit 1", self.GOOD)
        self.assertEqual((status, lines[-1]), (1, "15 passed, 6 failed"))

    def test_no_counts_no_tests_and_a_bad_end_are_failures(self):
        for text in ("true", "echo 0 passed, 0 failed", "exit 3", "echo 1 passed, 0 failed; exit 1"):
            with self.subTest(text):
                status, lines = self.sum_of(self.GOOD, self.GOOD, self.GOOD, text)
                self.assertEqual(status, 1)
                self.assertRegex(lines[-1], r"^[34] passed, 1 failed$")

    def test_a_skipped_part_is_said_and_no_failure(self):
        status, lines = self.sum_of(self.GOOD, self.GOOD, self.GOOD, "echo why; exit 77")
        self.assertEqual((status, lines[-1]), (0, "3 passed, 0 failed"))
        self.assertIn("lean: SKIPPED, nothing of it was tested", lines)

    def test_a_part_that_hangs_is_ended(self):
        hangs = "echo 1 passed, 0 failed; sleep 60"
        status, lines = self.sum_of(self.GOOD, self.GOOD, self.GOOD, hangs, KJA_TEST_SECONDS="1")
        self.assertEqual((status, lines[-1]), (1, "4 passed, 1 failed"))


class LeanRunner(TreeTest):
    """test/run_lean without a toolchain."""

    def run_lean(self, mode, **variables):
        for name in ("test/run_lean", "scripts/lean_toolchain.py", "scripts/lean_shim.py", "scripts/c_header.py"):
            self.write(name, (ROOT / name).read_text())
        environment = {name: value for name, value in os.environ.items() if name != "KJA_REQUIRE_LEAN"}
        done = subprocess.run([sys.executable, str(self.root / "test" / "run_lean"), mode], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={**environment, "PATH": "/nowhere", **variables})
        return done.returncode, done.stdout

    def setUp(self):
        super().setUp()
        self.root = self.root / "tree"

    def test_nothing_there_is_a_skip_that_is_said(self):
        status, text = self.run_lean("test")
        self.assertEqual(status, 77)
        self.assertIn("elan", text)
        self.assertEqual(self.run_lean("demo")[0], 0)

    def test_a_skip_can_be_forbidden(self):
        self.assertEqual(self.run_lean("test", KJA_REQUIRE_LEAN="1")[0], 1)
        self.assertEqual(self.run_lean("demo", KJA_REQUIRE_LEAN="1")[0], 1)

    def test_a_kit_that_cannot_be_had_is_a_skip_and_one_that_fails_is_not(self):
        for kit, wanted in (("exit 77", 77), ("exit 3", 1)):
            with self.subTest(kit):
                self.write("test/lean-kit/setup", f"#!/bin/sh\n{kit}\n")
                (self.root / "test" / "lean-kit" / "setup").chmod(0o755)
                self.assertEqual(self.run_lean("test")[0], wanted)


if __name__ == "__main__":
    unittest.main()
