"""Measures Data Streams: puts in every form, many shards, drains, push, the JavaScript SDK, memory.

Prints a Markdown table, one line as soon as each figure is there; loads are medians of three.
Server and load share this machine's cores; records are synced before each answer and signatures
verified.
  build/venv/bin/python bench/streams.py [--only PART]… [--seconds N] [--recovery-gb N]
  build/venv/bin/python bench/streams.py --table     measures nothing: today's rows, in order
"""

import argparse
import base64
import json
import os
import re
import signal
import statistics
import subprocess
import time

from run import KEY, OUT, ROOT, SECRET
from stand import Rows, Stand, compare, medians

JS = ROOT / "bench/js"
rows = Rows()


def median_load(stand, args, scenario, *flags):
    return medians([stand.load(scenario, args.seconds, *flags) for _ in range(3)])


def shares(result):
    """Who used the cores: a generator that is as busy as the server may be what limits it."""
    return (
        f"server {result['cpu_percent']:.0f}%, generator {result['generator_cpu_percent']:.0f}% "
        "of a core"
    )


def against(result, base, name):
    """The rate and the server's CPU time for a record, as shares of those of `base`."""
    rate = result["records_per_s"] / base["records_per_s"]
    cost = result["cpu_ns_per_record"] / base["cpu_ns_per_record"]
    return f"{rate:.0%} of {name} ({cost:.0%} of its CPU time a record); {shares(result)}"


def put_shards(args):
    """Cost of many shards against the figure of few in the same run."""
    with Stand("shards") as stand:
        plain = median_load(stand, args, "put_records_500x100")["records_per_s"]
        rows.add("PutRecords 500 x 100 B, 8 shards", f"{plain:,.0f} records/s")
    with Stand("shards") as stand:
        many = median_load(stand, args, "put_records_500x100", "--shards", 10_000)["records_per_s"]
        rows.add(
            "PutRecords into 10,000 shards", f"{many:,.0f} records/s, {many / plain:.0%} of plain"
        )
        rows.add("memory after it, 10,000 shards a stream", f"{stand.resident_mb():,.0f} MB")


def put_large(args):
    with Stand("large") as stand:
        rate = median_load(stand, args, "put_records_100x1k")["mb_per_s"]
        rows.add("PutRecords 100 x 1 KiB", f"{rate:,.0f} MB/s")
    with Stand("single") as stand:
        rate = median_load(stand, args, "put_record_100")["records_per_s"]
        rows.add("PutRecord 100 B, 64 connections", f"{rate:,.0f} records/s")


PUTS = {
    "put_records_500x100": "PutRecords 500 x 100 B",
    "put_records_100x1k": "PutRecords 100 x 1 KiB",
    "put_record_100": "PutRecord 100 B",
}


def tls(args):
    """Against the same load in plain text, on the same server, in turns."""
    for scenario in ("put_records_100x1k", "put_records_500x100"):
        with Stand("tls") as stand:
            plain, over = compare(stand, scenario, args.seconds, [], stand.tls_flags())
            rows.add(
                f"{PUTS[scenario]} over TLS",
                f"{over['mb_per_s']:,.0f} MB/s, {against(over, plain, 'plain')}",
            )


def cbor(args):
    """Against the same load in JSON, on the same server, in turns."""
    for scenario, name in PUTS.items():
        with Stand("cbor") as stand:
            plain, binary = compare(stand, scenario, args.seconds, [], ["--protocol", "cbor"])
            rows.add(
                f"{name} in CBOR",
                f"{binary['records_per_s']:,.0f} records/s, {against(binary, plain, 'JSON')}",
            )


def growth(args):
    """CPU time of the server for a record, and the rate, with few and with many."""
    cases = [
        ("put_records_500x100", "--shards", "shards"),
        ("put_records_500x100", "--connections", "connections"),
        ("put_record_100", "--connections", "connections"),
    ]
    for scenario, flag, what in cases:
        with Stand("growth") as stand:
            few = median_load(stand, args, scenario, flag, 1)
        with Stand("growth") as stand:
            many = median_load(stand, args, scenario, flag, 1000)
        ratio = many["cpu_ns_per_record"] / few["cpu_ns_per_record"]
        rows.add(
            f"{PUTS[scenario]}, from 1 to 1,000 {what}",
            f"{few['cpu_ns_per_record']:,.0f} to {many['cpu_ns_per_record']:,.0f} ns of CPU a "
            f"record ({ratio:.2f}x), {few['records_per_s']:,.0f} to {many['records_per_s']:,.0f} "
            "records/s",
        )


ITERATOR = re.compile(rb'"NextShardIterator":"([^"]+)"')


def drain(stand, stream):
    """Reads a shard from its start to its tip; MB/s of the records' data."""
    client = stand.client()
    iterator = client.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    caller = stand.caller()
    records = 0
    start = time.monotonic()
    while True:
        answer = caller.call("GetRecords", json.dumps({"ShardIterator": iterator}))
        body = answer.read()
        records += body.count(b'"SequenceNumber"')
        iterator = ITERATOR.search(body, len(body) - 1000).group(1).decode()
        if b'"MillisBehindLatest":0' in body[-400:]:
            break
    return records * 1024 / 1e6 / (time.monotonic() - start)


def fill(stand, stream, mib):
    client = stand.client()
    client.create_stream(StreamName=stream, ShardCount=1)
    caller = stand.caller()
    data = base64.b64encode(b"r" * 1024).decode()
    records = [{"Data": data, "PartitionKey": "key"}] * 500
    body = json.dumps({"StreamName": stream, "Records": records})
    for _ in range(mib * 1024 // 500):
        caller.call("PutRecords", body).read()


def drains(args):
    with Stand("drain") as stand:
        fill(stand, "tail", 64)
        rates = [drain(stand, "tail") for _ in range(3)]
        rows.add("GetRecords drain from the tail, 1 KiB", f"{statistics.median(rates):,.0f} MB/s")
        fill(stand, "disk", 600)
        stand.server.__exit__()
        stand.start()
        subprocess.run(["sh", "-c", "echo 3 > /proc/sys/vm/drop_caches"], check=False)
        rate = drain(stand, "disk")
        rows.add("GetRecords drain from disk, 1 KiB, cold", f"{rate:,.0f} MB/s")


def push(args):
    with Stand("push") as stand:
        one = median_load(stand, args, "push_100k", "--shards", 1)
        rows.add(
            "put to push at 100,000 records/s, 1 shard",
            f"p50 {one['p50_ms']:.1f} ms, p99 {one['p99_ms']:.1f} ms, "
            f"p99.9 {one['p999_ms']:.1f} ms",
        )
        all20 = median_load(stand, args, "push_20_consumers")
        rows.add(
            "20 push consumers on one stream of 8 shards at 20 MB/s in",
            f"all keep up; the slowest: p50 {all20['p50_ms']:.1f} ms, p99 {all20['p99_ms']:.1f} "
            f"ms; {shares(all20)}",
        )


def sdk(args):
    """The JavaScript SDK opens an HTTP/2 session for every call."""
    if not (JS / "node_modules/@aws-sdk/client-kinesis").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=JS, check=True)
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "NODE_NO_WARNINGS": "1"}
    with Stand("sdk") as stand:
        stand.client().create_stream(StreamName="sdk", ShardCount=8)
        command = ["node", "put_record.mjs", f"http://127.0.0.1:{stand.port}", "sdk"]
        command += [str(args.seconds), "16", str(stand.pid)]
        results = []
        for _ in range(3):
            done = subprocess.run(
                command, cwd=JS, env={**os.environ, **keys}, stdout=subprocess.PIPE, check=True
            )
            results.append(json.loads(done.stdout))
    result = medians(results)
    rows.add(
        "PutRecord by the JavaScript SDK v3, 16 at once",
        f"server {result['server_cpu_percent']:.0f}% of a core at {result['calls_per_s']:,.0f} "
        f"calls/s (the SDK: {result['cpu_percent']:.0f}%)",
    )


def recovery(args):
    with Stand("recovery") as stand:
        client = stand.client()
        client.create_stream(StreamName="many", ShardCount=1000)
        written = 0.0
        while written < args.recovery_gb * 1000:
            written += stand.load("put_records_100x1k", 10)["mb_per_s"] * 12  # and its warm-up
        stand.server.process.send_signal(signal.SIGKILL)
        stand.server.process.wait()
        seconds = stand.start()
        rows.add(
            f"recovery after SIGKILL, {written / 1000:.0f} GB of log, 1,000 shards more",
            f"{seconds:.2f} s to the first answer",
        )


def memory(args):
    with Stand("memory") as stand:
        time.sleep(1)
        rows.add("memory, idle", f"{stand.resident_mb():.0f} MB")
        client = stand.client()
        client.create_stream(StreamName="many", ShardCount=10_000)
        rows.add("memory, 10,000 shards", f"{stand.resident_mb():.0f} MB")
    with Stand("overload") as stand:
        flags = ["--connections", 2000]
        load = stand.load("put_records_100x1k", args.seconds, *flags, may_refuse=True)
        rows.add(
            "memory, overload: 2,000 connections put 100 x 1 KiB, peak",
            f"{stand.peak_mb():,.0f} MB, {load['mb_per_s']:,.0f} MB/s, "
            f"{load['errors']:,} of {load['requests']:,} calls refused",
        )


PARTS = {
    "memory": memory,
    "put_shards": put_shards,
    "put_large": put_large,
    "tls": tls,
    "cbor": cbor,
    "growth": growth,
    "drains": drains,
    "push": push,
    "sdk": sdk,
    "recovery": recovery,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="only these parts")
    parser.add_argument("--table", action="store_true", help="print the rows measured today")
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--recovery-gb", type=float, default=20, help="of log")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    print("| scenario | figure |\n| --- | --- |", flush=True)
    if args.table:
        for scenario, figure in rows.of_today(PARTS):
            print(f"| {scenario} | {figure} |")
        return
    for name in args.only or PARTS:
        rows.begin(name)
        PARTS[name](args)


if __name__ == "__main__":
    main()
