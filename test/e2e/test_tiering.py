"""Old records in an S3 server (versitygw) and in a folder: moved, read back, and what happens when
the store is away."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from millstream_server import ROOT, free_port, read_shard, wait_for

RECORDS = 2000
SIZE = 8000
CACHE = 16 << 20


class S3:
    """A real S3 server that can be stopped and started again."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "s3").mkdir()
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="s3key",
            aws_secret_access_key="s3secret",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
        )
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [
                str(ROOT / "build/tools/bin/versitygw"),
                "--access",
                "s3key",
                "--secret",
                "s3secret",
                "--port",
                f"127.0.0.1:{self.port}",
                "posix",
                str(self.folder / "s3"),
            ],
            stdout=(self.folder / "s3.log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        wait_for(self.is_up)

    def is_up(self):
        assert self.process.poll() is None, (self.folder / "s3.log").read_text()
        try:
            self.client.list_buckets()
            return True
        except Exception:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def keys(self, bucket):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


@pytest.fixture
def s3(tmp_path):
    s3 = S3(tmp_path)
    yield s3
    s3.stop()


def local_files(server):
    return [
        p for p in (server.data / "log" / "data").iterdir() if p.suffix in (".pack", ".segment")
    ]


def metric(server, name):
    text = urllib.request.urlopen(f"{server.endpoint}/metrics").read().decode()
    return next(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")
    )


def problems(server):
    try:
        answer = urllib.request.urlopen(f"{server.endpoint}/health").read()
    except urllib.error.HTTPError as error:
        answer = error.read()
    return json.loads(answer)["problems"]


def put(kinesis, stream, first, count):
    for start in range(first, first + count, 400):
        batch = range(start, min(start + 400, first + count))
        answer = kinesis.put_records(
            StreamName=stream,
            Records=[
                {"Data": f"{i:06}".encode().ljust(SIZE, b"."), "PartitionKey": str(i)}
                for i in batch
            ],
        )
        assert answer["FailedRecordCount"] == 0


def numbers(records):
    return [int(record["Data"][:6]) for record in records]


def shards(kinesis, stream):
    return [shard["ShardId"] for shard in kinesis.list_shards(StreamName=stream)["Shards"]]


def read_all(kinesis, stream, **position):
    """The records' numbers, each shard's in order."""
    found = []
    for shard in shards(kinesis, stream):
        its = numbers(read_shard(kinesis, stream, shard, **position))
        assert its == sorted(its)
        found += its
    return sorted(found)


def moved_away(server):
    return not local_files(server) and metric(server, "millstream_tier_files") > 0


def fill_and_move(server, stream):
    """All records in the store but for the later half's last ones; the time between the halves."""
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    put(kinesis, stream, 0, RECORDS // 2)
    time.sleep(0.05)
    between = datetime.fromtimestamp(time.time(), UTC)
    time.sleep(0.05)
    put(kinesis, stream, RECORDS // 2, RECORDS // 2)
    # Closing writes packs and segments; they are old after a second.
    server.restart()
    wait_for(lambda: moved_away(server))
    return between


def test_old_records_move_to_s3_and_are_read_back(own_server, s3):
    s3.client.create_bucket(Bucket="archive")
    server = own_server(
        *("--log-tier-url", "s3://archive/streams"),
        *("--log-tier-after", "1s"),
        *("--log-tier-cache-bytes", str(CACHE)),
        *("--s3-endpoint", s3.endpoint),
        *("--s3-access-key", "s3key"),
        environment={"MILLSTREAM_S3_SECRET_KEY": "s3secret"},
    )
    between = fill_and_move(server, "orders")
    assert all(key.startswith("streams/") for key in s3.keys("archive"))
    kinesis = server.client("kinesis")
    assert read_all(kinesis, "orders") == list(range(RECORDS))
    later = {"iterator_type": "AT_TIMESTAMP", "Timestamp": between}
    assert read_all(kinesis, "orders", **later) == list(range(RECORDS // 2, RECORDS))
    cache = server.data / "log" / "tier-cache"
    assert 0 < cache.stat().st_size <= CACHE
    assert 0 < metric(server, "millstream_tier_cache_bytes") <= CACHE

    # New records go on in front of the old ones, also after a crash.
    put(kinesis, "orders", RECORDS, 100)
    server.kill()
    server.start()
    assert read_all(server.client("kinesis"), "orders") == list(range(RECORDS + 100))


def test_while_s3_is_away_reads_fail_clearly_and_then_go_on(own_server, s3):
    s3.client.create_bucket(Bucket="archive")
    server = own_server(
        *("--log-tier-url", "s3://archive"),
        *("--log-tier-after", "1s"),
        *("--s3-endpoint", s3.endpoint),
        *("--s3-access-key", "s3key"),
        environment={"MILLSTREAM_S3_SECRET_KEY": "s3secret"},
    )
    between = fill_and_move(server, "orders")
    s3.stop()
    server.kill()  # nothing is cached any more
    server.start()
    kinesis = server.client("kinesis")
    shard = shards(kinesis, "orders")[0]
    iterator = kinesis.get_shard_iterator(
        StreamName="orders",
        ShardId=shard,
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=between,
    )["ShardIterator"]
    for _ in range(3):
        with pytest.raises(ClientError) as failed:
            kinesis.get_records(ShardIterator=iterator)
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert "object store" in failed.value.response["Error"]["Message"]
    # What is new does not need it.
    now = datetime.fromtimestamp(time.time(), UTC)
    put(kinesis, "orders", RECORDS, 100)
    latest = read_all(kinesis, "orders", iterator_type="AT_TIMESTAMP", Timestamp=now)
    assert latest == list(range(RECORDS, RECORDS + 100))
    wait_for(lambda: any("object store" in problem for problem in problems(server)))

    s3.start()
    time.sleep(1.1)  # it is asked again after a second
    records = []
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer["NextShardIterator"]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
    its = numbers(records)
    assert its == sorted(set(its))
    assert its[0] >= RECORDS // 2
    assert read_all(kinesis, "orders") == list(range(RECORDS + 100))
    wait_for(lambda: not problems(server))


def test_a_hanging_s3_server_holds_up_neither_readers_nor_the_end(own_server, s3):
    s3.client.create_bucket(Bucket="archive")
    server = own_server(
        *("--log-tier-url", "s3://archive"),
        *("--log-tier-after", "1s"),
        *("--s3-endpoint", s3.endpoint),
        *("--s3-access-key", "s3key"),
        environment={"MILLSTREAM_S3_SECRET_KEY": "s3secret"},
    )
    fill_and_move(server, "orders")
    server.kill()
    s3.stop()
    with socket.create_server(("127.0.0.1", s3.port)):  # takes connections, answers nothing
        server.start()
        kinesis = server.client("kinesis")
        shard = shards(kinesis, "orders")[0]
        iterator = kinesis.get_shard_iterator(
            StreamName="orders", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        start = time.monotonic()
        with pytest.raises(ClientError) as failed:
            kinesis.get_records(ShardIterator=iterator)
        assert time.monotonic() - start < 25
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert "has not answered within 15 s" in failed.value.response["Error"]["Message"]
        put(kinesis, "orders", RECORDS, 100)
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 15
    s3.start()
    server.start()
    assert read_all(server.client("kinesis"), "orders") == list(range(RECORDS + 100))


def test_old_records_move_to_a_folder(own_server, tmp_path):
    folder = tmp_path / "archive"
    server = own_server("--log-tier-url", f"file://{folder}", "--log-tier-after", "1s")
    fill_and_move(server, "clicks")
    stored = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert stored > RECORDS * SIZE
    kept = sum(p.stat().st_size for p in (server.data / "log" / "data").iterdir())
    assert kept < 100_000
    assert read_all(server.client("kinesis"), "clicks") == list(range(RECORDS))
    server.client("kinesis").delete_stream(StreamName="clicks")
    wait_for(lambda: not [p for p in folder.rglob("*") if p.is_file()], 90)


def test_settings_that_cannot_work_are_refused(own_server, tmp_path):
    for arguments, text in [
        (["--log-tier-url", "s3://archive"], "s3.endpoint"),
        (["--log-tier-url", "ftp://archive"], "s3://BUCKET"),
        (["--log-tier-url", f"file://{tmp_path}/a", "--ephemeral"], "ephemeral"),
    ]:
        with pytest.raises(RuntimeError, match=text):
            own_server(*arguments)
