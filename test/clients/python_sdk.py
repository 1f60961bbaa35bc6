"""boto3: SubscribeToShard over HTTP/1.1, its event stream in chunks."""

import sys

from push import push_consumer
from support import CLIENTS, Program, main


def subscribe():
    def start(server, consumer, shard, received):
        script = CLIENTS / "python-sdk" / "subscribe.py"
        command = [sys.executable, script, server.endpoint, consumer, shard, received.path]
        return Program("python-sdk", shard, command)

    return push_consumer("python-sdk", start)


if __name__ == "__main__":
    main({"subscribe": subscribe})
