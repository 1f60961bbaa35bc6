"""What the tests of abuse share. With MILLSTREAM_ABUSE_FULL=1 (script/test-abuse) in full size."""

import os
import socket
import threading
import time
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FULL = os.environ.get("MILLSTREAM_ABUSE_FULL") == "1"
MIB = 1 << 20


def sized(full, small):
    return full if FULL else small


def rss(server):
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def answers_within(server, seconds):
    start = time.monotonic()
    server.client("kinesis", read_timeout=20).list_streams(Limit=1)
    assert time.monotonic() - start < seconds


def signed_call(server, operation, body):
    """A whole HTTP/1.1 request, for a raw socket."""
    request = AWSRequest(
        "POST",
        f"{server.endpoint}/",
        data=body,
        headers={
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"Kinesis_20131202.{operation}",
            "host": f"127.0.0.1:{server.port}",
        },
    )
    SigV4Auth(Credentials("test", "test"), "kinesis", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"content-length: {len(body)}"]
    return ("POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n" + body).encode()


def all_streams(kinesis, limit):
    names = []
    more = {}
    while True:
        page = kinesis.list_streams(Limit=limit, **more)
        names += page["StreamNames"]
        if not page["HasMoreStreams"]:
            return names
        more = {"NextToken": page["NextToken"]}


class Background:
    """Calls `step(i)` with rising i in a thread until the block ends; its errors end the block."""

    def __init__(self, step):
        self.step = step
        self.count = 0
        self.stopped = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.stopped.is_set():
                self.step(self.count)
                self.count += 1
        except Exception as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopped.set()
        self.thread.join()
        if kind is None:
            assert self.error is None, repr(self.error)


class Latencies:
    """Of a well-behaved client's calls, in seconds."""

    def __init__(self):
        self.all = []
        self.errors = {}

    def measure(self, call):
        start = time.monotonic()
        try:
            call()
        except Exception as error:
            name = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
            self.errors[name] = self.errors.get(name, 0) + 1
            return False
        self.all.append(time.monotonic() - start)
        return True

    def at(self, part):
        ordered = sorted(self.all)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    def __str__(self):
        if not self.all:
            return f"no answer, errors {self.errors}"
        parts = ", ".join(f"p{p}: {self.at(p / 100) * 1000:.1f} ms" for p in (50, 90, 99))
        return f"{len(self.all)} calls, {parts}, most {max(self.all):.3f} s, errors {self.errors}"
