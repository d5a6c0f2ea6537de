"""WebSockets against aiohttp, wsproto and Node's `ws`, in both roles."""
import asyncio
import os
import pathlib
import socket
import subprocess

from peers import SECONDS, Missing, Tool, equal, need
from with_websockets import SETTINGS, messages

HERE = pathlib.Path(__file__).resolve().parent
# Where `npm install --prefix target/interop ws` puts it.
NODE_MODULES = HERE.parent.parent / "target" / "interop" / "node_modules"


def need_package(name):
    try:
        return __import__(name)
    except ImportError:
        raise Missing(f"the Python package {name} is not installed (pip install {name})") from None


def node_peer(scene, *arguments):
    if not (NODE_MODULES / "ws").is_dir():
        raise Missing(f"Node's package ws is not installed (npm install --prefix {NODE_MODULES.parent} ws)")
    command = ["env", f"NODE_PATH={NODE_MODULES}", need("node"), HERE / "websocket_peer.js", *arguments]
    return Tool(scene, command)


# parity: HSRV-04, WS-17, WS-18, WS-20
def test_a_client_of_node(scene):
    for bits, fresh in SETTINGS:
        tool = scene.tool_of("websocket_tool", "serve", bits, int(fresh), stdin=subprocess.PIPE)
        said = node_peer(scene, "client", f"ws://127.0.0.1:{tool.ready()}/", bits, int(fresh)).ends().decode()
        equal(said.strip(), f"done extensions={'permessage-deflate' if bits else ''}", "what the client says")
        tool.child.stdin.close()
        tool.ends()


# parity: HCLI-06, WS-17, WS-18, WS-20
def test_a_server_of_node(scene):
    for bits, fresh in SETTINGS:
        server = node_peer(scene, "server", bits, int(fresh))
        tool = scene.tool_of("websocket_tool", "connect", f"ws://127.0.0.1:{server.ready()}/", bits, int(fresh))
        said = tool.ends().decode()
        equal("permessage-deflate" in said, bits > 0, said)
        equal("no_context_takeover" in said, fresh, said)
        server.ends()


# parity: HSRV-04, WS-01, WS-02, WS-03, WS-20
def test_a_client_of_aiohttp(scene):
    aiohttp = need_package("aiohttp")

    async def talk(port, bits):
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/"
            async with session.ws_connect(url, compress=bits, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(SECONDS)) as peer:
                equal(peer.compress, bits, "the window")
                for message in messages():
                    await (peer.send_str if isinstance(message, str) else peer.send_bytes)(message)
                    equal((await peer.receive(SECONDS)).data, message, "the answer")
                await peer.close(code=4001, message=b"enough")
                equal(peer.close_code, 4001, "the close")

    for bits in [0, 15, 9]:
        tool = scene.tool_of("websocket_tool", "serve", bits, 0, stdin=subprocess.PIPE)
        asyncio.run(asyncio.wait_for(talk(tool.ready(), bits), SECONDS))
        tool.child.stdin.close()
        tool.ends()


# parity: HCLI-06, WS-01, WS-02, WS-03, WS-20
def test_a_server_of_aiohttp(scene):
    need_package("aiohttp")
    from aiohttp import WSMsgType, web

    async def echo(request):
        peer = web.WebSocketResponse(max_msg_size=0, compress=True)
        await peer.prepare(request)
        async for message in peer:
            if message.type == WSMsgType.TEXT:
                await peer.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await peer.send_bytes(message.data)
        return peer

    async def serve(bits):
        app = web.Application()
        app.router.add_get("/", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening).start()
        port = listening.getsockname()[1]
        tool = scene.tool_of("websocket_tool", "connect", f"ws://127.0.0.1:{port}/", bits, 0)
        said = (await asyncio.to_thread(tool.ends)).decode()
        await runner.cleanup()
        equal(("permessage-deflate" in said, said.startswith("done ")), (bits > 0, True), said)

    for bits in [0, 15]:
        asyncio.run(asyncio.wait_for(serve(bits), SECONDS))


# parity: HSRV-04, WS-01, WS-02, WS-03, WS-11, WS-20
def test_a_client_of_wsproto(scene):
    wsproto = need_package("wsproto")
    from wsproto import events
    from wsproto.extensions import PerMessageDeflate

    def event(peer, sock):
        while True:
            for came in peer.events():
                return came
            peer.receive_data(sock.recv(65536) or None)

    def whole(peer, sock):
        parts = []
        while True:
            came = event(peer, sock)
            parts.append(came.data)
            if came.message_finished:
                return parts[0][:0].join(map(type(parts[0]), parts))

    for bits in [0, 15, 9]:
        tool = scene.tool_of("websocket_tool", "serve", bits, 0, stdin=subprocess.PIPE)
        sock = scene.connect(("127.0.0.1", tool.ready()))
        peer = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        extensions = [PerMessageDeflate()] if bits else []
        sock.sendall(peer.send(events.Request(host="localhost", target="/", extensions=extensions)))
        equal(type(event(peer, sock)), events.AcceptConnection, "the answer to the handshake")
        for message in ["", "text", b"\0\xff", "\u03ba\u03cc\u03c3\u03bc\u03b5" * 5000, os.urandom(70_000)]:
            kind = events.TextMessage if isinstance(message, str) else events.BytesMessage
            sock.sendall(peer.send(kind(data=message)))
            equal(whole(peer, sock), message, "the answer")
        for part, last in [("one ", False), ("two", True)]:
            sock.sendall(peer.send(events.TextMessage(data=part, message_finished=last)))
            if not last:
                sock.sendall(peer.send(events.Ping(payload=b"between")))
        equal(event(peer, sock), events.Pong(payload=b"between"), "the pong")
        equal(whole(peer, sock), "one two", "the answer to fragments")
        sock.sendall(peer.send(events.CloseConnection(code=4001, reason="enough")))
        closed = event(peer, sock)
        equal((closed.code, closed.reason), (4001, "enough"), "the close")
        sock.close()
        tool.child.stdin.close()
        tool.ends()
