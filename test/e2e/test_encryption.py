"""Encryption at rest with boto3: StartStreamEncryption, StopStreamEncryption, master keys."""

import contextlib
import gzip
import json
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request

import cbor2
import pytest
import sql_client
from botocore.exceptions import ClientError, EventStreamError
from millstream_server import BINARY, read_shard, wait_for
from test_cbor import decode, post

FIRST = "shardId-000000000000"
DEFAULT = "alias/aws/kinesis"
# In every record that must not be found on the disk.
SECRET = b"a-secret-that-no-file-may-hold"
KEY = "a-partition-key-that-no-file-may-hold"


def start(kinesis, name, key=DEFAULT):
    kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)


def stop(kinesis, name, key=DEFAULT):
    kinesis.stop_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)


def put(kinesis, name, data, key=KEY):
    return kinesis.put_record(StreamName=name, Data=data, PartitionKey=key)


def secret(number):
    return SECRET + b" %d" % number


def found(kinesis, name):
    """Data and kind of encryption of every record; AWS leaves NONE out."""
    return [(r["Data"], r.get("EncryptionType", "NONE")) for r in read_shard(kinesis, name, FIRST)]


def error_of(call, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    return caught.value.response["Error"]


def files_with(folder, text):
    return [str(path) for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def assert_hidden(server):
    assert not files_with(server.data, SECRET)
    assert not files_with(server.data, KEY.encode())


def key_file(server):
    return server.data / "keys" / "master-keys"


def key_command(server, *arguments):
    command = [BINARY, "key", *arguments, "--data", str(server.data)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def health(server):
    try:
        with urllib.request.urlopen(f"{server.endpoint}/health") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def reload(server, condition):
    """SIGHUP; waits until the server works by the new keys."""
    server.process.send_signal(signal.SIGHUP)
    wait_for(condition)


def test_records_are_encrypted_from_start_to_stop(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    assert "EncryptionType" not in put(kinesis, name, b"before", "k")
    start(kinesis, name)
    description = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    for described in (description, summary):
        assert described["EncryptionType"] == "KMS"
        assert described["KeyId"] == DEFAULT
        assert described["StreamStatus"] == "ACTIVE"
    assert put(kinesis, name, secret(0))["EncryptionType"] == "KMS"
    answer = kinesis.put_records(
        StreamName=name, Records=[{"Data": secret(i), "PartitionKey": KEY} for i in (1, 2)]
    )
    assert answer["EncryptionType"] == "KMS" and answer["FailedRecordCount"] == 0
    stop(kinesis, name)
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["EncryptionType"] == "NONE" and "KeyId" not in summary
    assert "EncryptionType" not in put(kinesis, name, b"after", "k")
    expected = [
        (b"before", "NONE"),
        (secret(0), "KMS"),
        (secret(1), "KMS"),
        (secret(2), "KMS"),
        (b"after", "NONE"),
    ]
    assert found(kinesis, name) == expected
    assert [r["PartitionKey"] for r in read_shard(kinesis, name, FIRST)] == ["k", *[KEY] * 3, "k"]
    assert_hidden(server)  # in the journal
    server.restart()  # with a checkpoint: in packs and segments
    assert files_with(server.data / "log", b"before")
    assert_hidden(server)
    assert found(kinesis, name) == expected


def test_cbor_tells_how_records_are_stored(server, kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=1)

    def call(operation, **parameters):
        status, _, body = post(server, operation, cbor2.dumps(parameters))
        assert status == 200, body
        return decode(body) if body else None

    record = {"Data": b"x", "PartitionKey": "k"}
    assert "EncryptionType" not in call("PutRecord", StreamName=name, **record)
    call("StartStreamEncryption", StreamName=name, EncryptionType="KMS", KeyId=DEFAULT)
    assert call("PutRecord", StreamName=name, **record)["EncryptionType"] == "KMS"
    assert call("PutRecords", StreamName=name, Records=[record])["EncryptionType"] == "KMS"
    iterator = call(
        "GetShardIterator", StreamName=name, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON"
    )
    records = call("GetRecords", **iterator)["Records"]
    assert [r.get("EncryptionType") for r in records] == [None, "KMS", "KMS"]
    assert {(r["Data"], r["PartitionKey"]) for r in records} == {(b"x", "k")}


def test_subscribers_get_plaintext(kinesis, stream):
    put(kinesis, stream, b"before", "k")
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    start(kinesis, stream)
    kinesis.put_record(
        StreamName=stream, Data=b"during", PartitionKey="k", ExplicitHashKey=str(2**127)
    )
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    events = kinesis.subscribe_to_shard(
        ConsumerARN=consumer["ConsumerARN"],
        ShardId="shardId-000000000001",
        StartingPosition={"Type": "TRIM_HORIZON"},
    )["EventStream"]
    record = next(
        record
        for event in events
        for record in event["SubscribeToShardEvent"]["Records"]
        if record["Data"] == b"during"
    )
    assert record["EncryptionType"] == "KMS"
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    with pytest.raises(EventStreamError):
        for _ in events:
            pass


def test_records_survive_a_kill_and_each_run_has_a_key_of_its_own(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    start(kinesis, name)
    expected = []
    for run in range(3):
        for i in range(20):
            put(kinesis, name, secret(run * 20 + i))
            expected.append((secret(run * 20 + i), "KMS"))
        server.kill()
        assert_hidden(server)
        server.start()
        assert found(kinesis, name) == expected
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "meta.db")) as meta:
        assert meta.execute("SELECT count(*) FROM stream_data_keys").fetchone() == (3,)
    server.start()


def test_children_of_a_reshard_are_encrypted(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    start(kinesis, name)
    put(kinesis, name, secret(0))
    kinesis.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=str(2**127))
    assert put(kinesis, name, secret(1))["EncryptionType"] == "KMS"
    children = [f"shardId-00000000000{i}" for i in (1, 2)]
    records = [r for shard in children for r in read_shard(kinesis, name, shard)]
    assert [(r["Data"], r["EncryptionType"]) for r in records] == [(secret(1), "KMS")]
    assert_hidden(server)


def test_a_key_is_rotated_by_the_command_line(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    start(kinesis, name)
    put(kinesis, name, secret(0))
    assert key_file(server).stat().st_mode & 0o777 == 0o600
    key_id = key_command(server, "list").split()[0]
    assert key_command(server, "rotate", DEFAULT) == f"{key_id} version 2\n"
    reload(server, lambda: "1 master keys" in server.log.read_text())
    put(kinesis, name, secret(1))
    assert found(kinesis, name) == [(secret(0), "KMS"), (secret(1), "KMS")]
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "meta.db")) as meta:
        used = meta.execute("SELECT master_key_version FROM stream_data_keys ORDER BY key_id")
        assert used.fetchall() == [(1,), (2,)]
    server.start()
    assert found(kinesis, name) == [(secret(0), "KMS"), (secret(1), "KMS")]


def test_own_keys_have_the_names_that_aws_gives_them(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    key_id = key_command(server, "create", "--alias", "alias/orders").strip()
    error = error_of(start, kinesis, name, "alias/orders")
    assert error["Code"] == "KMSNotFoundException"  # not before SIGHUP
    reload(server, lambda: "1 master keys" in server.log.read_text())
    arn = "arn:aws:kms:us-east-1:000000000000:"
    for key in (key_id, "alias/orders", f"{arn}key/{key_id}", f"{arn}alias/orders"):
        start(kinesis, name, key)
        assert put(kinesis, name, secret(0))["EncryptionType"] == "KMS"
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        assert summary["KeyId"] == key
    for key in ("alias/none", "00000000-0000-4000-8000-000000000000", f"{arn}alias/none"):
        error = error_of(start, kinesis, name, key)
        assert error["Code"] == "KMSNotFoundException", error
    assert (
        error_of(start, kinesis, name, "alias/none")["Message"]
        == f"Alias {arn}alias/none is not found."
    )
    key_command(server, "disable", key_id)
    reload(server, lambda: health(server)["problems"])
    for call in (lambda: put(kinesis, name, b"x"), lambda: found(kinesis, name)):
        assert error_of(call)["Code"] == "KMSDisabledException"
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    events = kinesis.subscribe_to_shard(
        ConsumerARN=consumer["ConsumerARN"],
        ShardId=FIRST,
        StartingPosition={"Type": "TRIM_HORIZON"},
    )["EventStream"]
    with pytest.raises(EventStreamError) as caught:
        list(events)
    assert caught.value.response["Error"]["Code"] == "KMSDisabledException"
    key_command(server, "enable", key_id)
    reload(server, lambda: not health(server)["problems"])
    assert len(found(kinesis, name)) == 4


def test_a_lost_key_is_reported_and_back_with_its_file(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    other = f"{name}-plain"
    for one in (name, other):
        kinesis.create_stream(StreamName=one, ShardCount=1)
    start(kinesis, name)
    put(kinesis, name, secret(0))
    put(kinesis, other, b"open", "k")
    server.stop()
    saved = key_file(server).read_text()
    key_file(server).unlink()
    with pytest.raises(RuntimeError, match="not ready"):
        server.start(timeout=2)  # it runs, but says that it is not ready
    problem = health(server)["problems"][0]
    assert f"stream/{name}: its encrypted records can't be read" in problem
    assert problem in server.log.read_text()
    for call in (lambda: put(kinesis, name, secret(1)), lambda: found(kinesis, name)):
        assert error_of(call)["Code"] == "KMSNotFoundException"
    # A new default key would hide that the old one is missing.
    assert error_of(start, kinesis, other)["Code"] == "KMSNotFoundException"
    put(kinesis, other, b"more", "k")
    assert found(kinesis, other) == [(b"open", "NONE"), (b"more", "NONE")]

    # The right id with a wrong secret.
    lines = saved.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("version"))
    wrong = lines.copy()
    wrong[at] = lines[at].rsplit(" ", 1)[0] + " " + "A" * 43 + "="
    key_file(server).write_text("\n".join(wrong) + "\n")
    key_file(server).chmod(0o600)
    reload(server, lambda: "another secret" in "".join(health(server)["problems"]))
    assert error_of(found, kinesis, name)["Code"] == "KMSInvalidStateException"

    key_file(server).write_text(saved)
    reload(server, lambda: not health(server)["problems"])
    put(kinesis, name, secret(1))
    assert found(kinesis, name) == [(secret(0), "KMS"), (secret(1), "KMS")]

    key_file(server).chmod(0o644)
    reload(server, lambda: "chmod 600" in server.log.read_text())
    assert len(found(kinesis, name)) == 2  # the keys stay as they were
    server.stop()
    with pytest.raises(RuntimeError, match="chmod 600"):
        server.start()
    key_file(server).chmod(0o600)
    server.start()
    assert saved.splitlines()[at].split()[-1] not in server.log.read_text()


def test_what_aws_refuses(kinesis, stream):
    error = error_of(
        kinesis.start_stream_encryption, StreamName=stream, EncryptionType="NONE", KeyId=DEFAULT
    )
    assert error["Code"] == "InvalidArgumentException"
    error = error_of(kinesis.start_stream_encryption, StreamName=stream, EncryptionType="KMS")
    assert error["Code"] == "ValidationException" and "keyId" in error["Message"]
    assert error_of(start, kinesis, "no-such-stream")["Code"] == "ResourceNotFoundException"
    assert error_of(stop, kinesis, "no-such-stream")["Code"] == "ResourceNotFoundException"


def deliver(server, name):
    """A delivery stream of the stream `name` into the lake's bucket of that name."""
    summary = server.client("kinesis").describe_stream_summary(StreamName=name)
    server.client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": summary["StreamDescriptionSummary"]["StreamARN"],
            "RoleARN": "arn:aws:iam::000000000000:role/r",
        },
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/r",
            "BucketARN": f"arn:aws:s3:::{name}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
        },
    )


def delivered(server, name):
    """The lines that are in the bucket, in any order."""
    bucket = server.data / "lake" / name
    files = [path.read_bytes() for path in bucket.rglob("*") if path.is_file()]
    content = b"".join(gzip.decompress(f) if f[:2] == b"\x1f\x8b" else f for f in files)
    return sorted(content.splitlines(keepends=True))


def test_a_delivery_stream_waits_for_a_missing_key(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    start(kinesis, name)
    deliver(server, name)
    put(kinesis, name, b"0\n")
    wait_for(lambda: delivered(server, name) == [b"0\n"])
    put(kinesis, name, b"1\n")
    server.kill()  # before that is delivered
    key_command(server, "disable", DEFAULT)
    with pytest.raises(RuntimeError, match="not ready"):
        server.start(timeout=3)
    assert error_of(put, kinesis, name, b"2\n")["Code"] == "KMSDisabledException"
    key_command(server, "enable", DEFAULT)
    reload(server, lambda: not health(server)["problems"])
    put(kinesis, name, b"3\n")
    wait_for(lambda: delivered(server, name) == [b"0\n", b"1\n", b"3\n"])


def test_firehose_and_sql_read_encrypted_streams(own_server, name):
    server = own_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    start(kinesis, name)
    deliver(server, name)
    lines = [b'{"n":%d,"note":"%s"}\n' % (i, SECRET) for i in range(10)]
    for line in lines:
        put(kinesis, name, line)

    wait_for(lambda: delivered(server, name) == sorted(lines))
    table = (
        f"CREATE TABLE s (n INT, note STRING) WITH ('connector' = 'kinesis', "
        f"'stream' = '{name}', 'format' = 'json', 'scan.stream.initpos' = 'TRIM_HORIZON');"
    )
    rows = sql_client.rows(server, f"{table} SELECT SUM(n), MIN(note) FROM s;")
    assert list(rows) == [(45, SECRET.decode())]
    assert not files_with(server.data / "log", SECRET)
