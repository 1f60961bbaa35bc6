"""Kills the server again and again under load; what was acknowledged must be there.

After each restart every shard is read to its tip: each acknowledged record once, in order, with
its sequence number; what a reader saw before the kill is still there; nothing but what was sent.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from millstream_server import Server, read_shard  # noqa: E402

STREAM = "crash"
SHARDS = 3


class Producer(threading.Thread):
    """Sends numbered records until the server is gone; remembers what was acknowledged."""

    def __init__(self, server, name, batch):
        super().__init__(daemon=True)
        self.kinesis = server.client("kinesis", read_timeout=10)
        self.tag, self.batch = name, batch
        self.acknowledged = {}  # data: (shard, sequence number)
        self.sent = set()

    def run(self):
        number = 0
        try:
            while True:
                names = [f"{self.tag}-{number + i}" for i in range(self.batch)]
                number += self.batch
                self.sent.update(names)
                records = [
                    {"Data": name + "." * random.choice((0, 10, 3000)), "PartitionKey": name}
                    for name in names
                ]
                answer = self.kinesis.put_records(StreamName=STREAM, Records=records)
                for name, result in zip(names, answer["Records"], strict=True):
                    if "ErrorCode" not in result:
                        self.acknowledged[name] = (
                            result["ShardId"],
                            int(result["SequenceNumber"]),
                        )
        except Exception as error:  # the server was killed: any transport error
            self.error = error


class Reader(threading.Thread):
    """Follows one shard; what it saw must survive."""

    def __init__(self, server, shard):
        super().__init__(daemon=True)
        self.kinesis = server.client("kinesis", read_timeout=10)
        self.shard = shard
        self.seen = {}

    def run(self):
        try:
            iterator = self.kinesis.get_shard_iterator(
                StreamName=STREAM, ShardId=self.shard, ShardIteratorType="LATEST"
            )["ShardIterator"]
            while True:
                answer = self.kinesis.get_records(ShardIterator=iterator)
                iterator = answer["NextShardIterator"]
                for record in answer["Records"]:
                    self.seen[int(record["SequenceNumber"])] = record["Data"]
                time.sleep(0.005)
        except Exception as error:  # the server was killed
            self.error = error


class Verifier:
    def __init__(self):
        self.expected = {}  # data name: (shard, sequence)
        self.sent = set()
        self.position = {}  # shard: last sequence number verified
        self.records = 0

    def verify(self, kinesis, readers):
        problems = []
        found = {}
        for i in range(SHARDS):
            shard = f"shardId-{i:012}"
            last = self.position.get(shard)
            iterator = kinesis.get_shard_iterator(
                StreamName=STREAM,
                ShardId=shard,
                **(
                    {
                        "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                        "StartingSequenceNumber": str(last),
                    }
                    if last
                    else {"ShardIteratorType": "TRIM_HORIZON"}
                ),
            )["ShardIterator"]
            sequence = last or 0
            by_number = {}
            while True:
                answer = kinesis.get_records(ShardIterator=iterator)
                iterator = answer["NextShardIterator"]
                for record in answer["Records"]:
                    number = int(record["SequenceNumber"])
                    if number <= sequence:
                        problems.append(f"{shard}: {number} after {sequence}")
                    sequence = number
                    name = record["Data"].decode().rstrip(".")
                    if name in found:
                        problems.append(f"{name} is there twice")
                    found[name] = (shard, number)
                    by_number[number] = record["Data"]
                if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                    break
            self.position[shard] = sequence
            for reader in readers:
                if reader.shard == shard:
                    for number, data in reader.seen.items():
                        if by_number.get(number) != data:
                            problems.append(f"{shard}: a reader saw {number}, which is gone")
        for name, place in self.expected.items():
            if found.get(name) != place:
                problems.append(f"{name}: acknowledged at {place}, found at {found.get(name)}")
        for name in found:
            if name not in self.sent:
                problems.append(f"{name} was never sent")
        self.records += len(found)
        return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    random.seed(args.seed)
    print(f"crash loop: {args.cycles} cycles, seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="millstream-crash-") as folder:
        server = Server(Path(folder) / "data", binary=args.server).start()
        server.client("kinesis").create_stream(StreamName=STREAM, ShardCount=SHARDS)
        verifier = Verifier()
        passed = 0
        for cycle in range(args.cycles):
            producers = [
                Producer(server, f"c{cycle}p{i}", batch) for i, batch in enumerate((1, 40))
            ]
            readers = [Reader(server, f"shardId-{i:012}") for i in range(SHARDS)]
            for thread in (*readers, *producers):
                thread.start()
            time.sleep(random.uniform(0.2, 1.2))
            server.kill()
            for thread in (*producers, *readers):
                thread.join(20)
            server.start()
            verifier.expected = {}
            verifier.sent = set()
            for producer in producers:
                verifier.expected |= producer.acknowledged
                verifier.sent |= producer.sent
            problems = verifier.verify(server.client("kinesis"), readers)
            if not verifier.expected:
                problems.append(f"nothing was acknowledged: {producers[0].error}")
            if problems:
                print("\n".join(problems[:20]))
                print(server.log.read_text()[-3000:])
                print(f"{passed} passed, 1 failed")
                sys.exit(1)
            passed += 1
            if passed % 10 == 0:
                print(f"  {passed} kills, {verifier.records:,} records verified", flush=True)
        # All of it once more, from the beginning.
        server.kill()
        server.start()
        kinesis = server.client("kinesis")
        total = sum(len(read_shard(kinesis, STREAM, f"shardId-{i:012}")) for i in range(SHARDS))
        server.stop()
        if total != verifier.records:
            print(f"{verifier.records} records were verified, {total} are there now")
            print(f"{passed} passed, 1 failed")
            sys.exit(1)
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
