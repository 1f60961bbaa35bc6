"""The aws command line of Debian 12 against the server."""

import base64
import json
import os
import subprocess

import pytest


@pytest.fixture
def aws(server):
    def run(*arguments, check=True):
        result = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", server.endpoint, "--output", "json", *arguments],
            capture_output=True,
            text=True,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": os.environ.get("HOME", "/"),
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_PAGER": "",
            },
        )
        if check:
            assert result.returncode == 0, result.stderr
            return json.loads(result.stdout) if result.stdout.strip() else None
        return result

    return run


def test_a_record_goes_in_and_comes_out(aws, name):
    aws("kinesis", "create-stream", "--stream-name", name, "--shard-count", "1")
    aws("kinesis", "wait", "stream-exists", "--stream-name", name)
    data = base64.b64encode(b"from the shell").decode()
    put = aws(
        "kinesis", "put-record", "--stream-name", name, "--partition-key", "k", "--data", data
    )
    assert put["ShardId"] == "shardId-000000000000"
    iterator = aws(
        "kinesis",
        "get-shard-iterator",
        "--stream-name",
        name,
        "--shard-id",
        put["ShardId"],
        "--shard-iterator-type",
        "TRIM_HORIZON",
    )["ShardIterator"]
    records = aws("kinesis", "get-records", "--shard-iterator", iterator)["Records"]
    assert base64.b64decode(records[0]["Data"]) == b"from the shell"
    assert records[0]["SequenceNumber"] == put["SequenceNumber"]


def test_errors_are_shown_as_from_aws(aws):
    result = aws("kinesis", "describe-stream", "--stream-name", "nothing", check=False)
    assert result.returncode == 254
    assert (
        "An error occurred (ResourceNotFoundException) when calling the DescribeStream operation: "
        "Stream nothing under account 000000000000 not found." in result.stderr
    )


def test_streams_list_over_pages(aws):
    for i in range(3):
        aws("kinesis", "create-stream", "--stream-name", f"cli-{i}", "--shard-count", "1")
    listed = aws("kinesis", "list-streams", "--page-size", "1")["StreamNames"]
    assert {"cli-0", "cli-1", "cli-2"} <= set(listed)
    shards = aws("kinesis", "list-shards", "--stream-name", "cli-0")["Shards"]
    assert len(shards) == 1


def test_delivery_streams_by_the_command_line(aws, name):
    destination = "RoleARN=arn:aws:iam::000000000000:role/r,BucketARN=arn:aws:s3:::cli-bucket"
    created = aws(
        "firehose",
        "create-delivery-stream",
        "--delivery-stream-name",
        name,
        "--s3-destination-configuration",
        destination,
    )
    assert created["DeliveryStreamARN"].endswith(f":deliverystream/{name}")
    put = aws(
        "firehose",
        "put-record",
        "--delivery-stream-name",
        name,
        "--record",
        "Data=" + base64.b64encode(b"x").decode(),
    )
    assert put["RecordId"]
    assert name in aws("firehose", "list-delivery-streams")["DeliveryStreamNames"]
