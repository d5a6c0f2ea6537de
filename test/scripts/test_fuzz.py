"""test/fuzz/generate has to leave no function and no parameter out."""
import re
import subprocess
import sys
import unittest

from tree import ROOT, TreeTest

GENERATE = ROOT / "test" / "fuzz" / "generate"
HEADER = (ROOT / "include" / "kjasync.h").read_text()


class Fuzz(TreeTest):
    def generate(self, more=""):
        self.write("kjasync.h", HEADER + more)
        return subprocess.run([sys.executable, GENERATE, self.root / "kjasync.h"], capture_output=True, text=True)

    def test_every_function_is_called_once(self):
        done = self.generate()
        self.assertEqual(done.returncode, 0, done.stderr)
        names = set(re.findall(r"\b(kja_\w+)\(", re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)))
        listed = re.findall(r"^  \{call_(kja_\w+), \d+, [01], [01]\},$", done.stdout, re.M)
        self.assertEqual(sorted(listed), sorted(name for name in names if f" {name}(" in HEADER or f"*{name}(" in HEADER))
        own = (ROOT / "test" / "fuzz" / "own.h").read_text()
        for name in listed:
            written = done.stdout.count(f"static void call_{name}(") + own.count(f"static void call_{name}(")
            self.assertEqual(written, 1, name)

    def test_a_parameter_without_a_rule(self):
        done = self.generate("kja_status_t kja_event_paint(kja_event_t event, double colour);\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("double colour", done.stderr)

    def test_a_number_without_a_rule(self):
        done = self.generate("kja_status_t kja_event_paint(kja_event_t event, uint32_t colour);\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("uint32_t colour", done.stderr)

    def test_a_new_kind_of_handle_without_a_release(self):
        done = self.generate("typedef uint64_t kja_brush_t;\nkja_status_t kja_brush_new(kja_brush_t *out);\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("kja_brush_release", done.stderr)

    def test_a_rule_for_what_is_no_function(self):
        self.write("kjasync.h", HEADER.replace("kja_signal_send(", "kja_signal_post("))
        done = subprocess.run([sys.executable, GENERATE, self.root / "kjasync.h"], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("kja_signal_send", done.stderr)


if __name__ == "__main__":
    unittest.main()
