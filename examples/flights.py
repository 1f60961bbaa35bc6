"""The main job on real data: flight records into a stream by an ordinary AWS client, read back
in order within milliseconds, and delivered as files into the lake; then all three compared.

Run by script/demo against a server that is already there.
"""

import argparse
import gzip
import json
import multiprocessing as mp
import sys
import time
from pathlib import Path

import boto3
import pyarrow.parquet as pq
from botocore.config import Config

STREAM = "flights"
DELIVERY = "flights-to-lake"
BUCKET = "flight-lake"
SHARDS = 4
BATCH = 500


def client(service, endpoint):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="demo",
        aws_secret_access_key="demo",
        config=Config(retries={"max_attempts": 3}, max_pool_connections=8),
    )


def load_flights(parquet, count):
    """The first `count` rows, each as one line of JSON."""
    rows = pq.ParquetFile(parquet).read().slice(0, count).to_pylist()
    lines = []
    for number, row in enumerate(rows):
        row["date"] = row["date"].isoformat()
        lines.append(json.dumps({"n": number, **row}, separators=(",", ":")) + "\n")
    return lines, [row["origin"] for row in rows]


def produce(endpoint, lines, keys, rate, sent_at, sent):
    """Puts all records in order, `rate` a second; `sent_at` gets the time of each call."""
    kinesis = client("kinesis", endpoint)
    start = time.monotonic()
    for first in range(0, len(lines), BATCH):
        due = start + first / rate
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        batch = [
            {"Data": lines[i], "PartitionKey": keys[i]}
            for i in range(first, min(first + BATCH, len(lines)))
        ]
        now = time.monotonic()
        for i in range(first, first + len(batch)):
            sent_at[i] = now
        answer = kinesis.put_records(StreamName=STREAM, Records=batch)
        if answer["FailedRecordCount"]:
            sys.exit(f"{answer['FailedRecordCount']} records were refused")
        sent.value = first + len(batch)


def consume(endpoint, shard, total, sent_at, received, queue):
    """Reads one shard from its beginning until every record has been seen by somebody."""
    kinesis = client("kinesis", endpoint)
    iterator = kinesis.get_shard_iterator(
        StreamName=STREAM, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    lines, latencies, last_sequence = [], [], 0
    while received.value < total:
        answer = kinesis.get_records(ShardIterator=iterator)
        now = time.monotonic()
        iterator = answer["NextShardIterator"]
        for record in answer["Records"]:
            sequence = int(record["SequenceNumber"])
            if sequence <= last_sequence:
                sys.exit(f"{shard}: sequence number {sequence} after {last_sequence}")
            last_sequence = sequence
            line = record["Data"].decode()
            lines.append(line)
            latencies.append(now - sent_at[json.loads(line)["n"]])
        if answer["Records"]:
            with received.get_lock():
                received.value += len(answer["Records"])
        time.sleep(0.01)
    queue.put((shard, lines, latencies))


def progress(total, sent, received, start):
    width = 30
    done = int(width * sent.value / total)
    seconds = time.monotonic() - start
    return (
        f"\r  [{'#' * done}{'.' * (width - done)}] put {sent.value:>7,} of {total:,}"
        f"  read {received.value:>7,}  {sent.value / max(seconds, 0.001):>7,.0f} records/s"
    )


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))] * 1000


def lake_objects(lake):
    return sorted(p for p in (lake / BUCKET).rglob("*") if p.is_file())


def read_lake(objects):
    lines = []
    for path in objects:
        lines += gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    return lines


def number(line):
    return json.loads(line)["n"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--lake", type=Path, required=True, help="folder of the embedded lake")
    parser.add_argument("--parquet", type=Path, required=True)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rate", type=int, default=20_000, help="records per second")
    args = parser.parse_args()

    print(f"reading {args.records:,} flights from {args.parquet.name}")
    lines, keys = load_flights(args.parquet, args.records)
    total = len(lines)

    kinesis, firehose = client("kinesis", args.endpoint), client("firehose", args.endpoint)
    kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    arn = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    role = "arn:aws:iam::000000000000:role/demo"
    firehose.create_delivery_stream(
        DeliveryStreamName=DELIVERY,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": role},
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": "flights/!{timestamp:yyyy/MM/dd}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 4, "IntervalInSeconds": 5},
            "CompressionFormat": "GZIP",
        },
    )
    print(f"stream {STREAM} ({SHARDS} shards), delivery stream {DELIVERY} to bucket {BUCKET}")

    sent_at = mp.Array("d", total, lock=False)
    sent, received, queue = mp.Value("q", 0), mp.Value("q", 0), mp.Queue()
    workers = [
        mp.Process(
            target=consume,
            args=(args.endpoint, f"shardId-{i:012}", total, sent_at, received, queue),
            daemon=True,
        )
        for i in range(SHARDS)
    ]
    workers.append(
        mp.Process(
            target=produce,
            args=(args.endpoint, lines, keys, args.rate, sent_at, sent),
            daemon=True,
        )
    )
    start = time.monotonic()
    for worker in workers:
        worker.start()
    while received.value < total:
        if any(worker.exitcode for worker in workers):
            sys.exit("a worker failed (see above)")
        if sys.stdout.isatty():
            print(progress(total, sent, received, start), end="", flush=True)
        elif int(time.monotonic() - start) % 2 == 0:
            print(progress(total, sent, received, start).strip("\r"), flush=True)
            time.sleep(1)
        time.sleep(0.1)
    seconds = time.monotonic() - start
    print(progress(total, sent, received, start))
    results = [queue.get() for _ in range(SHARDS)]
    latencies = [latency for _, _, found in results for latency in found]
    print(f"\n{total:,} records in {seconds:.1f} s; put to get, seen by the consumers:")
    for percent in (50, 90, 99, 99.9):
        print(f"  p{percent:<5} {percentile(latencies, percent):7.2f} ms")

    failures = []
    for shard, got, _ in sorted(results):
        numbers = [number(line) for line in got]
        in_order = numbers == sorted(numbers)
        print(f"  {shard}  {len(got):>7,} records, {'in order' if in_order else 'OUT OF ORDER'}")
        if not in_order:
            failures.append(f"{shard} is out of order")
    read = sorted((line for _, got, _ in results for line in got), key=number)
    if read != lines:
        failures.append("what was read is not what was sent")

    print("\nwaiting for the lake (buffering: 4 MiB or 5 s)")
    landed, objects, deadline = [], [], time.monotonic() + 60
    while len(landed) < total and time.monotonic() < deadline:
        time.sleep(0.5)
        objects = lake_objects(args.lake)
        landed = read_lake(objects)
    for path in objects:
        print(f"  {path.stat().st_size:>10,}  {path.relative_to(args.lake)}")
    print(f"  {len(objects)} objects, {len(landed):,} records")
    if sorted(landed, key=number) != lines:
        failures.append("what landed in the lake is not what was sent")

    if failures:
        sys.exit("FAILED: " + "; ".join(failures))
    print(f"\nall {total:,} records: sent = read = landed, each once, byte by byte")


if __name__ == "__main__":
    main()
