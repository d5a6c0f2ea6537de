"""TCP, unix sockets and datagrams against socat, netcat, and web servers as sources of bytes."""
import os
import re
import sys

from peers import (ANY_PORT, MEGABYTE, crc, equal, free_port, need, need_ipv6, need_linux, need_nc, pattern,
                   pause)


def socat_port(program):
    """Where a socat that was started with -d -d listens."""
    return int(program.wait_for(r"listening on .*:(\d+)", "err")[1])


def into(scene, data):
    """An open file with these bytes, as the input of a program."""
    path = scene.folder / "input"
    path.write_bytes(data)
    return scene.exits.enter_context(open(path, "rb"))


# parity: NET-11, STRM-15
def test_socat_echoes_over_tcp(scene):
    need_ipv6()
    for host, listen in (("127.0.0.1", "TCP4-LISTEN:0,bind=127.0.0.1"), ("[::1]", "TCP6-LISTEN:0,bind=[::1]")):
        socat = scene.program("socat", "-d", "-d", listen, "EXEC:cat")
        tool = scene.tool("connect", f"{host}:{socat_port(socat)}", "source", 4 * MEGABYTE)
        tool.done(in_=4 * MEGABYTE, crc=crc(pattern(4 * MEGABYTE)))
        socat.ends()


# parity: NET-16, STRM-01
def test_socat_sends_a_file_and_prints_the_echo(scene):
    need("socat")
    for role in ("echo", "reflect"):
        tool = scene.tool("listen", ANY_PORT, role)
        socat = scene.program("socat", "-t", "20", "-", f"TCP4:127.0.0.1:{tool.ready()}",
                              stdin=into(scene, pattern(4 * MEGABYTE)))
        tool.done(out=4 * MEGABYTE)
        equal(socat.ends(), pattern(4 * MEGABYTE), "what socat printed")


# parity: STRM-15
def test_socat_hears_the_end_and_answers_afterwards(scene):
    socat = scene.program("socat", "-d", "-d", "-t", "20", "TCP4-LISTEN:0,bind=127.0.0.1",
                          "SYSTEM:wc -c")
    tool = scene.tool("--out", scene.folder / "answer", "connect", f"127.0.0.1:{socat_port(socat)}", "source", 123456)
    tool.done(out=123456)
    equal((scene.folder / "answer").read_text().strip(), "123456", "what wc counted")


def test_socat_only_reads(scene):
    socat = scene.program("socat", "-d", "-d", "-u", "TCP4-LISTEN:0,bind=127.0.0.1",
                          f"OPEN:{scene.folder}/copy,creat,trunc")
    scene.tool("connect", f"127.0.0.1:{socat_port(socat)}", "source", 4 * MEGABYTE).done(in_=0, out=4 * MEGABYTE)
    socat.ends()
    equal((scene.folder / "copy").read_bytes(), pattern(4 * MEGABYTE), "socat's copy")


def unix_both_ways(scene, address, listen, connect):
    """Once socat listens at the address and once the tool."""
    socat = scene.program("socat", "-d", "-d", listen, "EXEC:cat")
    socat.wait_for("listening on", "err")
    scene.tool("connect", address, "source", MEGABYTE).done(in_=MEGABYTE, crc=crc(pattern(MEGABYTE)), pid=socat.pid)
    socat.ends()
    tool = scene.tool("listen", address, "echo")
    tool.ready()
    socat = scene.program("socat", "-t", "20", "-", connect, stdin=into(scene, pattern(MEGABYTE)))
    tool.done(out=MEGABYTE, pid=socat.pid)
    equal(socat.ends(), pattern(MEGABYTE), "what socat printed")


# parity: NET-02, NET-11, NET-13, PEER-03
def test_socat_over_unix_sockets(scene):
    path = f"{scene.folder}/socket"
    unix_both_ways(scene, f"unix:{path}", f"UNIX-LISTEN:{path},unlink-close=1", f"UNIX-CONNECT:{path}")


# parity: NET-02, NET-11, NET-13, PEER-03
def test_socat_over_abstract_sockets(scene):
    need_linux()
    name = f"kjasync-interop-socat-{os.getpid()}"
    unix_both_ways(scene, f"unix-abstract:{name}", f"ABSTRACT-LISTEN:{name}", f"ABSTRACT-CONNECT:{name}")


# parity: DGRAM-01
def test_socat_echoes_datagrams(scene):
    need_linux()
    socat = scene.program("socat", "-d", "-d", "-b", "65536", "UDP4-RECVFROM:0,bind=127.0.0.1", "EXEC:cat")
    port = socat_port_of_udp(socat)
    scene.tool("udp-ask", f"127.0.0.1:{port}", 1400).done(count=0, in_=1400, out=1400)


def socat_port_of_udp(program):
    """The port of a datagram socket, which socat does not tell: as the system lists it for the process."""
    while True:
        sockets = set()
        for fd in os.listdir(f"/proc/{program.pid}/fd"):
            try:
                found = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{program.pid}/fd/{fd}"))
            except OSError:
                found = None
            if found:
                sockets.add(found[1])
        with open("/proc/net/udp", encoding="ascii") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[9] in sockets:
                    return int(fields[1].split(":")[1], 16)
        pause()


# parity: DGRAM-02
def test_socat_sends_datagrams(scene):
    need("socat")
    tool = scene.tool("udp-listen", "127.0.0.1:0", 1)
    socat = scene.program("socat", "-t", "0.5", "-", f"UDP4:127.0.0.1:{tool.ready()}",
                          stdin=into(scene, pattern(5000)))
    tool.done(in_=5000, crc=crc(pattern(5000)))
    equal(socat.ends(), pattern(5000), "what socat printed")


# parity: STRM-05
def test_the_proxy_between_two_socats(scene):
    far = scene.program("socat", "-d", "-d", "TCP4-LISTEN:0,bind=127.0.0.1", "EXEC:cat")
    tool = scene.tool("listen", ANY_PORT, "proxy", f"127.0.0.1:{socat_port(far)}")
    near = scene.program("socat", "-t", "20", "-", f"TCP4:127.0.0.1:{tool.ready()}",
                         stdin=into(scene, pattern(4 * MEGABYTE)))
    tool.done()
    equal(near.ends(), pattern(4 * MEGABYTE), "what came through both ways")
    far.ends()


# parity: STRM-10
def test_socat_between_the_tool_and_the_tool(scene):
    need("socat")
    server = scene.tool("listen", ANY_PORT, "reflect")
    socat = scene.program("socat", "-d", "-d", "-t", "20", "TCP4-LISTEN:0,bind=127.0.0.1",
                          f"TCP4:127.0.0.1:{server.ready()}")
    client = scene.tool("connect", f"127.0.0.1:{socat_port(socat)}", "source", 4 * MEGABYTE)
    client.done(in_=4 * MEGABYTE, crc=crc(pattern(4 * MEGABYTE)))
    server.done()
    socat.ends()


# parity: NET-11
def test_nc_listens_and_prints(scene):
    need_nc()
    port = free_port()
    nc = scene.program("nc", "-l", "127.0.0.1", port)
    scene.tool("--retry", "connect", f"127.0.0.1:{port}", "pour", MEGABYTE).done(out=MEGABYTE)
    equal(nc.ends(), pattern(MEGABYTE), "what nc printed")


# parity: NET-11, PROM-29
def test_nc_listens_and_sends(scene):
    need_nc()
    port = free_port()
    tool = scene.tool("--retry", "connect", f"127.0.0.1:{port}", "sink")
    nc = scene.program("nc", "-N", "-l", "127.0.0.1", port, stdin=into(scene, pattern(MEGABYTE)))
    tool.done(in_=MEGABYTE, crc=crc(pattern(MEGABYTE)))
    nc.ends()


def test_nc_connects_and_prints_the_echo(scene):
    need_nc()
    tool = scene.tool("listen", ANY_PORT, "echo")
    nc = scene.program("nc", "-N", "127.0.0.1", tool.ready(), stdin=into(scene, pattern(MEGABYTE)))
    tool.done(out=MEGABYTE)
    equal(nc.ends(), pattern(MEGABYTE), "what nc printed")


def test_nc_connects_to_a_unix_socket(scene):
    need_nc()
    path = f"{scene.folder}/socket"
    tool = scene.tool("listen", f"unix:{path}", "echo")
    tool.ready()
    nc = scene.program("nc", "-N", "-U", path, stdin=into(scene, pattern(MEGABYTE)))
    tool.done(out=MEGABYTE, pid=nc.pid)
    equal(nc.ends(), pattern(MEGABYTE), "what nc printed")


def served(scene):
    """A folder with a page for a web server, and the page."""
    page = os.urandom(4 * MEGABYTE)
    (scene.folder / "www").mkdir()
    (scene.folder / "www" / "page.bin").write_bytes(page)
    return scene.folder / "www", page


def fetch(scene, port, page):
    """The answer to a request of HTTP/1.0, read to the end, has a head and then the page."""
    answer = scene.folder / "answer"
    tool = scene.tool("--retry", "--out", answer, "connect", f"127.0.0.1:{port}", "say",
                      "GET /page.bin HTTP/1.0\r\nHost: localhost\r\n\r\n")
    result = tool.done()
    equal(int(result["in"]), answer.stat().st_size, "the size of the answer")
    head, _, body = answer.read_bytes().partition(b"\r\n\r\n")
    equal(bool(re.match(rb"HTTP/1\.[01] 200 ", head)), True, f"that {head[:100]!r} is a success")
    equal(body, page, "the page")


def test_busybox_httpd_as_a_source(scene):
    folder, page = served(scene)
    port = free_port()
    scene.program("busybox", "httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", folder)
    fetch(scene, port, page)


def test_python_http_server_as_a_source(scene):
    folder, page = served(scene)
    server = scene.program(sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder)
    fetch(scene, int(server.wait_for(r"port (\d+)")[1]), page)


def test_curl_is_answered_through_the_proxy(scene):
    need("curl")
    folder, page = served(scene)
    server = scene.program(sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder)
    port = server.wait_for(r"port (\d+)")[1]
    tool = scene.tool("listen", ANY_PORT, "proxy", f"127.0.0.1:{port}")
    curl = scene.program("curl", "--silent", "--show-error", "--max-time", "20", "--http1.0", "--noproxy", "*",
                         f"http://127.0.0.1:{tool.ready()}/page.bin")
    equal(curl.ends(), page, "the page")
    tool.done()
