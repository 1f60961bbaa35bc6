"""Continuous SQL on the demo's flights: an application counts delays per airport and hour into a
stream, from which they go on into the lake; the figures are compared with one query of DuckDB over
the same file.

Run by script/demo behind flights.py, against the same server.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import boto3
import duckdb
from botocore.config import Config

APPLICATION = "flight-delays"
STREAM = "delays"
DELIVERY = "delays-to-lake"
BUCKET = "flight-lake"
LIVE_SECONDS = 5

WORST = """
CREATE TABLE delays (
  hour_start TIMESTAMP(3), airport STRING, flights BIGINT, mean_delay DOUBLE
) WITH ('connector' = 'kinesis', 'stream' = 'delays', 'scan.stream.initpos' = 'TRIM_HORIZON',
        'format' = 'json');
SELECT hour_start, airport, flights, ROUND(mean_delay, 1) AS minutes FROM (
  SELECT *, ROW_NUMBER() OVER (ORDER BY mean_delay DESC) AS place FROM delays WHERE flights >= 10)
WHERE place <= 10;
"""

EXPECTED = """
SELECT strftime(date_trunc('hour', date), '%Y-%m-%d %H:00:00') AS hour_start, origin, name,
       COUNT(*), COUNT(*) FILTER (WHERE delay > 15), AVG(delay), MAX(delay)
FROM (SELECT * FROM read_parquet($flights) LIMIT $count)
LEFT JOIN read_csv($airports) ON origin = iata
WHERE date_trunc('hour', date) < $end
GROUP BY ALL
"""


def client(service, endpoint):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="demo",
        aws_secret_access_key="demo",
        config=Config(retries={"max_attempts": 3}),
    )


def start_application(endpoint, sql):
    analytics = client("kinesisanalyticsv2", endpoint)
    analytics.create_application(
        ApplicationName=APPLICATION,
        RuntimeEnvironment="FLINK-1_20",
        ServiceExecutionRole="arn:aws:iam::000000000000:role/demo",
        ApplicationConfiguration={
            "ApplicationCodeConfiguration": {
                "CodeContentType": "PLAINTEXT",
                "CodeContent": {"TextContent": sql},
            }
        },
    )
    analytics.start_application(ApplicationName=APPLICATION)
    for _ in range(300):
        detail = analytics.describe_application(ApplicationName=APPLICATION)["ApplicationDetail"]
        if detail["ApplicationStatus"] != "STARTING":
            break
        time.sleep(0.1)
    if detail["ApplicationStatus"] != "RUNNING":
        sys.exit(f"the application is {detail['ApplicationStatus']}; see the server's log")
    print(f"application {APPLICATION} runs: {detail['ApplicationARN']}")


def read_stream(endpoint, idle_seconds):
    """All records of the stream, once nothing has come for a while."""
    kinesis = client("kinesis", endpoint)
    rows = []
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        last = time.monotonic()
        while time.monotonic() - last < idle_seconds:
            answer = kinesis.get_records(ShardIterator=iterator)
            iterator = answer["NextShardIterator"]
            rows += [json.loads(record["Data"]) for record in answer["Records"]]
            if answer["Records"]:
                last = time.monotonic()
            time.sleep(0.05)
    return rows


def lake_rows(lake):
    """The records of all objects; between them stands nothing, as Firehose delivers them."""
    decoder, rows = json.JSONDecoder(), []
    for path in sorted(p for p in (lake / BUCKET / "delays").rglob("*") if p.is_file()):
        text, at = gzip.decompress(path.read_bytes()).decode(), 0
        while at < len(text):
            row, at = decoder.raw_decode(text, at)
            rows.append(row)
    return rows


def key(row):
    return row["hour_start"], row["origin"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--lake", type=Path, required=True, help="folder of the embedded lake")
    parser.add_argument("--parquet", type=Path, required=True)
    parser.add_argument("--airports", type=Path, required=True)
    parser.add_argument("--millstream", required=True, help="the command")
    parser.add_argument("--records", type=int, default=200_000)
    args, _ = parser.parse_known_args()

    reference = args.lake / BUCKET / "reference" / "airports.csv"
    reference.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.airports, reference)
    kinesis, firehose = client("kinesis", args.endpoint), client("firehose", args.endpoint)
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    role = "arn:aws:iam::000000000000:role/demo"
    firehose.create_delivery_stream(
        DeliveryStreamName=DELIVERY,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": summary["StreamARN"],
            "RoleARN": role,
        },
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": "delays/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 2},
            "CompressionFormat": "GZIP",
        },
    )
    start_application(args.endpoint, Path(__file__).with_name("delays.sql").read_text())

    print(f"\nthe ten worst hours, live for {LIVE_SECONDS} s (millstream sql):", flush=True)
    live = [args.millstream, "sql", "--endpoint", args.endpoint, "--output", "table", "-e", WORST]
    subprocess.run(["timeout", "-s", "INT", str(LIVE_SECONDS), *live], check=False)

    rows = read_stream(args.endpoint, idle_seconds=1)
    if not rows:
        sys.exit("FAILED: the application wrote nothing")
    # The last hours are open still: a window closes when all shards' time has passed its end.
    newest = max(row["hour_start"] for row in rows)
    flights = duckdb.connect()
    end = flights.execute("SELECT $1::TIMESTAMP + INTERVAL 1 HOUR", [newest]).fetchone()[0]
    expected = flights.execute(
        EXPECTED,
        {
            "flights": str(args.parquet),
            "count": args.records,
            "airports": str(args.airports),
            "end": end,
        },
    ).fetchall()
    names = ["hour_start", "origin", "airport", "flights", "late", "mean_delay", "worst_delay"]
    wanted = {}
    for values in expected:
        row = dict(zip(names, values, strict=True))
        wanted[key(row)] = row
    failures = []
    found = {}
    for row in rows:
        row["hour_start"] = row["hour_start"][:19]
        if key(row) in found:
            failures.append(f"{key(row)} came twice")
        found[key(row)] = row
    for name in wanted.keys() ^ found.keys():
        failures.append(f"{name} is only in {'DuckDB' if name in wanted else 'the stream'}")
    for name in wanted.keys() & found.keys():
        for column in names[2:]:
            a, b = wanted[name][column], found[name][column]
            same = abs(a - b) < 1e-6 if column == "mean_delay" else a == b
            if not same:
                failures.append(f"{name}: {column} is {b}, in DuckDB {a}")

    deadline = time.monotonic() + 30
    while len(lake_rows(args.lake)) < len(rows) and time.monotonic() < deadline:
        time.sleep(0.2)
    landed = lake_rows(args.lake)
    for row in landed:
        row["hour_start"] = row["hour_start"][:19]
    if sorted(landed, key=key) != sorted(rows, key=key):
        failures.append(f"{len(landed)} rows landed in the lake, {len(rows)} are in the stream")

    if failures:
        sys.exit(f"FAILED: {len(failures)} differences, the first: " + "; ".join(failures[:3]))
    total = sum(row["flights"] for row in rows)
    print(f"\n{len(rows):,} rows of {total:,} flights: stream = lake = DuckDB, to the last figure")


if __name__ == "__main__":
    main()
