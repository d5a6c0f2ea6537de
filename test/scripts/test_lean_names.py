"""check_lean_names: the shim and the check kit's header use what the real lean.h has, and nothing else."""
from tree import TreeTest

HEADER = "typedef struct { int m; } lean_object;\nlean_object *lean_box_it(int n);\nint lean_kit_helper(int n);\n"
SHIM = "#include <lean/lean.h>\n/* lean_of_a_comment */\nlean_object *kjasync_it(int n) { return lean_box_it(n); }\n"
NAMES = "test/lean-kit/lean.h.names"


class LeanNames(TreeTest):
    FILES = {"test/lean-kit/include/lean/lean.h": HEADER, "lean/native/shim.c": SHIM, "include/kjasync.h": "",
             NAMES: "# a comment\nlean_box_it\nlean_object\nlean_start\n"}

    def test_what_is_listed_passes(self):
        text = self.assert_passes("check_lean_names", self.root)
        self.assertIn("NOT CHECKED: what Lean's library exports", text)
        self.assertIn("3 names", text)

    def test_a_name_that_the_real_header_does_not_have(self):
        self.replace(NAMES, "lean_box_it\n", "")
        self.assert_fails("lean/native/shim.c: lean_box_it is not in the real lean.h", "check_lean_names", self.root)

    def test_a_kit_that_declares_too_much(self):
        self.replace("test/lean-kit/include/lean/lean.h", "int lean_kit_helper", "int lean_helper")
        self.assert_fails("kit's lean.h has lean_helper", "check_lean_names", self.root)

    def test_what_the_shim_declares_itself_has_to_be_exported(self):
        self.replace("lean/native/shim.c", "lean_object *kjasync_it",
                     "void lean_begin(void);\nvoid kjasync_begin(void) { lean_begin(); }\nlean_object *kjasync_it")
        self.assert_passes("check_lean_names", self.root)
        library = self.root / "liblean.so"
        for exports, fault in (("lean_box_it", "shim.c: lean_begin is not exported by liblean.so"), ("lean_begin", "lean_box_it")):
            self.build_shared(library, f"void {exports}(void) {{}}\n")
            self.assert_fails(fault, "check_lean_names", self.root, library)
        self.build_shared(library, "void lean_begin(void) {}\nvoid lean_box_it(void) {}\n")
        self.assert_passes("check_lean_names", self.root, library)
