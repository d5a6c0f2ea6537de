"""scripts/check_externs has to catch a mistake of each kind."""
import os
import re
import shutil
import subprocess
import unittest

from tree import ROOT, TreeTest, kit

HEADER = """\
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>
typedef uint64_t kja_call_t;
typedef int32_t kja_status_t;
/* Functions that Lean may bind directly. */
uint64_t kja_count(void);
uint32_t kja_mix(uint8_t a, uint16_t b, uint32_t c,
                 kja_call_t d, size_t e);
kja_status_t kja_status_of(uint64_t handle);
bool kja_is_live(uint64_t handle);
const char *kja_version(void);
"""
SHARED = """\
#include <lean/lean.h>
#include <stdint.h>
lean_obj_res kjasync_shared(void);
"""
SOURCE = """\
#include "object.h"
#define RETURNS(name, argument) lean_obj_res kjasync_##name(argument thing) { return thing; }
RETURNS(own, lean_obj_arg)
RETURNS(unit, b_lean_obj_arg)
lean_obj_res kjasync_shared(void) { return 0; }
lean_obj_res kjasync_borrow(b_lean_obj_arg thing, uint64_t n) { return n ? thing : 0; }
static uint32_t scalar(void) { return 1; }
uint32_t kjasync_scalar(b_lean_obj_arg thing) {
    return thing != 0 ? scalar() : 0;
}
uint8_t kjasync_choose(lean_obj_arg instance, uint8_t mode, uint64_t boxed, lean_obj_arg value) {
    return mode + boxed + (instance == value);
}
"""
LEAN = """\
/-! `@[extern "nothing"]` in a comment is none. -/
abbrev Call := UInt64
private opaque Pointed : NonemptyType.{0}
def Thing : Type := Pointed.type
inductive Mode where
  | one
  | two
structure Boxed where
  value : UInt64
  positive : value > 0

@[extern "kja_count"] opaque count : BaseIO UInt64
@[extern "kja_mix"]
opaque mix (a : Bool) (b : UInt16) (c : UInt32)
    (d : Call) (e : USize) : BaseIO UInt32
@[extern "kjasync_borrow"] opaque borrow {α : Type} (thing : @& Thing) (n : UInt64) : IO α
@[extern "kjasync_own"] private opaque own {α : Type} (value : α) : IO (Thing × α)
@[extern "kjasync_unit"] opaque unit : @& Thing → BaseIO Unit
@[extern "kjasync_scalar"] opaque scalar (thing : @& Thing) : UInt32
@[extern "kjasync_choose"]
opaque choose {m : Type → Type} [Monad m] (mode : Mode) (boxed : Boxed) (value : m Nat) : BaseIO Bool
"""


SHIM_C = "lean/native/shim.c"


class Externs(TreeTest):
    FILES = {"include/kjasync.h": HEADER, "lean/native/object.h": SHARED, SHIM_C: SOURCE, "lean/A.lean": LEAN}

    def run_script(self, script, *arguments, environment=None):
        environment = {**os.environ, "PATH": "/usr/bin:/bin"}
        return super().run_script(script, self.root, environment=environment)

    def assert_caught(self, pattern):
        self.assert_fails(pattern, "check_externs")

    def test_what_is_right_passes(self):
        self.assertIn("7 externs", self.assert_passes("check_externs"))

    def test_a_missing_name(self):
        self.replace("lean/A.lean", '"kja_count"', '"kja_counts"')
        self.assert_caught(r"count: kja_counts is neither in")

    def test_one_argument_too_many(self):
        self.replace("lean/A.lean", "(e : USize)", "(e : USize) (f : Nat)")
        self.assert_caught(r"kja_mix: Lean passes 6 arguments .* C takes 5")

    def test_one_argument_too_few(self):
        self.replace("lean/A.lean", " (n : UInt64) : IO α", " : IO α")
        self.assert_caught(r"kjasync_borrow: Lean passes 1 arguments .* C takes 2")

    def test_a_type_is_not_passed(self):
        self.replace(SHIM_C, "kjasync_##name(argument thing)", "kjasync_##name(lean_obj_arg type, argument thing)")
        self.assert_caught(r"kjasync_own: Lean passes 1 arguments .* C takes 2")

    def test_an_instance_is_passed(self):
        self.replace("lean/A.lean", " [Monad m]", "")
        self.assert_caught(r"kjasync_choose: Lean passes 3 arguments .* C takes 4")

    def test_each_scalar_has_its_width(self):
        for name, right, wrong, c in (("a", "Bool", "UInt16", "uint8_t"), ("b", "UInt16", "UInt32", "uint16_t"),
                                      ("c", "UInt32", "UInt64", "uint32_t"), ("d", "Call", "UInt32", "uint64_t"),
                                      ("e", "USize", "UInt64", "size_t")):
            with self.subTest(right):
                self.replace("lean/A.lean", f"({name} : {right})", f"({name} : {wrong})")
                self.assert_caught(rf"kja_mix: argument \d is \w+ in Lean, {c} in C")
                self.replace("lean/A.lean", f"({name} : {wrong})", f"({name} : {right})")

    def test_an_alias_is_looked_through(self):
        self.replace("lean/A.lean", "abbrev Call := UInt64", "abbrev Call := UInt32")
        self.assert_caught(r"kja_mix: argument 4 is uint32_t in Lean, uint64_t in C")

    def test_a_choice_is_a_number_and_no_object(self):
        self.replace("lean/A.lean", "  | two\n", "  | two (n : Nat)\n")
        self.assert_caught(r"kjasync_choose: argument 2 is lean_obj_arg in Lean, uint8_t in C")

    def test_a_structure_of_one_field_is_that_field(self):
        self.replace("lean/A.lean", "  value : UInt64\n", "  value : UInt64\n  more : UInt64\n")
        self.assert_caught(r"kjasync_choose: argument 3 is lean_obj_arg in Lean, uint64_t in C")

    def test_an_object_is_no_scalar(self):
        self.replace("lean/A.lean", "(n : UInt64) : IO α", "(n : Nat) : IO α")
        self.assert_caught(r"kjasync_borrow: argument 2 is lean_obj_arg in Lean, uint64_t in C")

    def test_borrowed_in_c_only(self):
        self.replace("lean/A.lean", "(thing : @& Thing) (n", "(thing : Thing) (n")
        self.assert_caught(r"kjasync_borrow: argument 1 is lean_obj_arg in Lean, b_lean_obj_arg in C")

    def test_borrowed_in_lean_only(self):
        self.replace("lean/A.lean", "(value : α)", "(value : @& α)")
        self.assert_caught(r"kjasync_own: argument 1 is b_lean_obj_arg in Lean, lean_obj_arg in C")

    def test_borrowed_behind_an_arrow(self):
        self.replace("lean/A.lean", "@& Thing → BaseIO Unit", "Thing → BaseIO Unit")
        self.assert_caught(r"kjasync_unit: argument 1 is lean_obj_arg in Lean, b_lean_obj_arg in C")

    def test_an_io_result_is_no_scalar(self):
        self.replace("lean/A.lean", "count : BaseIO UInt64", "count : IO UInt64")
        self.assert_caught(r"kja_count: the result is lean_obj_res in Lean \(an IO result\), uint64_t in C")

    def test_a_base_io_number_is_no_object(self):
        self.replace("lean/A.lean", "(n : UInt64) : IO α", "(n : UInt64) : BaseIO UInt32")
        self.assert_caught(r"kjasync_borrow: the result is uint32_t in Lean, lean_obj_res in C")

    def test_a_base_io_unit_is_an_object(self):
        self.replace(SHIM_C, "RETURNS(unit, b_lean_obj_arg)", "void kjasync_unit(b_lean_obj_arg thing) {}")
        self.assert_caught(r"kjasync_unit: the result is lean_obj_res in Lean, void in C")

    def test_the_result_has_its_width(self):
        self.replace("lean/A.lean", "(e : USize) : BaseIO UInt32", "(e : USize) : BaseIO UInt64")
        self.assert_caught(r"kja_mix: the result is uint64_t in Lean, uint32_t in C")

    def test_a_status_is_signed_and_a_bool_no_uint8(self):
        for name, lean, c in (("kja_status_of", "UInt32", "int32_t"), ("kja_is_live", "Bool", "bool")):
            with self.subTest(name):
                self.write("lean/B.lean", f'@[extern "{name}"] opaque b (handle : UInt64) : BaseIO {lean}\n')
                self.assert_caught(rf"{name}: the result is \w+ in Lean, {c} in C")

    def test_a_pointer_fits_nothing(self):
        self.write("lean/B.lean", '@[extern "kja_version"] opaque b : BaseIO String\n')
        self.assert_caught(r"kja_version: the result is lean_obj_res in Lean, char \* in C")

    def test_a_pattern_cannot_be_checked(self):
        self.write("lean/B.lean", '@[extern c inline "#1 + 1"] opaque b (n : UInt64) : UInt64\n')
        self.assert_caught(r'b: only extern "name" can be checked')

    def test_not_defined(self):
        self.replace(SHIM_C, "RETURNS(own, lean_obj_arg)", "")
        self.assert_caught(r"kjasync_own is neither in kjasync.h nor defined")

    def test_defined_for_its_file_only(self):
        self.replace(SHIM_C, "uint32_t kjasync_scalar", "static uint32_t kjasync_scalar")
        self.assert_caught(r"kjasync_scalar is neither in kjasync.h nor defined")

    def test_defined_and_not_used(self):
        self.replace("lean/A.lean", '@[extern "kjasync_scalar"] opaque scalar (thing : @& Thing) : UInt32\n', "")
        self.assert_caught(r"kjasync_scalar is used by no extern")


class ThisPackage(TreeTest):
    """The same on a copy of the real package: each function of the shim, mistaken in turn."""

    def test_every_planted_mistake_is_caught(self):
        for folder in ("include", "lean"):
            shutil.copytree(ROOT / folder, self.root / folder, ignore=shutil.ignore_patterns(".lake"))
        right = set(self.run_script("check_externs", self.root)[1].splitlines())
        sources = {path: path.read_text() for path in (self.root / "lean" / "native").glob("*.c")}
        definition = re.compile(r"^\w+ kjasync_\w+\([^;{]*\)(?= \{)", re.M)
        self.assertGreater(sum(len(definition.findall(text)) for text in sources.values()), 20)
        for old, new in (("[(]", "(uint64_t more, "), (r"\blean_obj_arg\b", "b_lean_obj_arg"),
                         (r"\bb_lean_obj_arg\b", "lean_obj_arg"), (r"uint\d+_t|size_t", "uint128_t"), (r"^\w+", "void")):
            names = set()
            for path, text in sources.items():
                def mistaken(match):
                    changed = re.sub(old, new, match[0], count=1)
                    if changed != match[0]:
                        names.add(re.search(r"kjasync_\w+(?=\()", match[0])[0])
                    return changed
                path.write_text(definition.sub(mistaken, text))
            said = self.run_script("check_externs", self.root)[1].splitlines()
            lines = [line for line in said if line not in right]
            caught = set(re.findall(r": (kjasync_\w+): (?:Lean passes|argument|the result)", "\n".join(lines)))
            shared = set(re.findall(r"\bkjasync_\w+(?=\()", (self.root / "lean" / "native" / "object.h").read_text()))
            self.assertEqual(names - caught - shared, set())
            self.assertTrue(names)


@unittest.skipUnless(kit(), "the check kit cannot be had here")
class EmittedC(TreeTest):
    """The C that Lean emits, compiled behind the headers: a prototype that differs is a compile error."""
    FILES = {"native/kjasync.h": "#include <stdint.h>\nuint64_t kja_twice(uint64_t n);\n",
             "native/twice.c": '#include "kjasync.h"\nuint64_t kja_twice(uint64_t n) { return n * 2; }\n',
             "Main.lean": '@[extern "kja_twice"] opaque twice (n : UInt64) : BaseIO UInt64\n'
                          "def main : IO Unit := do IO.println (toString (← twice 21))\n"}

    def build(self):
        command = [str(kit()), "build", "--main", "Main", "--cflags", "-Inative -include kjasync.h", "--cc-src", "native/twice.c",
                   "--build", "build", "-o", "main"]
        done = subprocess.run(command, cwd=self.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def test_the_right_prototype_compiles(self):
        status, text = self.build()
        self.assertEqual(status, 0, text)
        said = subprocess.run([str(self.root / "main")], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(said.stdout, "42\n")

    def test_another_width_does_not(self):
        self.replace("Main.lean", "BaseIO UInt64", "BaseIO UInt32")
        status, text = self.build()
        self.assertNotEqual(status, 0)
        self.assertIn("conflicting types for", text)

    def test_an_io_result_does_not(self):
        self.replace("Main.lean", "BaseIO UInt64", "IO UInt64")
        status, text = self.build()
        self.assertNotEqual(status, 0)
        self.assertIn("conflicting types for", text)


if __name__ == "__main__":
    unittest.main()
