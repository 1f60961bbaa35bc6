// subscribe.mjs ENDPOINT CONSUMER_ARN SHARD FILE: the AWS SDK for JavaScript v3 with its defaults
// (HTTP/2, also in plain text) appends "SHARD DATA" to FILE for each record that is pushed, and
// "SHARD ends CHILD…" to standard output at the end of a closed shard.
import fs from "node:fs";
import { createRequire } from "node:module";

// The SDK that the end-to-end tests have installed.
const require = createRequire(new URL("../../js/package.json", import.meta.url));
const { KinesisClient, SubscribeToShardCommand } = require("@aws-sdk/client-kinesis");

const [endpoint, ConsumerARN, ShardId, path] = process.argv.slice(2);
const kinesis = new KinesisClient({ endpoint, region: "us-east-1", maxAttempts: 1 });
const file = fs.openSync(path, "a");
let quiet = false;
let StartingPosition = { Type: "TRIM_HORIZON" };
for (;;) {
  const answer = await kinesis.send(
    new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition }),
  );
  for await (const event of answer.EventStream) {
    const push = event.SubscribeToShardEvent;
    if (!push) throw new Error(`unexpected event ${JSON.stringify(event)}`);
    for (const record of push.Records) {
      fs.writeSync(file, `${ShardId} ${Buffer.from(record.Data).toString()}\n`);
    }
    if (!quiet && push.Records.length === 0 && push.MillisBehindLatest === 0) {
      quiet = true;
      console.log(`${ShardId} quiet`);
    }
    if (push.ChildShards) {
      console.log(`${ShardId} ends ${push.ChildShards.map((child) => child.ShardId).join(" ")}`);
      process.exit(0);
    }
    StartingPosition = {
      Type: "AFTER_SEQUENCE_NUMBER",
      SequenceNumber: push.ContinuationSequenceNumber,
    };
  }
}
