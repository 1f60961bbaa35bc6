"""Delivery streams into the embedded lake and into a real S3 server (versitygw)."""

import gzip
import json
import re
import subprocess
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from millstream_server import ROOT, free_port, wait_for

ROLE = "arn:aws:iam::000000000000:role/r"


def lake_files(server, bucket):
    return sorted(p for p in (server.data / "lake" / bucket).rglob("*") if p.is_file())


def content(server, bucket):
    return b"".join(
        gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes()
        for p in lake_files(server, bucket)
    )


def create(firehose, name, bucket, **extended):
    extended.setdefault("BufferingHints", {"SizeInMBs": 1, "IntervalInSeconds": 1})
    return firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            **extended,
        },
    )["DeliveryStreamARN"]


def test_direct_put_lands_in_the_lake(server, name):
    firehose = server.client("firehose")
    bucket = f"b-{name}"
    arn = create(firehose, name, bucket)
    assert arn == f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}"
    lines = [f'{{"i":{i}}}\n'.encode() for i in range(1000)]
    for first in range(0, 1000, 500):
        answer = firehose.put_record_batch(
            DeliveryStreamName=name, Records=[{"Data": x} for x in lines[first : first + 500]]
        )
        assert answer["FailedPutCount"] == 0
        assert all(r["RecordId"] for r in answer["RequestResponses"])
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"last\n"})
    wait_for(lambda: content(server, bucket).count(b"\n") == 1001)
    assert sorted(content(server, bucket).splitlines(keepends=True)) == sorted([*lines, b"last\n"])
    for path in lake_files(server, bucket):
        key = str(path.relative_to(server.data / "lake" / bucket))
        assert re.fullmatch(
            r"\d{4}/\d\d/\d\d/\d\d/" + name + r"-1-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9a-f-]{36}",
            key,
        ), key


def test_a_stream_is_delivered_compressed_over_a_split(server, name):
    kinesis, firehose = server.client("kinesis"), server.client("firehose")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    bucket = f"b-{name}"
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": "data/!{timestamp:yyyy}/x=",
            "ErrorOutputPrefix": "errors/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
            "CompressionFormat": "GZIP",
        },
    )
    sent = []
    for part in range(4):
        batch = [f"{part}-{i}\n".encode() for i in range(300)]
        sent += batch
        kinesis.put_records(
            StreamName=name,
            Records=[{"Data": x, "PartitionKey": x.decode()} for x in batch],
        )
        if part == 1:
            kinesis.split_shard(
                StreamName=name,
                ShardToSplit="shardId-000000000000",
                NewStartingHashKey=str(2**127),
            )
    wait_for(lambda: content(server, bucket).count(b"\n") >= len(sent))
    assert sorted(content(server, bucket).splitlines(keepends=True)) == sorted(sent)
    for path in lake_files(server, bucket):
        key = str(path.relative_to(server.data / "lake" / bucket))
        assert re.fullmatch(r"data/\d{4}/x=" + name + r"-1-.*\.gz", key), key


def test_description_and_errors_are_those_of_aws(server, name):
    firehose = server.client("firehose")
    create(firehose, name, "some-bucket", CompressionFormat="GZIP")
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)[
        "DeliveryStreamDescription"
    ]
    assert described["DeliveryStreamStatus"] == "ACTIVE"
    assert described["DeliveryStreamType"] == "DirectPut"
    assert described["VersionId"] == "1"
    destination = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["CompressionFormat"] == "GZIP"
    assert destination["BufferingHints"] == {"SizeInMBs": 1, "IntervalInSeconds": 1}
    assert name in firehose.list_delivery_streams()["DeliveryStreamNames"]
    with pytest.raises(ClientError) as caught:
        create(firehose, name, "some-bucket")
    assert caught.value.response["Error"]["Code"] == "ResourceInUseException"
    with pytest.raises(ClientError) as caught:
        create(firehose, f"{name}-x", "some-bucket", Prefix="a/!{timestamp:yyyy}/")
    assert caught.value.response["Error"]["Code"] == "InvalidArgumentException"
    firehose.delete_delivery_stream(DeliveryStreamName=name)
    with pytest.raises(ClientError) as caught:
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as caught:
        firehose.describe_delivery_stream(DeliveryStreamName="nothing")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_kills_neither_lose_nor_repeat_an_object(own_server):
    server = own_server()
    firehose = server.client("firehose")
    create(firehose, "killed", "kill-bucket")
    sent = 0
    for _ in range(6):
        firehose = server.client("firehose")
        for _ in range(5):
            batch = [{"Data": f"{sent + i}\n".encode()} for i in range(100)]
            assert (
                firehose.put_record_batch(DeliveryStreamName="killed", Records=batch)[
                    "FailedPutCount"
                ]
                == 0
            )
            sent += 100
            time.sleep(0.13)
        server.kill()
        server.start()
    wait_for(lambda: content(server, "kill-bucket").count(b"\n") >= sent)
    numbers = sorted(int(x) for x in content(server, "kill-bucket").split())
    assert numbers == list(range(sent))


@pytest.fixture
def s3(tmp_path):
    """A real S3 server."""
    root = tmp_path / "s3"
    root.mkdir()
    port = free_port()
    process = subprocess.Popen(
        [
            str(ROOT / "build/tools/bin/versitygw"),
            "--access",
            "s3key",
            "--secret",
            "s3secret",
            "--port",
            f"127.0.0.1:{port}",
            "posix",
            str(root),
        ],
        stdout=(tmp_path / "s3.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="s3key",
        aws_secret_access_key="s3secret",
        config=Config(s3={"addressing_style": "path"}),
    )

    def up():
        assert process.poll() is None, (tmp_path / "s3.log").read_text()
        try:
            client.list_buckets()
            return True
        except Exception:
            return False

    wait_for(up)
    client.endpoint = f"http://127.0.0.1:{port}"
    yield client
    process.terminate()
    process.wait()


def test_delivery_to_a_real_s3_server(own_server, s3):
    server = own_server(
        "--s3-endpoint",
        s3.endpoint,
        "--s3-access-key",
        "s3key",
        environment={"MILLSTREAM_S3_SECRET_KEY": "s3secret"},
    )
    firehose = server.client("firehose")
    s3.create_bucket(Bucket="real-bucket")
    create(firehose, "to-s3", "real-bucket", CompressionFormat="GZIP")
    lines = [json.dumps({"i": i}).encode() + b"\n" for i in range(500)]
    firehose.put_record_batch(DeliveryStreamName="to-s3", Records=[{"Data": x} for x in lines])

    def objects():
        return s3.list_objects_v2(Bucket="real-bucket").get("Contents", [])

    wait_for(objects)
    landed = b"".join(
        gzip.decompress(s3.get_object(Bucket="real-bucket", Key=o["Key"])["Body"].read())
        for o in objects()
    )
    assert landed == b"".join(lines)


def test_an_s3_server_that_comes_late_gets_everything(own_server, tmp_path, s3):
    server = own_server(
        "--s3-endpoint",
        s3.endpoint,
        "--s3-access-key",
        "s3key",
        environment={"MILLSTREAM_S3_SECRET_KEY": "s3secret"},
    )
    firehose = server.client("firehose")
    create(firehose, "late", "late-bucket")  # the bucket does not exist yet
    firehose.put_record(DeliveryStreamName="late", Record={"Data": b"patience\n"})
    time.sleep(3)
    s3.create_bucket(Bucket="late-bucket")
    wait_for(lambda: s3.list_objects_v2(Bucket="late-bucket").get("Contents"), 60)
