"""Starts the real server for tests and talks to it with ordinary clients."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("MILLSTREAM_BINARY") or str(ROOT / "build/release/src/cli/millstream")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds=60):
    """Its first value that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen in time; last: {value!r}")


class Server:
    """One `millstream serve` process; stop(), kill() and start() again on the same data."""

    def __init__(self, data, *arguments, binary=None, environment=None, port=None):
        self.binary = str(binary or BINARY)
        self.data = Path(data)
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.port = port or free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = self.data.parent / f"{self.data.name}.log"
        self.process = None

    def start(self, timeout=30):
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.binary,
                    "serve",
                    "--data",
                    str(self.data),
                    "--listen",
                    f"127.0.0.1:{self.port}",
                    *self.arguments,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"server ended: {self.log.read_text()[-3000:]}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/health", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"server not ready: {self.log.read_text()[-3000:]}")

    def stop(self, timeout=30):
        """SIGTERM; the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout)
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def advance(self, milliseconds):
        """Moves the clock of a server with --clock manual."""
        body = json.dumps({"advance_ms": milliseconds}).encode()
        with urllib.request.urlopen(f"{self.endpoint}/_millstream/clock", body, 10) as answer:
            assert answer.status == 200

    def client(self, service, region="us-east-1", access_key="test", secret="test", **config):
        config.setdefault("retries", {"max_attempts": 0})
        config.setdefault("parameter_validation", False)  # the server's answer is what counts
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret,
            config=Config(**config),
        )


def read_shard(kinesis, stream, shard, iterator_type="TRIM_HORIZON", **kwargs):
    """All records of a shard from a position to its tip or end."""
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType=iterator_type, **kwargs
    )["ShardIterator"]
    records = []
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
    return records
