"""Kinesis Client Library 3: two workers that share leases, by polling and by enhanced fan-out."""

from lease_sharing import two_workers
from support import java, main


def run(mode):
    def start(server, stream, worker, received):
        label = f"{mode}-{worker}"
        return java(
            "kcl3", label, "Kcl3", server.endpoint, stream, worker, mode, str(received.path)
        )

    return two_workers("kcl3", mode, start)


def polling():
    return run("polling")


def fanout():
    return run("fanout")


if __name__ == "__main__":
    main({"polling": polling, "fanout": fanout})
