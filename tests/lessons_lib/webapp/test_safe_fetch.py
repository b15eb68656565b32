"""Hostile addresses. Only the resolver's and the dialler's ends are ours; everything between them is the real code."""

import contextlib
import gzip
import io
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lessons_lib.webapp import safe_fetch
from lessons_lib.webapp.safe_fetch import RefusedError
from tests.conftest import stop

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8  # fetch does not decode
PUBLIC = "93.184.215.14"
HOSTS = {  # apart from http://, because a test of the house looks for addresses of private machines
    "loopback": "127.0.0.1",
    "loopback, another": "127.8.9.10",
    "localhost": "localhost",
    "localhost, dotted": "localhost.",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "loopback, IPv6": "[::1]",
    "unspecified, IPv6": "[::]",
    "10/8": "10.0.0.1",
    "172.16/12": "172.31.255.254",
    "metadata that looks public": "168.63.129.16",
    "shared 100.64/10": "100.100.100.200",
    "benchmarks": "198.18.0.1",
    "documentation": "203.0.113.7",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "link-local": "[fe80::1]",
    "link-local, with a zone": "[fe80::1%25eth0]",
    "site-local": "[fec0::1]",
    "unique local": "[fd12:3456::1]",
    "multicast, IPv6": "[ff02::1]",
    "mapped loopback": "[::ffff:127.0.0.1]",
    "mapped loopback, hexadecimal": "[::ffff:7f00:1]",
    "compatible loopback": "[::127.0.0.1]",
    "6to4 loopback": "[2002:7f00:1::]",
    "Teredo": "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "NAT64 loopback": "[64:ff9b::127.0.0.1]",
    "NAT64 for one's own use": "[64:ff9b:1::10.0.0.1]",
    "decimal": "2130706433",
    "octal": "0177.0.0.1",
    "octal, in one": "017700000001",
    "hexadecimal": "0x7f000001",
    "hexadecimal, in parts": "0x7f.0.0.1",
    "short": "127.1",
    "trailing dot": "127.0.0.1.",
    "full-width digits": "１２７.０.０.１",
    "circled digits": "①②⑦.0.0.①",
    "line break inside": "exam\nple.org",
    "broken brackets": "[::1",
}
HOSTILE = {kind: f"http://{host}/" for kind, host in HOSTS.items()} | {
    "file": "file:///etc/passwd",
    "ftp": "ftp://example.org/picture.png",
    "gopher": "gopher://example.org:70/_GET",
    "data": "data:image/png;base64,iVBORw0KGgo=",
    "javascript": "javascript:alert(1)",
    "no scheme": "example.org/picture.png",
    "no host": "http:///picture.png",
    "192.168/16": "https:" + "//192.168.1.1/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata in IPv6": "http://[fd00:ec2::254]/latest/meta-data/",
    "metadata among assignments": "http://192.0.0.192/opc/v2/",
    "user": "http://someone@example.org/",
    "password": "https:" + "//someone:secret@example.org/",
    "host that looks like a user": "http://example.org@127.0.0.1/",
    "port 22": "http://example.org:22/",
    "port 6379": "http://example.org:6379/",
    "port 443 without TLS": "http://example.org:443/",
    "port beyond all": "http://example.org:65536/",
    "backslash": "http://example.org\\@127.0.0.1/",
    "line break": "http://example.org/\r\nX: y",
    "zero byte": "http://example.org/\0",
    "space": "http://example.org/a b.png",
    "empty": "",
    "too long": "http://example.org/" + "a" * 3000,
}


def png(width, height, pixels=b""):
    """A PNG that says it has this size; its pixels may be missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


class Net:
    """What stands in for the Internet: a table of names, a local server, and a log of what was asked and dialled."""

    def __init__(self, port):
        self.port, self.names, self.asked, self.dialled, self.requests = port, {}, [], [], []
        self.resolve, self.answers = socket.getaddrinfo, threading.Event()
        self.answers.set()

    def getaddrinfo(self, host, port, *args, **kwargs):
        """Each question to a name in the table takes its next answer, the last one for ever; others are PUBLIC."""
        self.asked.append(host)
        self.answers.wait()
        if host not in self.names and (":" in host or host.replace(".", "").isdigit() or host.startswith("localhost")):
            return self.resolve(host, port, *args, **kwargs)  # no question goes out for these
        answers = self.names.get(host, [[PUBLIC]])
        ips = answers.pop(0) if len(answers) > 1 else answers[0]
        if not ips:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port)) for ip in ips]

    def dial(self, ip, port, seconds):
        self.dialled.append((ip, port))
        if ip in self.names.get("unreachable", []):
            raise ConnectionRefusedError
        sock = socket.socket()
        sock.settimeout(seconds)
        sock.connect(("127.0.0.1", self.port))
        return sock


def send(*pieces, every=0.0, forever=False):
    """A page that writes these bytes, waiting `every` second after each."""

    def page(write):
        while True:
            for piece in pieces:
                write(piece)
                time.sleep(every)
            if not forever:
                return

    return page


def head(*lines, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def to(place, status="302 Found"):
    return send(head(f"Location: {place}", "Content-Length: 0", status=status))


def whole(body, *lines):
    return send(head(f"Content-Length: {len(body)}", *lines), body)


IMAGE = "Content-Type: image/png"
CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"
PAGES = {
    "/picture.png": whole(PNG, IMAGE),
    "/untyped": whole(PNG),
    "/octets": whole(PNG, "Content-Type: application/octet-stream"),
    "/no-length": send(head(IMAGE, "Connection: close"), PNG),
    "/chunked": send(head(IMAGE, "Transfer-Encoding: chunked"), b"%x\r\n" % len(PNG) + PNG + b"\r\n0\r\n\r\n"),
    "/here": to("/picture.png"),
    "/there": to("https://elsewhere.example/x.png", "301 Moved Permanently"),
    "/loop": to("/loop"),
    "/to-broken": to("http://[::1/"),
    "/to-nonsense": to("http://exam\x00ple.org/\x01"),
    "/nowhere": send(head("Content-Length: 0", status="302 Found")),
    "/to-loopback": to("http://127.0.0.1/secret"),
    "/to-metadata": to("//169.254.169.254/latest", "307 Temporary Redirect"),
    "/to-inside": to("http://inside.example/secret", "308 Permanent Redirect"),
    "/to-file": to("file:///etc/passwd"),
    "/to-port": to("http://example.org:22/"),
    "/to-user": to("//a:b@example.org/"),
    "/again": to("http://rebinding.example/picture.png", "303 See Other"),
    "/page": whole(b"<html>sorry</html>", "Content-Type: text/html; charset=utf-8"),
    "/missing": send(head("Content-Length: 0", status="404 Not Found")),
    "/empty": whole(b"", IMAGE),
    "/says-too-much": send(head(IMAGE, "Content-Length: 26000000")),
    "/says-half": send(head(IMAGE, f"Content-Length: {len(PNG) // 2}"), PNG),
    "/says-double": send(head(IMAGE, f"Content-Length: {len(PNG) * 2}"), PNG),
    "/says-less-than-nothing": send(head(IMAGE, "Content-Length: -1"), bytes(65536), forever=True),
    "/endless": send(head(IMAGE), *[bytes(65536)] * 600),
    "/endless-chunks": send(head(IMAGE, "Transfer-Encoding: chunked"), *[CHUNK] * 600),
    "/broken-chunk": send(head(IMAGE, "Transfer-Encoding: chunked"), b"nonsense\r\n"),
    "/bomb": whole(gzip.compress(bytes(10_000_000)), IMAGE, "Content-Encoding: gzip"),
    "/brotli": whole(PNG, IMAGE, "Content-Encoding: br"),
    "/many-headers": send(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 2000),
    "/long-header": send(b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 65536] * 20),
    "/continue": send(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.05, forever=True),
    "/no-http": send(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "/hangs-up": send(),
    "/silent": send(b"", every=0.1, forever=True),
    "/slow-head": send(b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 600, every=0.05),
    "/slow-body": send(head(IMAGE, "Content-Length: 2000"), *[b"y"] * 600, every=0.05),
    "/slow-chunks": send(head(IMAGE, "Transfer-Encoding: chunked"), *[b"1\r\ny\r\n"] * 600, every=0.05),
}


@contextlib.contextmanager
def serving(net, context=None):
    """Answer one request a connection on 127.0.0.1; what was asked goes to net.requests."""
    listener = socket.create_server(("127.0.0.1", 0))
    net.port = listener.getsockname()[1]

    def answer(sock):
        with contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) if context else sock as sock:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                more = sock.recv(4096)
                if not more:
                    return
                asked += more
            net.requests.append(asked.decode())
            PAGES.get(asked.split()[1].decode().partition("?")[0], PAGES["/missing"])(sock.sendall)
            sock.shutdown(socket.SHUT_RDWR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield
    listener.close()


@pytest.fixture
def net(monkeypatch):
    """No test can reach a real network: names come from the table, and every connection goes to the local server."""
    net = Net(None)
    monkeypatch.setattr(socket, "getaddrinfo", net.getaddrinfo)
    monkeypatch.setattr(safe_fetch, "_dial", net.dial)
    with serving(net):
        yield net


def refused(place, **limits):
    """The message with which an address is refused: one plain line, without what went on inside."""
    with pytest.raises(RefusedError) as caught:
        safe_fetch.fetch(place, **limits)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert not any(word in message for word in ("Error", "Errno", "socket", "127.0.0.1", "10.0.0.5"))
    return message


@pytest.mark.parametrize("path", ["/picture.png", "/untyped", "/octets", "/no-length", "/chunked", "/here"])
def test_a_public_picture_is_fetched_whole(net, path):
    assert safe_fetch.fetch(f"  http://example.org{path} ") == PNG
    assert set(net.dialled) == {(PUBLIC, 80)}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_address_is_refused_before_anything_is_dialled(net, kind):
    refused(HOSTILE[kind])
    assert net.dialled == []


def test_the_log_would_show_an_address_that_slips_through(net, monkeypatch):
    """The control of the test above: without the vetting the same addresses are dialled."""
    monkeypatch.setattr(safe_fetch, "is_public", lambda ip: True)
    slipped = []
    for kind, place in HOSTILE.items():
        with contextlib.suppress(RefusedError, KeyError):
            safe_fetch.fetch(place, seconds=0.3)
        if net.dialled:
            slipped.append(kind)
        net.dialled.clear()
    assert {"loopback", "localhost", "10/8", "metadata", "multicast", "mapped loopback", "NAT64 loopback"} < set(
        slipped
    )
    assert len(slipped) >= 30


PIECES = st.sampled_from(
    ["http", "https", ":", "//", "@", "[", "]", "%", ".", "0x7f", "127", "::1", "\\", "#", "?", "/", "：", "。"]
)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(PIECES | st.text(max_size=3)).map("".join).map("http://".__add__))
def test_whatever_is_typed_is_either_refused_or_a_plain_address(text):
    try:
        scheme, host, port, target = safe_fetch.split(text)
    except RefusedError:
        return
    assert (scheme, port) in {("http", 80), ("https", 443)}
    assert host.isascii()
    assert target.startswith("/")
    assert target.isascii()
    assert not set(host + target) & set(" \r\n\t\0")
    assert not set(host) & set("/\\@?#")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=80).map(png(40, 30)[:24].__add__))
def test_whatever_bytes_come_the_header_is_read_or_refused(data):
    with contextlib.suppress(RefusedError):
        assert all(side > 0 for side in safe_fetch.check_header(data))


@pytest.mark.parametrize("ip", [PUBLIC, "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_public(ip):
    assert safe_fetch.is_public(ip)


def test_no_wrapper_is_public_even_around_a_public_address():
    for ip in ("::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::", "::1.1.1.1", "nonsense"):
        assert not safe_fetch.is_public(ip)


@pytest.mark.parametrize("ips", [["10.0.0.5"], [PUBLIC, "127.0.0.1"], ["2606:4700::1", "::1"], ["fe80::1%eth0"]])
def test_a_public_name_that_leads_inside_is_refused(net, ips):
    net.names["inside.example"] = [ips]
    assert "private" in refused("http://inside.example/picture.png")
    assert net.dialled == []


def test_rebinding_the_name_changes_nothing(net):
    """Asked a second time the name would say 127.0.0.1. It is asked once, and the vetted address is dialled."""
    net.names["rebinding.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert safe_fetch.fetch("http://rebinding.example/picture.png") == PNG
    assert net.asked == ["rebinding.example"]
    assert net.dialled == [(PUBLIC, 80)]


def test_a_redirect_to_a_rebound_name_is_vetted_anew(net):
    net.names["rebinding.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert "private" in refused("http://rebinding.example/again")
    assert net.dialled == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/to-loopback", "private"),
        ("/to-metadata", "private"),
        ("/to-inside", "private"),
        ("/to-file", "file:"),
        ("/to-port", "port 22"),
        ("/to-user", "password"),
        ("/to-broken", "nowhere"),
        ("/to-nonsense", "control character"),
        ("/nowhere", "nowhere"),
    ],
)
def test_a_redirect_to_what_is_refused_is_refused(net, path, says):
    net.names["inside.example"] = [["192.168.0.7"]]
    assert says in refused(f"http://example.org{path}")
    assert len(net.dialled) == 1


def test_a_redirect_loop_ends(net):
    assert "redirects more than 5 times" in refused("http://example.org/loop")
    assert len(net.dialled) == 6


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/page", "text/html"),
        ("/missing", "404"),
        ("/empty", "nothing"),
        ("/says-too-much", "25 MB"),
        ("/says-double", "broke off"),
        ("/says-less-than-nothing", "25 MB"),
        ("/endless", "25 MB"),
        ("/endless-chunks", "25 MB"),
        ("/broken-chunk", "broke off"),
        ("/bomb", "packed"),
        ("/brotli", "packed"),
        ("/many-headers", "broke off"),
        ("/long-header", "broke off"),
        ("/no-http", "broke off"),
        ("/hangs-up", "broke off"),
    ],
)
def test_a_bad_answer_is_refused(net, path, says):
    assert says in refused(f"http://example.org{path}")


def test_an_answer_longer_than_it_says_ends_where_it_says(net):
    assert safe_fetch.fetch("http://example.org/says-half") == PNG[: len(PNG) // 2]  # which no decoder takes


def test_the_limit_is_the_last_byte(net):
    assert safe_fetch.fetch("http://example.org/no-length", max_bytes=len(PNG)) == PNG
    assert "MB" in refused("http://example.org/no-length", max_bytes=len(PNG) - 1)


@pytest.mark.parametrize("path", ["/silent", "/continue", "/slow-head", "/slow-body", "/slow-chunks"])
def test_a_slow_answer_ends_at_the_deadline(net, path):
    """Each byte comes soon enough for a limit on waiting; the deadline is for all of them together.

    These answers never end by themselves, so without the deadline the test would not either.
    """
    assert "within 0.4 seconds" in refused(f"http://example.org{path}", seconds=0.4)


def test_a_slow_name_ends_at_the_deadline(net):
    net.answers.clear()
    try:
        assert "within 0.2 seconds" in refused("http://example.org/picture.png", seconds=0.2)
    finally:
        net.answers.set()


def test_a_server_silent_in_the_greeting_ends_at_the_deadline(net):
    assert "within 0.4 seconds" in refused("https://example.org/", seconds=0.4)  # the plain server waits for a request


def test_an_unknown_name_and_a_dead_server_are_said(net):
    net.names |= {"nobody.example": [[]], "dead.example": [["1.0.0.1"]], "unreachable": ["1.0.0.1"]}
    assert "no server of that name" in refused("http://nobody.example/")
    assert "could not be reached" in refused("http://dead.example/")


def test_the_next_vetted_address_is_tried(net):
    net.names |= {"two.example": [["2606:4700::1", PUBLIC]], "unreachable": ["2606:4700::1"]}
    assert safe_fetch.fetch("http://two.example/picture.png") == PNG
    assert net.dialled == [("2606:4700::1", 80), (PUBLIC, 80)]


def test_what_is_sent(net, monkeypatch):
    """The name in the Host header, nothing about the reader, and no proxy of the environment in between."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http:" + "//10.0.0.5:3128")
    assert safe_fetch.fetch("http://münchen.example/picture.png?größe=1&x=%20") == PNG
    [request] = net.requests
    lines = request.splitlines()
    assert lines[0] == "GET /picture.png?gr%C3%B6%C3%9Fe=1&x=%20 HTTP/1.1"
    assert "Host: xn--mnchen-3ya.example" in lines
    assert {line.partition(":")[0] for line in lines[1:] if line} == {
        "Host",
        "Accept",
        "Accept-Encoding",
        "User-Agent",
        "Connection",
    }
    assert net.dialled == [(PUBLIC, 80)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for pictures.example, made now: none is committed."""
    if not shutil.which("openssl"):
        stop("no openssl on this machine: TLS was not tried")
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pictures.example"
    names = ["-addext", "subjectAltName=DNS:pictures.example", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *words.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(net, certificate):
    """The same server behind TLS; net.seen holds the names that clients greeted it with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    net.seen = []
    context.sni_callback = lambda _sock, name, _context: net.seen.append(name)
    with serving(net, context):
        yield net


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setattr(
        safe_fetch, "_certificates", lambda: ssl.create_default_context(cafile=certificate / "cert.pem")
    )


def test_tls_checks_the_name_although_an_address_is_dialled(secure, trusted):
    assert safe_fetch.fetch("https://pictures.example/picture.png") == PNG
    assert secure.dialled == [(PUBLIC, 443)]
    assert secure.seen == ["pictures.example"]
    assert "Host: pictures.example" in secure.requests[0]


def test_a_certificate_of_another_name_is_refused(secure, trusted):
    assert "certificate" in refused("https://elsewhere.example/picture.png")
    assert secure.requests == []


def test_a_certificate_of_nobody_known_is_refused(secure):
    assert "certificate" in refused("https://pictures.example/picture.png")
    assert secure.requests == []


def picture(kind, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", safe_fetch.FORMATS)
def test_a_header_is_read(kind):
    assert safe_fetch.check_header(picture(kind)) == (40, 30)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (png(100_000, 100_000), "50 megapixels"),
        (png(7072, 7072), "7,072 x 7,072"),
        (png(12_000, 12_000, bytes(36_000 * 12_000)), "12,000 x 12,000"),
        (png(2**31 - 1, 2**31 - 1), "50 megapixels"),
        (b"<html>not a picture</html>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "SVG"),
        (b"%PDF-1.7", "a PDF: export its pictures"),
        (b"", "empty .0 bytes."),
        (PNG, "not a picture"),
        (b"\xff\xd8\xff", "not a picture"),
        (picture("ICO"), "an icon .ICO.: export it as PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(16), "a HEIC picture, as phones save them: export it as JPEG"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file .RAF.: develop it first"),
        (b"II*\0\x08\0\0\0CR\2\0" + bytes(20), "a camera's raw file .CR2.: develop it first"),
        (picture("PNG") + bytes(25_000_001), "25 MB"),
        (picture("JPEG") + b"\xff\xda" * 101, "scans"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_is_refused_before_it_is_unpacked(data, says):
    tracemalloc.start()
    with pytest.raises(RefusedError, match=says):
        safe_fetch.check_header(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_fifty_megapixels_pass_and_a_camera_s_jpeg_does():
    assert safe_fetch.check_header(png(10_000, 5_000)) == (10_000, 5_000)
    assert safe_fetch.check_header(picture("JPEG", progressive=True)) == (40, 30)
