"""CBOR 1.1, which the SDKs for Java speak to Data Streams: signed requests made by hand."""

import json
import time
import urllib.error
import urllib.request

import cbor2
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CBOR = "application/x-amz-cbor-1.1"
JSON = "application/x-amz-json-1.1"


class Time(int):
    """Milliseconds since 1970 that were sent with tag 1."""


def post(server, operation, body, content_type=CBOR):
    """Status, headers and body of the answer."""
    request = AWSRequest(
        "POST",
        server.endpoint + "/",
        data=body,
        headers={
            "X-Amz-Target": f"Kinesis_20131202.{operation}",
            "Content-Type": content_type,
            "Host": f"127.0.0.1:{server.port}",
        },
    )
    SigV4Auth(Credentials("test", "test"), "kinesis", "us-east-1").add_auth(request)
    sent = urllib.request.Request(
        request.url, data=body, headers=dict(request.headers), method="POST"
    )
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def decode(body):
    """A time becomes the number of its tag 1: milliseconds, where cbor2 would take seconds."""
    return cbor2.loads(body, semantic_decoders={1: lambda value, immutable: Time(value)})


@pytest.fixture
def call(server):
    def make(operation, **parameters):
        status, headers, body = post(server, operation, cbor2.dumps(parameters))
        assert headers["content-type"] == CBOR
        assert headers["x-amzn-requestid"]
        assert status == 200, body
        return decode(body) if body else None

    return make


def first_iterator(call, stream, shard="shardId-000000000000"):
    return call(
        "GetShardIterator", StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]


def all_records(call, stream):
    shards = call("ListShards", StreamName=stream)["Shards"]
    iterators = [first_iterator(call, stream, shard["ShardId"]) for shard in shards]
    return [
        record
        for iterator in iterators
        for record in call("GetRecords", ShardIterator=iterator)["Records"]
    ]


def test_a_stream_lives_in_cbor(call, name):
    assert call("CreateStream", StreamName=name, ShardCount=2) is None
    described = call("DescribeStreamSummary", StreamName=name)["StreamDescriptionSummary"]
    assert described["StreamStatus"] == "ACTIVE"
    assert described["OpenShardCount"] == 2
    created = described["StreamCreationTimestamp"]
    assert isinstance(created, Time)
    assert abs(created / 1000 - time.time()) < 60
    assert name in call("ListStreams")["StreamNames"]
    assert call("AddTagsToStream", StreamName=name, Tags={"team": "größe"}) is None
    tags = call("ListTagsForStream", StreamName=name)
    assert tags == {"HasMoreTags": False, "Tags": [{"Key": "team", "Value": "größe"}]}
    assert call("DeleteStream", StreamName=name) is None


def test_records_are_bytes_and_the_same_in_json(call, kinesis, stream):
    data = [b"", b"\x00\xff", bytes(range(256)) * 300, b"text"]
    records = [{"Data": one, "PartitionKey": f"ключ-{i}"} for i, one in enumerate(data)]
    put = call("PutRecords", StreamName=stream, Records=records)
    assert put["FailedRecordCount"] == 0
    assert [set(result) for result in put["Records"]] == [{"SequenceNumber", "ShardId"}] * 4
    alone = call("PutRecord", StreamName=stream, Data=b"one", PartitionKey="k")
    numbers = {result["SequenceNumber"] for result in [*put["Records"], alone]}

    read = all_records(call, stream)
    assert {record["SequenceNumber"] for record in read} == numbers
    assert sorted(record["Data"] for record in read) == sorted([*data, b"one"])
    assert all(isinstance(record["ApproximateArrivalTimestamp"], Time) for record in read)

    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
            twin = next(r for r in read if r["SequenceNumber"] == record["SequenceNumber"])
            assert (twin["Data"], twin["PartitionKey"]) == (record["Data"], record["PartitionKey"])
            in_ms = round(record["ApproximateArrivalTimestamp"].timestamp() * 1000)
            assert twin["ApproximateArrivalTimestamp"] == in_ms


def test_lengths_may_be_left_open_as_java_does(server, call, stream):
    def text(content):
        return cbor2.dumps(content)

    record = b"\xbf" + text("Data") + b"\x43abc" + text("PartitionKey") + text("k") + b"\xff"
    in_parts = (
        b"\xbf"
        + text("Data")
        + b"\x5f\x41d\x42ef\xff"
        + text("PartitionKey")
        + b"\x7f\x61k\xff"
        + text("ExplicitHashKey")
        + b"\xf6\xff"
    )
    body = b"\xbf" + text("StreamName") + text(stream) + text("Records") + b"\x9f"
    status, _, answer = post(server, "PutRecords", body + record + in_parts + b"\xff\xff")
    assert status == 200, answer
    assert [one["Data"] for one in all_records(call, stream)] == [b"abc", b"def"]


def test_iterators_take_times_in_milliseconds(call, stream):
    shard = call("PutRecord", StreamName=stream, Data=b"old", PartitionKey="k")["ShardId"]
    old = all_records(call, stream)[0]["ApproximateArrivalTimestamp"]
    after = cbor2.CBORTag(1, old + 1)
    while time.time() * 1000 < old + 2:
        time.sleep(0.001)
    call("PutRecord", StreamName=stream, Data=b"new", PartitionKey="k")
    iterator = call(
        "GetShardIterator",
        StreamName=stream,
        ShardId=shard,
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=after,
    )["ShardIterator"]
    read = call("GetRecords", ShardIterator=iterator)
    assert [record["Data"] for record in read["Records"]] == [b"new"]
    assert read["MillisBehindLatest"] == 0


def error_of(server, operation, body):
    status, headers, answer = post(server, operation, body)
    assert headers["content-type"] == CBOR
    error = decode(answer)
    return status, error["__type"], error.get("message", error.get("Message"))


def test_errors_are_those_of_json_in_cbor(server, stream):
    for operation, parameters in [
        ("DescribeStreamSummary", {"StreamName": "nobody"}),
        ("DescribeStreamSummary", {"StreamName": "a b"}),
        ("GetRecords", {"ShardIterator": "AAAA"}),
        ("PutRecords", {"StreamName": stream, "Records": []}),
        ("PutRecords", {"StreamName": stream, "Records": [{"PartitionKey": "k"}]}),
        ("PutRecord", {"StreamName": stream, "PartitionKey": "k" * 257, "Data": ""}),
        ("PutRecord", {"StreamName": stream, "Data": ""}),
        ("ListStreams", {"Limit": "many"}),
        ("Nothing", {}),
    ]:
        in_cbor = {k: b"" if k == "Data" else v for k, v in parameters.items()}
        status, _, answer = post(server, operation, json.dumps(parameters).encode(), JSON)
        as_json = json.loads(answer)
        assert status == 400, answer
        assert error_of(server, operation, cbor2.dumps(in_cbor)) == (
            status,
            as_json["__type"],
            as_json.get("message", as_json.get("Message")),
        )


@pytest.mark.parametrize(
    "body",
    [b"\xbf", b"\xff", b"{}", b"\x9f" * 100_000, b"\xbb" + b"\xff" * 8, b"\xa0\xa0"],
    ids=["cut", "break", "json", "nested", "huge", "two"],
)
def test_what_is_no_cbor_is_refused(server, body):
    status, kind, message = error_of(server, "ListStreams", body)
    assert (status, kind) == (400, "SerializationException")
    assert message in (None, "Start of list found where not expected")


def test_a_wrong_signature_is_refused_in_cbor(server):
    request = urllib.request.Request(
        server.endpoint + "/",
        data=b"\xa0",
        headers={"X-Amz-Target": "Kinesis_20131202.ListStreams", "Content-Type": CBOR},
        method="POST",
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 400
    assert decode(caught.value.read())["__type"] == "MissingAuthenticationTokenException"
