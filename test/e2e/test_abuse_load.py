"""Ten times more than the server takes: it answers in bounded memory, and a well-behaved client
gets through meanwhile and is as before within a second after it."""

import base64
import json
import threading
import time

from abuse import MIB, Latencies, connect, rss, signed_call, sized

LOAD_SECONDS = sized(15, 4)
# 80 requests of 4 MiB at a time are ten times what may be in flight.
FLOODERS = 80
# As in the defaults, 128 MiB beside the parts: for free buffers and the process itself.
LIMITS = (
    *("--http-bytes-in-flight", "32MiB", "--write-buffer", "16MiB"),
    *("--tail-cache", "32MiB", "--delivery-buffer", "16MiB", "--memory-limit", "224MiB"),
)
MEMORY_LIMIT = 224 * MIB


class Flood:
    """Many clients that put as much as they can, and again at once whatever the answer is."""

    def __init__(self, server, stream):
        data = base64.b64encode(b"z" * 750_000).decode()
        records = [{"PartitionKey": str(i), "Data": data} for i in range(4)]
        body = json.dumps({"StreamName": stream, "Records": records})
        self.call = signed_call(server, "PutRecords", body)
        self.server = server
        self.answers = {}
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(FLOODERS)]

    def count(self, what):
        with self.lock:
            self.answers[what] = self.answers.get(what, 0) + 1

    def run(self):
        while not self.stopped.is_set():
            with connect(self.server) as one:
                try:
                    while not self.stopped.is_set():
                        one.sendall(self.call)
                        answer = one.recv(65536)
                        if not answer:
                            self.count("closed")
                            break
                        self.count(answer[9:12].decode())
                        # The rest of the answer, or of a refusal that is told early.
                        if not answer.startswith(b"HTTP/1.1 200"):
                            break
                except OSError as error:
                    self.count(type(error).__name__)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def test_overload_is_refused_in_bounded_memory_and_others_get_through(own_server):
    server = own_server(*LIMITS)
    # As every SDK is by default: it tries again.
    kinesis = server.client("kinesis", read_timeout=20, retries={"mode": "standard"})
    impatient = server.client("kinesis", read_timeout=20)
    kinesis.create_stream(StreamName="flood", ShardCount=8)
    kinesis.create_stream(StreamName="small", ShardCount=1)

    def put(client):
        client.put_record(StreamName="small", Data=b"x" * 100, PartitionKey="k")

    before, during, without_retries, after = Latencies(), Latencies(), Latencies(), Latencies()
    for _ in range(50):
        before.measure(lambda: put(kinesis))
    empty = rss(server)
    most = 0
    with Flood(server, "flood") as flood:
        end = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < end:
            during.measure(lambda: put(kinesis))
            without_retries.measure(lambda: put(impatient))
            most = max(most, rss(server))
    ended = time.monotonic()
    while True:
        start = time.monotonic()
        after.measure(lambda: put(impatient))
        if not after.errors and after.all[-1] < 0.1:
            break
        after.errors.clear()
        assert start < ended + 1, f"no recovery within a second: {after}"
    for _ in range(50):
        after.measure(lambda: put(impatient))
    print(f"flood: {flood.answers}; {empty / MIB:.0f} MiB before, {most / MIB:.0f} MiB at most")
    print(f"before {before}\nduring {during}\nwithout retries {without_retries}\nafter {after}")
    assert most < MEMORY_LIMIT
    assert flood.answers["503"] > flood.answers["200"] > 0
    # Small requests go on fitting beside refused ones: whoever tries again gets through.
    assert not during.errors and len(during.all) >= LOAD_SECONDS
    assert not after.errors
