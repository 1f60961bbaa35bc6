"""Registered consumers and SubscribeToShard with boto3 and the JavaScript SDK."""

import json
import socket
import subprocess
import threading
import time

import pytest
from abuse import FULL, connect, signed_call
from botocore.exceptions import ClientError, EventStreamError
from millstream_server import ROOT

FIRST = "shardId-000000000000"
HALF = str(1 << 127)


def arn_of(kinesis, stream):
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    return summary["StreamARN"]


def register(kinesis, stream, name="reader"):
    return kinesis.register_stream_consumer(StreamARN=arn_of(kinesis, stream), ConsumerName=name)[
        "Consumer"
    ]["ConsumerARN"]


def subscribe(kinesis, consumer, shard=FIRST, kind="TRIM_HORIZON", **position):
    answer = kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": kind, **position}
    )
    return answer["EventStream"]


class Collector:
    """Reads a subscription in a thread of its own until it ends."""

    def __init__(self, events):
        self.events = events
        self.pushes = []
        self.error = None
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for event in self.events:
                self.pushes.append(event["SubscribeToShardEvent"])
        except EventStreamError as error:
            self.error = error.response["Error"]

    def data(self):
        return [record["Data"] for push in list(self.pushes) for record in push["Records"]]

    def wait_for(self, data, timeout=20):
        deadline = time.monotonic() + timeout
        while self.data() != data:
            assert time.monotonic() < deadline, self.data()
            time.sleep(0.005)

    def wait_for_end(self, timeout=20):
        self.thread.join(timeout)
        assert not self.thread.is_alive()


def put(kinesis, stream, data):
    kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k", ExplicitHashKey="0")


def end(kinesis, stream, *collectors):
    """Ends them from the server's side: closing what another thread reads waits for its read."""
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    for collector in collectors:
        collector.wait_for_end()
        assert collector.error["Code"] == "ResourceNotFoundException"


@pytest.fixture
def one_shard(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1)
    return name


def test_records_are_pushed_as_they_come(kinesis, one_shard):
    put(kinesis, one_shard, b"before")
    collector = Collector(subscribe(kinesis, register(kinesis, one_shard)))
    collector.wait_for([b"before"])
    put(kinesis, one_shard, b"after")
    collector.wait_for([b"before", b"after"])
    push = collector.pushes[-1]
    assert push["MillisBehindLatest"] == 0
    assert push["ContinuationSequenceNumber"] == push["Records"][-1]["SequenceNumber"]
    assert push["Records"][0]["PartitionKey"] == "k"
    assert "ChildShards" not in push
    end(kinesis, one_shard, collector)


def test_a_subscription_goes_on_after_its_continuation(kinesis, one_shard):
    consumer = register(kinesis, one_shard)
    put(kinesis, one_shard, b"1")
    events = subscribe(kinesis, consumer)
    push = next(iter(events))["SubscribeToShardEvent"]
    events.close()
    put(kinesis, one_shard, b"2")
    again = subscribe(
        kinesis,
        register(kinesis, one_shard, "second"),
        kind="AFTER_SEQUENCE_NUMBER",
        SequenceNumber=push["ContinuationSequenceNumber"],
    )
    assert next(iter(again))["SubscribeToShardEvent"]["Records"][0]["Data"] == b"2"
    again.close()


def test_a_quiet_shard_sends_events(kinesis, one_shard):
    events = subscribe(kinesis, register(kinesis, one_shard), kind="LATEST")
    push = next(iter(events))["SubscribeToShardEvent"]
    assert push["Records"] == []
    assert push["ContinuationSequenceNumber"]
    events.close()


def test_a_second_subscription_takes_over_after_five_seconds(kinesis, one_shard):
    consumer = register(kinesis, one_shard)
    first = Collector(subscribe(kinesis, consumer))
    with pytest.raises(ClientError) as refused:
        subscribe(kinesis, consumer)
    assert refused.value.response["Error"]["Code"] == "ResourceInUseException"
    deadline = time.monotonic() + 20
    while True:
        try:
            second = Collector(subscribe(kinesis, consumer))
            break
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    first.wait_for_end()
    assert first.error["Code"] == "ResourceInUseException"
    put(kinesis, one_shard, b"x")
    second.wait_for([b"x"])
    end(kinesis, one_shard, second)


def test_a_split_and_a_merge_end_with_the_children(kinesis, one_shard):
    consumer = register(kinesis, one_shard)
    parent = Collector(subscribe(kinesis, consumer))
    put(kinesis, one_shard, b"parent")
    parent.wait_for([b"parent"])
    kinesis.split_shard(StreamName=one_shard, ShardToSplit=FIRST, NewStartingHashKey=HALF)
    parent.wait_for_end()
    assert parent.error is None
    children = [child["ShardId"] for child in parent.pushes[-1]["ChildShards"]]
    assert children == ["shardId-000000000001", "shardId-000000000002"]
    assert "ContinuationSequenceNumber" not in parent.pushes[-1]
    collectors = [Collector(subscribe(kinesis, consumer, child)) for child in children]
    kinesis.merge_shards(
        StreamName=one_shard, ShardToMerge=children[0], AdjacentShardToMerge=children[1]
    )
    for collector in collectors:
        collector.wait_for_end()
        (merged,) = collector.pushes[-1]["ChildShards"]
        assert merged["ShardId"] == "shardId-000000000003"
        assert sorted(merged["ParentShards"]) == children


def test_deleting_the_stream_ends_its_subscriptions(kinesis, one_shard):
    collector = Collector(subscribe(kinesis, register(kinesis, one_shard)))
    with pytest.raises(ClientError) as refused:
        kinesis.delete_stream(StreamName=one_shard)
    assert refused.value.response["Error"]["Code"] == "ResourceInUseException"
    end(kinesis, one_shard, collector)


def test_twenty_consumers_read_one_shard(server, kinesis, one_shard):
    kinesis = server.client("kinesis", max_pool_connections=30)
    consumers = [register(kinesis, one_shard, f"reader-{i}") for i in range(20)]
    with pytest.raises(ClientError) as refused:
        register(kinesis, one_shard, "one-too-many")
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    collectors = [Collector(subscribe(kinesis, consumer)) for consumer in consumers]
    sent = [f"{i}".encode() for i in range(50)]
    for data in sent:
        put(kinesis, one_shard, data)
    for collector in collectors:
        collector.wait_for(sent)
    end(kinesis, one_shard, *collectors)


def test_consumers_are_described_listed_tagged_and_deregistered(kinesis, one_shard):
    stream_arn = arn_of(kinesis, one_shard)
    consumers = {register(kinesis, one_shard, f"reader-{i}") for i in range(3)}
    pages = kinesis.get_paginator("list_stream_consumers").paginate(
        StreamARN=stream_arn, PaginationConfig={"PageSize": 2}
    )
    listed = [consumer for page in pages for consumer in page["Consumers"]]
    assert {consumer["ConsumerARN"] for consumer in listed} == consumers
    assert {consumer["ConsumerStatus"] for consumer in listed} == {"ACTIVE"}
    arn = listed[0]["ConsumerARN"]
    kinesis.tag_resource(ResourceARN=arn, Tags={"team": "a"})
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "team", "Value": "a"}
    ]
    kinesis.deregister_stream_consumer(ConsumerARN=arn)
    with pytest.raises(ClientError) as gone:
        kinesis.describe_stream_consumer(ConsumerARN=arn)
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"
    summary = kinesis.describe_stream_summary(StreamName=one_shard)["StreamDescriptionSummary"]
    assert summary["ConsumerCount"] == 2


JAVASCRIPT = """
import { createRequire } from "node:module";
const require = createRequire(process.argv[4]);
const { KinesisClient, SubscribeToShardCommand } = require("@aws-sdk/client-kinesis");
const kinesis = new KinesisClient({
  endpoint: process.argv[2],
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});
const answer = await kinesis.send(
  new SubscribeToShardCommand({
    ConsumerARN: process.argv[3],
    ShardId: "shardId-000000000000",
    StartingPosition: { Type: "TRIM_HORIZON" },
  }),
);
for await (const { SubscribeToShardEvent: push } of answer.EventStream) {
  for (const record of push.Records) console.log(Buffer.from(record.Data).toString());
  if (push.ChildShards) process.exit(0);
}
process.exit(1);
"""


def test_the_javascript_sdk_over_http2(server, kinesis, one_shard, tmp_path):
    consumer = register(kinesis, one_shard)
    put(kinesis, one_shard, b"before")
    script = tmp_path / "subscribe.mjs"
    script.write_text(JAVASCRIPT)
    node = subprocess.Popen(
        ["node", script, server.endpoint, consumer, ROOT / "test/js/package.json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert node.stdout.readline() == "before\n"
        put(kinesis, one_shard, b"after")
        assert node.stdout.readline() == "after\n"
        kinesis.split_shard(StreamName=one_shard, ShardToSplit=FIRST, NewStartingHashKey=HALF)
        assert node.wait(20) == 0
    finally:
        node.kill()


def test_pushes_keep_to_two_mebibytes_a_second_with_limits(own_server):
    kinesis = own_server("--shard-limits", "read_bytes_per_second=2MiB").client("kinesis")
    kinesis.create_stream(StreamName="paced", ShardCount=1)
    size = 256 << 10
    for _ in range(5):
        records = [{"Data": b"x" * (size - 9), "PartitionKey": "k"}] * 8
        assert kinesis.put_records(StreamName="paced", Records=records)["FailedRecordCount"] == 0
    start = time.monotonic()
    reader = Collector(subscribe(kinesis, register(kinesis, "paced")))
    while len(reader.data()) < 40:
        taken = time.monotonic() - start
        # A second's worth at once, and the event that exceeds it.
        assert len(reader.data()) * size <= (2 * taken + 3) * (1 << 20) + size
        assert taken < 20
        time.sleep(0.01)
    assert time.monotonic() - start > 3.4  # 10 MiB less 3, at 2 a second
    end(kinesis, "paced", reader)


def is_established(connection):
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\1"


@pytest.mark.skipif(not FULL, reason="takes a minute: script/test-abuse")
def test_a_reader_that_takes_nothing_for_a_minute_is_cut_off(own_server):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="stalled", ShardCount=1)
    consumer = register(kinesis, "stalled")
    body = json.dumps(
        {
            "ConsumerARN": consumer,
            "ShardId": FIRST,
            "StartingPosition": {"Type": "TRIM_HORIZON"},
        }
    )
    with connect(server) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(signed_call(server, "SubscribeToShard", body))
        assert one.recv(12) == b"HTTP/1.1 200"
        start = time.monotonic()
        for _ in range(20):
            put(kinesis, "stalled", b"x" * 1_000_000)
        while is_established(one):
            assert time.monotonic() - start < 90
            time.sleep(0.5)
    assert time.monotonic() - start > 59
    again = Collector(subscribe(kinesis, consumer))  # its place is free
    again.wait_for([b"x" * 1_000_000] * 20)
    end(kinesis, "stalled", again)
