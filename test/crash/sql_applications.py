"""The SQL applications of the crash comparison: their code, and what must come out."""

import json
import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict

ACCOUNT = "000000000000"
INPUTS = ("orders", "payments")
OUTPUT_SHARDS = 2

TABLE = """
CREATE TABLE {name} (
  id BIGINT, k STRING, v INT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream.arn' = '{arn}', 'format' = 'json',
        'source.init.position' = 'TRIM_HORIZON');
"""
SINK = """
CREATE TABLE {name} ({columns}) WITH ('connector' = 'kinesis', 'stream.arn' = '{arn}',
        'format' = 'json');
"""
TUMBLE_MS = 10_000
JOIN_BEFORE_MS, JOIN_AFTER_MS = 2_000, 1_000

# Flink SQL: application: {output: (columns, query)}. All queries of an application share its one
# append a batch.
FLINK = {
    "windows": {
        "filtered": (
            "id BIGINT, k STRING, w INT",
            "SELECT id, k, v * 2 AS w FROM orders WHERE v >= 0",
        ),
        "tumbled": (
            "k STRING, w BIGINT, n BIGINT, s INT, hi INT, d BIGINT",
            "SELECT k, MIN(ms) / 10000, COUNT(*), SUM(v), MAX(v), COUNT(DISTINCT v) FROM "
            "TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
            "GROUP BY window_start, window_end, k",
        ),
        "sliding": (
            "id BIGINT, k STRING, n BIGINT, s INT",
            "SELECT id, k, COUNT(*) OVER w, SUM(v) OVER w FROM orders WINDOW w AS (PARTITION BY k "
            "ORDER BY ts RANGE BETWEEN INTERVAL '20' SECOND PRECEDING AND CURRENT ROW)",
        ),
    },
    "joined": {
        "paid": (
            "id BIGINT, other BIGINT, k STRING, v INT",
            "SELECT o.id, p.id, o.k, p.v FROM orders o, payments p WHERE o.k = p.k AND "
            "o.ts BETWEEN p.ts - INTERVAL '2' SECOND AND p.ts + INTERVAL '1' SECOND",
        ),
    },
    "grouped": {
        "first": (
            "k STRING, v INT",
            "SELECT k, v FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k, v ORDER BY "
            "p) AS r FROM orders) WHERE r = 1",
        ),
        "running": (
            "id BIGINT, k STRING, n BIGINT, s INT",
            "SELECT id, k, COUNT(*) OVER w, SUM(v) OVER w FROM payments WINDOW w AS "
            "(PARTITION BY k ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        ),
    },
}
KINESIS_CODE = """
CREATE OR REPLACE STREAM "copied" ("id" BIGINT, "k" VARCHAR(16), "w" INTEGER);
CREATE OR REPLACE PUMP "copy" AS INSERT INTO "copied"
  SELECT STREAM "id", "k", "v" + 1 FROM "IN_001" WHERE "v" >= 0;
CREATE OR REPLACE STREAM "counted" ("k" VARCHAR(16), "n" BIGINT, "s" BIGINT);
CREATE OR REPLACE PUMP "count" AS INSERT INTO "counted"
  SELECT STREAM "k", COUNT(*), SUM("v") FROM "IN_001"
  GROUP BY "k", STEP("IN_001".ROWTIME BY INTERVAL '1' SECOND);
"""
KINESIS = {"rowtime": ("copied", "counted")}

OUTPUTS = {name: tuple(queries) for name, queries in FLINK.items()} | KINESIS
# By input shard or key these come in one order; of the others only the rows are compared, and of
# "counted", whose windows are of the time of reading, the sums.
ORDERED = {"filtered", "tumbled", "sliding", "running", "copied"}
SUMS = {"counted"}


def stream_arn(name):
    return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"


def flink_code(queries, run):
    tables = [TABLE.format(name=name, arn=stream_arn(name)) for name in INPUTS]
    inserts = []
    for output, (columns, query) in queries.items():
        arn = stream_arn(f"{run}-{output}")
        tables.append(SINK.format(name=f"out_{output}", columns=columns, arn=arn))
        inserts.append(f"INSERT INTO out_{output} {query};\n")
    return "".join(tables) + "EXECUTE STATEMENT SET BEGIN\n" + "".join(inserts) + "END;\n"


def flink_configuration(queries, run):
    return {
        "ApplicationCodeConfiguration": {
            "CodeContentType": "PLAINTEXT",
            "CodeContent": {"TextContent": flink_code(queries, run)},
        },
        "FlinkApplicationConfiguration": {
            "ParallelismConfiguration": {
                "ConfigurationType": "CUSTOM",
                "Parallelism": 2,
                "ParallelismPerKPU": 1,
                "AutoScalingEnabled": False,
            }
        },
    }


def kinesis_configuration(run):
    columns = [("id", "BIGINT"), ("k", "VARCHAR(16)"), ("v", "INTEGER")]
    return {
        "ApplicationCodeConfiguration": {
            "CodeContentType": "PLAINTEXT",
            "CodeContent": {"TextContent": KINESIS_CODE},
        },
        "SqlApplicationConfiguration": {
            "Inputs": [
                {
                    "NamePrefix": "IN",
                    "KinesisStreamsInput": {"ResourceARN": stream_arn("orders")},
                    "InputSchema": {
                        "RecordFormat": {
                            "RecordFormatType": "JSON",
                            "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}},
                        },
                        "RecordColumns": [
                            {"Name": name, "Mapping": f"$.{name}", "SqlType": kind}
                            for name, kind in columns
                        ],
                    },
                }
            ],
            "Outputs": [
                {
                    "Name": output,
                    "KinesisStreamsOutput": {"ResourceARN": stream_arn(f"{run}-{output}")},
                    "DestinationSchema": {"RecordFormatType": "JSON"},
                }
                for output in KINESIS["rowtime"]
            ],
        },
    }


def wait_for_status(analytics, name, wanted, timeout=60):
    deadline = time.monotonic() + timeout
    while True:
        detail = analytics.describe_application(ApplicationName=name)["ApplicationDetail"]
        if detail["ApplicationStatus"] == wanted:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} is {detail['ApplicationStatus']}, not {wanted}")
        time.sleep(0.02)


def start_applications(server, run):
    """Makes and starts all applications; their outputs are streams named "<run>-<output>"."""
    kinesis, analytics = server.client("kinesis"), server.client("kinesisanalyticsv2")
    for application, outputs in OUTPUTS.items():
        for output in outputs:
            kinesis.create_stream(StreamName=f"{run}-{output}", ShardCount=OUTPUT_SHARDS)
        is_flink = application in FLINK
        name = f"{run}-{application}"
        analytics.create_application(
            ApplicationName=name,
            RuntimeEnvironment="FLINK-1_20" if is_flink else "SQL-1_0",
            ServiceExecutionRole=f"arn:aws:iam::{ACCOUNT}:role/crash",
            ApplicationConfiguration=flink_configuration(FLINK[application], run)
            if is_flink
            else kinesis_configuration(run),
        )
        wait_for_status(analytics, name, "READY")
        start = {}
        if not is_flink:
            position = {"InputStartingPosition": "TRIM_HORIZON"}
            start["RunConfiguration"] = {
                "SqlRunConfigurations": [
                    {"InputId": "1.1", "InputStartingPositionConfiguration": position}
                ]
            }
        analytics.start_application(ApplicationName=name, **start)
        wait_for_status(analytics, name, "RUNNING")


def stop_applications(server, run):
    """After this nothing more is written: what each batch has done is in the streams."""
    analytics = server.client("kinesisanalyticsv2")
    for application in OUTPUTS:
        analytics.stop_application(ApplicationName=f"{run}-{application}")
    for application in OUTPUTS:
        wait_for_status(analytics, f"{run}-{application}", "READY")


def application_logs(server, run):
    """What the applications say of themselves, for the report of a failure."""
    analytics = server.client("kinesisanalyticsv2")
    lines = []
    for application in OUTPUTS:
        name = f"{run}-{application}"
        detail = analytics.describe_application(ApplicationName=name)["ApplicationDetail"]
        lines.append(f"{name}: {detail['ApplicationStatus']}")
    return "\n".join(lines)


def expected_counts(orders, payments):
    """Rows of each output by plain arithmetic; of "counted", the sum of its counts."""
    open_ended = [row for row in orders if not row["k"].startswith("end")]
    times = defaultdict(list)
    for row in payments:
        times[row["k"]].append(row["ms"])
    for of_key in times.values():
        of_key.sort()
    pairs = 0
    for row in orders:
        of_key = times[row["k"]]
        low, high = row["ms"] - JOIN_AFTER_MS, row["ms"] + JOIN_BEFORE_MS
        pairs += bisect_right(of_key, high) - bisect_left(of_key, low)
    positive = sum(row["v"] >= 0 for row in orders)
    return {
        "filtered": positive,
        "tumbled": len({(row["k"], row["ms"] // TUMBLE_MS) for row in open_ended}),
        "sliding": len(open_ended),
        "paid": pairs,
        "first": len({(row["k"], row["v"]) for row in orders}),
        "running": sum(not row["k"].startswith("end") for row in payments),
        "copied": positive,
        "counted": len(orders),
    }


def count_of(output, rows):
    return sum(row["n"] for _, row in rows) if output in SUMS else len(rows)


def differences(output, calm, crashed):
    """How the rows [(shard, row)] of a disturbed run differ from those of an undisturbed one."""
    if output in SUMS:
        left, right = Counter(), Counter()
        for rows, sums in ((calm, left), (crashed, right)):
            for _, row in rows:
                sums[row["k"], "n"] += row["n"]
                sums[row["k"], "s"] += row["s"]
        keys = sorted(set(left) | set(right))
        return [
            f"{output}: {key} is {right[key]}, undisturbed {left[key]}"
            for key in keys
            if left[key] != right[key]
        ]
    left, right = (
        Counter(json.dumps(row, sort_keys=True) for _, row in rows) for rows in (calm, crashed)
    )
    problems = [f"{output}: missing {n} of {row}" for row, n in (left - right).items()]
    problems += [f"{output}: {n} too many of {row}" for row, n in (right - left).items()]
    if problems or output not in ORDERED:
        return problems
    orders = [defaultdict(list), defaultdict(list)]
    for rows, order in zip((calm, crashed), orders, strict=True):
        for shard, row in rows:
            order[row["k"]].append((shard, row))
    for key, of_calm in orders[0].items():
        of_crashed = orders[1][key]
        if len({shard for shard, _ in of_crashed}) > 1:
            problems.append(f"{output}: the rows of {key} are in several shards")
        for number, ((_, row), (_, other)) in enumerate(zip(of_calm, of_crashed, strict=True)):
            if row != other:
                problems.append(f"{output}: {key}: row {number} is {other}, undisturbed {row}")
                break
    return problems
