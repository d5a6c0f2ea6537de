"""A small tree of files in a temporary folder, and the scripts of this repository run on it."""
import functools
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

COMPILER = shlex.split(os.environ.get("CC", "cc"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import lean_toolchain  # noqa: E402


@functools.cache
def kit():
    """The check kit's builder, where it can be had."""
    try:
        return lean_toolchain.kit_prefix() / "bin" / "lean-kit"
    except lean_toolchain.Unavailable:
        return None


class TreeTest(unittest.TestCase):
    FILES = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        for name, text in self.FILES.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name, old, new):
        """Plants a mistake: the old text has to be there."""
        text = (self.root / name).read_text()
        self.assertIn(old, text)
        self.write(name, text.replace(old, new, 1))

    def build_shared(self, library, code):
        """A shared library with this C in it."""
        self.write("shared.c", code)
        subprocess.run([*COMPILER, "-shared", "-fPIC", "-o", str(library), str(self.root / "shared.c")], check=True)

    def run_script(self, script, *arguments, environment=None):
        command = [sys.executable, "-B", str(ROOT / "scripts" / script), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        return done.returncode, done.stdout

    def assert_passes(self, script, *arguments):
        status, text = self.run_script(script, *arguments)
        self.assertEqual(status, 0, text)
        return text

    def assert_fails(self, pattern, script, *arguments):
        status, text = self.run_script(script, *arguments)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, pattern)
