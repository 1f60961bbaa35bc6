"""Clients that mean harm, or come in great numbers: the server's memory stays bounded, and a
well-behaved client goes on working meanwhile. script/test-abuse runs the full sizes."""

import resource
import socket
import threading
import time

import pytest
from abuse import (
    MIB,
    Latencies,
    answers_within,
    connect,
    rss,
    signed_call,
    sized,
)
from botocore.exceptions import ClientError
from millstream_server import Server

IDLE = sized(10_000, 2_000)


@pytest.fixture(scope="module", autouse=True)
def open_files():
    """The server inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("abuse") / "data", "--http-max-connections", "10500"
    ).start()
    yield server
    assert server.stop() == 0, server.log.read_text()[-3000:]


def test_idle_connections_are_small_and_others_do_not_notice_them(target):
    kinesis = target.client("kinesis")
    kinesis.create_stream(StreamName="abuse-idle", ShardCount=1)
    alone, beside = Latencies(), Latencies()

    def put():
        kinesis.put_record(StreamName="abuse-idle", Data=b"x", PartitionKey="k")

    for _ in range(200):
        alone.measure(put)
    before = rss(target)
    held = []
    try:
        for _ in range(IDLE):
            held.append(connect(target))
        answers_within(target, 2)
        each = (rss(target) - before) / IDLE
        for _ in range(200):
            beside.measure(put)
        print(f"{IDLE} idle: {each / 1024:.1f} KiB each; alone {alone}; beside them {beside}")
        assert each < 16 * 1024
        assert not beside.errors and beside.at(0.9) < max(0.05, 3 * alone.at(0.9))
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


def test_clients_of_a_byte_a_second_are_cut_off(own_server):
    server = own_server("--http-header-timeout", "2s")
    call = signed_call(server, "ListStreams", "{}")
    held = [connect(server) for _ in range(sized(500, 50))]
    end = time.monotonic() + 30
    for at in range(len(call)):
        for one in list(held):
            one.setblocking(False)
            try:
                if one.recv(100) == b"":
                    held.remove(one)
                    one.close()
                    continue
            except BlockingIOError:
                pass
            except OSError:
                held.remove(one)
                one.close()
                continue
            one.setblocking(True)
            try:
                one.sendall(call[at : at + 1])
            except OSError:
                held.remove(one)
                one.close()
        answers_within(server, 2)
        if not held:
            break
        assert time.monotonic() < end, f"{len(held)} are still held"
        time.sleep(1)
    assert 2 <= at <= 10, "neither at once nor after long"


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
