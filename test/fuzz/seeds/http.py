"""Clients of HTTP/1.1 and HTTP/2."""

from .common import with_first, write


def http1() -> None:
    requests = {
        "get": "GET /echo?a=b HTTP/1.1\r\nHost: h\r\nX-Long: " + "v" * 100 + "\r\n\r\n",
        "post": "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "two": "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nhost:h\r\n"
        "content-length:2\r\nconnection: close\r\n\r\nokGET /3 HTTP/1.1\r\n\r\n",
        "chunked": "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;ext=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n"
        "Trailer: t\r\n\r\nGET / HTTP/1.1\r\nHost:h\r\n\r\n",
        "chunks-bad": "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "expect": (
            "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"
        ),
        "pieces": "GET /pieces HTTP/1.1\r\nHost: h\r\n\r\nGET /nothing HTTP/1.1\r\nHost: h\r\n\r\n",
        "pieces-old": "GET /pieces HTTP/1.0\r\n\r\n",
        "abort": "GET /abort HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "wait": "GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\n",
        "head": "HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n",
        "absolute": "GET http://other/path?q HTTP/1.1\r\nHost: h\r\n\r\n",
        "folded": "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
        "no-host": "GET / HTTP/1.1\r\n\r\n",
        "two-lengths": (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
        ),
        "both": (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1"
            "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        "large": "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n",
        "line-end": "GET / HTTP/1.1\nHost: h\n\n",
        "tls": "\x16\x03\x01\x00\x05hello",
        "other": "SSH-2.0-OpenSSH_9\r\n\r\n",
    }
    write("http1_fuzz", with_first(6, requests))


def http2() -> None:
    def request(stream: int, block: int, flags: int = 5) -> bytes:
        return bytes([0xF0, flags, stream, block])

    def frame(kind: int, flags: int, stream: int, payload: bytes, times: int = 0) -> bytes:
        return bytes([kind, flags, stream, len(payload)]) + payload + bytes([times])

    inputs = {
        "get": request(1, 0),
        "post": request(1, 5, 4) + frame(0, 1, 1, b"hello"),
        "long-body": request(1, 5, 4) + frame(0, 0, 1, b"b" * 50, 200) + frame(0, 1, 1, b"", 255),
        "pieces": request(1, 1) + request(3, 6) + frame(8, 0, 0, b"\x00\x01\x00\x00"),
        "wait": request(1, 2) + request(3, 3) + request(5, 4) + frame(3, 0, 1, b"\x00\x00\x00\x08"),
        "padded": request(1, 5, 4) + frame(0, 9, 1, b"\x03abc\x00\x00\x00"),
        "settings": frame(4, 0, 0, b"\x00\x04\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00")
        + request(1, 1)
        + frame(8, 0, 1, b"\x00\x00\x10\x00"),
        "continuation": bytes([1, 1, 1, 2]) + b"\x82\x86\x00" + frame(9, 4, 1, b"\x84\x01\x01h"),
        "trailers": request(1, 5, 4) + frame(0, 0, 1, b"x") + frame(1, 5, 1, b"\x00\x01t\x01v"),
        "goaway": request(1, 2) + frame(7, 0, 0, bytes(8)) + frame(6, 0, 0, b"pingpong"),
        "length": request(1, 135, 4) + frame(0, 1, 1, b"hello"),
        "length-wrong": request(1, 135, 4) + frame(0, 1, 1, b"hell"),
        "priority": frame(2, 0, 3, b"\x00\x00\x00\x01\x05") + request(3, 0, 0x25),
        "noise": request(1, 0) + b"\xff\x05\x00\x00\x00\x63\x00",
        "window": frame(8, 0, 0, b"\x7f\xff\xff\xff") * 2,
        "many": b"".join(request(stream, stream % 10) for stream in range(1, 99, 2)),
        "resets": b"".join(
            request(stream, 2) + frame(3, 0, stream, b"\x00\x00\x00\x00")
            for stream in range(1, 60, 2)
        ),
    }
    write("http2_fuzz", with_first(0, inputs))
    write("http2_fuzz", with_first(40, {f"{n}-in-pieces": i for n, i in inputs.items()}))
    raw = (
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        + b"\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x01\x01h"
    )
    write("http2_fuzz", with_first(1, {"raw": raw, "raw-cut": raw[:-2]}))


def make() -> None:
    http1()
    http2()
