"""Dry runs: all checks of the operation, then an error that says it would have succeeded."""

import pytest
from botocore.exceptions import ClientError

SHARD = "shardId-000000000000"


def code_of(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments, DryRun=True)
    return refused.value.response["Error"]["Code"]


def test_a_dry_run_checks_and_does_nothing(kinesis, stream):
    record = {"Data": b"x", "PartitionKey": "k"}
    passed = "DryRunOperationException"
    unknown = "ResourceNotFoundException"
    assert code_of(kinesis.put_record, StreamName=stream, **record) == passed
    assert code_of(kinesis.put_record, StreamName="nowhere", **record) == unknown
    assert code_of(kinesis.put_records, StreamName=stream, Records=[record]) == passed
    start = {"StreamName": stream, "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}
    assert code_of(kinesis.get_shard_iterator, **start) == passed
    iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
    assert code_of(kinesis.get_records, ShardIterator=iterator) == passed
    assert code_of(kinesis.get_records, ShardIterator="AAAA") == "InvalidArgumentException"
    assert kinesis.get_records(ShardIterator=iterator)["Records"] == []

    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]
    subscription = {
        "ConsumerARN": consumer["ConsumerARN"],
        "ShardId": SHARD,
        "StartingPosition": {"Type": "LATEST"},
    }
    assert code_of(kinesis.subscribe_to_shard, **subscription) == passed
    kinesis.subscribe_to_shard(**subscription)["EventStream"].close()
