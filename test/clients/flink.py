"""Flink 1.19 with its Kinesis connector: its sink, and its three ways to read."""

import shutil
import time

from support import ClientFailed, Received, Sent, java, main, programs, server, split, wait_active

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


def restored(mode):
    """A reader is stopped with a savepoint, and its successor killed between two checkpoints; in
    between records are put and the stream is split. Each goes on exactly where the last one was."""
    stream = f"flink-restored-{mode}"
    label = f"restored-{mode}"
    with server("flink", label) as it, programs() as running:
        kinesis = it.client("kinesis")
        kinesis.create_stream(StreamName=stream, ShardCount=2)
        wait_active(kinesis, stream)
        sent = Sent(kinesis, stream, KEYS)
        received = Received("flink", f"{label}-received")
        folder = it.data.parent / f"{label}-state"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

        def reader(number, *start):
            arguments = (it.endpoint, stream, mode, str(received.path), str(folder), *start)
            running.append(flink(f"{label}-reader-{number}", *arguments))
            return running[-1]

        sent.put(20)
        first = reader(1)
        received.wait_for(sent, 120, [first])
        (folder / "stop").touch()
        first.wait(60)
        (folder / "stop").unlink()
        (savepoint,) = (folder / "savepoints").iterdir()
        sent.put(20)
        split(kinesis, stream)
        sent.put(20)
        second = reader(2, f"file://{savepoint}")
        received.wait_for(sent, 120, [second])
        newest_checkpoint(folder, newer_than=time.time())
        sent.put(20)  # some of it arrives after the checkpoint that the third one begins with
        second.kill()
        sent.put(20)
        third = reader(3, f"file://{newest_checkpoint(folder)}")
        received.wait_for(sent, 120, [third])
        # These connectors read what was split while they were away beside its parent.
        received.check(sent, exactly_once=True, ordered=False)
        return f"{len(sent.all())} records, each once, over a savepoint, a kill and a split"


def newest_checkpoint(folder, newer_than=0.0):
    """The newest that is complete; waits for one."""
    deadline = time.monotonic() + 60
    while True:
        complete = list((folder / "checkpoints").glob("*/chk-*/_metadata"))
        newest = max(complete, key=lambda path: path.stat().st_mtime, default=None)
        if newest and newest.stat().st_mtime > newer_than:
            return newest.parent
        if time.monotonic() > deadline:
            raise ClientFailed("no checkpoint was completed in 60 s")
        time.sleep(0.1)


def restored_polling():
    return restored("polling")


def restored_source():
    return restored("source")


if __name__ == "__main__":
    main(
        {
            "polling": polling,
            "source": source,
            "efo": efo,
            "restored-polling": restored_polling,
            "restored-source": restored_source,
        }
    )
