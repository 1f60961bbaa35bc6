"""Kinesis Client Library 1, on the AWS SDK for Java 1: two workers that share leases."""

from lease_sharing import two_workers
from support import java, main


def polling():
    def start(server, stream, worker, received):
        return java("kcl1", worker, "Kcl1", server.endpoint, stream, worker, str(received.path))

    return two_workers("kcl1", "polling", start)


if __name__ == "__main__":
    main({"polling": polling})
