"""Flink 1.19 with its Kinesis connector: its sink, and its three ways to read."""

from support import Received, Sent, java, main, programs, server, split, wait_active

OPTIONS = [
    f"--add-opens=java.base/java.{package}=ALL-UNNAMED"
    for package in ("lang", "net", "io", "nio", "util", "time", "util.concurrent")
]
KEYS = 40
ROUNDS = 50


def flink(label, *arguments):
    return java("flink", label, "FlinkClient", *arguments, options=OPTIONS)


def sink_and(mode, reshard=True):
    """Flink writes, Flink reads; the stream is split while it reads."""
    stream = f"flink-{mode}"
    with server("flink", mode) as it, programs() as running:
        kinesis = it.client("kinesis")
        kinesis.create_stream(StreamName=stream, ShardCount=2)
        wait_active(kinesis, stream)
        sent = Sent(kinesis, stream, KEYS)
        writer = flink(f"{mode}-sink", it.endpoint, stream, "sink", str(KEYS), str(ROUNDS))
        running.append(writer)
        writer.wait(120)
        sent.next = dict.fromkeys(sent.keys, ROUNDS)
        received = Received("flink", f"{mode}-received")
        reader = flink(f"{mode}-reader", it.endpoint, stream, mode, str(received.path))
        running.append(reader)
        received.wait_for(sent, 120, [reader])
        if reshard:
            split(kinesis, stream)
            sent.put(10)
            received.wait_for(sent, 120, [reader])
        received.check(sent, exactly_once=True)
        return f"{len(sent.all())} records written and read"


def polling():
    return sink_and("polling")


def efo():
    return sink_and("efo")


def source():
    # KinesisStreamsSource of this version finds new shards every 10 s only.
    return sink_and("source")


if __name__ == "__main__":
    main({"polling": polling, "source": source, "efo": efo})
