"""Kinesis Producer Library: aggregated records over TLS, whose certificate it verifies by the CA of
`millstream cert`, read back one by one by the KCL."""

import subprocess

from support import ClientFailed, Received, java, main, programs, server, wait_active

KEYS = 40
ROUNDS = 250


class UserRecords:
    """What Kpl.java puts."""

    def all(self):
        return {f"key-{key}:{n}" for key in range(KEYS) for n in range(ROUNDS)}


def producer(it, label, keys, rounds, *ca):
    folder = it.data.parent / "daemon"
    folder.mkdir(exist_ok=True)
    arguments = (str(it.port), "kpl", str(keys), str(rounds), str(folder), *ca)
    return java("kpl", label, "Kpl", *arguments)


def stream(it):
    kinesis = it.client("kinesis")
    kinesis.create_stream(StreamName="kpl", ShardCount=3)
    wait_active(kinesis, "kpl")
    return kinesis


def aggregated():
    with server("kpl", "aggregated", "--host-name", "localhost") as it, programs() as running:
        stream(it)
        ca = it.data.parent / "ca.pem"
        command = [it.binary, "cert", "--data", str(it.data)]
        ca.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        writer = producer(it, "producer", KEYS, ROUNDS, str(ca))
        running.append(writer)
        writer.wait(120)
        received = Received("kpl")
        reader = java(
            "kcl3",
            "kpl-reader",
            "Kcl3",
            it.endpoint,
            "kpl",
            "reader",
            "polling",
            str(received.path),
        )
        running.append(reader)
        received.wait_for(UserRecords(), 120, [reader])
        # Several requests of the daemon are on their way at once: it promises no order.
        received.check(UserRecords(), exactly_once=True, ordered=False)
        return writer.log.read_text().splitlines()[-1]


def untrusted():
    """Without the CA it sends nothing: the check above has verified something."""
    with server("kpl", "untrusted", "--host-name", "localhost") as it, programs() as running:
        kinesis = stream(it)
        writer = producer(it, "untrusting-producer", 1, 1)
        running.append(writer)
        try:
            writer.wait(120)
        except ClientFailed:
            pass
        else:
            raise ClientFailed("a producer that does not know the CA has put records")
        for shard in kinesis.list_shards(StreamName="kpl")["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName="kpl", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            if kinesis.get_records(ShardIterator=iterator)["Records"]:
                raise ClientFailed("a producer that does not know the CA has put records")
        return "nothing is sent to a server with an unknown CA"


if __name__ == "__main__":
    main({"aggregated": aggregated, "untrusted": untrusted})
