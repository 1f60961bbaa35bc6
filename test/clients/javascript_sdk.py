"""The AWS SDK for JavaScript v3: SubscribeToShard over HTTP/2 without TLS."""

from push import push_consumer
from support import CLIENTS, Program, main


def subscribe():
    def start(server, consumer, shard, received):
        script = CLIENTS / "javascript-sdk" / "subscribe.mjs"
        command = ["node", script, server.endpoint, consumer, shard, received.path]
        return Program("javascript-sdk", shard, command)

    return push_consumer("javascript-sdk", start)


if __name__ == "__main__":
    main({"subscribe": subscribe})
