"""What the checks of the real clients share: programs, records with known content, what arrived."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
ROOT = CLIENTS.parent.parent
sys.path.insert(0, str(ROOT / "test"))
from botocore.exceptions import ClientError  # noqa: E402
from millstream_server import Server  # noqa: E402

BUILD = ROOT / "build/clients"
REGION = "us-east-1"
# Any keys pass: the server listens on the loopback address with --auth any.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAMILLSTREAMTEST00",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class ClientFailed(Exception):
    """What a client got is not what was sent; the message says where."""


@contextlib.contextmanager
def server(name, label, *arguments):
    """A server with new data for a client's check; its log: build/clients/NAME/LABEL-data.log."""
    data = BUILD / name / f"{label}-data"
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    Path(f"{data}.log").unlink(missing_ok=True)
    it = Server(data, "--auth", "any", *arguments).start()
    try:
        yield it
    finally:
        it.stop()


class Program:
    """A client's process; its output goes to build/clients/NAME/LABEL.log."""

    def __init__(self, name, label, command, environment=None, cwd=None):
        self.log = BUILD / name / f"{label}.log"
        self.label = label
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdout=log,
                stderr=log,
                env={**os.environ, **ENVIRONMENT, **(environment or {})},
                cwd=cwd,
                start_new_session=True,  # so that kill() reaches its children too
            )

    def running(self):
        return self.process.poll() is None

    def wait(self, timeout):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ClientFailed(f"{self.label} did not end in {timeout} s; {self.tail()}") from None
        if code != 0:
            raise ClientFailed(f"{self.label} ended with {code}; {self.tail()}")

    def stop(self, timeout):
        """SIGTERM, and waits for the end."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ClientFailed(f"{self.label} did not stop in {timeout} s") from None

    def kill(self):
        if self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self):
        text = self.log.read_text(errors="replace")[-3000:]
        return f"the end of {self.log.relative_to(ROOT)}:\n{text}"


def java(name, label, main, *arguments, options=()):
    """A compiled program of test/clients/NAME (script/test-clients compiles it)."""
    classpath = f"{BUILD / name / 'classes'}:{BUILD / name / 'lib'}/*"
    command = [
        "java",
        "-Xmx512m",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        *options,
        "-cp",
        classpath,
        main,
        *arguments,
    ]
    return Program(name, label, command)


@contextlib.contextmanager
def programs():
    """A list whose programs are killed at the end."""
    started = []
    try:
        yield started
    finally:
        for program in started:
            program.kill()


class Sent:
    """Records with known content, `keys` partition keys, numbered per key: "KEY:NUMBER"."""

    def __init__(self, kinesis, stream, keys=40):
        self.kinesis = kinesis
        self.stream = stream
        self.keys = [f"key-{i}" for i in range(keys)]
        self.next = dict.fromkeys(self.keys, 0)

    def put(self, rounds):
        """`rounds` more records of each key, in order."""
        for _ in range(rounds):
            records = []
            for key in self.keys:
                data = f"{key}:{self.next[key]}"
                records.append({"PartitionKey": key, "Data": data.encode()})
                self.next[key] += 1
            answer = self.kinesis.put_records(StreamName=self.stream, Records=records)
            if answer["FailedRecordCount"]:
                raise ClientFailed(f"PutRecords failed for {answer['FailedRecordCount']} records")

    def all(self):
        return {f"{key}:{n}" for key in self.keys for n in range(self.next[key])}


class Received:
    """The file that a client's processor appends a line to for each record: "SHARD DATA"."""

    def __init__(self, name, label="received"):
        self.path = BUILD / name / f"{label}.txt"
        self.path.write_text("")

    def lines(self):
        text = self.path.read_text()
        whole = text[: text.rfind("\n") + 1]
        return [line.split(" ", 1) for line in whole.splitlines()]

    def shards(self):
        return {shard for shard, _ in self.lines()}

    def wait_for(self, sent, timeout, alive=(), at_least=None):
        """Until all of `sent` (or `at_least` records of it) arrived, or ClientFailed."""
        deadline = time.monotonic() + timeout
        while True:
            got = {data for _, data in self.lines()}
            missing = sent.all() - got
            if not missing or (at_least is not None and len(got) >= at_least):
                return
            for program in alive:
                if not program.running():
                    raise ClientFailed(f"{program.label} ended by itself; {program.tail()}")
            if time.monotonic() > deadline:
                sample = ", ".join(sorted(missing)[:5])
                ends = "\n".join(program.tail() for program in alive)
                raise ClientFailed(
                    f"{len(missing)} of {len(sent.all())} records did not arrive in {timeout} s, "
                    f"e.g. {sample}\n{ends}"
                )
            time.sleep(0.2)

    def check(self, sent, exactly_once=False, ordered=True):
        """Everything arrived, nothing else, and if `ordered` per key in order (repeats aside)."""
        lines = self.lines()
        times = Counter(data for _, data in lines)
        if set(times) != sent.all():
            missing, foreign = sent.all() - set(times), set(times) - sent.all()
            raise ClientFailed(
                f"missing {len(missing)}: {sorted(missing)[:5]}; never sent {len(foreign)}: "
                f"{sorted(foreign)[:5]}"
            )
        repeats = sum(times.values()) - len(times)
        if exactly_once and repeats:
            raise ClientFailed(f"{repeats} records arrived more than once")
        highest = {}
        for shard, data in lines if ordered else ():
            key, number = data.rsplit(":", 1)
            if int(number) > highest.get(key, -1) + 1:
                raise ClientFailed(
                    f"{data} (from {shard}) came before {key}:{highest.get(key, -1) + 1}"
                )
            highest[key] = max(int(number), highest.get(key, -1))
        return repeats


def open_shards(kinesis, stream):
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    return [s for s in shards if "EndingSequenceNumber" not in s["SequenceNumberRange"]]


def wait_active(kinesis, stream, timeout=30):
    deadline = time.monotonic() + timeout
    while True:
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return
        if time.monotonic() > deadline:
            raise ClientFailed(f"{stream} stayed {summary['StreamStatus']}")
        time.sleep(0.05)


def split(kinesis, stream):
    """Splits the first open shard in the middle."""
    shard = open_shards(kinesis, stream)[0]
    low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    kinesis.split_shard(
        StreamName=stream,
        ShardToSplit=shard["ShardId"],
        NewStartingHashKey=str((low + high) // 2 + 1),
    )
    wait_active(kinesis, stream)


def merge(kinesis, stream):
    """Merges the two neighbours with the lowest hash keys."""
    shards = sorted(
        open_shards(kinesis, stream), key=lambda s: int(s["HashKeyRange"]["StartingHashKey"])
    )
    kinesis.merge_shards(
        StreamName=stream,
        ShardToMerge=shards[0]["ShardId"],
        AdjacentShardToMerge=shards[1]["ShardId"],
    )
    wait_active(kinesis, stream)


def main(checks):
    """Runs the checks of a script, each a function; one line each; exit code 1 after a failure."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that programs are killed too
    failed = 0
    chosen = sys.argv[1:] or list(checks)
    for name in chosen:
        start = time.monotonic()
        try:
            detail = checks[name]()
        except (ClientFailed, ClientError) as error:
            failed += 1
            print(f"  FAILED {name}: {error}")
        else:
            print(f"  ok     {name} ({time.monotonic() - start:.0f} s): {detail}")
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
