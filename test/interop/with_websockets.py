"""WebSockets against the client and the server of the Python package `websockets`, with and without compression."""
import gc
import os
import subprocess
import threading

from peers import SECONDS, Missing, equal

SETTINGS = [(0, False), (15, False), (15, True), (12, False), (9, False), (9, True)]


def need_websockets():
    try:
        import websockets.sync.client  # noqa: F401
        import websockets.sync.server  # noqa: F401
    except ImportError:
        raise Missing("the Python package websockets is not installed (pip install websockets)") from None


def messages():
    line = "the quick brown fox jumps over the lazy dog, \u03ba\u03cc\u03c3\u03bc\u03b5 "
    for size in [0, 1, 7, 125, 126, 4096, 65536, 300_000]:
        yield (line * (size // len(line) + 1))[:size]
        yield os.urandom(size)
    for _ in range(200):
        yield line


# parity: HSRV-04, WS-01, WS-02, WS-03, WS-11, WS-17, WS-18, WS-20
def test_a_client_of_websockets(scene):
    need_websockets()
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    from websockets.sync.client import connect
    for bits, fresh in SETTINGS:
        tool = scene.tool_of("websocket_tool", "serve", bits, int(fresh), stdin=subprocess.PIPE)
        url = f"ws://127.0.0.1:{tool.ready()}/"
        offers = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if bits else None
        with connect(url, compression=None, extensions=offers, max_size=None, open_timeout=SECONDS) as socket:
            agreed = [extension for extension in socket.protocol.extensions]
            equal(len(agreed), int(bits > 0), "the number of extensions")
            if bits:
                windows = (agreed[0].remote_max_window_bits, agreed[0].local_max_window_bits)
                equal(windows, (bits, bits), "the windows")
            for message in messages():
                socket.send(message)
                equal(socket.recv(SECONDS), message, "the answer")
            # A message in fragments.
            socket.send(part for part in ["one ", "two ", "", "three"])
            equal(socket.recv(SECONDS), "one two three", "the answer to fragments")
            if not socket.ping().wait(SECONDS):
                raise AssertionError("no pong")
            socket.close(4001, "enough")
            equal((socket.close_code, socket.close_reason), (4001, "enough"), "the close")
        tool.child.stdin.close()
        tool.ends()


# parity: HCLI-06, WS-01, WS-02, WS-03, WS-11, WS-17, WS-18, WS-20
def test_a_server_of_websockets(scene):
    need_websockets()
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
    from websockets.sync.server import serve

    def echo(socket):
        for message in socket:
            socket.send(message)

    for bits, fresh in SETTINGS:
        offers = [ServerPerMessageDeflateFactory()] if bits else None
        with serve(echo, "127.0.0.1", 0, compression=None, extensions=offers, max_size=None) as server:
            serving = threading.Thread(target=server.serve_forever, daemon=True)
            serving.start()
            port = server.socket.getsockname()[1]
            tool = scene.tool_of("websocket_tool", "connect", f"ws://127.0.0.1:{port}/", bits, int(fresh))
            said = tool.ends().decode()
            server.shutdown()
            serving.join(SECONDS)
        equal(said.startswith("done "), True, said)
        equal("permessage-deflate" in said, bits > 0, said)
        equal("no_context_takeover" in said, fresh, said)
    # The package leaves its selectors to the garbage collector.
    gc.collect()
