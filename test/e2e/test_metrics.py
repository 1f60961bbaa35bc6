"""GET /metrics under the names of CloudWatch's metrics, and the log of slow requests."""

import json
import urllib.request

from millstream_server import read_shard


def metrics(server):
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def of_stream(server, metric, name):
    labels = f'account="000000000000",region="us-east-1",stream="{name}"'
    return metrics(server).get(f"millstream_stream_{metric}{{{labels}}}")


def test_a_stream_counts_what_goes_in_and_out(server, kinesis, stream):
    records = [{"Data": b"12345", "PartitionKey": str(i)} for i in range(10)]
    kinesis.put_records(StreamName=stream, Records=records)
    kinesis.put_record(StreamName=stream, Data=b"12345", PartitionKey="k")
    for shard in ("shardId-000000000000", "shardId-000000000001"):
        read_shard(kinesis, stream, shard)
    assert of_stream(server, "incoming_records_total", stream) == "11"
    assert of_stream(server, "incoming_bytes_total", stream) == "66"
    assert of_stream(server, "put_record_success_total", stream) == "1"
    assert of_stream(server, "put_records_successful_records_total", stream) == "10"
    assert of_stream(server, "get_records_records_total", stream) == "11"
    assert of_stream(server, "get_records_bytes_total", stream) == "66"
    kinesis.delete_stream(StreamName=stream)
    assert of_stream(server, "incoming_records_total", stream) is None


def test_shards_count_with_enhanced_monitoring(server, kinesis, stream):
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingRecords"])
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    labels = (
        f'account="000000000000",region="us-east-1",stream="{stream}",shard="shardId-000000000000"'
    )
    counts = metrics(server)
    assert counts[f"millstream_shard_incoming_records_total{{{labels}}}"] == "1"
    assert f"millstream_shard_incoming_bytes_total{{{labels}}}" not in counts


def test_slow_requests_are_logged_with_their_id(own_server):
    server = own_server("--ephemeral", "--slow-request", "50ms", "--log-format", "json")
    faults = json.dumps({"operations": {"ListStreams": {"latency_ms": 80}}}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_millstream/faults", data=faults).close()
    kinesis = server.client("kinesis")
    request_id = kinesis.list_streams()["ResponseMetadata"]["RequestId"]
    kinesis.describe_limits()
    slow = [line for line in server.log.read_text().splitlines() if " took " in line]
    assert len(slow) == 1
    assert "ListStreams" in slow[0] and request_id in slow[0]
