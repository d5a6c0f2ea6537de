"""Datagrams to and from Python's sockets."""
import os
import socket

from peers import crc, equal, need_ipv6, pattern

SIZES = (0, 1, 1400, 8193, 65507)


def udp(scene, host="127.0.0.1", family=socket.AF_INET):
    sock = scene.keep(socket.socket(family, socket.SOCK_DGRAM))
    sock.bind((host, 0))
    return sock


def echo_each(sock, count):
    """Sends so many datagrams back and gives them."""
    got = []
    for _ in range(count):
        data, source = sock.recvfrom(65536)
        got.append(data)
        sock.sendto(data, source)
    return got


# parity: NET-14, DGRAM-01, DGRAM-02, DGRAM-04, DGRAM-06
def test_datagrams_of_any_size_come_back(scene):
    tool = scene.tool("udp-listen", "127.0.0.1:0", len(SIZES))
    to = ("127.0.0.1", tool.ready())
    sock = udp(scene)
    for size in SIZES:
        data = os.urandom(size)
        sock.sendto(data, to)
        equal(sock.recvfrom(65536), (data, to), f"the echo of {size} bytes")
    tool.done(count=0, in_=sum(SIZES), out=sum(SIZES))


# parity: NET-14, DGRAM-06
def test_datagrams_over_ipv6(scene):
    need_ipv6()
    tool = scene.tool("--wait-scope", "udp-listen", "[::1]:0", 2)
    port = tool.ready()
    sock = udp(scene, "::1", socket.AF_INET6)
    for data in (b"", b"hello"):
        sock.sendto(data, ("::1", port))
        got, source = sock.recvfrom(100)
        equal((got, source[:2]), (data, ("::1", port)), "the echo")
    tool.done(in_=5)


# parity: NET-14, DGRAM-06
def test_a_port_at_any_address_hears_both_families(scene):
    need_ipv6()
    tool = scene.tool("udp-listen", "*:0", 2)
    port = tool.ready()
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        sock = udp(scene, host, family)
        sock.sendto(b"hello", (host, port))
        equal(sock.recvfrom(100)[0], b"hello", f"the echo of {host}")
    tool.done(in_=10)


# parity: DGRAM-02, DGRAM-04
def test_a_datagram_longer_than_the_room_for_it(scene):
    tool = scene.tool("--capacity", "100", "udp-listen", "127.0.0.1:0", 3)
    to = ("127.0.0.1", tool.ready())
    sock = udp(scene)
    for size, back in ((100, 100), (101, 100), (5, 5)):
        sock.sendto(pattern(size), to)
        equal(sock.recv(65536), pattern(back), f"the echo of {size} bytes")
    tool.done(count=1, in_=205)


def test_many_datagrams_behind_each_other(scene):
    tool = scene.tool("udp-listen", "127.0.0.1:0", 50)
    to = ("127.0.0.1", tool.ready())
    sock = udp(scene)
    sent = [bytes([n]) * (n + 1) for n in range(50)]
    for data in sent:
        sock.sendto(data, to)
    equal([sock.recv(100) for _ in sent], sent, "what came back, in order")
    tool.done(count=0)


# parity: DGRAM-01
def test_a_connected_port_and_a_blocking_echo(scene):
    sock = udp(scene)
    peer = scene.aside(echo_each, sock, len(SIZES))
    tool = scene.tool("udp-ask", f"127.0.0.1:{sock.getsockname()[1]}", *SIZES)
    equal(peer.join(), [pattern(size) for size in SIZES], "what the peer got")
    tool.done(count=0, in_=sum(SIZES), out=sum(SIZES))


def test_a_connected_port_over_ipv6(scene):
    need_ipv6()
    sock = udp(scene, "::1", socket.AF_INET6)
    peer = scene.aside(echo_each, sock, 2)
    tool = scene.tool("--wait-scope", "udp-ask", f"[::1]:{sock.getsockname()[1]}", 0, 65507)
    equal(peer.join(), [b"", pattern(65507)], "what the peer got")
    tool.done(count=0, crc=crc(pattern(65507)))


# parity: DGRAM-03
def test_a_connected_port_learns_that_nobody_is_there(scene):
    sock = udp(scene)
    port = sock.getsockname()[1]
    sock.close()
    refused = 111 if os.uname().sysname == "Linux" else 61
    scene.tool("udp-ask", f"127.0.0.1:{port}", 10).done(status="DISCONNECTED", os=refused, out=10)


def test_a_connected_port_hears_only_its_peer(scene):
    sock, other = udp(scene), udp(scene)
    tool = scene.tool("udp-ask", f"127.0.0.1:{sock.getsockname()[1]}", 100)
    data, source = sock.recvfrom(1000)
    other.sendto(b"not for you", source)
    sock.sendto(data, source)
    tool.done(count=0, in_=100)
