"""HTTP against curl, nginx, node, aiohttp, h11 and Python's own client and server; and with peers that are slow on purpose."""
import asyncio
import contextlib
import gzip
import http.client
import http.server
import os
import pathlib
import subprocess
import sys
import threading
import time

from peers import SECONDS, Missing, equal, exchange, free_port, need, pause


def need_module(name):
    try:
        return __import__(name)
    except ImportError:
        raise Missing(f"the Python package {name} is not installed (pip install {name})") from None


@contextlib.contextmanager
def running(tool):
    """A program of ours that ends with its input, without failure."""
    yield tool.ready()
    tool.child.stdin.close()
    tool.ends()


def server(scene, head_ms=0, body_ms=0):
    return running(scene.tool_of("http_tool", "serve", head_ms, body_ms, stdin=subprocess.PIPE))


def proxy(scene, port):
    return running(scene.tool_of("http_tool", "proxy", f"127.0.0.1:{port}", stdin=subprocess.PIPE))


def get(scene, url, count=1, flags=0):
    """The status and the body that our client gets."""
    head, _, body = scene.tool_of("http_tool", "get", url, count, flags).ends().partition(b"\n")
    status, length = head.split()
    equal(int(length), len(body), "the length")
    return int(status), body


def post(scene, url, size):
    head, _, body = scene.tool_of("http_tool", "post", url, size).ends().partition(b"\n")
    return int(head.split()[0]), body


def is_listening(scene, port):
    for _ in range(SECONDS * 100):
        with contextlib.suppress(ConnectionRefusedError):
            scene.connect(("127.0.0.1", port)).close()
            return
        pause()
    raise AssertionError(f"nothing listens at {port}")


def nginx(scene, locations, upstream=None):
    """An nginx of its own, with files in `html`; its port."""
    port, folder = free_port(), scene.folder / "nginx"
    (folder / "html").mkdir(parents=True)
    front = f"upstream behind {{ server 127.0.0.1:{upstream}; keepalive 4; }}" if upstream else ""
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                         ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    (folder / "conf").write_text(f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; user root;
        events {{ worker_connections 512; }}
        http {{ access_log off; {temporary} {front} gzip on; gzip_min_length 1; gzip_types *; keepalive_timeout 5s;
          server {{ listen 127.0.0.1:{port} backlog=511; root {folder}/html; {locations} }} }}""")
    scene.program("nginx", "-p", folder, "-c", folder / "conf", "-e", folder / "error.log")
    is_listening(scene, port)
    return port, folder / "html"


BEHIND = 'location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }'


# parity: HSRV-01, HSRV-14, HSRV-25
def test_curl_asks_a_server(scene):
    need("curl")
    body = os.urandom(300_000)
    with server(scene) as port:
        url = f"http://127.0.0.1:{port}"

        def curl(*arguments, data=None):
            done = subprocess.run(["curl", "-sS", "--max-time", str(SECONDS), *arguments], input=data, check=True,
                                  capture_output=True, env={**os.environ, "NO_PROXY": "*"})
            return done.stdout

        equal(curl(f"{url}/a?b"), b"GET /a?b 0\n")
        equal(curl("--http1.0", f"{url}/a"), b"GET /a 0\n")
        equal(curl("--data-binary", "@-", f"{url}/echo", data=body), body)
        chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary", "@-", f"{url}/echo"]
        equal(curl(*chunked, data=body), body)
        # It waits for longer than the test may take if nobody tells it to go on.
        patient = ["-H", "Expect: 100-continue", "--expect100-timeout", "60"]
        equal(curl(*patient, "--data-binary", "@-", f"{url}/echo", data=body), body)
        equal(curl("-T", "-", f"{url}/put", data=b"hello"), b"PUT /put 5\n")
        for asked, came in [("10-19", b"klmnopqrst"), ("-5", None), ("990-2000", None)]:
            text = bytes(ord("a") + i % 26 for i in range(1000))
            part = came or (text[-5:] if asked == "-5" else text[990:])
            equal(curl("-r", asked, f"{url}/range"), part, asked)
        equal(b" 416 " in curl("-i", "-r", "1000-", f"{url}/range"), True, "416")
        equal(b"content-length: 1000" in curl("-I", f"{url}/range").lower(), True, "the length in the answer to HEAD")
        for coding in ["gzip", "br"]:
            raw = curl("-i", "-H", f"Accept-Encoding: {coding}", f"{url}/packed")
            equal(len(raw) < 5000 and f"content-encoding: {coding}".encode() in raw, True, coding)
        equal(curl("--compressed", f"{url}/packed"), b"x" * 100_000)
        equal(curl("-L", f"{url}/moved"), b"GET /here 0\n")
        shown = curl("-w", "%{num_connects} ", f"{url}/1", f"{url}/2", f"{url}/3")
        equal(shown, b"GET /1 0\n1 GET /2 0\n0 GET /3 0\n0 ", "one connection for three requests")


# parity: HCLI-07, HCLI-08
def test_nginx_is_asked(scene):
    need("nginx")
    port, html = nginx(scene, "location /moved { return 302 /file; } location /said { return 200 $request_length; }")
    data = os.urandom(100_000) + b"y" * 100_000
    (html / "file").write_bytes(data)
    (html / "empty").write_bytes(b"")
    url = f"http://127.0.0.1:{port}"
    equal(get(scene, f"{url}/file", 20), (200, data))
    equal(get(scene, f"{url}/file", 5, 1), (200, data), "what was compressed")
    equal(get(scene, f"{url}/empty", 5), (200, b""))
    equal(get(scene, f"{url}/moved"), (200, data), "where it was sent")
    equal(get(scene, f"{url}/none")[0], 404)
    status, said = post(scene, f"{url}/said", 1_000_000)
    equal((status, said.isdigit()), (200, True))
    # The same through a proxy of ours, and nginx behind that.
    with proxy(scene, port) as front:
        equal(get(scene, f"http://127.0.0.1:{front}/file", 10), (200, data))
        equal(get(scene, f"http://127.0.0.1:{front}/file", 2, 1), (200, data))
        equal(get(scene, f"http://127.0.0.1:{front}/none")[0], 404)


# parity: HSRV-16, HCLI-21
def test_nginx_is_in_front(scene):
    need("nginx")
    with server(scene) as back, proxy(scene, back) as middle:
        port, _ = nginx(scene, BEHIND, middle)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        with contextlib.closing(connection):
            for number in range(50):
                connection.request("GET", f"/{number}")
                equal(connection.getresponse().read(), f"GET /{number} 0\n".encode())
            for body in [b"x", os.urandom(500_000)]:
                connection.request("POST", "/echo", body)
                equal(connection.getresponse().read(), body)
                connection.request("POST", "/echo", iter([body, body]), encode_chunked=True)
                equal(connection.getresponse().read(), body * 2)


def run_node(script, *arguments):
    script = "const fail = error => { console.error(error); process.exit(1) };\n" + script
    done = subprocess.run([need("node"), "-e", script, *map(str, arguments)], capture_output=True, timeout=SECONDS)
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return done.stdout


# parity: HSRV-01
def test_node_asks_a_server(scene):
    need("node")
    script = """
      const http = require('http'), url = process.argv[1], big = 'z'.repeat(200000)
      const agent = new http.Agent({keepAlive: true, maxSockets: 4})
      const old = path => new Promise((done, fails) => {
        const asked = http.request(url + path, {agent, method: 'POST'}, answer => {
          let text = ''; answer.on('data', part => text += part); answer.on('end', () => done(text)) })
        asked.on('error', fails); asked.write(big.slice(0, 1000)); asked.end(big.slice(1000)) })
      const main = async () => {
        const all = await Promise.all([...Array(40).keys()].map(() => old('/echo')))
        if (!all.every(text => text === big)) throw 'http: another echo'
        // This is undici.
        for (let i = 0; i < 20; i++) {
          if (await (await fetch(url + '/' + i)).text() !== `GET /${i} 0\\n`) throw 'fetch: another answer'
          const stream = new Blob([big]).stream()
          const answer = await fetch(url + '/echo', {method: 'POST', body: stream, duplex: 'half'})
          if (await answer.text() !== big) throw 'fetch: another echo'
        }
        if ((await (await fetch(url + '/packed')).text()).length !== 100000) throw 'fetch: not unpacked'
        agent.destroy(); console.log('fine'); process.exit(0)
      }
      main().catch(fail)"""
    with server(scene) as port, proxy(scene, port) as front:
        for port in (port, front):
            equal(run_node(script, f"http://127.0.0.1:{port}"), b"fine\n")


# parity: HCLI-07
def test_node_is_asked(scene):
    need("node")
    node = scene.program("node", "-e", """
      const zlib = require('zlib')
      require('http').createServer((asked, answer) => {
        if (asked.url === '/br') { answer.setHeader('Content-Encoding', 'br'); answer.end(zlib.brotliCompressSync('packed')) }
        else { answer.write('got '); asked.on('data', part => answer.write(part)); asked.on('end', () => answer.end()) }
      }).listen(0, '127.0.0.1', function () { console.log('READY ' + this.address().port) })""")
    port = node.wait_for(r"READY (\d+)")[1]
    equal(get(scene, f"http://127.0.0.1:{port}/", 50), (200, b"got "))
    equal(get(scene, f"http://127.0.0.1:{port}/br", 3, 1), (200, b"packed"))
    equal(post(scene, f"http://127.0.0.1:{port}/", 300_000), (200, b"got " + b"y" * 300_000))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = gzip.compress(b"packed") if self.path == "/gzip" else self.path.encode()
        self.send_response(200)
        if self.path == "/gzip":
            self.send_header("Content-Encoding", "gzip")
        if self.path != "/old":
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


# parity: HCLI-07, HTTP-19
def test_the_server_of_python_is_asked(scene):
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = scene.aside(served.serve_forever, 0.01)
    try:
        port = served.server_address[1]
        equal(get(scene, f"http://127.0.0.1:{port}/a", 20), (200, b"/a"))
        equal(get(scene, f"http://127.0.0.1:{port}/gzip", 3, 1), (200, b"packed"))
        equal(get(scene, f"http://127.0.0.1:{port}/old", 3), (200, b"/old"), "a body that ends with the connection")
        with proxy(scene, port) as front:
            equal(get(scene, f"http://127.0.0.1:{front}/old", 3), (200, b"/old"))
    finally:
        served.shutdown()
        served.server_close()
        thread.join()


# parity: HSRV-01, HCLI-07
def test_aiohttp_both_ways(scene):
    aiohttp = need_module("aiohttp")
    from aiohttp import web
    body = os.urandom(200_000)

    async def pieces():
        for start in range(0, len(body), 7000):
            yield body[start:start + 7000]

    async def ask(port):
        async with aiohttp.ClientSession() as session:
            async def one(number):
                async with session.post(f"http://127.0.0.1:{port}/echo", data=pieces()) as answer:
                    equal(await answer.read(), body)
                async with session.get(f"http://127.0.0.1:{port}/{number}") as answer:
                    equal(await answer.text(), f"GET /{number} 0\n")
            await asyncio.gather(*(one(number) for number in range(20)))
            async with session.get(f"http://127.0.0.1:{port}/packed") as answer:
                equal(len(await answer.read()), 100_000)

    async def echo(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for piece in request.content.iter_any():
            await answer.write(piece)
        return answer

    async def serve(ready):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        ready.append((runner.addresses[0][1], lambda: loop.call_soon_threadsafe(over.set)))
        await over.wait()
        await runner.cleanup()

    with server(scene) as port, proxy(scene, port) as front:
        asyncio.run(ask(port))
        asyncio.run(ask(front))
    ready = []
    thread = scene.aside(lambda: asyncio.run(serve(ready)))
    while not ready:
        pause()
    port, stop = ready[0]
    try:
        equal(post(scene, f"http://127.0.0.1:{port}/", 300_000), (200, b"y" * 300_000))
        equal(get(scene, f"http://127.0.0.1:{port}/", 10), (200, b""))
    finally:
        stop()
        thread.join()


# parity: HTTP-20, HTTP-21
def test_h11_both_ways(scene):
    h11 = need_module("h11")
    body = os.urandom(100_000)
    with server(scene) as port:
        sock, peer = scene.connect(("127.0.0.1", port)), h11.Connection(h11.CLIENT)
        for _ in range(5):
            sock.sendall(peer.send(h11.Request(method="POST", target="/echo", headers=[
                ("Host", "x"), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])))
            for start in range(0, len(body), 9000):
                sock.sendall(peer.send(h11.Data(body[start:start + 9000])))
            sock.sendall(peer.send(h11.EndOfMessage(headers=[("X-Sum", "1")])))
            came = b""
            while not isinstance(event := peer.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    peer.receive_data(sock.recv(65536))
                elif isinstance(event, h11.Data):
                    came += bytes(event.data)
            equal(came, body)
            peer.start_next_cycle()
    listener, address = scene.listen()

    def serve():
        sock, peer = scene.accept(listener), h11.Connection(h11.SERVER)
        for _ in range(10):
            while not isinstance(event := peer.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    peer.receive_data(sock.recv(65536))
            sock.sendall(peer.send(h11.InformationalResponse(status_code=103, headers=[])))
            sock.sendall(peer.send(h11.Response(status_code=200, headers=[("Transfer-Encoding", "chunked")])))
            sock.sendall(peer.send(h11.Data(body)) + peer.send(h11.EndOfMessage(headers=[("X-Sum", "1")])))
            peer.start_next_cycle()

    serving = scene.aside(serve)
    equal(get(scene, f"http://{address}/", 10), (200, body))
    serving.join()


def memory_of(program):
    status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


# parity: HSRV-12
def test_slow_clients_harm_nobody(scene):
    if not os.path.isdir("/proc"):
        raise Missing("there is no /proc")
    many = 150
    tool = scene.tool_of("http_tool", "serve", 1500, 1500, stdin=subprocess.PIPE)
    with running(tool) as port:
        def quick():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            with contextlib.closing(connection):
                connection.request("GET", "/quick")
                equal(connection.getresponse().read(), b"GET /quick 0\n")

        quick()
        before = memory_of(tool)
        to = ("127.0.0.1", port)
        heads = [scene.connect(to) for _ in range(many)]
        bodies = [scene.connect(to) for _ in range(many)]
        readers = [scene.connect(to, receive_buffer=4096) for _ in range(many)]
        for sock in bodies:
            sock.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx")
        for sock in readers:
            sock.sendall(b"GET /packed HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
        for byte in b"GET / HTTP/1.1":
            # A byte now and then keeps neither a head nor the others alive.
            for sock in heads:
                with contextlib.suppress(OSError):
                    sock.sendall(bytes([byte]))
            quick()
            threading.Event().wait(0.1)
        grown = memory_of(tool) - before
        equal(grown < 64 << 20, True, f"{grown >> 20} MiB more, and whether that is little,")
        for sock, name in [(sock, "head") for sock in heads] + [(sock, "body") for sock in bodies]:
            answer = sock.recv(4096)
            equal(answer[:12], b"HTTP/1.1 408", f"the answer to a slow {name}")
        for sock in heads + bodies + readers:
            sock.close()
        quick()
    sys.stdout.flush()
