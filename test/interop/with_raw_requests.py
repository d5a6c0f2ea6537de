"""The same raw requests to us, h11 and nginx: what we take, one of the others takes as well, and for the same."""
import random
import re
import socket
import subprocess

from peers import SECONDS, equal
from with_http import BEHIND, need, need_module, nginx, server

COUNT = 3000
THREADS = 6

METHODS = [b"GET"] * 6 + [b"POST"] * 8 + [b"get", b"PURGE", b"G\tT", b"", b"GE(T", b" GET", b"OPTIONS"]
TARGETS = [b"/"] * 8 + [b"/a?b", b"http://x/a", b"*", b"/ a", b"/\x00", b"/\xe9", b"", b"/a#b", b"//x", b"/\x7f", b"a", b"/%zz"]
VERSIONS = [b" HTTP/1.1"] * 14 + [b" HTTP/1.0", b" HTTP/1.0", b" HTTP/1.2", b" HTTP/2.0", b" http/1.1", b" HTTP/01.1", b"", b" HTTP/1.1 ",
                                  b"  HTTP/1.1", b"\tHTTP/1.1", b" HTTP/1.10", b" HTTP/11"]
HOSTS = [b"Host: x\r\n"] * 14 + [b"", b"Host: x\r\nHost: y\r\n", b"Host: \r\n", b"Host : x\r\n", b"host:x\r\n", b"Host:\tx\t\r\n",
                                 b"Host: a b\r\n", b"Host: x/y\r\n"]
LENGTHS = [b"5", b"5", b"5", b"+5", b"05", b"5, 5", b"5,6", b"0x5", b"5 ", b"-5", b"", b"5\t", b"9" * 25, b"18446744073709551621", b"5;",
           b"\x0b5", b"5\x00", b"4", b"1e1", b"'5'", b"5\x0c", b"\x0c5"]
CODINGS = [b"chunked", b"chunked", b"chunked", b"Chunked", b"gzip, chunked", b"chunked, gzip", b"identity", b"chunked, chunked", b"xchunked",
           b"chunked;q=1", b"\x0bchunked", b"chunked,", b",chunked", b"", b"chunked\x00", b"\"chunked\"", b"chunke", b"identity, chunked", b"chunked\x0c", b"chunked \t"]
OTHERS = [b"A: b\r\n", b"A:b\r\n", b"A : b\r\n", b" A: b\r\n", b"A\r\n", b": b\r\n", b"A: b\n", b"A: b\r", b"A: b\rc\r\n", b"A: \x00\r\n", b"A: \xff\r\n",
          b"A: b\r\n c\r\n", b"A: b\r\n\tc\r\n", b"A(: b\r\n", b"A\xe9: b\r\n", b"A: \x01\r\n", b"A: b\r\r\n", b"A:\r\n", b"A: \x7f\r\n",
          b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n", b"\r\n", b"A\x00: b\r\n", b"A_b: c\r\n"]
CHUNKS = [b"5\r\nhello\r\n0\r\n\r\n"] * 6 + [
    b"5;a=b\r\nhello\r\n0\r\n\r\n", b"5;a=\"b\"\r\nhello\r\n0;c\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    b"5\r\nhello\r\n0\r\nA : b\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"000005\r\nhello\r\n000\r\n\r\n", b"\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n", b"g\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhell", b" 5\r\nhello\r\n0\r\n\r\n", b"5;\x00\r\nhello\r\n0\r\n\r\n", b"5;\nhello\r\n0\r\n\r\n", b"5\rX\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\t\r\nhello\r\n0\r\n\r\n"]
SECOND = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"


def raw_request(chance):
    """Mostly right; with a fault or two in one part or another."""
    odd = chance.random()

    def pick(choices, rate=0.3):
        return chance.choice(choices) if chance.random() < rate * 2 * odd else choices[0]

    lines = [pick(METHODS) + b" " + pick(TARGETS) + pick(VERSIONS) + (b"\n" if chance.random() < 0.02 else b"\r\n"), pick(HOSTS)]
    form = chance.choice(["none", "length", "length", "chunks", "chunks", "chunks", "both"])
    if form in ("length", "both"):
        name = pick([b"Content-Length: ", b"content-length:", b"Content-Length : ", b"Content_Length: ", b"Content-Length:\t"], 0.2)
        lines.append(name + pick(LENGTHS) + b"\r\n")
        if chance.random() < 0.08:
            lines.append(b"Content-Length: " + chance.choice(LENGTHS) + b"\r\n")
    if form in ("chunks", "both"):
        name = pick([b"Transfer-Encoding: ", b"transfer-encoding:", b"Transfer-Encoding : ", b"Transfer_Encoding: ",
                     b"Transfer-Encoding\t: ", b" Transfer-Encoding: "], 0.2)
        lines.append(name + pick(CODINGS) + b"\r\n")
        if chance.random() < 0.08:
            lines.append(b"Transfer-Encoding: " + chance.choice(CODINGS) + b"\r\n")
    for _ in range(chance.choice([0, 0, 1, 2])):
        lines.insert(chance.randrange(1, len(lines) + 1), pick(OTHERS, 0.5))
    end = pick([b"\r\n", b"\n", b"\r\r\n", b" \r\n"], 0.1)
    body = {"none": b"", "length": b"HELLO"}.get(form) if form in ("none", "length") else pick(CHUNKS)
    return b"".join(lines) + end + body + (SECOND if chance.random() < 0.5 else b"")


def seen_by(port, raw):
    """What a server has taken: method and length of the body of each request that it answers with 200."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as sock:
        came = b""
        try:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                came += piece
        except ConnectionError:
            # Refused before all of it was sent.
            pass
    return [(method, int(length)) for method, length in re.findall(rb"(?m)^([^ \r\n]+) [^\r\n]* (\d+)\n", came)
            if b"HTTP/1.1 200" in came]


def seen_by_h11(h11, raw):
    peer, taken = h11.Connection(h11.SERVER), []
    try:
        peer.receive_data(raw)
        while True:
            event = peer.next_event()
            if isinstance(event, h11.Request):
                method, length = event.method, 0
            elif isinstance(event, h11.Data):
                length += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                taken.append((method, length))
                peer.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                peer.send(h11.EndOfMessage())
                if peer.our_state is not h11.DONE or peer.their_state is not h11.DONE:
                    return taken
                peer.start_next_cycle()
            else:
                return taken
    except h11.RemoteProtocolError:
        return taken


# parity: HTTP-13, HTTP-18
def test_we_are_never_the_most_lenient(scene):
    need("nginx")
    h11 = need_module("h11")
    chance = random.Random(2026)
    requests = [raw_request(chance) for _ in range(COUNT)]
    equal(len(set(requests)) > COUNT // 3, True, "that many are different")
    with server(scene) as port:
        front, _ = nginx(scene, BEHIND.replace("}", "proxy_ignore_client_abort on; }"), port)
        compared = {"taken": 0, "refused": 0}

        def compare(part):
            faults = []
            for raw in part:
                ours = [one for one in seen_by(port, raw)]
                compared["taken" if ours else "refused"] += 1
                if ours:
                    others = [seen_by_h11(h11, raw), seen_by(front, raw)]
                    if not any(other[:len(ours)] == ours for other in others):
                        faults.append((raw, ours, others))
            return faults

        parts = [scene.aside(compare, requests[start::THREADS]) for start in range(THREADS)]
        faults = [fault for part in parts for fault in part.join()]
        for raw, ours, others in faults[:20]:
            print(f"  {raw!r}\n    ours {ours}, h11 {others[0]}, nginx {others[1]}")
        equal(len(faults), 0, "the number of requests that only we take so")
        equal(min(compared.values()) > COUNT // 10, True, f"{compared}: that many of each,")
