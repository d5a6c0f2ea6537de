"""TCP and unix sockets against Python's blocking sockets."""
import os
import socket
import time

from peers import (ANY_PORT, MEGABYTE, address_text, crc, echo_back, equal, exchange, need_ipv6, need_linux, pattern,
                   pause, read_all, reset, serve_one)

V6 = socket.AF_INET6
UNIX = socket.AF_UNIX


def echo_of(scene, options, address, family, role="echo", size=MEGABYTE, connect_to=None):
    tool = scene.tool(*options, "listen", address, role)
    port = tool.ready()
    sock = scene.connect(connect_to or ("::1" if family == V6 else "127.0.0.1", port), family)
    data = os.urandom(size)
    equal(exchange(scene, sock, data), data, "the echo")
    return tool.done(out=size)


# parity: NET-01, NET-11, NET-13, NET-16, STRM-01, STRM-10, STRM-15
def test_server_of_tcp(scene):
    result = echo_of(scene, [], ANY_PORT, socket.AF_INET)
    equal(result["peer"].startswith("127.0.0.1:"), True, result["peer"])


def test_server_of_tcp_in_a_wait_scope(scene):
    echo_of(scene, ["--wait-scope"], ANY_PORT, socket.AF_INET)


# parity: NET-02, NET-13
def test_server_of_tcp_over_ipv6(scene):
    need_ipv6()
    result = echo_of(scene, [], "[::1]:0", V6)
    equal(result["peer"].startswith("[::1]:"), True, result["peer"])


# parity: NET-02, NET-13
def test_a_server_at_any_address_hears_both_families(scene):
    need_ipv6()
    tool = scene.tool("--count", "2", "listen", "*:0", "echo")
    port = tool.ready()
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", V6)):
        equal(exchange(scene, scene.connect((host, port), family), b"hello"), b"hello", f"the echo of {host}")
    tool.all_done(2, in_=5, out=5)


# parity: NET-13
def test_a_server_behind_a_name_hears_each_of_its_addresses_on_one_port(scene):
    hosts = {info[4][0]: info[0] for info in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
    tool = scene.tool("--count", str(len(hosts)), "listen", "localhost:0", "echo")
    port = tool.ready()
    for host, family in hosts.items():
        equal(exchange(scene, scene.connect((host, port), family), b"hello"), b"hello", f"the echo of {host}")
    tool.all_done(len(hosts), in_=5)


# parity: STRM-05
def test_server_that_pumps_to_itself(scene):
    echo_of(scene, [], ANY_PORT, socket.AF_INET, "reflect", 16 * MEGABYTE)


# parity: NET-02, NET-13, NET-17
def test_server_of_a_unix_socket(scene):
    path = str(scene.folder / "socket")
    tool = scene.tool("listen", f"unix:{path}", "echo")
    tool.ready()
    data = os.urandom(MEGABYTE)
    equal(exchange(scene, scene.connect(path, UNIX), data), data, "the echo")
    equal(int(tool.done()["pid"]), os.getpid(), "the peer's process")
    equal(os.path.exists(path), False, "that the socket's file is there")


# parity: NET-02
def test_server_of_an_abstract_socket(scene):
    need_linux()
    name = f"kjasync-interop-{os.getpid()}"
    echo_of(scene, [], f"unix-abstract:{name}", UNIX, connect_to=f"\0{name}")


# parity: NET-11
def test_client_of_tcp(scene):
    listener, address = scene.listen()
    peer = serve_one(scene, listener, echo_back)
    scene.tool("connect", address, "source", MEGABYTE).done(in_=MEGABYTE, crc=crc(pattern(MEGABYTE)))
    equal(peer.join(), pattern(MEGABYTE), "what the peer read")


# parity: NET-11
def test_client_of_tcp_over_ipv6_in_a_wait_scope(scene):
    need_ipv6()
    listener, address = scene.listen(V6)
    peer = serve_one(scene, listener, echo_back)
    tool = scene.tool("--wait-scope", "connect", address, "source", MEGABYTE)
    tool.done(in_=MEGABYTE, crc=crc(pattern(MEGABYTE)))
    equal(peer.join(), pattern(MEGABYTE), "what the peer read")


# parity: NET-03, NET-11
def test_client_of_a_name_finds_the_family_that_is_served(scene):
    listener, address = scene.listen()
    peer = serve_one(scene, listener, echo_back)
    scene.tool("connect", f"localhost:{address.split(':')[1]}", "source", 1000).done(in_=1000)
    equal(peer.join(), pattern(1000), "what the peer read")


# parity: NET-11
def test_client_of_a_unix_socket(scene):
    client_of(scene, str(scene.folder / "socket"), f"unix:{scene.folder}/socket")


# parity: NET-02, NET-11
def test_client_of_an_abstract_socket(scene):
    need_linux()
    client_of(scene, f"\0kjasync-interop-{os.getpid()}", f"unix-abstract:kjasync-interop-{os.getpid()}")


def client_of(scene, name, address):
    listener, _ = scene.listen(UNIX, name)
    peer = serve_one(scene, listener, echo_back)
    scene.tool("connect", address, "source", MEGABYTE).done(in_=MEGABYTE, crc=crc(pattern(MEGABYTE)), pid=os.getpid())
    equal(peer.join(), pattern(MEGABYTE), "what the peer read")


# parity: NET-11
def test_a_refused_connection(scene):
    listener, address = scene.listen()
    listener.close()
    scene.tool("connect", address, "sink").done(status="DISCONNECTED", os=111 if os.uname().sysname == "Linux" else 61)


def test_sixteen_megabytes_each_way_at_once(scene):
    size = 16 * MEGABYTE
    tool = scene.tool("listen", ANY_PORT, "source", size)
    sock = scene.connect(("127.0.0.1", tool.ready()))
    data = os.urandom(size)
    equal(exchange(scene, sock, data), pattern(size), "what the tool wrote")
    tool.done(in_=size, out=size, crc=crc(data))


# parity: STRM-05, STRM-25
def test_a_file_is_pumped_to_a_peer(scene):
    data = os.urandom(16 * MEGABYTE)
    (scene.folder / "data").write_bytes(data)
    listener, address = scene.listen()
    peer = serve_one(scene, listener, read_all)
    tool = scene.tool("connect", address, "file", scene.folder / "data")
    equal(peer.join(), data, "what the peer read")
    tool.done(out=len(data))


# parity: STRM-15
def test_the_tool_ends_first_and_hears_the_answer(scene):
    listener, address = scene.listen()

    def answer(sock):
        got = read_all(sock)
        time.sleep(0.05)
        sock.sendall(b"answer")
        sock.close()
        return got

    peer = serve_one(scene, listener, answer)
    scene.tool("connect", address, "source", 1000).done(in_=6, crc=crc(b"answer"))
    equal(peer.join(), pattern(1000), "what came before the end")


# parity: STRM-01, STRM-10
def test_the_peer_ends_first_and_hears_the_answer(scene):
    for path, family in ((None, socket.AF_INET), (str(scene.folder / "socket"), UNIX)):
        tool = scene.tool("listen", f"unix:{path}" if path else ANY_PORT, "late", MEGABYTE)
        port = tool.ready()
        sock = scene.connect(path or ("127.0.0.1", port), family)
        equal(exchange(scene, sock, b"question"), pattern(MEGABYTE), "the answer")
        tool.done(in_=8, crc=crc(b"question"))


# parity: STRM-13
def test_a_peer_that_has_only_ended_its_writing_has_not_gone(scene):
    tool = scene.tool("--timeout", "300", "listen", ANY_PORT, "gone")
    sock = scene.connect(("127.0.0.1", tool.ready()))
    sock.shutdown(socket.SHUT_WR)
    tool.done(status="TIMED_OUT")


# parity: STRM-13
def test_a_peer_that_has_reset_has_gone(scene):
    tool = scene.tool("listen", ANY_PORT, "gone")
    reset(scene.connect(("127.0.0.1", tool.ready())))
    tool.done()


def test_a_reset_while_reading(scene):
    tool = scene.tool("listen", ANY_PORT, "echo")
    sock = scene.connect(("127.0.0.1", tool.ready()))
    sock.sendall(b"some")
    # It has read and answered, and reads again.
    equal(sock.recv(4, socket.MSG_WAITALL), b"some", "the echo")
    reset(sock)
    tool.done(status="DISCONNECTED", at="read", in_=4)


# parity: STRM-10
def test_a_reset_in_the_middle_of_a_write(scene):
    for role in ("pour", "source"):
        tool = scene.tool("listen", ANY_PORT, role, 64 * MEGABYTE)
        sock = scene.connect(("127.0.0.1", tool.ready()))
        sock.recv(1000)
        reset(sock)
        tool.done(status="DISCONNECTED", out=0)


# parity: STRM-14
def test_an_aborted_write_resets_the_connection(scene):
    tool = scene.tool("listen", ANY_PORT, "reset")
    sock = scene.connect(("127.0.0.1", tool.ready()))
    sock.sendall(b"x")
    try:
        equal(sock.recv(10), None, "what came instead of a reset")
    except ConnectionResetError:
        pass
    tool.done(in_=1)


def test_a_slow_reader_with_a_tiny_buffer(scene):
    listener, address = scene.listen(receive_buffer=1024)

    def read_slowly(sock):
        data = bytearray()
        while piece := sock.recv(97):
            data += piece
            if len(data) < 20000:
                pause()
        return bytes(data)

    peer = serve_one(scene, listener, read_slowly)
    tool = scene.tool("connect", address, "source", 300000)
    equal(peer.join(), pattern(300000), "what the slow reader got")
    tool.done(out=300000)


def test_writes_of_one_byte_to_a_peer(scene):
    listener, address = scene.listen()
    peer = serve_one(scene, listener, read_all)
    scene.tool("connect", address, "drip", 5000).done(out=5000)
    equal(peer.join(), pattern(5000), "what came")


def test_writes_of_one_byte_from_a_peer(scene):
    tool = scene.tool("listen", ANY_PORT, "echo")
    sock = scene.connect(("127.0.0.1", tool.ready()))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in range(256):
        sock.sendall(bytes([byte]))
        equal(sock.recv(10), bytes([byte]), "the echo of a byte")
    sock.shutdown(socket.SHUT_WR)
    equal(sock.recv(10), b"", "the end")
    tool.done(in_=256, out=256)


# parity: STRM-10, STRM-06
def test_a_peer_that_never_reads(scene):
    for role, out in (("pour", 0), ("reflect", 0)):
        tool = scene.tool("--timeout", "400", "listen", ANY_PORT, role, 64 * MEGABYTE)
        sock = scene.connect(("127.0.0.1", tool.ready()), receive_buffer=4096)
        if role == "reflect":
            equal(send_until_stuck(sock) < 32 * MEGABYTE, True, "that what is on its way is bounded")
        tool.done(status="TIMED_OUT", out=out)


def send_until_stuck(sock):
    """Writes until nothing has been taken for a while; gives how much was."""
    sock.settimeout(0.3)
    sent = 0
    try:
        while sent < 64 * MEGABYTE:
            sent += sock.send(bytes(65536))
    except (socket.timeout, ConnectionError):
        pass
    return sent


def test_many_peers_at_once(scene):
    tool = scene.tool("--count", "40", "listen", ANY_PORT, "echo")
    port = tool.ready()
    data = pattern(200000)
    peers = [scene.aside(exchange, scene, scene.connect(("127.0.0.1", port)), data) for _ in range(40)]
    for peer in peers:
        equal(peer.join(), data, "the echo")
    tool.all_done(40, in_=len(data), crc=crc(data))


# parity: STRM-05
def test_a_proxy_between_two_peers(scene):
    listener, address = scene.listen()
    peer = serve_one(scene, listener, echo_back)
    tool = scene.tool("listen", ANY_PORT, "proxy", address)
    data = os.urandom(16 * MEGABYTE)
    equal(exchange(scene, scene.connect(("127.0.0.1", tool.ready())), data), data, "what came through both ways")
    equal(peer.join(), data, "what came through")
    tool.done()


# parity: STRM-05, STRM-15
def test_a_proxy_passes_each_end_on_by_itself(scene):
    listener, address = scene.listen()
    for first in ("client", "server"):
        tool = scene.tool("--wait-scope", "listen", ANY_PORT, "proxy", address)
        sides = {"client": scene.connect(("127.0.0.1", tool.ready())), "server": scene.accept(listener)}
        one = sides.pop(first)
        other = sides.popitem()[1]
        one.shutdown(socket.SHUT_WR)
        equal(other.recv(10), b"", "the end of the one side")
        other.sendall(b"still here")
        equal(one.recv(10), b"still here", "what the other side says after")
        other.shutdown(socket.SHUT_WR)
        equal(one.recv(10), b"", "the end of the other side")
        tool.done()


# parity: STRM-05
def test_a_proxy_holds_back_whom_nobody_reads(scene):
    listener, address = scene.listen(receive_buffer=4096)
    tool = scene.tool("listen", ANY_PORT, "proxy", address)
    sock = scene.connect(("127.0.0.1", tool.ready()))
    beyond = scene.accept(listener)
    sent = send_until_stuck(sock)
    equal(0 < sent < 32 * MEGABYTE, True, f"that {sent} bytes are a bounded number")
    sock.settimeout(20)
    sock.shutdown(socket.SHUT_WR)
    equal(len(read_all(beyond)), sent, "what came through at last")
    beyond.close()
    tool.done()


def test_a_proxy_between_tcp_and_a_unix_socket(scene):
    path = str(scene.folder / "socket")
    listener, _ = scene.listen(UNIX, path)
    peer = serve_one(scene, listener, echo_back)
    tool = scene.tool("listen", ANY_PORT, "proxy", f"unix:{path}")
    data = os.urandom(MEGABYTE)
    equal(exchange(scene, scene.connect(("127.0.0.1", tool.ready())), data), data, "what came through both ways")
    equal(peer.join(), data, "what came through")
    tool.done()


# parity: NET-13
def test_a_port_in_use_and_a_file_in_the_way(scene):
    listener, address = scene.listen()
    unix_listener, unix_address = scene.listen(UNIX, str(scene.folder / "socket"))
    for sock, text in ((listener, address), (unix_listener, unix_address)):
        equal(address_text(sock), text)
        tool = scene.tool("listen", text, "sink")
        equal(tool.child.wait(20), 2, "the status of a server that has no place")
        equal("in use" in tool.err.read_text(), True, tool.err.read_text())
