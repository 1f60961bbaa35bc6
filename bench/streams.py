"""Measures what `millstream bench` alone does not: many shards, drains, push, memory.

Prints a Markdown table, one line as soon as each figure is there. Server and load share this
machine's cores; records are synced before each answer and signatures verified.
  build/venv/bin/python bench/streams.py [--only NAME]… [--seconds N] [--recovery-gb N]
"""

import argparse
import base64
import http.client
import json
import re
import shutil
import signal
import statistics
import subprocess
import threading
import time

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from run import (
    KEY,
    MILLSTREAM,
    OUT,
    RESULTS,
    SECRET,
    free_port,
    fresh_folder,
    millstream_server,
    resident_mb,
)

CREDENTIALS = Credentials(KEY, SECRET)


def row(scenario, figure):
    print(f"| {scenario} | {figure} |", flush=True)


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

    def client(self):
        return boto3.client(
            "kinesis",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"max_attempts": 0}, read_timeout=300),
        )

    def load(self, scenario, seconds, *flags):
        """A scenario of `millstream bench`: its result."""
        RESULTS.unlink(missing_ok=True)
        command = [MILLSTREAM, "bench", "--endpoint", f"http://127.0.0.1:{self.port}"]
        command += ["--server-pid", self.server.process.pid, "--access-key", KEY]
        command += ["--secret-key", SECRET, "--duration", f"{seconds}s", "--json", RESULTS]
        command += ["--scenario", scenario, *flags]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(RESULTS.read_text().splitlines()[-1])
        if result["errors"]:
            raise RuntimeError(f"{scenario}: {result['errors']} wrong answers")
        return result

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


def median_load(stand, args, scenario, *flags):
    results = [stand.load(scenario, args.seconds, *flags) for _ in range(3)]
    return statistics.median(r["records_per_s"] for r in results)


def put_shards(args):
    """Cost of many shards against the figure of few in the same run."""
    with Stand("shards") as stand:
        plain = median_load(stand, args, "put_records_500x100")
        row("PutRecords 500 x 100 B, 8 shards", f"{plain:,.0f} records/s")
    with Stand("shards") as stand:
        many = median_load(stand, args, "put_records_500x100", "--shards", 10_000)
        memory = resident_mb(stand.server.process.pid)
        row("PutRecords into 10,000 shards", f"{many:,.0f} records/s, {many / plain:.0%} of plain")
        row("memory after it, 10,000 shards a stream", f"{memory:,.0f} MB")


def put_large(args):
    with Stand("large") as stand:
        rates = []
        for _ in range(3):
            rates.append(stand.load("put_records_100x1k", args.seconds)["mb_per_s"])
        row("PutRecords 100 x 1 KiB", f"{statistics.median(rates):,.0f} MB/s")
    with Stand("single") as stand:
        rate = median_load(stand, args, "put_record_100")
        row("PutRecord 100 B, 64 connections", f"{rate:,.0f} records/s")


ITERATOR = re.compile(rb'"NextShardIterator":"([^"]+)"')


def drain(stand, stream):
    """Reads a shard from its start to its tip; MB/s of the records' data."""
    client = stand.client()
    iterator = client.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    caller = stand.caller()
    records = 0
    start = time.monotonic()
    while True:
        answer = caller.call("GetRecords", json.dumps({"ShardIterator": iterator}))
        body = answer.read()
        records += body.count(b'"SequenceNumber"')
        iterator = ITERATOR.search(body, len(body) - 1000).group(1).decode()
        if b'"MillisBehindLatest":0' in body[-400:]:
            break
    return records * 1024 / 1e6 / (time.monotonic() - start)


def fill(stand, stream, mib):
    client = stand.client()
    client.create_stream(StreamName=stream, ShardCount=1)
    caller = stand.caller()
    data = base64.b64encode(b"r" * 1024).decode()
    records = [{"Data": data, "PartitionKey": "key"}] * 500
    body = json.dumps({"StreamName": stream, "Records": records})
    for _ in range(mib * 1024 // 500):
        caller.call("PutRecords", body).read()


def drains(args):
    with Stand("drain") as stand:
        fill(stand, "tail", 64)
        rates = [drain(stand, "tail") for _ in range(3)]
        row("GetRecords drain from the tail, 1 KiB", f"{statistics.median(rates):,.0f} MB/s")
        fill(stand, "disk", 600)
        stand.server.__exit__()
        stand.start()
        subprocess.run(["sh", "-c", "echo 3 > /proc/sys/vm/drop_caches"], check=False)
        row("GetRecords drain from disk, 1 KiB, cold", f"{drain(stand, 'disk'):,.0f} MB/s")


STAMP = re.compile(rb'"PartitionKey":"t(\d+)"')


def push(args):
    """Put to push at 100,000 records/s; a stamp in the first partition key of each call."""
    with Stand("push") as stand:
        client = stand.client()
        client.create_stream(StreamName="push", ShardCount=1)
        arn = client.describe_stream_summary(StreamName="push")["StreamDescriptionSummary"]
        consumer = client.register_stream_consumer(
            StreamARN=arn["StreamARN"], ConsumerName="bench"
        )["Consumer"]["ConsumerARN"]
        position = {"Type": "LATEST"}
        body = {"ConsumerARN": consumer, "ShardId": "shardId-000000000000"}
        answer = stand.caller().call(
            "SubscribeToShard", json.dumps({**body, "StartingPosition": position})
        )
        seen = []

        def listen():
            rest = b""
            while piece := answer.read1(1 << 20):
                now = time.monotonic_ns()
                rest = rest[-64:] + piece
                end = 0
                for stamp in STAMP.finditer(rest):
                    seen.append((now - int(stamp.group(1))) / 1e6)
                    end = stamp.end()
                rest = rest[end:]

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        data = base64.b64encode(b"r" * 100).decode()
        others = [{"Data": data, "PartitionKey": "k"}] * 499
        tail = json.dumps(others)[1:] + "}"
        caller = stand.caller()
        next_call = time.monotonic()
        calls = args.seconds * 200
        for _ in range(calls):
            delay = next_call - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            next_call += 1 / 200
            first = f'{{"Data":"{data}","PartitionKey":"t{time.monotonic_ns()}"}}'
            text = f'{{"StreamName":"push","Records":[{first},{tail}'
            caller.call("PutRecords", text).read()
        time.sleep(1)
        if len(seen) != calls:
            raise RuntimeError(f"{calls} calls, {len(seen)} stamps seen")
        seen.sort()
        row(
            "put to push at 100,000 records/s (Python at both ends)",
            f"p50 {seen[len(seen) // 2]:.1f} ms, p99 {seen[len(seen) * 99 // 100]:.1f} ms, "
            f"p99.9 {seen[len(seen) * 999 // 1000]:.1f} ms",
        )


def recovery(args):
    with Stand("recovery") as stand:
        client = stand.client()
        client.create_stream(StreamName="many", ShardCount=1000)
        written = 0.0
        while written < args.recovery_gb * 1000:
            written += stand.load("put_records_100x1k", 10)["mb_per_s"] * 12  # and its warm-up
        stand.server.process.send_signal(signal.SIGKILL)
        stand.server.process.wait()
        seconds = stand.start()
        row(
            f"recovery after SIGKILL, {written / 1000:.0f} GB of log, 1,000 shards more",
            f"{seconds:.2f} s to the first answer",
        )


def memory(args):
    with Stand("memory") as stand:
        time.sleep(1)
        row("memory, idle", f"{resident_mb(stand.server.process.pid):.0f} MB")
        client = stand.client()
        client.create_stream(StreamName="many", ShardCount=10_000)
        row("memory, 10,000 shards", f"{resident_mb(stand.server.process.pid):.0f} MB")


PARTS = {
    "memory": memory,
    "put_shards": put_shards,
    "put_large": put_large,
    "drains": drains,
    "push": push,
    "recovery": recovery,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="only these parts")
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--recovery-gb", type=float, default=20, help="of log")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    print("| scenario | figure |\n| --- | --- |", flush=True)
    for name in args.only or PARTS:
        PARTS[name](args)


if __name__ == "__main__":
    main()
