"""amazon_kclpy: a record processor in Python, run by the MultiLangDaemon of the KCL 2.7."""

import sys

from lease_sharing import two_workers
from multilang import daemon
from support import BUILD, CLIENTS, main


def polling():
    processor = f"{sys.executable} {CLIENTS / 'kclpy' / 'processor.py'}"
    environment = {"PYTHONPATH": str(BUILD / "kclpy" / "python")}

    def start(server, stream, worker, received):
        return daemon("kclpy", server, stream, worker, received, processor, environment)

    return two_workers("kclpy", "polling", start)


if __name__ == "__main__":
    main({"polling": polling})
