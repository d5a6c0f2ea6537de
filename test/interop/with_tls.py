"""TLS against OpenSSL's s_client and s_server, Python's ssl, GnuTLS and curl."""
import pathlib
import socket
import ssl
import subprocess
import sys

from peers import ANY_PORT, crc, equal, free_port, need, pattern, read_all, serve_one

CERTIFICATES = pathlib.Path(__file__).resolve().parent.parent / "certificates"
WRONG_NAME, NO_CERTIFICATE, ALERT, PROTOCOL = 4, 9, 12, 13
VERSIONS = {"2": (ssl.TLSVersion.TLSv1_2, "303"), "3": (ssl.TLSVersion.TLSv1_3, "304")}


def certificates(scene):
    need("openssl")
    folder = scene.folder / "certificates"
    subprocess.run([str(CERTIFICATES), str(folder)], check=True)
    return folder


def context(folder, purpose, version, demand=False, pair=None):
    """A context of Python's that trusts the test's authority."""
    made = ssl.create_default_context(purpose, cafile=folder / "authority.pem")
    made.minimum_version = made.maximum_version = VERSIONS[version][0]
    made.set_alpn_protocols(["tool/1"])
    if pair:
        made.load_cert_chain(folder / f"{pair}.pem", folder / f"{pair}.key")
    if demand:
        made.verify_mode = ssl.CERT_REQUIRED
    return made


# parity: TLS-12, TLS-17, TLS-18, TLS-27
def test_python_as_client(scene):
    folder = certificates(scene)
    for version, (_, code) in VERSIONS.items():
        for flags, pair in (("a", None), ("ad", "client")):
            tool = scene.tool("--tls", folder, flags, "listen", ANY_PORT, "echo")
            made = context(folder, ssl.Purpose.SERVER_AUTH, version, pair=pair)
            with socket.create_connection(("127.0.0.1", tool.ready())) as plain:
                with made.wrap_socket(plain, server_hostname="localhost") as sock:
                    for size in (1, 16384, 16385, 100000):
                        sock.sendall(pattern(size))
                        got = b""
                        while len(got) < size:
                            got += sock.recv(65536)
                        equal(got, pattern(size), "the echo")
                    equal(sock.selected_alpn_protocol(), "tool/1", "the protocol")
                    sock.unwrap()
            tool.done(in_=132770, out=132770)
            tool.wait_for(f"version={code} suite=TLS_\\w+ alpn=tool/1")


# parity: TLS-12, TLS-17, TLS-18
def test_python_as_server(scene):
    folder = certificates(scene)
    for version, (_, code) in VERSIONS.items():
        made = context(folder, ssl.Purpose.CLIENT_AUTH, version, demand=True, pair="server")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve(plain):
                with made.wrap_socket(plain, server_side=True) as sock:
                    got = b""
                    while piece := sock.recv(65536):
                        got += piece
                        sock.sendall(piece)
                    shown = sock.getpeercert()["subject"]
                    sock.unwrap()
                    return shown

            serving = serve_one(scene, listener, serve)
            tool = scene.tool("--tls", folder, "ca", "connect", f"127.0.0.1:{listener.getsockname()[1]}", "source", 300000)
            tool.done(in_=300000, crc=crc(pattern(300000)))
            tool.wait_for(f"version={code}")
            equal(serving.join(), ((("commonName", "someone"),),), "what the client has shown")


# parity: TLS-17
def test_python_breaks_off_without_goodbye(scene):
    folder = certificates(scene)
    for version in VERSIONS:
        tool = scene.tool("--tls", folder, "", "listen", ANY_PORT, "sink")
        made = context(folder, ssl.Purpose.SERVER_AUTH, version)
        with socket.create_connection(("127.0.0.1", tool.ready())) as plain:
            sock = made.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
            sock.sendall(b"a part")
            socket.socket(fileno=sock.detach()).close()
        tool.done(status="DISCONNECTED", in_=6)


# parity: TLS-03, TLS-12
def test_python_is_refused(scene):
    folder = certificates(scene)
    for version in VERSIONS:
        tool = scene.tool("--tls", folder, "d", "listen", ANY_PORT, "echo")
        made = context(folder, ssl.Purpose.SERVER_AUTH, version)
        with socket.create_connection(("127.0.0.1", tool.ready())) as plain:
            try:
                with made.wrap_socket(plain, server_hostname="localhost") as sock:
                    sock.recv(1)
                raise AssertionError("let in without a certificate")
            except ssl.SSLError as refused:
                equal("CERTIFICATE_REQUIRED" in str(refused) or "HANDSHAKE_FAILURE" in str(refused)
                      or "certificate required" in str(refused), True, str(refused))
        tool.done(status="FAILED", count=NO_CERTIFICATE)
        tool = scene.tool("--tls", folder, "", "listen", ANY_PORT, "echo")
        stranger = ssl.create_default_context(cafile=folder / "stranger.pem")
        with socket.create_connection(("127.0.0.1", tool.ready())) as plain:
            try:
                stranger.wrap_socket(plain, server_hostname="localhost")
                raise AssertionError("trusted a stranger")
            except ssl.SSLCertVerificationError:
                pass
        tool.done(status="FAILED", count=ALERT)
        tool = scene.tool("--tls", folder, "", "listen", ANY_PORT, "echo")
        with socket.create_connection(("127.0.0.1", tool.ready())) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            equal(read_all(plain)[:1], b"\x15", "an alert")
        tool.done(status="FAILED", count=PROTOCOL)


# parity: TLS-12, TLS-27
def test_openssl_as_client(scene):
    folder = certificates(scene)
    for flag, code in (("-tls1_2", "303"), ("-tls1_3", "304")):
        tool = scene.tool("--tls", folder, "ad", "listen", ANY_PORT, "echo")
        command = ["openssl", "s_client", "-quiet", "-no_ign_eof", flag, "-connect", f"127.0.0.1:{tool.ready()}",
                   "-CAfile", folder / "authority.pem", "-verify_return_error", "-verify_hostname", "localhost",
                   "-servername", "localhost", "-cert", folder / "client.pem", "-key", folder / "client.key",
                   "-alpn", "tool/1"]
        client = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        try:
            client.stdin.write(b"hello\n")
            client.stdin.flush()
            equal(client.stdout.readline(), b"hello\n", "the echo")
            client.stdin.close()
            client.wait(20)
        finally:
            client.kill()
            client.wait()
            client.stdout.close()
        tool.done(in_=6, out=6, peer="someone")
        tool.wait_for(f"version={code} suite=TLS_\\w+ alpn=tool/1")


# parity: TLS-12
def test_openssl_as_server(scene):
    folder = certificates(scene)
    for flag, code in (("-tls1_2", "303"), ("-tls1_3", "304")):
        port = free_port()
        server = scene.program("openssl", "s_server", "-rev", "-naccept", "2", flag, "-accept", str(port), "-cert",
                               folder / "server.pem", "-key", folder / "server.key", "-CAfile",
                               folder / "authority.pem", "-Verify", "1", "-verify_return_error", "-alpn", "tool/1")
        server.wait_for("ACCEPT")
        wrong = scene.tool("--tls", folder, "cw", "connect", f"127.0.0.1:{port}", "say", "hello\n")
        wrong.done(status="FAILED", count=WRONG_NAME)
        tool = scene.tool("--tls", folder, "ca", "--out", scene.folder / "said", "--retry", "connect",
                          f"127.0.0.1:{port}", "say", "hello\nCLOSE\n")
        tool.wait_for(f"version={code} suite=TLS_\\w+ alpn=tool/1")
        tool.ends()
        equal((scene.folder / "said").read_bytes()[:6], b"olleh\n", "what s_server said")


# parity: HSRV-09, TLS-17
def test_curl_gets_https(scene):
    folder = certificates(scene)
    need("curl")
    for version in ("--tls-max 1.2", "--tlsv1.3"):
        tool = scene.tool("--tls", folder, "", "listen", ANY_PORT, "http")
        port = tool.ready()
        curl = scene.program("curl", "--silent", "--show-error", *version.split(), "--http1.1", "--cacert",
                             folder / "authority.pem", "--resolve", f"localhost:{port}:127.0.0.1",
                             f"https://localhost:{port}/", "--header", "Connection: close")
        equal(curl.ends(), b"hello over TLS\n", "what curl got")
        tool.done()


# parity: TLS-12
def test_gnutls_as_client(scene):
    need("gnutls-cli")
    folder = certificates(scene)
    tool = scene.tool("--tls", folder, "d", "listen", ANY_PORT, "echo")
    lines = scene.folder / "lines"
    lines.write_bytes(b"hello\n")
    client = scene.program("gnutls-cli", "--x509cafile", folder / "authority.pem", "--x509certfile",
                           folder / "client.pem", "--x509keyfile", folder / "client.key", "--port", str(tool.ready()),
                           "localhost", stdin=scene.exits.enter_context(open(lines, "rb")))
    client.wait_for("hello")
    tool.done(in_=6)
