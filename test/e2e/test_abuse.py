"""Clients that mean harm, or come in great numbers: the server's memory stays bounded, and a
well-behaved client goes on working meanwhile. MILLSTREAM_ABUSE_FULL=1 runs the full sizes."""

import os
import resource
import socket
import threading
import time
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from millstream_server import Server

FULL = os.environ.get("MILLSTREAM_ABUSE_FULL") == "1"
STREAMS = 10_000 if FULL else 1_000
IDLE = 9_000 if FULL else 2_000
MIB = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def open_files():
    """The server inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("abuse") / "data").start()
    yield server
    assert server.stop() == 0, server.log.read_text()[-3000:]


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


def test_paged_stream_listing_is_stable_while_streams_come_and_go(target):
    kinesis = target.client("kinesis", max_pool_connections=4)
    stay = [f"abuse-stay-{i:04}" for i in range(60)]
    for name in stay:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    stop = threading.Event()
    failures = []

    def churn():
        other = target.client("kinesis")
        i = 0
        while not stop.is_set():
            name = f"abuse-{'ahz'[i % 3]}-churn-{i}"
            try:
                other.create_stream(StreamName=name, ShardCount=1)
                other.delete_stream(StreamName=name)
            except ClientError as error:
                if error.response["Error"]["Code"] not in (
                    "ResourceInUseException",
                    "LimitExceededException",
                ):
                    failures.append(error)
            i += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(10):
            seen = []
            more = {}
            while True:
                page = kinesis.list_streams(Limit=7, **more)
                seen += page["StreamNames"]
                if not page["HasMoreStreams"]:
                    break
                more = {"ExclusiveStartStreamName": page["StreamNames"][-1]}
            assert seen == sorted(set(seen))
            assert [name for name in seen if name.startswith("abuse-stay-")] == stay
    finally:
        stop.set()
        thread.join()
    assert not failures


def test_idle_connections_are_small(target):
    before = rss(target)
    held = []
    try:
        for _ in range(IDLE):
            held.append(connect(target))
        answers_within(target, 2)
        each = (rss(target) - before) / IDLE
        print(f"{each / 1024:.1f} KiB an idle connection")
        assert each < 16 * 1024
    finally:
        for one in held:
            one.close()
    answers_within(target, 2)


def test_clients_that_vanish_or_crawl_hold_little(target):
    before = rss(target)
    head = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10000000\r\n\r\n"
    held = []
    try:
        for _ in range(200):
            gone = connect(target)
            gone.sendall(head + b"x" * 1000)
            gone.close()
            crawling = connect(target)
            crawling.sendall(head[:20])
            held.append(crawling)
        end = time.monotonic() + 3
        at = 20
        while time.monotonic() < end:
            for one in held:
                one.sendall(head[at : at + 1])
            at += 1
            answers_within(target, 2)
            time.sleep(0.5)
    finally:
        for one in held:
            one.close()
    assert rss(target) - before < 64 * MIB


def test_huge_heads_are_refused(target):
    before = rss(target)
    for _ in range(20):
        with connect(target) as one:
            try:
                one.sendall(b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"y" * (4 * MIB))
            except OSError:
                continue  # refused and closed before all was sent
            answer = one.recv(100)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
    assert rss(target) - before < 32 * MIB
    answers_within(target, 2)


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


def test_slow_readers_of_big_answers_suspend_only_themselves(target):
    kinesis = target.client("kinesis")
    kinesis.create_stream(StreamName="abuse-big", ShardCount=10)
    calls = []
    for shard in kinesis.list_shards(StreamName="abuse-big")["Shards"]:
        for _ in range(4):
            kinesis.put_record(
                StreamName="abuse-big",
                Data=b"z" * 900_000,
                PartitionKey="k",
                ExplicitHashKey=shard["HashKeyRange"]["StartingHashKey"],
            )
        iterator = kinesis.get_shard_iterator(
            StreamName="abuse-big", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        calls.append(signed_call(target, "GetRecords", f'{{"ShardIterator":"{iterator}"}}'))
    before = rss(target)
    held = []
    try:
        for call in calls * 5:
            one = connect(target)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(call)
            held.append(one)
        statuses = [one.recv(12) for one in held]
        assert statuses.count(b"HTTP/1.1 200") >= len(calls)
        # The others are over their shard's reads a second.
        assert set(statuses) <= {b"HTTP/1.1 200", b"HTTP/1.1 400"}
        answers_within(target, 2)
        kinesis.put_record(StreamName="abuse-big", Data=b"ok", PartitionKey="k")
        assert rss(target) - before < 512 * MIB
    finally:
        for one in held:
            one.close()
    answers_within(target, 2)


def test_iterator_storm_does_not_stop_others(target):
    kinesis = target.client("kinesis")
    kinesis.create_stream(StreamName="abuse-storm", ShardCount=1)
    kinesis.put_record(StreamName="abuse-storm", Data=b"one", PartitionKey="k")
    stop = threading.Event()
    unexpected = []

    def storm():
        own = target.client("kinesis")
        while not stop.is_set():
            try:
                iterator = own.get_shard_iterator(
                    StreamName="abuse-storm",
                    ShardId="shardId-000000000000",
                    ShardIteratorType="TRIM_HORIZON",
                )["ShardIterator"]
                own.get_records(ShardIterator=iterator)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ProvisionedThroughputExceededException":
                    unexpected.append(error)

    before = rss(target)
    threads = [threading.Thread(target=storm) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            answers_within(target, 5)
            time.sleep(0.2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not unexpected
    assert rss(target) - before < 64 * MIB
    answers_within(target, 1)


def test_many_streams_are_listed_and_deleted(target):
    kinesis = target.client("kinesis")
    names = [f"abuse-many-{i:05}" for i in range(STREAMS)]
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    listed = [
        name
        for page in kinesis.get_paginator("list_streams").paginate()
        for name in page["StreamNames"]
        if name.startswith("abuse-many-")
    ]
    assert listed == names
    answers_within(target, 2)


def test_ten_times_too_much_is_answered_503_in_bounded_memory(own_server):
    server = own_server("--http-bytes-in-flight", "32MiB")
    answers_within(server, 5)
    before = rss(server)
    size = 4 * MIB
    head = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % size
    held = []
    refused = 0
    try:
        for _ in range(80):
            one = connect(server)
            held.append(one)
            one.settimeout(5)
            try:
                one.sendall(head + b"x" * (size // 2))
            except OSError:
                pass  # refused before all was sent: the answer is there to read
        for one in held:
            one.settimeout(0.02)
            try:
                refused += one.recv(12) == b"HTTP/1.1 503"
            except OSError:
                pass  # accepted, and waits for the rest
        assert refused >= 60
        assert rss(server) - before < 96 * MIB
    finally:
        for one in held:
            one.close()
    end = time.monotonic() + 1
    while True:
        try:
            server.client("kinesis").create_stream(StreamName="after", ShardCount=1)
            break
        except ClientError:
            assert time.monotonic() < end, "no recovery within a second"
    server.client("kinesis").put_record(StreamName="after", Data=b"d" * 900_000, PartitionKey="k")
