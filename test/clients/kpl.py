"""Kinesis Producer Library: aggregated records over TLS, read back one by one by the KCL."""

from support import Received, java, main, programs, server, wait_active

KEYS = 40
ROUNDS = 250


class UserRecords:
    """What Kpl.java puts."""

    def all(self):
        return {f"key-{key}:{n}" for key in range(KEYS) for n in range(ROUNDS)}


def aggregated():
    with server("kpl", "aggregated", "--host-name", "localhost") as it, programs() as running:
        kinesis = it.client("kinesis")
        kinesis.create_stream(StreamName="kpl", ShardCount=3)
        wait_active(kinesis, "kpl")
        folder = it.data.parent / "daemon"
        folder.mkdir(exist_ok=True)
        arguments = (str(it.port), "kpl", str(KEYS), str(ROUNDS), str(folder))
        producer = java("kpl", "producer", "Kpl", *arguments)
        running.append(producer)
        producer.wait(120)
        received = Received("kpl")
        reader = java(
            "kcl3", "kpl-reader", "Kcl3", it.endpoint, "kpl", "reader", "polling",
            str(received.path),
        )
        running.append(reader)
        received.wait_for(UserRecords(), 120, [reader])
        # Several requests of the daemon are on their way at once: it promises no order.
        received.check(UserRecords(), exactly_once=True, ordered=False)
        return producer.log.read_text().splitlines()[-1]


if __name__ == "__main__":
    main({"aggregated": aggregated})
