"""Kills workers and server under SQL applications; what they write must not show it.

Applications of both dialects read streams of several shards while a producer fills them. Their
worker processes and the server are killed at random moments. When all input has been processed,
the same applications run once more over the same input, undisturbed, and the outputs are
compared as docs/architecture.md promises: append-only queries by event time give the same rows,
once, in the same order of each key; ROWTIME counts each input row once.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import sql_applications as apps  # noqa: E402
from millstream_server import Server, read_shard  # noqa: E402

INPUT_SHARDS = 3
KEYS = 20
BASE_MS = 1_764_028_800_000
STEP_MS = 20  # between two orders, by event time
LATENESS_MS = 2_000  # below the watermark's five seconds, together with a batch sent again
BATCH = 60
ORDERS_PER_PAYMENT = 4
END_MS = 3_600_000
KILLS_BETWEEN_CHECKS = 10
PROGRESS_SECONDS = 60


class Producer(threading.Thread):
    """Puts the seeded input, in order, until told to end; whatever was not acknowledged again."""

    def __init__(self, server, seed, rate):
        super().__init__(daemon=True)
        self.kinesis = server.client("kinesis", read_timeout=10)
        self.random = random.Random(seed)
        self.pause = BATCH / rate
        self.ended = threading.Event()
        self.now = BASE_MS
        self.orders = self.payments = 0
        self.repeated = 0
        self.error = None

    def run(self):
        try:
            while not self.ended.is_set():
                orders = [self.order() for _ in range(BATCH)]
                self.put("orders", orders)
                self.put("payments", [self.payment() for _ in range(BATCH // ORDERS_PER_PAYMENT)])
                time.sleep(self.pause)
            for stream in apps.INPUTS:
                self.put(stream, self.end_records(stream))
        except Exception as error:
            self.error = error

    def row(self, number):
        late = self.random.randrange(LATENESS_MS) if self.random.random() < 0.3 else 0
        return {
            "id": number,
            "k": f"key-{self.random.randrange(KEYS)}",
            "v": self.random.randrange(-1000, 1000),
            "ms": self.now - late,
        }

    def order(self):
        self.now += self.random.randrange(2 * STEP_MS + 1)
        self.orders += 1
        return self.row(self.orders)

    def payment(self):
        self.payments += 1
        return self.row(self.payments)

    def end_records(self, stream):
        """One for each shard, late enough to close all windows."""
        return [
            {"id": -1, "k": f"end-{stream}-{i}", "v": -1, "ms": self.now + END_MS}
            for i in range(INPUT_SHARDS)
        ]

    def put(self, stream, rows):
        records = []
        for row in rows:
            record = {"Data": json.dumps(row) + "\n", "PartitionKey": row["k"]}
            if row["k"].startswith("end"):
                shard = int(row["k"][-1])
                record["ExplicitHashKey"] = str((1 << 128) // INPUT_SHARDS * shard + 1)
            records.append(record)
        deadline = time.monotonic() + 60
        while records:
            try:
                answer = self.kinesis.put_records(StreamName=stream, Records=records)["Records"]
                records = [
                    record
                    for record, result in zip(records, answer, strict=True)
                    if "ErrorCode" in result
                ]
            except Exception:  # the server was killed: any transport error
                self.repeated += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


class Follower:
    """Reads the outputs of a run as they grow, across kills of the server."""

    def __init__(self, server, run):
        self.server, self.prefix = server, run
        self.kinesis = server.client("kinesis", read_timeout=20)
        self.records = {}  # (output, shard): [(sequence number, data)]

    def poll(self):
        """Reads all that is new; how many rows each output has."""
        counts = {}
        for outputs in apps.OUTPUTS.values():
            for output in outputs:
                counts[output] = 0
                for i in range(apps.OUTPUT_SHARDS):
                    shard = f"shardId-{i:012}"
                    known = self.records.setdefault((output, shard), [])
                    position = (
                        ("AFTER_SEQUENCE_NUMBER", {"StartingSequenceNumber": known[-1][0]})
                        if known
                        else ("TRIM_HORIZON", {})
                    )
                    found = read_shard(
                        self.kinesis, f"{self.prefix}-{output}", shard, position[0], **position[1]
                    )
                    known += [(each["SequenceNumber"], each["Data"]) for each in found]
                    counts[output] += len(known)
        return counts

    def rows(self, output):
        """[(shard, row)] in the order of each shard."""
        return [
            (shard, json.loads(data))
            for (name, shard), records in self.records.items()
            if name == output
            for _, data in records
        ]

    def wait_for(self, expected, timeout=180):
        """Until all outputs have as much as they must have."""
        deadline = time.monotonic() + timeout
        while True:
            self.poll()
            counts = {name: apps.count_of(name, self.rows(name)) for name in expected}
            if all(counts[name] >= expected[name] for name in expected):
                return
            if time.monotonic() > deadline:
                problems = [
                    f"{self.prefix}-{name} has {counts[name]} of {expected[name]}"
                    for name in expected
                    if counts[name] != expected[name]
                ]
                raise RuntimeError("; ".join(problems))
            time.sleep(0.2)


def workers_of(server):
    pids = []
    for path in Path(f"/proc/{server.process.pid}/task").glob("*/children"):
        try:
            pids += [int(pid) for pid in path.read_text().split()]
        except OSError:
            continue  # the thread has ended
    return pids


class Killer:
    def __init__(self, server, dice):
        self.server, self.dice = server, dice
        self.kills = {"worker": 0, "server": 0}
        self.restart_seconds = 0.0

    def kill(self):
        if self.dice.random() < 0.35:
            self.kills["server"] += 1
            begin = time.monotonic()
            self.server.kill()
            self.server.start()
            self.restart_seconds += time.monotonic() - begin
            return
        deadline = time.monotonic() + PROGRESS_SECONDS
        while not (workers := workers_of(self.server)):  # all wait to be started again
            if time.monotonic() > deadline:
                raise RuntimeError("no application runs any more")
            time.sleep(0.005)
        # Mostly one, sometimes all at once.
        chosen = workers if self.dice.random() < 0.15 else [self.dice.choice(workers)]
        for pid in chosen:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.kills["worker"] += 1


def wait_for_progress(follower, before, producer):
    """All applications must get on between kills, or the comparison would compare nothing."""
    deadline = time.monotonic() + PROGRESS_SECONDS
    while True:
        counts = follower.poll()
        stuck = [name for name in counts if counts[name] <= before.get(name, 0)]
        if producer.error:
            raise RuntimeError(f"the producer has failed: {producer.error}")
        if not stuck:
            return counts
        if time.monotonic() > deadline:
            raise RuntimeError(f"no progress in {PROGRESS_SECONDS} s: {', '.join(stuck)}")
        time.sleep(0.05)


def read_input(server):
    kinesis = server.client("kinesis")
    return [
        [
            json.loads(record["Data"])
            for i in range(INPUT_SHARDS)
            for record in read_shard(kinesis, stream, f"shardId-{i:012}")
        ]
        for stream in apps.INPUTS
    ]


def reread(server, run, seen):
    """All outputs from the beginning; they must be what was seen on the way."""
    again = Follower(server, run)
    again.poll()
    problems = []
    for place, records in again.records.items():
        before = seen.records[place]
        numbers = [int(number) for number, _ in records]
        if any(a >= b for a, b in zip(numbers, numbers[1:], strict=False)):
            problems.append(f"{place}: sequence numbers do not rise")
        if records[: len(before)] != before:
            problems.append(f"{place}: what a reader saw has changed")
    return again, problems


def compare(server, args):
    kinesis = server.client("kinesis")
    for stream in apps.INPUTS:
        kinesis.create_stream(StreamName=stream, ShardCount=INPUT_SHARDS)
    apps.start_applications(server, "crashed")
    producer = Producer(server, args.seed, args.rate)
    producer.start()
    follower = Follower(server, "crashed")
    killer = Killer(server, random.Random(args.seed + 1))
    counts = wait_for_progress(follower, {}, producer)
    begin = time.monotonic()
    for number in range(1, args.kills + 1):
        time.sleep(killer.dice.uniform(0.2, 0.5))
        killer.kill()
        if number % KILLS_BETWEEN_CHECKS == 0:
            counts = wait_for_progress(follower, counts, producer)
            print(
                f"  {number} kills ({killer.kills['worker']} of workers, "
                f"{killer.kills['server']} of the server), {time.monotonic() - begin:.0f} s, "
                f"{producer.orders:,} orders, {sum(counts.values()):,} rows out",
                flush=True,
            )
    producer.ended.set()
    producer.join(60)
    if producer.error or producer.is_alive():
        return [f"the producer did not end: {producer.error}"], 0
    expected = apps.expected_counts(*read_input(server))
    follower.wait_for(expected)
    apps.stop_applications(server, "crashed")
    crashed, problems = reread(server, "crashed", follower)

    apps.start_applications(server, "calm")
    calm = Follower(server, "calm")
    calm.wait_for(expected)
    apps.stop_applications(server, "calm")
    calm, more = reread(server, "calm", calm)
    problems += more
    compared = 0
    for output, count in expected.items():
        undisturbed, rows = calm.rows(output), crashed.rows(output)
        problems += apps.differences(output, undisturbed, rows)
        for name, found in (("undisturbed", undisturbed), ("disturbed", rows)):
            if apps.count_of(output, found) != count:
                problems.append(
                    f"{output}: {apps.count_of(output, found)} rows {name}, must be {count}"
                )
        compared += len(rows)
        print(f"  {output}: {len(rows):,} rows compared", flush=True)
    print(
        f"{sum(killer.kills.values())} kills ({killer.kills['worker']} of workers, "
        f"{killer.kills['server']} of the server), {producer.repeated} puts repeated, "
        f"{compared:,} rows compared, {len(problems)} differences",
        flush=True,
    )
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--rate", type=int, default=1000, help="orders a second, at most")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="leave the data of a failed run")
    args = parser.parse_args()
    print(f"sql crash comparison: {args.kills} kills, seed {args.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="millstream-sql-crash-"))
    server = Server(folder / "data", binary=args.server).start()
    problems = []
    try:
        problems = compare(server, args)
    except RuntimeError as error:
        problems = [str(error), apps.application_logs(server, "crashed")]
    finally:
        server.stop()
    if problems:
        print("\n".join(problems[:30]))
        print(server.log.read_text()[-3000:])
    if args.keep and problems:
        print(f"data and log: {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{0 if problems else 1} passed, {1 if problems else 0} failed")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
