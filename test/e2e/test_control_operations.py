"""UpdateShardCount and the other operations about a stream's size and settings, with boto3."""

import json

import botocore.exceptions
import pytest

MAX_HASH_KEY = 2**128 - 1
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": ["kinesis:PutRecord", "kinesis:PutRecords"],
            "Resource": "*",
        }
    ],
}


def shards_of(kinesis, name):
    # Not boto3's paginator: it repeats StreamName beside NextToken, which AWS refuses.
    answer = kinesis.list_shards(StreamName=name)
    shards = answer["Shards"]
    while "NextToken" in answer:
        answer = kinesis.list_shards(NextToken=answer["NextToken"])
        shards += answer["Shards"]
    return shards


def open_shards(kinesis, name):
    shards = shards_of(kinesis, name)
    return [s for s in shards if "EndingSequenceNumber" not in s["SequenceNumberRange"]]


def ranges_of(shards):
    ranges = [shard["HashKeyRange"] for shard in shards]
    return sorted((int(r["StartingHashKey"]), int(r["EndingHashKey"])) for r in ranges)


def scale(kinesis, name, target):
    return kinesis.update_shard_count(
        StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
    )


def summary(kinesis, name):
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


def read_lineage(kinesis, name):
    """All data, read as a consumer does: a shard after its parents, by ChildShards."""
    shards = shards_of(kinesis, name)
    ready = [s["ShardId"] for s in shards if "ParentShardId" not in s]
    done, data = set(), []
    while ready:
        shard = ready.pop()
        if shard in done:
            continue
        done.add(shard)
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator)
            data += [record["Data"] for record in answer["Records"]]
            iterator = answer.get("NextShardIterator")
            if iterator and answer["MillisBehindLatest"] == 0 and not answer["Records"]:
                break
        for child in answer.get("ChildShards", []):
            if all(parent in done for parent in child["ParentShards"]):
                ready.append(child["ShardId"])
    return data, done == {s["ShardId"] for s in shards}


def test_update_shard_count_makes_equal_ranges_that_a_consumer_follows(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=2)
    sent = []
    for target in (3, 7, 5, 1, 4):
        before = len(open_shards(kinesis, name))
        for i in range(20):
            sent.append(f"{target}-{i}".encode())
            kinesis.put_record(StreamName=name, PartitionKey=f"key-{i}", Data=sent[-1])
        answer = scale(kinesis, name, target)
        assert answer["CurrentShardCount"] == before
        assert answer["TargetShardCount"] == target
        assert answer["StreamName"] == name
        assert summary(kinesis, name)["StreamStatus"] == "ACTIVE"
        ranges = ranges_of(open_shards(kinesis, name))
        assert len(ranges) == target
        assert ranges[0][0] == 0 and ranges[-1][1] == MAX_HASH_KEY
        size = 2**128 // target
        assert [first for first, _ in ranges] == [i * size for i in range(target)]
    data, saw_all_shards = read_lineage(kinesis, name)
    assert sorted(data) == sorted(sent)
    assert saw_all_shards


def test_a_thousand_shards_and_back(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1)
    scale(kinesis, name, 1000)
    assert summary(kinesis, name)["OpenShardCount"] == 1000
    kinesis.put_record(StreamName=name, PartitionKey="key", Data=b"data")
    scale(kinesis, name, 1)
    assert ranges_of(open_shards(kinesis, name)) == [(0, MAX_HASH_KEY)]
    kinesis.delete_stream(StreamName=name)


def test_shards_are_scaled_whole_after_a_kill(own_server):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    kinesis.put_record(StreamName="clicks", PartitionKey="key", Data=b"data")
    scale(kinesis, "clicks", 5)
    server.kill()
    server.start()
    kinesis = server.client("kinesis")
    assert len(ranges_of(open_shards(kinesis, "clicks"))) == 5
    assert read_lineage(kinesis, "clicks") == ([b"data"], True)


def test_limits_of_aws(own_server):
    server = own_server("--ephemeral", "--clock", "manual", "--shard-limits", "aws")
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)

    def call(**arguments):
        server.advance(100)  # no more than ten calls a second
        return kinesis.update_shard_count(**arguments)

    target = {"StreamName": "clicks", "ScalingType": "UNIFORM_SCALING"}
    error = error_of(call, TargetShardCount=5, **target)
    assert error["Code"] == "InvalidArgumentException" and "double" in error["Message"]
    for i in range(10):
        call(TargetShardCount=4 if i % 2 == 0 else 2, **target)
    error = error_of(call, TargetShardCount=4, **target)
    assert error["Code"] == "LimitExceededException" and "10 times" in error["Message"]
    server.advance(24 * 3_600_000)
    call(TargetShardCount=4, **target)


def test_mode_and_warm_throughput(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = summary(kinesis, name)["StreamARN"]
    error = error_of(kinesis.update_stream_warm_throughput, StreamARN=arn, WarmThroughputMiBps=8)
    assert error["Code"] == "InvalidArgumentException"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert summary(kinesis, name)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary(kinesis, name)["OpenShardCount"] == 4
    answer = kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=8)
    assert answer["WarmThroughput"] == {"TargetMiBps": 8, "CurrentMiBps": 8}
    assert summary(kinesis, name)["WarmThroughput"] == {"TargetMiBps": 8, "CurrentMiBps": 8}
    assert summary(kinesis, name)["OpenShardCount"] == 8
    error = error_of(
        kinesis.update_shard_count,
        StreamName=name,
        TargetShardCount=4,
        ScalingType="UNIFORM_SCALING",
    )
    assert error["Code"] == "ValidationException"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    assert summary(kinesis, name)["OpenShardCount"] == 8


def test_account_settings(own_server):
    kinesis = own_server().client("kinesis")
    key = "MinimumThroughputBillingCommitment"
    assert kinesis.describe_account_settings()[key] == {"Status": "DISABLED"}
    answer = kinesis.update_account_settings(**{key: {"Status": "ENABLED"}})[key]
    assert answer["Status"] == "ENABLED" and answer["StartedAt"] < answer["EarliestAllowedEndAt"]
    kinesis.update_account_settings(**{key: {"Status": "DISABLED"}})
    assert kinesis.describe_account_settings()[key]["Status"] == (
        "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    )


def test_enhanced_monitoring(kinesis, stream):
    answer = kinesis.enable_enhanced_monitoring(
        StreamName=stream, ShardLevelMetrics=["IncomingBytes"]
    )
    assert answer["CurrentShardLevelMetrics"] == []
    assert answer["DesiredShardLevelMetrics"] == ["IncomingBytes"]
    description = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert description["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert len(summary(kinesis, stream)["EnhancedMonitoring"][0]["ShardLevelMetrics"]) == 7
    kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert summary(kinesis, stream)["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]


def test_resource_policies(kinesis, stream):
    arn = summary(kinesis, stream)["StreamARN"]
    error = error_of(kinesis.get_resource_policy, ResourceARN=arn)
    assert error["Code"] == "ResourceNotFoundException"
    error = error_of(kinesis.put_resource_policy, ResourceARN=arn, Policy="{")
    assert error["Code"] == "InvalidArgumentException"
    kinesis.put_resource_policy(ResourceARN=arn, Policy=json.dumps(POLICY))
    assert json.loads(kinesis.get_resource_policy(ResourceARN=arn)["Policy"]) == POLICY
    kinesis.delete_resource_policy(ResourceARN=arn)
    error = error_of(kinesis.get_resource_policy, ResourceARN=arn)
    assert error["Code"] == "ResourceNotFoundException"
