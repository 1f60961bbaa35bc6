"""The disk budget: alarms before it is used up, writes refused once it is, healing by itself."""

import json
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from millstream_server import wait_for

MIB = 1 << 20
BUDGET = 512 * MIB
HOUR_MS = 3_600_000


def health(server):
    """The status and the body, whatever the status."""
    try:
        with urllib.request.urlopen(f"{server.endpoint}/health") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def metric(server, name):
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"millstream_disk_{name} "):
                return float(line.split()[1])
    return None


def advance(server, hours):
    body = json.dumps({"advance_ms": hours * HOUR_MS}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_millstream/clock", data=body).close()


def put(kinesis, stream):
    """Ten MiB; the error code of a refusal."""
    records = [{"Data": b"x" * (MIB - 16), "PartitionKey": f"{i}"} for i in range(10)]
    try:
        return kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"]
    except ClientError as refused:
        return refused.response


def fill(kinesis, stream):
    """Puts until it is refused: how many calls went in, and the answer to the last one."""
    accepted = 0
    while True:
        answer = put(kinesis, stream)
        if isinstance(answer, dict):
            return accepted, answer
        if answer == 0:
            accepted += 1
        else:  # the flusher lags
            time.sleep(0.05)


def read_all(kinesis, stream):
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    count = 0
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        iterator = answer["NextShardIterator"]
        count += len(answer["Records"])
        if not answer["Records"]:
            return count


def can_put(kinesis, stream):
    try:
        kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
        return True
    except ClientError:
        return False


def test_a_full_budget_refuses_writes_until_records_may_go(own_server):
    server = own_server("--disk-budget", "512MiB", "--test-mode", "--clock", "manual")
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=72)
    status, before = health(server)
    assert (status, before["disk"]["alarm"]) == (200, "none")
    assert before["disk"]["budget_bytes"] == BUDGET == metric(server, "budget_bytes")

    accepted, refused = fill(kinesis, "clicks")
    assert refused["Error"]["Code"] == "ServiceUnavailable"
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert "disk budget of 512.0 MiB is used up" in refused["Error"]["Message"]
    assert "Decrease retention periods" in refused["Error"]["Message"]
    wait_for(lambda: not can_put(kinesis, "clicks") and metric(server, "alarm") == 3)
    status, full = health(server)
    assert status == 503
    assert full["disk"]["alarm"] == "full"
    assert any("disk budget" in problem for problem in full["problems"])
    assert metric(server, "used_bytes") > 0.9 * BUDGET
    # What was acknowledged is there, and stays until it may go.
    kept = read_all(kinesis, "clicks")
    assert kept >= 10 * accepted  # and small ones that still fitted
    advance(server, hours=25)
    time.sleep(2.5)  # what has expired would be deleted each second
    assert not can_put(kinesis, "clicks")
    assert read_all(kinesis, "clicks") == kept

    kinesis.decrease_stream_retention_period(StreamName="clicks", RetentionPeriodHours=24)
    wait_for(lambda: can_put(kinesis, "clicks"))
    wait_for(lambda: health(server)[1]["disk"]["alarm"] == "none")
    assert health(server)[0] == 200
    log = server.log.read_text()
    assert log.count("disk budget of 512.0 MiB is used up") >= 1
    assert log.count("critical: the log takes") <= 3


def test_deleting_a_stream_makes_room(own_server):
    server = own_server("--disk-budget", "512MiB")
    kinesis = server.client("kinesis")
    for name in ("old", "new"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
    fill(kinesis, "old")
    wait_for(lambda: not can_put(kinesis, "new"))
    kinesis.delete_stream(StreamName="old")
    wait_for(lambda: can_put(kinesis, "new"))


def test_without_a_budget_the_file_system_counts(server):
    disk = health(server)[1]["disk"]
    assert disk["budget_bytes"] is None
    assert disk["free_bytes"] > 0
    assert metric(server, "free_bytes") > 0
    assert metric(server, "budget_bytes") == 0


def test_a_budget_too_small_to_work_with_is_refused(own_server):
    with pytest.raises(RuntimeError, match="below 512MiB"):
        own_server("--disk-budget", "1MiB")
