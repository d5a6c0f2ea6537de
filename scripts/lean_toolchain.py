"""The Lean compiler for machines without `lake`: the check kit in test/lean-kit. Programs are built with it against the
native library and the shim, by test/run_lean, check_docs and the benchmarks."""
import pathlib
import shlex
import subprocess
import sys

import lean_shim

ROOT = pathlib.Path(__file__).resolve().parent.parent
KIT = ROOT / "test" / "lean-kit"
# What setup ends with where the kit cannot be had: another system, no pip, no connection.
UNAVAILABLE = 77
# As the lakefile compiles the shim. Lean's header has assertions of its own unless NDEBUG is set.
SHIM_FLAGS = ["-DNDEBUG", "-Werror=implicit-function-declaration"]


class Unavailable(Exception):
    """Why this machine cannot have the kit."""


def kit_prefix(kit=KIT):
    """The folder that the kit is built into. Takes about a minute the first time."""
    if not (kit / "setup").exists():
        raise Unavailable(f"there is no {kit}")
    setup = subprocess.run([str(kit / "setup")], stdout=subprocess.PIPE, text=True)
    if setup.returncode == UNAVAILABLE:
        raise Unavailable(f"the check kit cannot be had here, see above ({kit / 'setup'})")
    if setup.returncode:
        sys.exit(f"{kit / 'setup'} ended with status {setup.returncode}")
    return pathlib.Path(setup.stdout.strip().splitlines()[-1])


def shared_library(folder):
    """The library in this folder as a program links it."""
    library = next((path for path in sorted(folder.glob("libkjasync.*")) if path.suffix in (".so", ".dylib")), None)
    if not library:
        sys.exit(f"{folder} has no libkjasync: build it first (cargo build --release)")
    return library


def build_command(prefix, package, library, module, roots, build, program):
    """The command that builds a program whose `main` is in the module, with the package in this folder. Run it in the
    folder that messages should be relative to."""
    # The C that Lean emits declares the foreign functions it calls. With the prototypes of the library and of the shim
    # in front of it, a declaration that differs from theirs is a compile error.
    shim = build / "kjasync_shim.h"
    build.mkdir(parents=True, exist_ok=True)
    shim.write_text(lean_shim.header(package))
    flags = [*lean_shim.includes(package), "-include", "kjasync.h", "-include", str(shim), *SHIM_FLAGS]
    command = [str(prefix / "bin" / "lean-kit"), "build", "--main", module, "-W", "--cflags", shlex.join(flags),
               "--link", str(library), "--build", str(build), "-o", str(program)]
    for root in roots:
        command += ["--root", str(root)]
    for source in lean_shim.sources(package):
        command += ["--cc-src", str(source)]
    return command
