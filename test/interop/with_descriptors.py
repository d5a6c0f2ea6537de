"""Descriptors and connections that go to and come from Python over unix sockets."""
import array
import os
import socket

from peers import MEGABYTE, crc, equal, exchange, pattern, serve_one

DATA = pattern(100000)
UNIX = socket.AF_UNIX


def connected(scene, *role):
    """A tool that listens with this role, and a connection to it."""
    path = str(scene.folder / "socket")
    tool = scene.tool("listen", f"unix:{path}", *role)
    tool.ready()
    return tool, scene.connect(path, UNIX)


def descriptor_of(scene, data):
    path = scene.folder / "data"
    path.write_bytes(data)
    return scene.exits.enter_context(open(path, "rb"))


# parity: CAPS-05
def test_a_descriptor_goes_to_python(scene):
    path = str(scene.folder / "socket")
    (scene.folder / "data").write_bytes(DATA)
    listener, _ = scene.listen(UNIX, path)

    def receive(sock):
        message, fds, _flags, _source = socket.recv_fds(sock, 10, 4)
        with open(fds[0], "rb") as file:
            return message, len(fds), file.read()

    peer = serve_one(scene, listener, receive)
    tool = scene.tool("connect", f"unix:{path}", "send-fd", scene.folder / "data")
    equal(peer.join()[1:], (1, DATA), "what Python got")
    tool.done()


# parity: CAPS-02, CAPS-05
def test_a_descriptor_comes_from_python(scene):
    tool, sock = connected(scene, "receive-fd")
    socket.send_fds(sock, [b"x"], [descriptor_of(scene, DATA).fileno()])
    equal(sock.recv(10), b"", "the end")
    tool.done(count=1, in_=len(DATA), crc=crc(DATA))


# parity: CAPS-05
def test_a_byte_without_a_descriptor_is_an_error(scene):
    tool, sock = connected(scene, "receive-fd")
    sock.sendall(b"x")
    tool.done(status="FAILED", at="receive", count=0)


# parity: CAPS-05
def test_no_descriptor_before_the_end(scene):
    tool, sock = connected(scene, "receive-fd")
    sock.shutdown(socket.SHUT_WR)
    tool.done(status="DISCONNECTED", at="receive")


# parity: CAPS-02
def test_descriptors_beyond_the_room_for_them_are_closed(scene):
    tool, sock = connected(scene, "receive-fds")
    file = descriptor_of(scene, DATA)
    pipes = [os.pipe() for _ in range(3)]
    socket.send_fds(sock, [b"x"], [file.fileno()] + [write for _, write in pipes])
    for _, write in pipes:
        os.close(write)
    for read, _ in pipes:
        equal(os.read(read, 10), b"", "the end of a pipe whose other end nobody has any more")
        os.close(read)
    sock.close()
    tool.done(count=2, in_=len(DATA), crc=crc(DATA))


# parity: CAPS-03
def test_a_plain_read_closes_what_came_beside_the_bytes(scene):
    tool, sock = connected(scene, "sink")
    read, write = os.pipe()
    socket.send_fds(sock, [b"bytes"], [write])
    os.close(write)
    equal(os.read(read, 10), b"", "the end of a pipe whose other end nobody has any more")
    os.close(read)
    sock.shutdown(socket.SHUT_WR)
    tool.done(in_=5, crc=crc(b"bytes"))


# parity: CAPS-03
def test_a_pump_closes_what_came_beside_the_bytes(scene):
    tool, sock = connected(scene, "reflect")
    read, write = os.pipe()
    socket.send_fds(sock, [b"bytes"], [write])
    os.close(write)
    equal(os.read(read, 10), b"", "the end of a pipe whose other end nobody has any more")
    os.close(read)
    message, fds, _flags, _source = socket.recv_fds(sock, 10, 4)
    equal((message, fds), (b"bytes", []), "what came back")
    sock.shutdown(socket.SHUT_WR)
    tool.done(out=5)


# parity: CAPS-04, CAPS-06
def test_a_connection_goes_to_python(scene):
    tool, sock = connected(scene, "send-connection")
    message, fds, _flags, _source = socket.recv_fds(sock, 10, 4)
    equal((message, len(fds)), (b"\0", 1), "what came with the connection")
    given = scene.keep(socket.socket(fileno=fds[0]))
    data = os.urandom(MEGABYTE)
    equal(exchange(scene, given, data), data, "the echo over the connection that was sent")
    tool.done(in_=MEGABYTE, out=MEGABYTE)


# parity: CAPS-06
def test_a_connection_comes_from_python(scene):
    tool, sock = connected(scene, "receive-connection")
    kept, given = socket.socketpair()
    scene.keep(kept)
    socket.send_fds(sock, [b"\0"], [given.fileno()])
    given.close()
    data = os.urandom(MEGABYTE)
    equal(exchange(scene, kept, data), data, "the echo over the connection that was received")
    tool.done(in_=MEGABYTE, out=MEGABYTE)


# parity: CAPS-06
def test_a_connection_of_tcp_comes_from_python_over_a_unix_socket(scene):
    tool, sock = connected(scene, "receive-connection")
    listener, _ = scene.listen()
    near = scene.connect(listener.getsockname())
    far = scene.accept(listener)
    socket.send_fds(sock, [b"\0"], [far.fileno()])
    far.close()
    equal(exchange(scene, near, b"hello"), b"hello", "the echo over the connection that was received")
    tool.done(in_=5, out=5)


# parity: CAPS-06
def test_a_file_is_no_connection(scene):
    tool, sock = connected(scene, "receive-connection")
    socket.send_fds(sock, [b"\0"], [descriptor_of(scene, DATA).fileno()])
    tool.done(status="UNIMPLEMENTED", at="receive")


# parity: CAPS-02
def test_more_control_messages_than_there_is_room_for(scene):
    tool, sock = connected(scene, "receive-fds")
    file = descriptor_of(scene, DATA)
    read, write = os.pipe()
    many = array.array("i", [file.fileno()] + [write] * 252)
    sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
    os.close(write)
    equal(os.read(read, 10), b"", "the end of a pipe whose other end nobody has any more")
    os.close(read)
    sock.close()
    tool.done(count=2, in_=len(DATA), crc=crc(DATA))
