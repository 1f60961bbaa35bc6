"""The story of a push consumer: a quiet shard, new records, the end of a shard that is split."""

import time

from support import (
    ClientFailed,
    Received,
    Sent,
    open_shards,
    programs,
    server,
    split,
    wait_active,
)


def push_consumer(name, start_reader):
    """start_reader(server, consumer ARN, shard, received) subscribes to a shard from its start."""
    with server(name, "push") as it, programs() as readers:
        kinesis = it.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=2)
        wait_active(kinesis, name)
        sent = Sent(kinesis, name)
        sent.put(25)
        consumer = register(kinesis, name)
        received = Received(name)
        shards = [shard["ShardId"] for shard in open_shards(kinesis, name)]
        for shard in shards:
            readers.append(start_reader(it, consumer, shard, received))
        received.wait_for(sent, 30, readers)
        for reader in readers:  # events come on a shard where nothing happens, too
            wait_for_output(reader, "quiet")
        sent.put(25)
        received.wait_for(sent, 30, readers)
        split(kinesis, name)
        ended = readers[0]
        ended.wait(30)
        children = ended.log.read_text().split(" ends ")[1].split()
        parent_of = {
            shard["ShardId"]: shard.get("ParentShardId")
            for shard in kinesis.list_shards(StreamName=name)["Shards"]
        }
        if len(children) != 2 or any(parent_of[child] != shards[0] for child in children):
            raise ClientFailed(f"{shards[0]} ended with children {children}, not its own two")
        del readers[0]
        for child in children:
            readers.append(start_reader(it, consumer, child, received))
        sent.put(25)
        received.wait_for(sent, 30, readers)
        received.check(sent, exactly_once=True)
        return f"{len(sent.all())} records pushed once each, through a split"


def register(kinesis, stream):
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    consumer = kinesis.register_stream_consumer(
        StreamARN=summary["StreamARN"], ConsumerName="reader"
    )["Consumer"]
    deadline = time.monotonic() + 30
    while True:
        description = kinesis.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
        status = description["ConsumerDescription"]["ConsumerStatus"]
        if status == "ACTIVE":
            return consumer["ConsumerARN"]
        if time.monotonic() > deadline:
            raise ClientFailed(f"the consumer stayed {status}")
        time.sleep(0.1)


def wait_for_output(program, text, timeout=30):
    deadline = time.monotonic() + timeout
    while text not in program.log.read_text(errors="replace"):
        if not program.running() or time.monotonic() > deadline:
            raise ClientFailed(f"no {text!r} from {program.label}; {program.tail()}")
        time.sleep(0.1)
