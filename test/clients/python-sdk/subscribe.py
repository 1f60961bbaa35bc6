"""subscribe.py ENDPOINT CONSUMER_ARN SHARD FILE: a push consumer by boto3.

Appends "SHARD DATA" to FILE for each record; prints "SHARD ends CHILD…" at a closed shard's end.
"""

import sys

import boto3

endpoint, consumer, shard, path = sys.argv[1:]
kinesis = boto3.client("kinesis", endpoint_url=endpoint)
position = {"Type": "TRIM_HORIZON"}
quiet = False
with open(path, "ab", buffering=0) as file:
    while True:
        answer = kinesis.subscribe_to_shard(
            ConsumerARN=consumer, ShardId=shard, StartingPosition=position
        )
        for event in answer["EventStream"]:
            push = event["SubscribeToShardEvent"]
            for record in push["Records"]:
                file.write(shard.encode() + b" " + record["Data"] + b"\n")
            if not quiet and not push["Records"] and push["MillisBehindLatest"] == 0:
                quiet = True
                print(f"{shard} quiet", flush=True)
            if push.get("ChildShards"):
                print(f"{shard} ends", *(child["ShardId"] for child in push["ChildShards"]))
                sys.exit(0)
            position = {
                "Type": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": push["ContinuationSequenceNumber"],
            }
