"""Answers that pages of a CORS origin may read, those in pieces included."""

ORIGIN = "https://app.example.com"


def headers_of(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def test_a_subscription_has_the_headers_of_every_answer(own_server):
    server = own_server("--ephemeral", "--cors-origin", ORIGIN, "--stream", "clicks:1")
    kinesis = server.client("kinesis")
    kinesis.meta.events.register(
        "before-sign.kinesis", lambda request, **_: request.headers.add_header("Origin", ORIGIN)
    )
    arn = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"][
        "StreamARN"
    ]
    registered = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="page")
    subscribed = kinesis.subscribe_to_shard(
        ConsumerARN=registered["Consumer"]["ConsumerARN"],
        ShardId="shardId-000000000000",
        StartingPosition={"Type": "LATEST"},
    )
    subscribed["EventStream"].close()
    for answer in (registered, subscribed):
        headers = headers_of(answer)
        assert headers["access-control-allow-origin"] == ORIGIN
        assert headers["x-amzn-requestid"] and headers["x-amz-id-2"]
    assert headers_of(registered)["x-amz-id-2"] != headers_of(subscribed)["x-amz-id-2"]
    assert headers_of(subscribed)["content-type"] == "application/vnd.amazon.eventstream"
