"""TCP and unix sockets against the servers, clients and datagram endpoints of Python's asyncio."""
import asyncio
import contextlib
import os

from peers import ANY_PORT, MEGABYTE, SECONDS, crc, equal, pattern


def run(work):
    return asyncio.run(asyncio.wait_for(work, SECONDS))


async def ended(program):
    await asyncio.get_running_loop().run_in_executor(None, program.child.wait, SECONDS)


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
    await writer.drain()
    writer.close()


async def converse(reader, writer, data):
    async def send():
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    got, _ = await asyncio.gather(reader.read(-1), send())
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return got


# parity: NET-11, STRM-10, STRM-15
def test_an_asyncio_server(scene):
    async def work():
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            tools = [scene.tool(*mode, "connect", f"127.0.0.1:{port}", "source", 4 * MEGABYTE)
                     for mode in ([], ["--wait-scope"])]
            for tool in tools:
                await ended(tool)
                tool.done(in_=4 * MEGABYTE, crc=crc(pattern(4 * MEGABYTE)))

    run(work())


def test_an_asyncio_server_on_a_unix_socket(scene):
    async def work():
        path = str(scene.folder / "socket")
        async with await asyncio.start_unix_server(echo, path):
            tool = scene.tool("connect", f"unix:{path}", "source", MEGABYTE)
            await ended(tool)
            tool.done(in_=MEGABYTE, crc=crc(pattern(MEGABYTE)), pid=os.getpid())

    run(work())


# parity: NET-16, STRM-01, STRM-05
def test_asyncio_clients_all_at_once(scene):
    tool = scene.tool("--count", "20", "listen", ANY_PORT, "reflect")
    port = tool.ready()

    async def work():
        async def client(n):
            data = os.urandom(100000 + n)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            equal(await converse(reader, writer, data), data, "the echo")

        await asyncio.gather(*(client(n) for n in range(20)))

    run(work())
    tool.all_done(20)


def test_an_asyncio_client_of_a_unix_socket_that_speaks_first(scene):
    path = str(scene.folder / "socket")
    tool = scene.tool("listen", f"unix:{path}", "late", MEGABYTE)
    tool.ready()

    async def work():
        reader, writer = await asyncio.open_unix_connection(path)
        return await converse(reader, writer, b"question")

    equal(run(work()), pattern(MEGABYTE), "the answer")
    tool.done(in_=8, crc=crc(b"question"))


# parity: STRM-06
def test_an_asyncio_server_that_pauses_reading(scene):
    async def work():
        async def hesitate(reader, writer):
            writer.transport.pause_reading()
            await asyncio.sleep(0.3)
            writer.transport.resume_reading()
            await echo(reader, writer)

        async with await asyncio.start_server(hesitate, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            tool = scene.tool("connect", f"127.0.0.1:{port}", "source", 16 * MEGABYTE)
            await ended(tool)
            tool.done(in_=16 * MEGABYTE, crc=crc(pattern(16 * MEGABYTE)))

    run(work())


def test_an_asyncio_client_that_aborts(scene):
    tool = scene.tool("listen", ANY_PORT, "source", 64 * MEGABYTE)
    port = tool.ready()

    async def work():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readexactly(1000)
        writer.transport.abort()

    run(work())
    tool.done(status="DISCONNECTED", out=0)


# parity: DGRAM-01, DGRAM-02
def test_an_asyncio_datagram_endpoint(scene):
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, source):
            self.transport.sendto(data, source)

    async def work():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        tool = scene.tool("udp-ask", f"127.0.0.1:{port}", 1, 1400, 30000)
        await ended(tool)
        transport.close()
        tool.done(count=0, in_=31401, out=31401)

    run(work())
