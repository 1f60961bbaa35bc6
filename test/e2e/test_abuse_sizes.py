"""Very many streams, and very many shards of one: pages stay whole while others come and go."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from abuse import MIB, Background, Latencies, all_streams, answers_within, rss, sized
from botocore.exceptions import ClientError

STREAMS = sized(10_000, 1_000)
SHARDS = sized(10_000, 400)
RESHARDS = sized(200, 30)


@pytest.fixture
def many(own_server):
    """The account's shards are as many as AWS's largest quota."""
    return own_server()


def test_streams_are_listed_once_each_while_others_are_created_and_deleted(many):
    kinesis = many.client("kinesis", max_pool_connections=9, read_timeout=120)
    stay = [f"stay-{i:05}" for i in range(STREAMS)]

    def create(name):
        kinesis.create_stream(StreamName=name, ShardCount=1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, stay))
    before = rss(many)
    print(f"{STREAMS} streams: {before / MIB:.0f} MiB")

    def churn(i):
        # Before, between and behind the others.
        name = f"{('a', 'stay-00500-', 'z')[i % 3]}churn-{i}"
        create(name)
        kinesis.delete_stream(StreamName=name)

    passes = Latencies()
    with Background(churn) as background:
        for limit in (100, 7, 100) if STREAMS <= 1_000 else (100, 100, 37):
            seen = []
            assert passes.measure(
                lambda limit=limit, seen=seen: seen.extend(all_streams(kinesis, limit))
            ), passes
            assert seen == sorted(set(seen))
            assert [name for name in seen if name.startswith("stay-") and "churn" not in name] == (
                stay
            )
    assert background.count > 10
    print(f"passes over all: {passes}; {background.count} streams came and went")
    answers_within(many, 2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: kinesis.delete_stream(StreamName=name), stay))
    assert all_streams(kinesis, 100) == []
    assert rss(many) - before < 64 * MIB


def listed_shards(kinesis, name):
    page = kinesis.list_shards(StreamName=name)
    shards = page["Shards"]
    while "NextToken" in page:
        page = kinesis.list_shards(NextToken=page["NextToken"])
        shards += page["Shards"]
    return shards


def described_shards(kinesis, name):
    shards = []
    more = {}
    while True:
        page = kinesis.describe_stream(StreamName=name, **more)["StreamDescription"]
        shards += page["Shards"]
        if not page["HasMoreShards"]:
            return shards
        more = {"ExclusiveStartShardId": page["Shards"][-1]["ShardId"]}


def middle(shard):
    ends = shard["HashKeyRange"]
    return str((int(ends["StartingHashKey"]) + int(ends["EndingHashKey"])) // 2 + 1)


def test_shards_are_listed_once_each_while_they_are_split_and_merged(many):
    kinesis = many.client("kinesis", max_pool_connections=4, read_timeout=120)
    kinesis.create_stream(StreamName="big", ShardCount=SHARDS)
    first = listed_shards(kinesis, "big")
    assert len(first) == SHARDS
    print(f"{SHARDS} shards: {rss(many) / MIB:.0f} MiB")
    reshards = Latencies()

    def churn(i):
        if i >= RESHARDS:
            return
        if i % 3 == 2:
            low, high = first[-2 * i - 2], first[-2 * i - 1]
            assert reshards.measure(
                lambda: kinesis.merge_shards(
                    StreamName="big",
                    ShardToMerge=low["ShardId"],
                    AdjacentShardToMerge=high["ShardId"],
                )
            ), reshards
        else:
            assert reshards.measure(
                lambda: kinesis.split_shard(
                    StreamName="big",
                    ShardToSplit=first[i]["ShardId"],
                    NewStartingHashKey=middle(first[i]),
                )
            ), reshards

    passes = Latencies()
    known = {shard["ShardId"] for shard in first}
    with Background(churn) as background:
        while background.count < RESHARDS and background.error is None:
            for list_all in (listed_shards, described_shards):
                seen = []
                assert passes.measure(
                    lambda seen=seen, call=list_all: seen.extend(call(kinesis, "big"))
                ), passes
                ids = [shard["ShardId"] for shard in seen]
                assert ids == sorted(set(ids))
                assert known <= set(ids)  # none that was there is missed
                known |= set(ids)
    print(f"reshards: {reshards}; passes over all: {passes}")
    last = listed_shards(kinesis, "big")
    open_ranges = sorted(
        (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in last
        if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    )
    assert open_ranges[0][0] == 0 and open_ranges[-1][1] == 2**128 - 1
    assert all(
        low[1] + 1 == high[0] for low, high in zip(open_ranges, open_ranges[1:], strict=False)
    )
    puts = Latencies()
    records = [{"PartitionKey": str(i), "Data": b"x" * 100} for i in range(500)]
    for _ in range(20):
        puts.measure(lambda: kinesis.put_records(StreamName="big", Records=records))
    assert not puts.errors and puts.at(0.9) < 1, puts
    print(f"500 records over all shards: {puts}")
    kinesis.delete_stream(StreamName="big")
    answers_within(many, 2)


def test_a_shard_too_many_is_refused_and_takes_nothing(many):
    kinesis = many.client("kinesis", read_timeout=120)
    kinesis.create_stream(StreamName="most", ShardCount=19_999)
    with pytest.raises(ClientError) as caught:
        kinesis.create_stream(StreamName="more", ShardCount=2)
    error = caught.value.response["Error"]
    assert error["Code"] == "LimitExceededException" and "Limit: 20000." in error["Message"]
    kinesis.create_stream(StreamName="last", ShardCount=1)
    kinesis.delete_stream(StreamName="most")
    kinesis.create_stream(StreamName="more", ShardCount=2)
