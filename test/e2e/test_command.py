"""The millstream command as a user sees it."""

import json
import subprocess
import urllib.request

import pytest
from millstream_server import BINARY, read_shard


def millstream(*arguments, stdin=None):
    return subprocess.run(
        [BINARY, *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )


def test_help_names_every_command():
    text = millstream("--help").stdout
    for command in ("serve", "put", "tail", "bench", "cert", "version"):
        assert command in text
    serve = millstream("serve", "--help").stdout
    assert "Usage: millstream serve" in serve and "4567" in serve
    assert millstream("version").stdout.startswith("millstream 0.1.0")


def test_put_and_tail_are_ordinary_clients(server, kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=3)
    lines = "".join(json.dumps({"i": i, "user": f"u{i % 7}"}) + "\n" for i in range(2500))
    put = millstream(
        "put", name, "--endpoint", server.endpoint, "--partition-key", "user", stdin=lines
    )
    assert put.returncode == 0, put.stderr
    tail = millstream(
        "tail",
        name,
        "--endpoint",
        server.endpoint,
        "--from",
        "trim_horizon",
        "--max",
        "2500",
        "--ndjson",
    )
    assert tail.returncode == 0, tail.stderr
    assert len(tail.stdout.splitlines()) == 2500
    stored = [r for i in range(3) for r in read_shard(kinesis, name, f"shardId-{i:012}")]
    assert sorted(json.loads(r["Data"])["i"] for r in stored) == list(range(2500))
    for record in stored:
        assert record["PartitionKey"] == json.loads(record["Data"])["user"]


def test_put_into_nothing_fails_clearly(server):
    put = millstream("put", "nothing", "--endpoint", server.endpoint, stdin="x\n")
    assert put.returncode != 0
    assert "nothing" in put.stderr and "not found" in put.stderr


def test_streams_declared_at_start_exist_before_ready(own_server):
    server = own_server(
        "--stream", "clicks:4", environment={"MILLSTREAM_STREAMS": "a:2,b::eu-west-1"}
    )
    kinesis = server.client("kinesis")
    assert set(kinesis.list_streams()["StreamNames"]) >= {"clicks"}
    summary = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 4


def test_streams_from_the_environment(own_server):
    server = own_server(environment={"MILLSTREAM_STREAMS": "a:2,b::eu-west-1"})
    assert server.client("kinesis").list_streams()["StreamNames"] == ["a"]
    assert server.client("kinesis", region="eu-west-1").list_streams()["StreamNames"] == ["b"]


def test_ephemeral_servers_keep_nothing_and_can_be_reset(own_server):
    server = own_server("--ephemeral", "--stream", "declared:1")
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="made", ShardCount=1)
    kinesis.put_record(StreamName="declared", Data=b"x", PartitionKey="k")
    request = urllib.request.Request(f"{server.endpoint}/_millstream/reset", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert kinesis.list_streams()["StreamNames"] == ["declared"]
    assert read_shard(kinesis, "declared", "shardId-000000000000") == []
    assert not (server.data / "log").exists()


def test_reset_is_refused_without_a_test_mode(server):
    request = urllib.request.Request(f"{server.endpoint}/_millstream/reset", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code in (403, 404)


def test_unknown_settings_are_refused_with_a_suggestion(tmp_path):
    config = tmp_path / "m.yaml"
    config.write_text("durabilty: sync\n")
    result = millstream("serve", "--config", str(config), "--data", str(tmp_path / "d"))
    assert result.returncode != 0
    assert "durabilty" in result.stderr and "durability" in result.stderr


def test_two_servers_do_not_share_a_data_folder(server):
    result = millstream("serve", "--data", str(server.data), "--listen", "127.0.0.1:0")
    assert result.returncode != 0
    assert str(server.process.pid) in result.stderr


def test_health_and_metrics_need_no_signature(server):
    with urllib.request.urlopen(f"{server.endpoint}/health") as answer:
        assert json.load(answer)["ready"] is True
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
        assert "millstream_" in answer.read().decode()


def bench(server, tmp_path, scenario, *flags):
    results = tmp_path / "results.ndjson"
    run = millstream(
        *("bench", "--endpoint", server.endpoint, "--scenario", scenario, "--shards", "2"),
        *("--duration", "1s", "--warm-up", "0s", "--server-pid", str(server.process.pid)),
        *("--json", str(results), *flags),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(results.read_text())


@pytest.mark.parametrize("flags", [(), ("--protocol", "cbor"), ("--connections", "3")])
def test_bench_puts(server, tmp_path, flags):
    result = bench(server, tmp_path, "put_records_100x1k", *flags)
    assert result["records"] > 0 and result["errors"] == 0
    assert result["cpu_ns_per_record"] > 0 and result["generator_cpu_percent"] > 0


def test_bench_over_tls_verifies_the_server(server, tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_text(millstream("cert", "--data", str(server.data)).stdout)
    for flags in (("--ca-file", str(ca)), ("--insecure",)):
        (tmp_path / "results.ndjson").unlink(missing_ok=True)
        assert bench(server, tmp_path, "put_record_100", "--tls", *flags)["records"] > 0
    refused = millstream(
        "bench", "--endpoint", server.endpoint, "--tls", "--scenario", "put_record_100"
    )
    assert refused.returncode == 1 and "certificate" in refused.stderr


def test_bench_pushes_every_record_to_every_consumer(server, tmp_path):
    for scenario, rate in (("push_100k", 100_000), ("push_20_consumers", 20_000)):
        (tmp_path / "results.ndjson").unlink(missing_ok=True)
        result = bench(server, tmp_path, scenario)
        assert result["records"] == rate and result["errors"] == 0
