"""What a server in test mode offers to its users' tests: faults, truncation, a clock by hand."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from millstream_server import read_shard

SHARD = "shardId-000000000000"


def admin(server, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(
        f"{server.endpoint}/_millstream/{path}", data=data, method=method
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refusal(server, method, path, body=None):
    with pytest.raises(urllib.error.HTTPError) as caught:
        admin(server, method, path, body)
    return caught.value.code, json.load(caught.value)["message"]


def error_code(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_faults_need_a_test_mode(server):
    for method, path in [("GET", "faults"), ("POST", "truncate"), ("POST", "clock")]:
        code, message = refusal(server, method, path)
        assert code == 403 and "--test-mode" in message


def test_an_operation_fails_as_asked_until_cleared(own_server):
    server = own_server("--ephemeral", "--stream", "clicks:1")
    kinesis = server.client("kinesis")
    rules = {"operations": {"PutRecord": {"error": "InternalFailure"}}}
    assert admin(server, "POST", "faults", rules)["operations"]["PutRecord"]["probability"] == 1
    put = {"StreamName": "clicks", "Data": b"x", "PartitionKey": "k"}
    assert error_code(kinesis.put_record, **put) in ("InternalFailure", "InternalFailureException")
    assert kinesis.describe_stream_summary(StreamName="clicks")
    assert admin(server, "DELETE", "faults")["operations"] == {}
    kinesis.put_record(**put)
    assert len(read_shard(kinesis, "clicks", SHARD)) == 1


def test_records_fail_one_by_one_and_the_others_are_kept(own_server):
    server = own_server("--ephemeral", "--stream", "clicks:1")
    kinesis = server.client("kinesis")
    admin(server, "POST", "faults", {"failed_records": 0.2, "seed": 3})
    records = [{"Data": str(i).encode(), "PartitionKey": str(i)} for i in range(500)]
    answer = kinesis.put_records(StreamName="clicks", Records=records)
    failed = [i for i, record in enumerate(answer["Records"]) if "ErrorCode" in record]
    assert answer["FailedRecordCount"] == len(failed)
    assert 50 < len(failed) < 150
    assert {answer["Records"][i]["ErrorCode"] for i in failed} == {
        "ProvisionedThroughputExceededException"
    }
    kept = [int(record["Data"]) for record in read_shard(kinesis, "clicks", SHARD)]
    assert kept == [i for i in range(500) if i not in set(failed)]


def test_iterators_expire_early(own_server):
    server = own_server("--ephemeral", "--stream", "clicks:1")
    kinesis = server.client("kinesis")
    admin(server, "POST", "faults", {"iterator_life_ms": 0})
    iterator = kinesis.get_shard_iterator(
        StreamName="clicks", ShardId=SHARD, ShardIteratorType="LATEST"
    )["ShardIterator"]
    admin(server, "POST", "faults", {"iterator_life_ms": 0, "operations": {"*": {"latency_ms": 5}}})
    assert error_code(kinesis.get_records, ShardIterator=iterator) == "ExpiredIteratorException"


def test_wrong_rules_are_refused_and_change_nothing(own_server):
    server = own_server("--ephemeral")
    code, message = refusal(server, "POST", "faults", {"failed_records": 7})
    assert code == 400 and "failed_records" in message
    assert admin(server, "GET", "faults")["failed_records"] == 0


def test_a_truncated_stream_is_empty_and_goes_on(own_server):
    server = own_server("--test-mode", "--stream", "clicks:1")
    kinesis = server.client("kinesis")
    kinesis.put_record(StreamName="clicks", Data=b"old", PartitionKey="k")
    assert admin(server, "POST", "truncate", {"stream": "clicks"}) == {}
    kinesis.put_record(StreamName="clicks", Data=b"new", PartitionKey="k")
    assert [r["Data"] for r in read_shard(kinesis, "clicks", SHARD)] == [b"new"]
    code, _ = refusal(server, "POST", "truncate", {"stream": "nobody"})
    assert code == 400


def test_iterators_and_records_age_with_a_clock_moved_by_hand(own_server):
    server = own_server("--ephemeral", "--clock", "manual", "--stream", "clicks:1")
    kinesis = server.client("kinesis")
    start = admin(server, "GET", "clock")["now_ms"]
    kinesis.put_record(StreamName="clicks", Data=b"x", PartitionKey="k")
    iterator = kinesis.get_shard_iterator(
        StreamName="clicks", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    admin(server, "POST", "clock", {"advance_ms": 299_000})
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert round(records[0]["ApproximateArrivalTimestamp"].timestamp() * 1000) == start
    admin(server, "POST", "clock", {"advance_ms": 2_000})
    assert error_code(kinesis.get_records, ShardIterator=iterator) == "ExpiredIteratorException"
    assert len(read_shard(kinesis, "clicks", SHARD)) == 1
    admin(server, "POST", "clock", {"advance_ms": 24 * 3_600_000})
    assert read_shard(kinesis, "clicks", SHARD) == []


def test_limits_follow_the_clock_moved_by_hand(own_server):
    server = own_server(
        "--ephemeral", "--clock", "manual", "--shard-limits", "aws", "--stream", "clicks:1"
    )
    kinesis = server.client("kinesis")
    batch = [{"Data": b"x", "PartitionKey": "k"} for _ in range(500)]
    failed = [
        kinesis.put_records(StreamName="clicks", Records=batch)["FailedRecordCount"]
        for _ in range(3)
    ]
    assert failed == [0, 0, 500]
    admin(server, "POST", "clock", {"advance_ms": 250})
    answer = kinesis.put_records(StreamName="clicks", Records=batch)
    assert answer["FailedRecordCount"] == 250


def test_a_manual_clock_needs_a_test_mode(own_server):
    with pytest.raises(RuntimeError, match="test_mode"):
        own_server("--clock", "manual")
