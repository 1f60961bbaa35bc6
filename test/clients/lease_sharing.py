"""The story that every lease-sharing client goes through: two workers, a split, a kill, a merge."""

import time
import urllib.request

from support import ClientFailed, Received, Sent, merge, programs, server, split, wait_active


def two_workers(name, label, start_worker, timeout=300):
    """start_worker(server, stream, worker, received) starts one; all use the same lease tables.

    Every record must arrive at least once and per key in order, though the stream is split while
    both work, one worker is killed with SIGKILL, and shards are merged while the other takes over.
    `timeout`: KCL 3 has a leader give the leases away, and takes a dead one's place after two
    minutes.
    """
    stream = f"{name}-{label}"
    with server(name, label) as it, programs() as workers:
        kinesis = it.client("kinesis", retries={"max_attempts": 3})
        kinesis.create_stream(StreamName=stream, ShardCount=4)
        wait_active(kinesis, stream)
        sent = Sent(kinesis, stream)
        received = Received(name, f"{label}-received")
        sent.put(20)
        workers.append(start_worker(it, stream, "worker-1", received))
        received.wait_for(sent, timeout, workers)
        workers.append(start_worker(it, stream, "worker-2", received))
        sent.put(20)
        wait_for_both(workers, received, sent, timeout)
        split(kinesis, stream)
        sent.put(20)
        received.wait_for(sent, timeout, workers)
        sent.put(20)  # some of it is in the hands of the worker that dies now
        killed = workers.pop(0)
        killed.kill()
        merge(kinesis, stream)
        sent.put(20)
        received.wait_for(sent, timeout, workers)
        repeats = received.check(sent)
        wait_for_metrics(it, timeout)
        return f"{len(sent.all())} records, {repeats} again after the kill"


def wait_for_both(workers, received, sent, timeout):
    """Until each worker has shards: the second must take some of the first's."""
    deadline = time.monotonic() + timeout
    while True:
        sent.put(1)
        if all("PROCESSING" in worker.log.read_text(errors="replace") for worker in workers):
            return
        if time.monotonic() > deadline:
            raise ClientFailed(f"the second worker got no shard; {workers[1].tail()}")
        time.sleep(1)


def wait_for_metrics(it, timeout):
    """Until what the workers measure has come by CloudWatch's PutMetricData."""
    deadline = time.monotonic() + timeout
    while True:
        with urllib.request.urlopen(f"{it.endpoint}/metrics", timeout=10) as answer:
            if b"\nmillstream_cloudwatch_samples{" in answer.read():
                return
        if time.monotonic() > deadline:
            raise ClientFailed(f"no metrics came by PutMetricData in {timeout} s")
        time.sleep(1)
