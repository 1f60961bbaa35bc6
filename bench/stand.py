"""A server on an empty folder, and what puts load on it; the rows that are measured with it."""

import datetime
import http.client
import json
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from run import (
    KEY,
    MILLSTREAM,
    OUT,
    SECRET,
    free_port,
    fresh_folder,
    millstream_server,
    resident_mb,
)

CREDENTIALS = Credentials(KEY, SECRET)
ROWS = OUT / "rows.json"
LOAD = OUT / "load.jsonl"  # the result of the last load


class Rows:
    """Rows of the table, printed and kept by part as soon as they are measured."""

    def __init__(self):
        self.parts = json.loads(ROWS.read_text()) if ROWS.exists() else {}
        self.part = None

    def begin(self, part):
        self.part = {"day": str(datetime.date.today()), "rows": []}
        self.parts[part] = self.part

    def add(self, scenario, figure):
        print(f"| {scenario} | {figure} |", flush=True)
        self.part["rows"].append([scenario, figure])
        ROWS.write_text(json.dumps(self.parts, indent=1))

    def of_today(self, parts):
        today = str(datetime.date.today())
        for name in parts:
            kept = self.parts.get(name, {})
            if kept.get("day") == today:
                yield from kept["rows"]


class Stand:
    """A server with keys on an empty folder, and what talks to it."""

    def __init__(self, name):
        self.folder = fresh_folder(name)
        self.config = self.folder / "millstream.yaml"
        self.config.write_text(
            f"access_keys:\n  - access_key: {KEY}\n    secret_key: {SECRET}\n"
            '    account: "111122223333"\n'
        )
        self.port = free_port()
        self.start()

    def start(self):
        self.server = millstream_server(self.port, self.folder / "data", self.config)
        return self.server.wait_ready("/health")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server.process.poll() is None:
            self.server.__exit__()
        shutil.rmtree(self.folder)

    @property
    def pid(self):
        return self.server.process.pid

    def client(self):
        return boto3.client(
            "kinesis",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"max_attempts": 0}, read_timeout=300),
        )

    def load(self, scenario, seconds, *flags, may_refuse=False):
        """A scenario of `millstream bench`: its result."""
        LOAD.unlink(missing_ok=True)
        command = [MILLSTREAM, "bench", "--endpoint", f"http://127.0.0.1:{self.port}"]
        command += ["--server-pid", self.pid, "--access-key", KEY]
        command += ["--secret-key", SECRET, "--duration", f"{seconds}s", "--json", LOAD]
        command += ["--scenario", scenario, *flags]
        done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL)
        if not LOAD.exists():
            raise RuntimeError(f"{scenario}: millstream bench ended with {done.returncode}")
        result = json.loads(LOAD.read_text().splitlines()[-1])
        if result["errors"] and not may_refuse:
            raise RuntimeError(f"{scenario}: {result['errors']} wrong answers")
        return result

    def tls_flags(self):
        """Flags of a load over TLS that verifies the server."""
        ca = self.folder / "ca.pem"
        command = [MILLSTREAM, "cert", "--data", self.folder / "data"]
        ca.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
        return ["--tls", "--ca-file", ca]

    def resident_mb(self):
        return resident_mb(self.pid)

    def peak_mb(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024 / 1e6

    def caller(self):
        return Caller(self.port)


class Caller:
    """Signed requests whose answers are not decoded: the client costs little."""

    def __init__(self, port):
        self.host = f"127.0.0.1:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def call(self, operation, body):
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"Kinesis_20131202.{operation}",
        }
        request = AWSRequest("POST", f"http://{self.host}/", headers=headers, data=body)
        SigV4Auth(CREDENTIALS, "kinesis", "us-east-1").add_auth(request)
        self.connection.request("POST", "/", body, dict(request.headers))
        answer = self.connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {answer.status} {answer.read(500)}")
        return answer


def medians(results):
    """The median of each figure of several results."""
    keys = [k for k, v in results[0].items() if isinstance(v, int | float)]
    return {k: statistics.median(r[k] for r in results) for k in keys}


def compare(stand, scenario, seconds, first, second):
    """Medians of three loads with the flags `first` and of three with `second`, in turns."""
    results = [[], []]
    for _ in range(3):
        for kept, flags in zip(results, (first, second), strict=True):
            kept.append(stand.load(scenario, seconds, *flags))
    return medians(results[0]), medians(results[1])
