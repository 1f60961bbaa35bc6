"""Data Streams by boto3: every operation, good and bad input, paging, binary data."""

import base64
import datetime
import hashlib
import time

import pytest
from botocore.exceptions import ClientError
from millstream_server import read_shard

FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"
TOP = 2**128 - 1


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"]


def arn_of(kinesis, stream):
    return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamARN"
    ]


def open_shards(kinesis, stream):
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    return [s for s in shards if "EndingSequenceNumber" not in s["SequenceNumberRange"]]


def test_a_new_stream_is_described_as_on_aws(kinesis, stream):
    description = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert description["StreamStatus"] == "ACTIVE"
    assert description["RetentionPeriodHours"] == 24
    assert description["EncryptionType"] == "NONE"
    assert description["HasMoreShards"] is False
    assert description["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert description["StreamARN"] == f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    assert description["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
    shards = description["Shards"]
    assert [s["ShardId"] for s in shards] == [FIRST, SECOND]
    assert shards[0]["HashKeyRange"] == {
        "StartingHashKey": "0",
        "EndingHashKey": str(2**127 - 1),
    }
    assert shards[1]["HashKeyRange"] == {
        "StartingHashKey": str(2**127),
        "EndingHashKey": str(TOP),
    }
    assert len(shards[0]["SequenceNumberRange"]["StartingSequenceNumber"]) == 56
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2
    assert summary["ConsumerCount"] == 0


def test_on_demand_streams_start_with_four_shards(kinesis, name):
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    assert summary["OpenShardCount"] == 4


def test_create_refuses_what_aws_refuses(kinesis, stream):
    assert error_of(kinesis.create_stream, StreamName=stream, ShardCount=1) == (
        "ResourceInUseException",
        f"Stream {stream} under account 000000000000 already exists.",
    )
    code, message = error_of(kinesis.create_stream, StreamName="not a name", ShardCount=0)
    assert code == "ValidationException"
    assert message.startswith("2 validation errors detected: ")
    assert "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+" in message
    assert "Member must have value greater than or equal to 1" in message


def test_unknown_streams_are_not_found(kinesis):
    expected = (
        "ResourceNotFoundException",
        "Stream nothing under account 000000000000 not found.",
    )
    assert error_of(kinesis.describe_stream, StreamName="nothing") == expected
    assert error_of(kinesis.describe_stream_summary, StreamName="nothing") == expected
    assert error_of(kinesis.delete_stream, StreamName="nothing") == expected
    assert error_of(kinesis.list_shards, StreamName="nothing") == expected
    assert (
        error_of(kinesis.put_record, StreamName="nothing", Data=b"x", PartitionKey="k") == expected
    )
    assert (
        error_of(
            kinesis.put_records, StreamName="nothing", Records=[{"Data": b"x", "PartitionKey": "k"}]
        )
        == expected
    )


def test_streams_are_addressed_by_arn_too(kinesis, stream):
    arn = arn_of(kinesis, stream)
    put = kinesis.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
    iterator = kinesis.get_shard_iterator(
        StreamARN=arn, ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert kinesis.get_records(ShardIterator=iterator, StreamARN=arn)["Records"][0]["Data"] == b"x"


def test_records_are_routed_by_the_md5_of_the_key(kinesis, stream):
    for key in ("a", "b", "user-1", "日本", "x" * 256):
        put = kinesis.put_record(StreamName=stream, Data=b"d", PartitionKey=key)
        digest = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
        assert put["ShardId"] == (FIRST if digest < 2**127 else SECOND)
    for explicit, shard in ((0, FIRST), (2**127 - 1, FIRST), (2**127, SECOND), (TOP, SECOND)):
        put = kinesis.put_record(
            StreamName=stream, Data=b"d", PartitionKey="a", ExplicitHashKey=str(explicit)
        )
        assert put["ShardId"] == shard
    code, message = error_of(
        kinesis.put_record,
        StreamName=stream,
        Data=b"d",
        PartitionKey="a",
        ExplicitHashKey=str(TOP + 1),
    )
    assert code == "InvalidArgumentException"
    assert "ExplicitHashKey" in message


def test_binary_data_come_back_byte_by_byte_in_order(kinesis, stream):
    blobs = [bytes(range(256)) * n for n in range(1, 20)] + [b"", b"\x00"]
    for blob in blobs:
        kinesis.put_record(StreamName=stream, Data=blob, PartitionKey="k", ExplicitHashKey="0")
    records = read_shard(kinesis, stream, FIRST)
    assert [r["Data"] for r in records] == blobs
    numbers = [int(r["SequenceNumber"]) for r in records]
    assert numbers == sorted(set(numbers))
    assert {r["PartitionKey"] for r in records} == {"k"}
    age = datetime.datetime.now(datetime.UTC) - records[0]["ApproximateArrivalTimestamp"]
    assert abs(age.total_seconds()) < 60


def test_put_records_answers_in_order_of_the_request(kinesis, stream):
    records = [{"Data": f"{i}".encode(), "PartitionKey": f"key-{i}"} for i in range(500)]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0
    assert len(answer["Records"]) == 500
    stored = {
        (shard, r["SequenceNumber"]): r["Data"]
        for shard in (FIRST, SECOND)
        for r in read_shard(kinesis, stream, shard)
    }
    for sent, result in zip(records, answer["Records"], strict=True):
        assert stored[(result["ShardId"], result["SequenceNumber"])] == sent["Data"]


def test_put_records_refuses_501_records(kinesis, stream):
    code, message = error_of(
        kinesis.put_records,
        StreamName=stream,
        Records=[{"Data": b"x", "PartitionKey": "k"}] * 501,
    )
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 500" in message


def test_records_of_one_mebibyte_and_no_more(kinesis, stream):
    data = b"m" * (1024 * 1024 - 1)
    kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k", ExplicitHashKey="0")
    assert read_shard(kinesis, stream, FIRST)[0]["Data"] == data
    code, message = error_of(
        kinesis.put_record, StreamName=stream, Data=data + b"mm", PartitionKey="k"
    )
    assert code in ("ValidationException", "InvalidArgumentException")
    assert "1048576" in message


def test_records_of_ten_mebibytes_where_the_stream_allows_them(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1, MaxRecordSizeInKiB=10240)
    data = bytes(range(256)) * 4 * 10240
    data = data[:-1]
    kinesis.put_record(StreamName=name, Data=data, PartitionKey="k")
    kinesis.put_record(StreamName=name, Data=b"next", PartitionKey="k")
    records = read_shard(kinesis, name, FIRST)
    assert [len(r["Data"]) for r in records] == [len(data), 4]
    assert records[0]["Data"] == data


def test_sequence_number_for_ordering_is_checked(kinesis, stream):
    first = kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="k", ExplicitHashKey="0")
    second = kinesis.put_record(
        StreamName=stream,
        Data=b"2",
        PartitionKey="k",
        ExplicitHashKey="0",
        SequenceNumberForOrdering=first["SequenceNumber"],
    )
    assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    code, _ = error_of(
        kinesis.put_record,
        StreamName=stream,
        Data=b"3",
        PartitionKey="k",
        SequenceNumberForOrdering="12345",
    )
    assert code == "InvalidArgumentException"


def test_all_five_iterator_types(kinesis, stream):
    def put(data):
        return kinesis.put_record(
            StreamName=stream, Data=data, PartitionKey="k", ExplicitHashKey="0"
        )["SequenceNumber"]

    def first(**kwargs):
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=FIRST, **kwargs)
        found = kinesis.get_records(ShardIterator=iterator["ShardIterator"], Limit=1)["Records"]
        return found[0]["Data"] if found else None

    one = put(b"one")
    time.sleep(0.02)
    between = datetime.datetime.now(datetime.UTC)
    time.sleep(0.02)
    two = put(b"two")
    assert first(ShardIteratorType="TRIM_HORIZON") == b"one"
    assert first(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=two) == b"two"
    assert first(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=one) == b"two"
    assert first(ShardIteratorType="AT_TIMESTAMP", Timestamp=between) == b"two"
    assert first(ShardIteratorType="AT_TIMESTAMP", Timestamp=0) == b"one"
    assert first(ShardIteratorType="LATEST") is None
    latest = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=FIRST, ShardIteratorType="LATEST"
    )["ShardIterator"]
    put(b"three")
    assert kinesis.get_records(ShardIterator=latest)["Records"][0]["Data"] == b"three"


def test_bad_iterators_get_aws_errors(kinesis, stream):
    code, message = error_of(
        kinesis.get_shard_iterator,
        StreamName=stream,
        ShardId="shardId-000000000009",
        ShardIteratorType="LATEST",
    )
    assert code == "ResourceNotFoundException"
    assert "shardId-000000000009" in message
    code, _ = error_of(
        kinesis.get_shard_iterator,
        StreamName=stream,
        ShardId=FIRST,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
    )
    assert code == "InvalidArgumentException"
    code, message = error_of(kinesis.get_records, ShardIterator="garbage")
    assert (code, message) == ("InvalidArgumentException", "Invalid ShardIterator.")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=FIRST, ShardIteratorType="LATEST"
    )["ShardIterator"]
    raw = base64.b64decode(iterator)
    assert len(iterator) <= 512
    assert raw[:8] == bytes([0, 0, 0, 0, 0, 0, 0, 1])
    for position in (8, 40, len(raw) - 1):
        forged = bytearray(raw)
        forged[position] ^= 1
        code, _ = error_of(
            kinesis.get_records, ShardIterator=base64.b64encode(bytes(forged)).decode()
        )
        assert code == "InvalidArgumentException"


def test_millis_behind_latest_is_zero_only_at_the_tip(kinesis, stream):
    for i in range(10):
        kinesis.put_record(StreamName=stream, Data=f"{i}", PartitionKey="k", ExplicitHashKey="0")
    time.sleep(0.05)
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator, Limit=5)
    assert len(answer["Records"]) == 5
    assert answer["MillisBehindLatest"] > 0
    answer = kinesis.get_records(ShardIterator=answer["NextShardIterator"], Limit=5)
    assert len(answer["Records"]) == 5
    assert answer["MillisBehindLatest"] == 0


def test_long_reads_are_cut_at_ten_mebibytes(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1)
    for i in range(14):
        kinesis.put_record(StreamName=name, Data=bytes([i]) * 1000_000, PartitionKey="k")
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator)
    assert len(answer["Records"]) in (10, 11)
    rest = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
    assert len(answer["Records"]) + len(rest["Records"]) == 14


def test_split_and_merge_lead_readers_to_the_children(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1)
    before = kinesis.put_record(StreamName=name, Data=b"parent", PartitionKey="k")
    kinesis.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=str(2**126))
    children = open_shards(kinesis, name)
    assert [s["ShardId"] for s in children] == [SECOND, "shardId-000000000002"]
    assert {s["ParentShardId"] for s in children} == {FIRST}
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator)
    assert [r["Data"] for r in answer["Records"]] == [b"parent"]
    if "NextShardIterator" in answer:
        answer = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
    assert "NextShardIterator" not in answer
    assert [c["ShardId"] for c in answer["ChildShards"]] == [SECOND, "shardId-000000000002"]
    assert answer["ChildShards"][0]["ParentShards"] == [FIRST]
    after = kinesis.put_record(
        StreamName=name,
        Data=b"child",
        PartitionKey="k",
        ExplicitHashKey="0",
        SequenceNumberForOrdering=before["SequenceNumber"],
    )
    assert after["ShardId"] == SECOND
    assert int(after["SequenceNumber"]) > int(before["SequenceNumber"])

    kinesis.merge_shards(
        StreamName=name, ShardToMerge=SECOND, AdjacentShardToMerge="shardId-000000000002"
    )
    merged = open_shards(kinesis, name)
    assert len(merged) == 1
    assert merged[0]["ParentShardId"] == SECOND
    assert merged[0]["AdjacentParentShardId"] == "shardId-000000000002"
    assert merged[0]["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(TOP)}


def test_bad_splits_and_merges_are_refused(kinesis, stream):
    code, _ = error_of(
        kinesis.split_shard,
        StreamName=stream,
        ShardToSplit=FIRST,
        NewStartingHashKey=str(2**127 + 5),
    )
    assert code == "InvalidArgumentException"
    code, _ = error_of(
        kinesis.split_shard,
        StreamName=stream,
        ShardToSplit="shardId-000000000077",
        NewStartingHashKey="5",
    )
    assert code == "ResourceNotFoundException"
    code, _ = error_of(
        kinesis.merge_shards, StreamName=stream, ShardToMerge=FIRST, AdjacentShardToMerge=FIRST
    )
    assert code == "InvalidArgumentException"


def test_list_shards_pages_and_filters(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=5)
    seen, arguments = [], {"StreamName": name, "MaxResults": 2}
    while True:
        page = kinesis.list_shards(**arguments)
        seen += [s["ShardId"] for s in page["Shards"]]
        if "NextToken" not in page:
            break
        arguments = {"NextToken": page["NextToken"], "MaxResults": 2}
    assert seen == [f"shardId-{i:012}" for i in range(5)]
    kinesis.merge_shards(StreamName=name, ShardToMerge=FIRST, AdjacentShardToMerge=SECOND)

    def ids(**shard_filter):
        return [
            s["ShardId"][-1]
            for s in kinesis.list_shards(StreamName=name, ShardFilter=shard_filter)["Shards"]
        ]

    assert ids(Type="AT_LATEST") == ["2", "3", "4", "5"]
    assert ids(Type="AT_TRIM_HORIZON") == ["0", "1", "2", "3", "4"]
    assert ids(Type="FROM_TRIM_HORIZON") == ["0", "1", "2", "3", "4", "5"]
    assert ids(Type="AFTER_SHARD_ID", ShardId="shardId-000000000003") == ["4", "5"]
    code, _ = error_of(kinesis.list_shards, NextToken="garbage")
    assert code in ("InvalidArgumentException", "ExpiredNextTokenException")
    token = kinesis.list_shards(StreamName=name, MaxResults=1)["NextToken"]
    code, _ = error_of(kinesis.list_shards, StreamName=name, NextToken=token)
    assert code == "InvalidArgumentException"


def test_describe_stream_pages(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=5)
    page = kinesis.describe_stream(StreamName=name, Limit=3)["StreamDescription"]
    assert len(page["Shards"]) == 3 and page["HasMoreShards"]
    page = kinesis.describe_stream(
        StreamName=name, ExclusiveStartShardId=page["Shards"][-1]["ShardId"]
    )["StreamDescription"]
    assert [s["ShardId"][-1] for s in page["Shards"]] == ["3", "4"]


def test_list_streams_pages(kinesis):
    for i in range(5):
        kinesis.create_stream(StreamName=f"paged-{i}", ShardCount=1)
    page = kinesis.list_streams(Limit=2, ExclusiveStartStreamName="paged-")
    assert page["StreamNames"] == ["paged-0", "paged-1"] and page["HasMoreStreams"]
    page = kinesis.list_streams(Limit=10, NextToken=page["NextToken"])
    assert page["StreamNames"][:3] == ["paged-2", "paged-3", "paged-4"]
    assert page["StreamSummaries"][0]["StreamStatus"] == "ACTIVE"


def test_retention_goes_up_and_down_within_bounds(kinesis, stream):
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 48
    code, _ = error_of(
        kinesis.increase_stream_retention_period, StreamName=stream, RetentionPeriodHours=25
    )
    assert code == "InvalidArgumentException"
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    code, _ = error_of(
        kinesis.decrease_stream_retention_period, StreamName=stream, RetentionPeriodHours=23
    )
    assert code in ("InvalidArgumentException", "ValidationException")
    code, _ = error_of(
        kinesis.increase_stream_retention_period, StreamName=stream, RetentionPeriodHours=8761
    )
    assert code in ("InvalidArgumentException", "ValidationException")


def test_tags_by_both_generations_of_the_api(kinesis, stream):
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"team": "a", "env": "test"})
    arn = arn_of(kinesis, stream)
    kinesis.tag_resource(ResourceARN=arn, Tags={"cost": "42"})
    listed = kinesis.list_tags_for_stream(StreamName=stream)
    assert {t["Key"]: t["Value"] for t in listed["Tags"]} == {
        "team": "a",
        "env": "test",
        "cost": "42",
    }
    assert listed["HasMoreTags"] is False
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=1)
    assert page["HasMoreTags"] is True
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["env"])
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "cost", "Value": "42"}
    ]


def test_limits_are_described(kinesis, stream):
    limits = kinesis.describe_limits()
    assert limits["OpenShardCount"] >= 2
    assert limits["ShardLimit"] > limits["OpenShardCount"]
    assert "OnDemandStreamCountLimit" in limits


def test_deleted_streams_are_gone_and_their_names_free(kinesis, stream):
    put = kinesis.put_record(StreamName=stream, Data=b"old", PartitionKey="k")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    kinesis.delete_stream(StreamName=stream)
    assert stream not in kinesis.list_streams(Limit=10000)["StreamNames"]
    assert error_of(kinesis.get_records, ShardIterator=iterator)[0] == "ResourceNotFoundException"
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    assert read_shard(kinesis, stream, put["ShardId"]) == []


def test_regions_and_accounts_are_separate(server, name):
    here = server.client("kinesis")
    there = server.client("kinesis", region="eu-west-1")
    other = server.client("kinesis", access_key="123456789012")
    for kinesis in (here, there, other):
        kinesis.create_stream(StreamName=name, ShardCount=1)
    here.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    assert len(read_shard(here, name, FIRST)) == 1
    assert read_shard(there, name, FIRST) == []
    assert read_shard(other, name, FIRST) == []
    assert arn_of(there, name) == f"arn:aws:kinesis:eu-west-1:000000000000:stream/{name}"
    assert arn_of(other, name) == f"arn:aws:kinesis:us-east-1:123456789012:stream/{name}"
    here.delete_stream(StreamName=name)
    assert read_shard(there, name, FIRST) == []


def test_operations_without_a_handler_are_unknown(kinesis):
    code, _ = error_of(kinesis.list_channels)
    assert code == "UnknownOperationException"


def test_everything_survives_a_restart(own_server):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="kept", ShardCount=1, Tags={"a": "b"})
    first = kinesis.put_record(StreamName="kept", Data=b"before", PartitionKey="k")
    iterator = kinesis.get_shard_iterator(
        StreamName="kept", ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert server.stop() == 0
    server.start()
    kinesis = server.client("kinesis")
    second = kinesis.put_record(StreamName="kept", Data=b"after", PartitionKey="k")
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert [r["Data"] for r in records] == [b"before", b"after"]
    assert [r["SequenceNumber"] for r in records] == [
        first["SequenceNumber"],
        second["SequenceNumber"],
    ]
    tags = kinesis.list_tags_for_stream(StreamName="kept")["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_states_take_their_time_when_asked_to(own_server):
    server = own_server("--state-delay", "500ms")
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="slow", ShardCount=1)

    def status():
        return kinesis.describe_stream_summary(StreamName="slow")["StreamDescriptionSummary"][
            "StreamStatus"
        ]

    assert status() == "CREATING"
    kinesis.get_waiter("stream_exists").wait(StreamName="slow", WaiterConfig={"Delay": 1})
    kinesis.split_shard(StreamName="slow", ShardToSplit=FIRST, NewStartingHashKey="5")
    assert status() == "UPDATING"
    kinesis.get_waiter("stream_exists").wait(StreamName="slow", WaiterConfig={"Delay": 1})
    kinesis.delete_stream(StreamName="slow")
    assert status() == "DELETING"
    kinesis.get_waiter("stream_not_exists").wait(StreamName="slow", WaiterConfig={"Delay": 1})


def test_shard_limits_of_aws_throttle(own_server):
    server = own_server("--shard-limits", "aws")
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="limited", ShardCount=1)
    refused = 0
    for _ in range(4):
        answer = kinesis.put_records(
            StreamName="limited", Records=[{"Data": b"x", "PartitionKey": "k"}] * 500
        )
        refused += answer["FailedRecordCount"]
        for record in answer["Records"]:
            if "ErrorCode" in record:
                assert record["ErrorCode"] == "ProvisionedThroughputExceededException"
                assert record["ErrorMessage"].startswith(
                    "Rate exceeded for shard shardId-000000000000 in stream limited"
                )
    assert refused > 0
    iterator = kinesis.get_shard_iterator(
        StreamName="limited", ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    with pytest.raises(ClientError) as caught:
        for _ in range(20):
            kinesis.get_records(ShardIterator=iterator, Limit=1)
    assert caught.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"


def test_calls_are_limited_as_on_aws(own_server):
    server = own_server(
        *("--ephemeral", "--clock", "manual", "--shard-limits", "aws", "--stream", "clicks:2")
    )
    kinesis = server.client("kinesis")

    def refusal(most, call, **arguments):
        for _ in range(most):
            call(**arguments)
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        error = caught.value.response["Error"]
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return error["Code"], error["Message"]

    assert refusal(5, kinesis.list_streams) == (
        "LimitExceededException",
        "Rate exceeded for account 000000000000.",
    )
    of_stream = "Rate exceeded for stream clicks under account 000000000000."
    for most, call in ((10, kinesis.describe_stream), (20, kinesis.describe_stream_summary)):
        assert refusal(most, call, StreamName="clicks") == ("LimitExceededException", of_stream)
    shard = {"StreamName": "clicks", "ShardId": FIRST, "ShardIteratorType": "TRIM_HORIZON"}
    code, message = refusal(5, kinesis.get_shard_iterator, **shard)
    assert code == "ProvisionedThroughputExceededException"
    assert (
        message == f"Rate exceeded for shard {FIRST} in stream clicks under account 000000000000."
    )
    server.advance(1000)
    iterator = kinesis.get_shard_iterator(**shard)["ShardIterator"]
    code, message = refusal(5, kinesis.get_records, ShardIterator=iterator)
    assert code == "ProvisionedThroughputExceededException"
    assert message == f"Rate exceeded for Shard - 000000000000/clicks/{FIRST}"
    assert refusal(5, kinesis.list_streams)[0] == "LimitExceededException"
    server.advance(199)
    assert refusal(0, kinesis.list_streams)[0] == "LimitExceededException"
    server.advance(1)
    assert refusal(1, kinesis.list_streams)[0] == "LimitExceededException"


def test_a_consumer_sees_a_record_within_70_ms(kinesis, stream):
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=FIRST, ShardIteratorType="LATEST"
    )["ShardIterator"]
    times = []
    for i in range(100):
        start = time.monotonic()
        kinesis.put_record(StreamName=stream, Data=f"{i}", PartitionKey="k", ExplicitHashKey="0")
        answer = kinesis.get_records(ShardIterator=iterator)
        iterator = answer["NextShardIterator"]
        times.append(time.monotonic() - start)
        assert [r["Data"] for r in answer["Records"]] == [f"{i}".encode()]
    assert sorted(times)[89] < 0.070
