"""Kinesis Client Library 3: two workers that share leases, by polling and by enhanced fan-out."""

from lease_sharing import two_workers
from support import java, main


def run(mode, folder="kcl3"):
    def start(server, stream, worker, received):
        label = f"{mode}-{worker}"
        return java(
            folder, label, "Kcl3", server.endpoint, stream, worker, mode, str(received.path)
        )

    return two_workers(folder, mode, start)


def polling():
    return run("polling")


def fanout():
    return run("fanout")


def newest():
    """The newest version that Maven Central serves, on a newer AWS SDK."""
    return run("polling", "kcl3-newest")


if __name__ == "__main__":
    main({"polling": polling, "fanout": fanout, "newest": newest})
