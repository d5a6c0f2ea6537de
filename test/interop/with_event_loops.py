"""A wait scope inside the loops of hosts: asyncio's own, libuv's (under uvloop) and glib's, each with our server and timers beside its own."""
import asyncio
import contextlib
import ctypes
import ctypes.util
import importlib.util
import os
import socket
import subprocess
import sys
import threading

from peers import Missing, SECONDS, equal, need_linux, pattern

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)
WAIT_SCOPE = 1
CLIENTS, SIZE = 5, 200_000
FOR_EVER = 2 ** 64 - 1


class Options(ctypes.Structure):
    """The first fields of `kja_runtime_options_t`, all that its first version has; the rest is zero."""
    _fields_ = [("size", ctypes.c_size_t), ("mode", ctypes.c_uint32), ("rest", ctypes.c_char * 244)]


class Scope:
    """A wait scope with an echo server, driven by nothing but `poll`."""

    def __init__(self):
        self.library = ctypes.CDLL(os.environ["KJA_INTEROP_LIBRARY"])
        options = Options(size=ctypes.sizeof(Options), mode=WAIT_SCOPE)
        self.runtime = self.made("kja_runtime_new", ctypes.byref(options))
        self.polls, self.ticks, self.kept = 0, 0, []
        fd = ctypes.c_int32(-1)
        self.call("kja_runtime_pollable_fd", self.runtime, ctypes.byref(fd))
        self.fd = fd.value

    def call(self, name, *arguments):
        taken = [ctypes.c_uint64(value) if isinstance(value, int) else value for value in arguments]
        status = getattr(self.library, name)(*taken)
        if status:
            text = ctypes.create_string_buffer(300)
            self.library.kja_last_error_text(text, ctypes.c_size_t(300))
            raise AssertionError(f"{name}: {status}: {text.value.decode()}")

    def made(self, name, *arguments):
        handle = ctypes.c_uint64()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle.value

    def callback(self, function):
        """One that raises ends the test with what it raised."""
        def run(_, call):
            try:
                function(call)
            except Exception as error:
                self.kept.append(error)

        self.kept.append(CALLBACK(run))
        return self.kept[-1]

    def serve(self):
        """Starts the server and gives its port."""
        text = b"127.0.0.1:0"
        parsing = self.made("kja_address_parse_start", self.runtime, text, len(text), 0)
        self.call("kja_promise_await", parsing)
        address = self.made("kja_promise_handle", parsing)
        listener = self.made("kja_address_listen", address, ctypes.c_uint32(0))
        local = self.made("kja_listener_local_address", listener)
        port = ctypes.c_uint16()
        self.call("kja_address_port", local, ctypes.byref(port))

        def echo(call):
            connection = self.made("kja_call_handle", call)
            pumping = self.made("kja_connection_pump_start", connection, connection, FOR_EVER)
            end = self.callback(lambda _: self.made("kja_connection_shutdown_write_start", connection))
            ended = self.made("kja_promise_then", pumping, end, None, None)
            self.call("kja_promise_detach", ended, None, None, None)

        self.made("kja_listener_accept_each_start", listener, self.callback(echo), None, None)
        return port.value

    def tick(self, _call=None):
        """Counts, and does so again a millisecond later."""
        self.ticks += _call is not None
        sleeping = self.made("kja_timer_sleep_start", self.runtime, 1_000_000)
        then = self.made("kja_promise_then", sleeping, self.callback(self.tick), None, None)
        self.call("kja_promise_detach", then, None, None, None)

    def poll(self):
        self.polls += 1
        self.call("kja_runtime_poll", self.runtime, 0, None)
        for error in self.kept:
            if isinstance(error, Exception):
                raise error

    def close(self):
        self.call("kja_runtime_shutdown", self.runtime)
        self.call("kja_runtime_release", self.runtime)


@contextlib.contextmanager
def scope():
    made = Scope()
    try:
        yield made
    finally:
        made.close()


def converse(port):
    """A client of the echo server, on whatever thread."""
    data = pattern(SIZE)
    with socket.create_connection(("127.0.0.1", port), SECONDS) as sock:
        sending = threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR)))
        sending.start()
        got = bytearray()
        while piece := sock.recv(65536):
            got += piece
        sending.join()
    equal(bytes(got), data, "what came back")


async def beside(ours):
    """The server, its clients in the same loop, our timers and the loop's."""
    loop, theirs = asyncio.get_running_loop(), 0
    loop.add_reader(ours.fd, ours.poll)
    port = ours.serve()
    ours.tick()

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        data = pattern(SIZE)

        async def send():
            writer.write(data)
            await writer.drain()
            writer.write_eof()

        got, _ = await asyncio.gather(reader.read(-1), send())
        writer.close()
        equal(got, data, "what came back")

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    while ours.ticks < 10 or theirs < 10:
        await asyncio.sleep(0.001)
        theirs += 1
    # A loop that is told of nothing polls nothing.
    loop.remove_reader(ours.fd)


def in_asyncio():
    with scope() as ours:
        asyncio.run(asyncio.wait_for(beside(ours), SECONDS))


def in_libuv():
    import uvloop
    with scope() as ours:
        uvloop.run(asyncio.wait_for(beside(ours), SECONDS))


def in_glib():
    glib = ctypes.CDLL(ctypes.util.find_library("glib-2.0"))
    glib.g_main_loop_new.restype = ctypes.c_void_p
    readable, of_fd = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p), 1
    source = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    failed, done, theirs = [], [], []
    with scope() as ours:
        loop = ctypes.c_void_p(glib.g_main_loop_new(None, 0))
        port = ours.serve()
        ours.tick()
        clients = [threading.Thread(target=lambda: done.append(converse(port))) for _ in range(CLIENTS)]
        for client in clients:
            client.start()

        def poll(_fd, _condition, _data):
            try:
                ours.poll()
            except Exception as error:
                failed.append(error)
            return 1

        def tick(_data):
            theirs.append(1)
            over = not any(client.is_alive() for client in clients) and ours.ticks >= 10 and len(theirs) >= 10
            if over or failed:
                glib.g_main_loop_quit(loop)
            return 1

        poll, tick = readable(poll), source(tick)
        glib.g_unix_fd_add(ours.fd, of_fd, poll, None)
        glib.g_timeout_add(1, tick, None)
        glib.g_main_loop_run(loop)
        if failed:
            raise failed[0]
        equal(len(done), CLIENTS, "the number of clients that were served")


def run(name):
    """In a process of its own: these loops keep descriptors for as long as theirs lives."""
    need_linux()
    ended = subprocess.run([sys.executable, __file__, name], timeout=3 * SECONDS, capture_output=True, text=True)
    if ended.returncode:
        raise AssertionError(f"{name}: {ended.returncode}: {ended.stderr}")


# parity: UNIX-15, UNIX-16
def test_in_asyncio(scene):
    run("in_asyncio")


# parity: UNIX-15, UNIX-16
def test_in_libuv(scene):
    if not importlib.util.find_spec("uvloop"):
        raise Missing("uvloop, which is libuv for Python, is not installed")
    run("in_libuv")


# parity: UNIX-15, UNIX-16
def test_in_glib(scene):
    if not ctypes.util.find_library("glib-2.0"):
        raise Missing("glib is not installed")
    run("in_glib")


if __name__ == "__main__":
    {"in_asyncio": in_asyncio, "in_libuv": in_libuv, "in_glib": in_glib}[sys.argv[1]]()
