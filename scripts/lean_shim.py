"""The functions of the Lean package's shim, read out of its sources: whatever they define and do not keep to themselves."""
import os
import pathlib
import shlex
import subprocess
import tempfile

import c_header

COMPILER = shlex.split(os.environ.get("CC", "cc"))


def includes(root):
    return [f"-I{root / 'include'}", f"-I{root / 'lean' / 'native'}"]


def sources(root):
    return sorted((root / "lean" / "native").glob("*.c"))


def preprocessed(root, source):
    """With its macros expanded; Lean's own header is left out, so that no toolchain is needed."""
    with tempfile.TemporaryDirectory() as empty:
        (pathlib.Path(empty) / "lean").mkdir()
        (pathlib.Path(empty) / "lean" / "lean.h").touch()
        command = [*COMPILER, "-E", "-P", *includes(root), f"-I{empty}", str(source)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def functions(root):
    """By name, those that Lean may bind: the shared ones, which a header of the shim declares, are not."""
    found = {}
    for source in sources(root):
        text = preprocessed(root, source)
        shared = {name for name, function in c_header.functions(text, prototypes=True).items() if not function.is_static}
        for name, function in c_header.functions(text).items():
            if function.is_definition and not function.is_static and name not in shared:
                found[name] = function
    return found


def header(root):
    """Their prototypes, for the C that Lean emits to be compiled behind."""
    lines = [f"{function.result} {name}({', '.join(function.parameters) or 'void'});\n"
             for name, function in functions(root).items()]
    return "#pragma once\n#include <lean/lean.h>\n#include <stdint.h>\n" + "".join(lines)
