"""The AWS SDK for Java 2: CBOR by the synchronous client, SubscribeToShard over HTTP/2."""

from support import java, main, server


def get():
    """PutRecords and GetRecords in CBOR, the SDK's default."""
    return run("get")


def subscribe():
    """SubscribeToShard by the asynchronous client: everything, also on a quiet shard."""
    return run("subscribe")


def run(what):
    with server("java-sdk", what) as it:
        program = java("java-sdk", what, "JavaSdk", it.endpoint, what)
        program.wait(120)
        return program.log.read_text().splitlines()[-1]


if __name__ == "__main__":
    main({"get": get, "subscribe": subscribe})
