"""Telegraf: its kinesis output writes metrics, its kinesis_consumer input reads them back."""

import time

from support import BUILD, ClientFailed, Program, main, programs, server, wait_active

METRICS = 2000
FIRST_S = 1_700_000_000  # the agent rounds to its precision, a second

OUTPUT = """
[agent]
  omit_hostname = true
  metric_buffer_limit = 10000
[[inputs.file]]
  files = ["{folder}/metrics.influx"]
  data_format = "influx"
[[outputs.kinesis]]
  region = "us-east-1"
  endpoint_url = "{endpoint}"
  streamname = "telegraf"
  data_format = "influx"
  [outputs.kinesis.partition]
    method = "tag"
    key = "series"
"""

CONSUMER = """
[agent]
  omit_hostname = true
  flush_interval = "1s"
[[inputs.kinesis_consumer]]
  region = "us-east-1"
  endpoint_url = "{endpoint}"
  streamname = "telegraf"
  shard_iterator_type = "TRIM_HORIZON"
  data_format = "influx"
  max_undelivered_messages = 5000
{checkpoint}
[[outputs.file]]
  files = ["{folder}/received.influx"]
  data_format = "influx"
"""

CHECKPOINT = """
  [inputs.kinesis_consumer.checkpoint_dynamodb]
    app_name = "telegraf"
    table_name = "telegraf-positions"
    interval = "1s"
"""


def run(label, it, text, *options, **values):
    folder = BUILD / "telegraf"
    path = folder / f"{label}.conf"
    path.write_text(text.format(endpoint=it.endpoint, folder=folder, **values))
    command = [folder / "telegraf", "--config", path, *options]
    # The table of positions has no setting for its endpoint.
    return Program("telegraf", label, command, {"AWS_ENDPOINT_URL_DYNAMODB": it.endpoint})


def write_metrics(first):
    numbers = range(first, first + METRICS)
    lines = [f"load,series=s{n % 50} value={n}i {FIRST_S + n}000000000" for n in numbers]
    (BUILD / "telegraf" / "metrics.influx").write_text("\n".join(lines) + "\n")
    return lines


def wait_for(lines, consumer):
    path = BUILD / "telegraf" / "received.influx"
    deadline = time.monotonic() + 60
    while True:
        got = path.read_text().splitlines() if path.exists() else []
        missing = set(lines) - set(got)
        if not missing:
            return got
        if not consumer.running() or time.monotonic() > deadline:
            raise ClientFailed(
                f"{len(missing)} of {len(lines)} metrics missing, e.g. {sorted(missing)[0]!r}, of "
                f"{len(got)} received; {consumer.tail()}"
            )
        time.sleep(0.2)


def round_trip(checkpoint=""):
    received = BUILD / "telegraf" / "received.influx"
    received.unlink(missing_ok=True)
    with server("telegraf", "round-trip") as it, programs() as running:
        kinesis = it.client("kinesis")
        kinesis.create_stream(StreamName="telegraf", ShardCount=3)
        wait_active(kinesis, "telegraf")
        sent = write_metrics(0)
        run("output", it, OUTPUT, "--once").wait(60)
        consumer = run("consumer", it, CONSUMER, checkpoint=checkpoint)
        running.append(consumer)
        got = wait_for(sent, consumer)
        if sorted(got) != sorted(sent):
            raise ClientFailed(f"{len(got)} metrics received, {len(sent)} sent")
        return f"{len(sent)} metrics written and read"


def positions():
    """A second consumer goes on from the position that the first one kept in the lease table."""
    received = BUILD / "telegraf" / "received.influx"
    received.unlink(missing_ok=True)
    with server("telegraf", "positions") as it, programs() as running:
        kinesis = it.client("kinesis")
        kinesis.create_stream(StreamName="telegraf", ShardCount=3)
        wait_active(kinesis, "telegraf")
        names = ("namespace", "shard_id")
        it.client("dynamodb").create_table(
            TableName="telegraf-positions",
            KeySchema=[
                {"AttributeName": name, "KeyType": kind}
                for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
        )
        sent = write_metrics(0)
        run("output", it, OUTPUT, "--once").wait(60)
        first = run("consumer-1", it, CONSUMER, checkpoint=CHECKPOINT)
        running.append(first)
        wait_for(sent, first)
        first.stop(30)  # ends in order: it keeps its positions
        sent += write_metrics(METRICS)
        run("output", it, OUTPUT, "--once").wait(60)
        second = run("consumer-2", it, CONSUMER, checkpoint=CHECKPOINT)
        running.append(second)
        got = wait_for(sent, second)
        if sorted(got) != sorted(sent):
            raise ClientFailed(f"{len(got)} metrics received, {len(sent)} sent")
        return f"{len(sent)} metrics by two consumers, none twice"


if __name__ == "__main__":
    main({"round_trip": round_trip, "positions": positions})
