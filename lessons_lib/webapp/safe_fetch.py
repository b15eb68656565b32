"""Pictures from strangers: fetched from an address that one typed, and looked at before they are unpacked.

A server that fetches whatever it is told to becomes a stranger's arm inside its own network. What keeps it safe is the
order: take the address apart once, resolve its name once, vet every address that the name leads to, connect to one of
those very addresses (not to the name, which could answer differently the second time), and do all of it again for each
redirect. Environment proxies play no part. No cookie, no password and no referrer is sent.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
import warnings
from urllib.parse import quote, urljoin, urlsplit

import certifi
from PIL import Image

from lessons_lib import image_io
from lessons_lib.image_io.reading import FORMATS

MAX_BYTES = 25_000_000
MAX_PIXELS = 50_000_000
MAX_SCANS = 100  # of a progressive JPEG; cameras write about ten, and each is a walk over all pixels
SECONDS = 20.0  # for everything together: name, connection, redirects, every byte
REDIRECTS = 5
PORTS = {"http": 80, "https": 443}
# The part of IPv6 that is given out to the public Internet. What wraps an IPv4 address lies outside (::ffff:0:0/96,
# NAT64's 64:ff9b::/96) or is listed below, so nothing private hides in a wrapper.
GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
# `ipaddress.is_global` calls these public, or did in some Python that we support.
NOT_PUBLIC = [
    ipaddress.ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata service is in it
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # another cloud's own service, seen only from inside
        "2001::/23",  # Teredo wraps IPv4; other protocol assignments
        "2002::/16",  # 6to4 wraps IPv4
        "3fff::/20",  # documentation
    )
]
ACCEPT = "image/*"
NUMBER = re.compile(r"\d+|0x[0-9a-f]*")  # as browsers tell that a host is meant as an IPv4 address


class RefusedError(ValueError):
    """A picture that is not taken. The message is one plain sentence: what is wrong, and what would do."""


def fetch(address: str, max_bytes: int = MAX_BYTES, seconds: float = SECONDS) -> bytes:
    """The bytes of the picture at `address`, a public http or https address on its usual port.

    They are not checked to be a picture: that is for whoever decodes them. Raises RefusedError for every other kind of
    address, one that leads into a private network (by redirect too), more than `max_bytes`, more than `seconds`
    altogether, a web page, a packed answer, or any failure of the network.
    """
    until = time.monotonic() + seconds
    address = address.strip()
    try:
        for _ in range(REDIRECTS + 1):
            answer = _ask(address, until)
            with answer:
                if answer.status not in (301, 302, 303, 307, 308):
                    return _read(answer, max_bytes)
                target = answer.headers.get("Location")
            try:
                address = urljoin(address, target or "http://[")
            except ValueError as error:
                raise RefusedError("the address redirects to nowhere: copy the picture's own address") from error
    except TimeoutError as error:
        raise RefusedError(f"no whole picture came within {seconds:g} seconds: save it and upload the file") from error
    except ssl.SSLCertVerificationError as error:
        raise RefusedError("the server's certificate is not valid for this address: upload the file") from error
    except (OSError, http.client.HTTPException) as error:
        raise RefusedError("the server could not be reached, or broke off: check the address") from error
    raise RefusedError(f"the address redirects more than {REDIRECTS} times: copy the address of the picture itself")


def check_header(data: bytes, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height that a file of one of FORMATS says it has, told from its header, before any pixel is unpacked.

    So a few bytes cannot ask for gigabytes. Raises RefusedError for other files, too many bytes, too many pixels, or a
    JPEG made of so many scans that it would keep the processor busy for hours.
    """
    if len(data) > max_bytes:
        raise RefusedError(f"the picture has more than {max_bytes / 1e6:g} MB: make it smaller first")
    if kind := image_io.no_picture(data):
        raise RefusedError(f"the picture is {kind}")
    too_large = f"the picture has more than {max_pixels / 1e6:g} megapixels: make it smaller, or cut a part out"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; ours is the narrower limit
            opened = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = opened.size
    except Image.DecompressionBombError as error:
        raise RefusedError(too_large) from error
    except Exception as error:  # a decoder that meets wild bytes raises anything
        kinds = ", ".join(FORMATS[:-1]) + f" or {FORMATS[-1]}"
        raise RefusedError(f"that is not a picture that this page takes: give a {kinds} file") from error
    if width * height > max_pixels:
        raise RefusedError(f"{too_large} (it says {width:,} x {height:,})")
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise RefusedError("the JPEG is made of far too many scans: save it anew as a plain JPEG or as PNG")
    return width, height


def split(address: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and target (path and query) of an address. Raises RefusedError unless it is plain http(s)."""
    if len(address) > 2000 or re.search(r"[\s\\\x00-\x1f\x7f]", address):
        raise RefusedError("the address is too long, or holds a space, backslash or control character: copy it anew")
    try:
        parts = urlsplit(address)
        scheme, port, name = parts.scheme, parts.port, parts.hostname or ""
        host = name if ":" in name else name.encode("idna").decode()
    except ValueError as error:  # UnicodeError, of a name that cannot be, is one
        raise RefusedError("that is not an address: it should look like https://example.org/picture.png") from error
    if scheme not in PORTS:
        kind = f"a {scheme}: address" if scheme else "no web address"
        raise RefusedError(f"that is {kind[:40]}: give one that begins with http:// or https://")
    if "@" in parts.netloc:
        raise RefusedError("the address holds a user name or a password: take out what stands before the @")
    if not re.fullmatch(r"[\w.-]+|[0-9a-f:.]+", host, re.ASCII | re.IGNORECASE):  # also after IDNA's mapping
        raise RefusedError("the address names no server: it should look like https://example.org/picture.png")
    if port not in (None, PORTS[scheme]):
        raise RefusedError(f"the address names port {port}: only the usual one of {scheme}, {PORTS[scheme]}, is opened")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
        "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?") if parts.query else ""
    )
    return scheme, host, PORTS[scheme], target


def is_public(ip: str) -> bool:
    """Whether an IP address belongs to the public Internet: no private, local, shared, multicast or wrapping one."""
    try:
        found = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if found.version == 6 and found not in GLOBAL_IPV6:
        return False
    listed = any(found in block for block in NOT_PUBLIC if block.version == found.version)
    return found.is_global and not found.is_multicast and not listed


def _vetted(host: str, port: int, until: float) -> list[str]:
    """The IP addresses of a host, every one public. One that is not spoils them all. Raises RefusedError."""
    literal = host
    label = host.rstrip(".").rpartition(".")[2].lower()
    if ":" not in host and NUMBER.fullmatch(label):  # 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to some
        try:
            literal = str(ipaddress.IPv4Address(host))
        except ValueError:
            raise RefusedError("the server is written as a number: write its name") from None
    ips = _resolve(literal, port, until)
    if not ips or not all(is_public(ip) for ip in ips):  # which address it was is not for the stranger to learn
        raise RefusedError("the address leads into a private or reserved network: only public ones are fetched")
    return ips


def _resolve(host: str, port: int, until: float) -> list[str]:
    """Ask the system for a name's addresses, in a thread of its own, because the system's patience cannot be set."""
    found: list = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.append([])

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_left(until))
    if not found:
        raise TimeoutError
    if not found[0]:
        raise RefusedError("there is no server of that name: check the spelling of the address")
    return list(dict.fromkeys(str(place[4][0]) for place in found[0]))


def _ask(address: str, until: float) -> http.client.HTTPResponse:
    """Vet an address, ask it, and give the answer as far as its headers."""
    scheme, host, port, target = split(address)
    ips = _vetted(host, port, until)
    connection = _Connection(host, port, ips, scheme == "https", until)
    connection.request("GET", target, headers={"Accept": ACCEPT, "User-Agent": "lessons", "Connection": "close"})
    return connection.getresponse()


def _read(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """The body of an answer, no longer than allowed and as long as announced. Raises RefusedError."""
    if answer.status != 200:
        raise RefusedError(f"the server answered {answer.status}, not with a picture: check the address")
    kind = answer.headers.get_content_type()
    if "Content-Type" in answer.headers and not kind.startswith("image/") and kind != "application/octet-stream":
        raise RefusedError(
            f"the address leads to {kind[:40]}, not to a picture: copy the address of the picture itself"
        )
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":  # never unpacked, so never a bomb
        raise RefusedError("the server sends the picture packed, though not asked to: save it and upload the file")
    too_big = RefusedError(f"the picture has more than {max_bytes / 1e6:g} MB: make it smaller first")
    announced = answer.length
    if announced is not None and announced > max_bytes:
        raise too_big
    data = answer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise too_big
    if announced is not None and len(data) < announced:
        raise RefusedError("the server broke off in the middle of the picture: try again")
    if not data:
        raise RefusedError("the server sent nothing: check the address")
    return data


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@functools.cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _dial(ip: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((ip, port), timeout=seconds)


class _Connection(http.client.HTTPConnection):
    """HTTP to a vetted IP address; the name is kept for the Host header and for the certificate."""

    def __init__(self, host: str, port: int, ips: list[str], secure: bool, until: float):
        super().__init__(host, port)
        self.default_port = port  # so that the Host header is the bare name
        self.ips, self.secure, self.until = ips, secure, until

    def connect(self) -> None:
        plain = None
        for ip in self.ips[:4]:
            seconds = min(5.0, _left(self.until))
            with contextlib.suppress(OSError):
                plain = _dial(ip, self.port, seconds)
                break
        if plain is None:
            raise ConnectionError
        plain.settimeout(_left(self.until))  # for TLS that is a limit for the whole greeting
        if self.secure:
            plain = _certificates().wrap_socket(plain, server_hostname=self.host)
        self.sock = _Timed(plain, self.until)


class _Timed:
    """What http.client needs of a socket; each wait, for however few bytes, is cut to the time that is left."""

    def __init__(self, sock: socket.socket, until: float):
        self._sock, self._until = sock, until

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._until))
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._sock, self._until))

    def close(self) -> None:
        """Left to the reader of the answer, which still needs the socket when http.client lets go of it."""


class _Incoming(io.RawIOBase):
    def __init__(self, sock: socket.socket, until: float):
        self._sock, self._until = sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self._sock.settimeout(_left(self._until))
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._sock.close()
        super().close()
