"""On-demand streams under real load: producers and a consumer that follows the lineage while the
stream is split and merged beneath them."""

import threading
import time
from collections import defaultdict

KEYS = 240


def open_shards(kinesis, name):
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return summary["OpenShardCount"]


class Producer(threading.Thread):
    """Puts numbers in order, a record for each of its keys a call, until it is told to stop."""

    def __init__(self, kinesis, name, keys, size):
        super().__init__()
        self.kinesis, self.name_of_stream, self.keys = kinesis, name, keys
        self.filling = "x" * size
        self.sent = 0  # of each key
        self.stopped = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopped.is_set():
                records = [
                    {"PartitionKey": key, "Data": f"{self.sent} {self.filling}".encode()}
                    for key in self.keys
                ]
                answer = self.kinesis.put_records(StreamName=self.name_of_stream, Records=records)
                assert answer["FailedRecordCount"] == 0
                self.sent += 1
                self.stopped.wait(0.02)
        except Exception as error:
            self.error = error

    def stop(self):
        self.stopped.set()
        self.join()
        assert self.error is None, self.error


class LineageConsumer(threading.Thread):
    """Reads a shard after its parents, as the KCL does; what arrived by key, in order."""

    def __init__(self, kinesis, name):
        super().__init__()
        self.kinesis, self.name_of_stream = kinesis, name
        self.numbers = defaultdict(list)
        self.done = set()
        self.reading = {}  # shard -> iterator
        self.waiting = {}  # shard -> parents
        self.stopped = threading.Event()
        self.error = None
        for shard in kinesis.list_shards(StreamName=name)["Shards"]:
            self.begin(shard["ShardId"])

    def begin(self, shard):
        self.reading[shard] = self.kinesis.get_shard_iterator(
            StreamName=self.name_of_stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def run(self):
        try:
            while True:
                last = self.stopped.is_set()
                behind = False
                for shard in list(self.reading):
                    behind |= self.read(shard)
                if last and not behind:
                    return
        except Exception as error:
            self.error = error

    def read(self, shard):
        answer = self.kinesis.get_records(ShardIterator=self.reading[shard])
        for record in answer["Records"]:
            number = int(record["Data"].split(b" ", 1)[0])
            self.numbers[record["PartitionKey"]].append(number)
        following = answer.get("NextShardIterator")
        if following:
            self.reading[shard] = following
            return bool(answer["Records"]) or answer["MillisBehindLatest"] > 0
        del self.reading[shard]
        self.done.add(shard)
        for child in answer["ChildShards"]:
            self.waiting[child["ShardId"]] = child["ParentShards"]
        for child, parents in list(self.waiting.items()):
            if self.done.issuperset(parents):
                del self.waiting[child]
                self.begin(child)
        return True

    def stop(self):
        self.stopped.set()
        self.join()
        assert self.error is None, self.error


def test_load_splits_and_idleness_merges_and_a_consumer_sees_everything_in_order(own_server):
    server = own_server(
        *("--on-demand-split-bytes", "32KiB", "--on-demand-split-after", "1s"),
        *("--on-demand-merge-after", "2s", "--on-demand-max-shards", "24"),
    )
    kinesis = server.client("kinesis", max_pool_connections=8)
    kinesis.create_stream(StreamName="load", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    consumer = LineageConsumer(kinesis, "load")
    consumer.start()
    keys = [f"key-{i}" for i in range(KEYS)]
    producers = [Producer(kinesis, "load", keys[i::3], 400) for i in range(3)]
    for producer in producers:
        producer.start()
    deadline = time.monotonic() + 60
    try:
        while open_shards(kinesis, "load") < 16:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        grown = {producer: producer.sent for producer in producers}
        # The load goes on for a moment on the shards that it made.
        while any(producer.sent < grown[producer] + 10 for producer in producers):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        for producer in producers:
            producer.stop()
    while open_shards(kinesis, "load") > 4:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # What is written to the merged shards continues what their parents hold.
    after = [Producer(kinesis, "load", keys[i::3], 400) for i in range(3)]
    for old, new in zip(producers, after, strict=True):
        new.sent = old.sent
        new.start()
    while any(new.sent < old.sent + 5 for old, new in zip(producers, after, strict=True)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for producer in after:
        producer.stop()
    consumer.stop()
    for producer in after:
        for key in producer.keys:
            assert consumer.numbers[key] == list(range(producer.sent)), key
    assert not consumer.waiting
    answer = kinesis.list_shards(StreamName="load")
    shards = answer["Shards"]
    assert "NextToken" not in answer
    assert consumer.done | set(consumer.reading) == {shard["ShardId"] for shard in shards}
    merged = [shard for shard in shards if "AdjacentParentShardId" in shard]
    assert len(merged) >= 12 and len(consumer.reading) == 4


def test_a_hot_key_is_not_split_for_ever(own_server):
    server = own_server(
        *("--on-demand-split-bytes", "16KiB", "--on-demand-split-after", "1s"),
        *("--on-demand-max-shards", "100"),
    )
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="hot", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    producer = Producer(kinesis, "hot", ["only"] * 20, 1000)
    producer.start()
    try:
        deadline = time.monotonic() + 60
        while open_shards(kinesis, "hot") < 7:  # three splits that helped nothing
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(20):
            assert open_shards(kinesis, "hot") == 7
            time.sleep(0.1)
    finally:
        producer.stop()
