import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEventStream;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * JavaSdk ENDPOINT get|subscribe: the AWS SDK for Java 2 with its defaults (CBOR; HTTP/2 for the
 * asynchronous client). Ends with 0 only if every record came back byte for byte and in order.
 */
public class JavaSdk {
  static final int BATCHES = 10;
  static final int BATCH = 100;
  static final int KEYS = 20;

  public static void main(String[] args) throws Exception {
    URI endpoint = URI.create(args[0]);
    try (KinesisClient kinesis =
        KinesisClient.builder()
            .endpointOverride(endpoint)
            .region(Region.US_EAST_1)
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .build()) {
      String stream = "java-sdk-" + args[1];
      kinesis.createStream(r -> r.streamName(stream).shardCount(2));
      kinesis.waiter().waitUntilStreamExists(r -> r.streamName(stream));
      Map<String, List<byte[]>> sent = put(kinesis, stream);
      if (args[1].equals("get")) {
        get(kinesis, stream, sent);
        error(kinesis);
        kinesis.deleteStream(r -> r.streamName(stream));
      } else {
        subscribe(endpoint, kinesis, stream, sent);
      }
    }
    System.exit(0); // the asynchronous client's threads linger
  }

  static Map<String, List<byte[]>> put(KinesisClient kinesis, String stream) {
    Map<String, List<byte[]>> sent = new HashMap<>();
    for (int batch = 0; batch < BATCHES; ++batch) {
      List<PutRecordsRequestEntry> entries = new ArrayList<>();
      for (int i = 0; i < BATCH; ++i) {
        String key = "key-" + i % KEYS;
        // Every byte value occurs: what is not text must pass too.
        byte[] data = new byte[300];
        byte[] name = (key + ":" + batch + ":" + i).getBytes(StandardCharsets.UTF_8);
        for (int b = 0; b < data.length; ++b) data[b] = (byte) (b < name.length ? name[b] : b);
        entries.add(
            PutRecordsRequestEntry.builder()
                .partitionKey(key)
                .data(SdkBytes.fromByteArray(data))
                .build());
        sent.computeIfAbsent(key, k -> new ArrayList<>()).add(data);
      }
      PutRecordsResponse answer = kinesis.putRecords(r -> r.streamName(stream).records(entries));
      check(answer.failedRecordCount() == 0, "PutRecords took all records");
      check(answer.records().size() == BATCH, "PutRecords answered for each record");
    }
    return sent;
  }

  static void get(KinesisClient kinesis, String stream, Map<String, List<byte[]>> sent)
      throws Exception {
    Map<String, List<byte[]>> got = new HashMap<>();
    for (Shard shard : kinesis.listShards(r -> r.streamName(stream)).shards()) {
      String iterator =
          kinesis
              .getShardIterator(
                  r ->
                      r.streamName(stream)
                          .shardId(shard.shardId())
                          .shardIteratorType(ShardIteratorType.AT_TIMESTAMP)
                          .timestamp(Instant.now().minus(Duration.ofHours(1))))
              .shardIterator();
      while (true) {
        String now = iterator;
        var answer = kinesis.getRecords(r -> r.shardIterator(now).limit(77));
        for (Record record : answer.records()) keep(got, record);
        if (answer.records().isEmpty() && answer.millisBehindLatest() == 0) break;
        iterator = answer.nextShardIterator();
      }
    }
    same(sent, got);
  }

  /** An error must arrive as its own exception, with a request id. */
  static void error(KinesisClient kinesis) {
    try {
      kinesis.describeStreamSummary(r -> r.streamName("no-such-stream"));
      check(false, "a missing stream is an error");
    } catch (ResourceNotFoundException e) {
      check(e.requestId() != null, "an error has a request id");
      check(e.getMessage().contains("no-such-stream"), "the error names the stream: " + e);
    }
  }

  static void subscribe(
      URI endpoint, KinesisClient kinesis, String stream, Map<String, List<byte[]>> sent)
      throws Exception {
    String arn =
        kinesis
            .describeStreamSummary(r -> r.streamName(stream))
            .streamDescriptionSummary()
            .streamARN();
    String consumer =
        kinesis
            .registerStreamConsumer(r -> r.streamARN(arn).consumerName("reader"))
            .consumer()
            .consumerARN();
    while (kinesis
            .describeStreamConsumer(r -> r.consumerARN(consumer))
            .consumerDescription()
            .consumerStatus()
        != ConsumerStatus.ACTIVE) {
      Thread.sleep(100);
    }
    try (KinesisAsyncClient async =
        KinesisAsyncClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1).build()) {
      List<Shard> shards = kinesis.listShards(r -> r.streamName(stream)).shards();
      int total = BATCHES * BATCH + KEYS;
      Map<String, List<byte[]>> got = new ConcurrentHashMap<>();
      CountDownLatch all = new CountDownLatch(total);
      // A shard is quiet once it was read to its end: then too events come, without records.
      CountDownLatch quiet = new CountDownLatch(2 * shards.size());
      for (Shard shard : shards) {
        SubscribeToShardResponseHandler handler =
            SubscribeToShardResponseHandler.builder()
                .onError(e -> fail("SubscribeToShard of " + shard.shardId() + ": " + e))
                .subscriber(
                    (SubscribeToShardEventStream event) -> {
                      if (!(event instanceof SubscribeToShardEvent e)) return;
                      for (Record record : e.records()) {
                        keep(got, record);
                        all.countDown();
                      }
                      if (e.continuationSequenceNumber() == null) fail("no continuation");
                      if (e.records().isEmpty() && e.millisBehindLatest() == 0) quiet.countDown();
                    })
                .build();
        CompletableFuture<Void> unused =
            async.subscribeToShard(
                r ->
                    r.consumerARN(consumer)
                        .shardId(shard.shardId())
                        .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)),
                handler);
      }
      check(quiet.await(60, TimeUnit.SECONDS), "events come on quiet shards; " + quiet.getCount());
      for (int k = 0; k < KEYS; ++k) {
        String key = "key-" + k;
        byte[] data = ("late " + key).getBytes(StandardCharsets.UTF_8);
        kinesis.putRecord(
            r -> r.streamName(stream).partitionKey(key).data(SdkBytes.fromByteArray(data)));
        sent.get(key).add(data);
      }
      check(all.await(30, TimeUnit.SECONDS), "all records pushed; missing " + all.getCount());
      same(sent, got);
    }
  }

  static void keep(Map<String, List<byte[]>> got, Record record) {
    Duration age = Duration.between(record.approximateArrivalTimestamp(), Instant.now());
    if (age.abs().compareTo(Duration.ofMinutes(5)) > 0) fail("arrival time is " + age + " off");
    // One shard has a key: its events come one after the other.
    got.computeIfAbsent(record.partitionKey(), k -> new ArrayList<>())
        .add(record.data().asByteArray());
  }

  static void same(Map<String, List<byte[]>> sent, Map<String, List<byte[]>> got) {
    int records = 0;
    check(sent.keySet().equals(got.keySet()), "all partition keys came back");
    for (String key : sent.keySet()) {
      List<byte[]> a = sent.get(key);
      List<byte[]> b = got.get(key);
      check(a.size() == b.size(), key + ": " + b.size() + " of " + a.size() + " records");
      for (int i = 0; i < a.size(); ++i) {
        check(java.util.Arrays.equals(a.get(i), b.get(i)), key + " record " + i + " as sent");
        ++records;
      }
    }
    System.out.println(records + " records as sent");
  }

  static void check(boolean holds, String what) {
    if (!holds) fail("not so: " + what);
  }

  static void fail(String what) {
    System.out.println(what);
    System.exit(1);
  }
}
