"""What the tests of interoperability share: starting programs and threads that end in time, and checksums."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

SECONDS = 20
MEGABYTE = 1 << 20
ANY_PORT = "127.0.0.1:0"


class Missing(Exception):
    """A program or a property of this machine without which a test makes no sense."""


class TooLong(Exception):
    """A test has run for longer than it may."""


def need(program):
    found = shutil.which(program)
    if not found:
        raise Missing(f"{program} is not installed")
    return found


def need_nc():
    """The netcat of OpenBSD; the others do not have its options."""
    shown = subprocess.run([need("nc"), "-h"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if "OpenBSD" not in shown.stdout + shown.stderr:
        raise Missing("nc is not the one of OpenBSD")


def need_linux():
    if sys.platform != "linux":
        raise Missing("only Linux has it")


def need_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Missing("there is no ::1") from None


def pattern(size):
    """The bytes that the tool writes."""
    return (PERIOD * (size // len(PERIOD) + 1))[:size]


def make_period(size=65521):
    state, data = 1, bytearray()
    for _ in range(size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        data.append(state >> 24)
    return bytes(data)


PERIOD = make_period()


def crc(data):
    return f"{zlib.crc32(data):08x}"


def reset(sock):
    """Closes with a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_all(sock, piece=65536):
    data = bytearray()
    while piece_read := sock.recv(piece):
        data += piece_read
    return bytes(data)


def exchange(scene, sock, data, reading=read_all):
    """Sends the data and the end, and gives what comes back meanwhile."""
    def send():
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    sending = scene.aside(send)
    got = reading(sock)
    sending.join()
    return got


def echo_back(sock):
    """A server's side: everything goes back, then the end. Gives what came."""
    data = bytearray()
    while piece := sock.recv(65536):
        data += piece
        sock.sendall(piece)
    sock.shutdown(socket.SHUT_WR)
    return bytes(data)


def serve_one(scene, listener, function):
    """Runs the function on a thread with one connection, which is closed behind it."""
    def serve():
        with scene.accept(listener) as sock:
            return function(sock)

    return scene.aside(serve)


def equal(got, want, what="it"):
    if got != want:
        shown = [value if len(repr(value)) < 200 else f"{len(value)} bytes, crc {crc(value)}" for value in (got, want)]
        raise AssertionError(f"{what} is {shown[0]!r}, not {shown[1]!r}")


class Program:
    """A child process. What it prints goes to files, so that it never waits for a reader."""

    def __init__(self, scene, command, stdin=None):
        self.command = [str(part) for part in command]
        self.out = scene.folder / f"{len(scene.programs)}.out"
        self.err = scene.folder / f"{len(scene.programs)}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL if stdin is None else stdin,
                                          stdout=out, stderr=err)
        scene.programs.append(self)

    @property
    def pid(self):
        return self.child.pid

    def wait_for(self, expression, where="out"):
        """The first match of the expression in what it prints."""
        found = re.compile(expression)
        while True:
            match = found.search(getattr(self, where).read_text(errors="replace"))
            if match:
                return match
            if self.child.poll() is not None:
                raise AssertionError(f"{self.shown()} ended before it printed {expression}")
            pause()

    def ends(self):
        """Waits for an end without failure and gives what it wrote."""
        status = self.child.wait(SECONDS)
        if status:
            raise AssertionError(f"{self.shown()} ended with {status}")
        return self.out.read_bytes()

    def shown(self):
        printed = (self.out.read_bytes()[-300:] + b" " + self.err.read_bytes()[-600:]).decode(errors="replace")
        return f"{' '.join(self.command)[:300]}: {printed!r}:"

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


class Tool(Program):
    """The program that is linked to the library."""

    def ready(self):
        return int(self.wait_for(r"READY (\d+)\n")[1])

    def done(self, **expected):
        """Waits for its end, which leaves nothing behind, and compares what it reports of its one connection."""
        return self.all_done(1, **expected)[0]

    def all_done(self, connections, **expected):
        text = self.ends().decode()
        results = [dict(pair.split("=", 1) for pair in line.split(" ", 9)[1:]) for line in text.splitlines()
                   if line.startswith("done ")]
        equal(len(results), connections, f"the number of connections in {text!r}")
        for result in results:
            for name, value in {"status": "OK", **expected}.items():
                equal(result[name.rstrip("_")], str(value), f"{name.rstrip('_')} in {result}")
        return results


class Scene:
    """One test: everything that it starts is stopped at its end."""

    def __init__(self, tool, folder):
        self.path, self.folder, self.programs, self.threads, self.exits = tool, folder, [], [], contextlib.ExitStack()

    def tool(self, *arguments):
        return Tool(self, [self.path, *arguments])

    def tool_of(self, name, *arguments, stdin=None):
        """Another of the programs that are linked to the library."""
        return Tool(self, [self.path.with_name(name), *arguments], stdin)

    def program(self, name, *arguments, stdin=None):
        return Program(self, [need(name), *arguments], stdin)

    def keep(self, sock):
        """Closes the socket at the end; every wait on it is bounded."""
        sock.settimeout(SECONDS)
        return self.exits.enter_context(contextlib.closing(sock))

    def connect(self, to, family=socket.AF_INET, receive_buffer=0):
        sock = self.keep(socket.socket(family, socket.SOCK_STREAM))
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(to)
        return sock

    def listen(self, family=socket.AF_INET, to=None, receive_buffer=0):
        """A listening socket of Python's, and its address as the tool wants it."""
        sock = self.keep(socket.socket(family, socket.SOCK_STREAM))
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind(to or ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        sock.listen()
        return sock, address_text(sock)

    def accept(self, listener):
        return self.keep(listener.accept()[0])

    def aside(self, function, *arguments):
        """Runs the function on a thread; `join` of what comes back gives its result."""
        thread = Aside(function, arguments)
        self.threads.append(thread)
        thread.start()
        return thread

    def close(self):
        for program in self.programs:
            program.stop()
        self.exits.close()
        for thread in self.threads:
            threading.Thread.join(thread, SECONDS)
            if thread.is_alive():
                raise AssertionError("a thread of the test is left")


class Aside(threading.Thread):
    def __init__(self, function, arguments):
        super().__init__(daemon=True)
        self.work, self.result, self.fault = (function, arguments), None, None

    def run(self):
        try:
            self.result = self.work[0](*self.work[1])
        except BaseException as fault:
            self.fault = fault

    def join(self):
        super().join(SECONDS)
        if self.is_alive():
            raise AssertionError("a thread of the test takes too long")
        if self.fault:
            raise self.fault
        return self.result


def address_text(sock):
    name = sock.getsockname()
    if sock.family == socket.AF_INET6:
        return f"[{name[0]}]:{name[1]}"
    return f"{name[0]}:{name[1]}" if sock.family == socket.AF_INET else f"unix:{name}"


def free_port(kind=socket.SOCK_STREAM):
    """A port for a program that cannot choose one and say which."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def pause():
    threading.Event().wait(0.005)


def open_fds():
    return len(os.listdir("/dev/fd"))


def raise_too_long(_signal, _frame):
    raise TooLong(f"it took more than {SECONDS} seconds")


@contextlib.contextmanager
def scene(tool):
    """A scene in a folder of its own, in time, which leaves neither descriptor nor thread."""
    signal.signal(signal.SIGALRM, raise_too_long)
    fds, threads = open_fds(), threading.active_count()
    with tempfile.TemporaryDirectory() as folder:
        made = Scene(tool, pathlib.Path(folder))
        signal.alarm(SECONDS)
        try:
            yield made
        except BaseException as fault:
            if not isinstance(fault, Missing):
                for program in made.programs:
                    print(f"  {program.shown()}")
            raise
        finally:
            signal.alarm(0)
            made.close()
    equal((open_fds(), threading.active_count()), (fds, threads), "descriptors and threads of the runner")
