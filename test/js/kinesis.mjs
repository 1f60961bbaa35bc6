// The AWS SDK for JavaScript v3, with its own defaults (HTTP/2 for every Kinesis call).
// Prints one line a check; exits 1 at the first that fails.
import assert from "node:assert/strict";
import {
  KinesisClient,
  CreateStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  SplitShardCommand,
  paginateListStreams,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import {
  FirehoseClient,
  CreateDeliveryStreamCommand,
  DescribeDeliveryStreamCommand,
  PutRecordBatchCommand,
} from "@aws-sdk/client-firehose";

const endpoint = process.argv[2];
const stream = process.argv[3];
const settings = {
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
};
const kinesis = new KinesisClient(settings);
const firehose = new FirehoseClient(settings);

async function check(name, body) {
  await body();
  console.log(`ok ${name}`);
}

async function readAll(shardId) {
  let { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: stream,
      ShardId: shardId,
      ShardIteratorType: "TRIM_HORIZON",
    }),
  );
  const records = [];
  while (ShardIterator) {
    const answer = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    records.push(...answer.Records);
    ShardIterator = answer.NextShardIterator;
    if (answer.Records.length === 0 && answer.MillisBehindLatest === 0) break;
  }
  return records;
}

await check("create and wait", async () => {
  await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 2 }));
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 10, minDelay: 1 }, { StreamName: stream });
  const { StreamDescription } = await kinesis.send(new DescribeStreamCommand({ StreamName: stream }));
  assert.equal(StreamDescription.Shards.length, 2);
  assert.ok(StreamDescription.StreamCreationTimestamp instanceof Date);
});

await check("put and get binary data", async () => {
  const data = new Uint8Array(1024).map((_, i) => i % 256);
  const put = await kinesis.send(
    new PutRecordCommand({ StreamName: stream, PartitionKey: "k", Data: data }),
  );
  const records = await readAll(put.ShardId);
  assert.equal(records.length, 1);
  assert.deepEqual(new Uint8Array(records[0].Data), data);
  assert.equal(records[0].SequenceNumber, put.SequenceNumber);
  assert.ok(Math.abs(Date.now() - records[0].ApproximateArrivalTimestamp.getTime()) < 60000);
});

await check("many calls at once", async () => {
  const calls = Array.from({ length: 200 }, (_, i) =>
    kinesis.send(
      new PutRecordCommand({
        StreamName: stream,
        PartitionKey: `key-${i}`,
        Data: new TextEncoder().encode(`${i}`),
      }),
    ),
  );
  const answers = await Promise.all(calls);
  const numbers = new Set(answers.map((a) => a.ShardId + a.SequenceNumber));
  assert.equal(numbers.size, 200);
});

await check("batches", async () => {
  const answer = await kinesis.send(
    new PutRecordsCommand({
      StreamName: stream,
      Records: Array.from({ length: 500 }, (_, i) => ({
        PartitionKey: `p${i}`,
        Data: new TextEncoder().encode("x".repeat(1000)),
      })),
    }),
  );
  assert.equal(answer.FailedRecordCount, 0);
  assert.equal(answer.Records.length, 500);
});

await check("a record of one mebibyte", async () => {
  const data = new Uint8Array(1024 * 1024 - 1).fill(7);
  const put = await kinesis.send(
    new PutRecordCommand({ StreamName: stream, PartitionKey: "k", Data: data }),
  );
  const found = (await readAll(put.ShardId)).find((r) => r.SequenceNumber === put.SequenceNumber);
  assert.equal(found.Data.length, data.length);
});

await check("paging", async () => {
  const names = [];
  for await (const page of paginateListStreams({ client: kinesis, pageSize: 1 }, {})) {
    names.push(...page.StreamNames);
  }
  assert.ok(names.includes(stream));
});

await check("split", async () => {
  await kinesis.send(
    new SplitShardCommand({
      StreamName: stream,
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: "5",
    }),
  );
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName: stream }));
  assert.equal(Shards.length, 4);
});

await check("errors", async () => {
  await assert.rejects(
    kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "nothing" })),
    (error) =>
      error.name === "ResourceNotFoundException" &&
      error.message === "Stream nothing under account 000000000000 not found." &&
      error.$metadata.httpStatusCode === 400 &&
      error.$metadata.requestId.length > 0,
  );
});

await check("firehose", async () => {
  const name = `${stream}-delivery`;
  await firehose.send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: name,
      ExtendedS3DestinationConfiguration: {
        RoleARN: "arn:aws:iam::000000000000:role/r",
        BucketARN: "arn:aws:s3:::js-bucket",
      },
    }),
  );
  const described = await firehose.send(
    new DescribeDeliveryStreamCommand({ DeliveryStreamName: name }),
  );
  assert.equal(described.DeliveryStreamDescription.DeliveryStreamStatus, "ACTIVE");
  const put = await firehose.send(
    new PutRecordBatchCommand({
      DeliveryStreamName: name,
      Records: [{ Data: new TextEncoder().encode("a\n") }, { Data: new Uint8Array([0, 1]) }],
    }),
  );
  assert.equal(put.FailedPutCount, 0);
  assert.equal(put.RequestResponses.length, 2);
});

kinesis.destroy();
firehose.destroy();
