import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * Kpl PORT STREAM KEYS ROUNDS FOLDER [CA]: the Kinesis Producer Library with aggregation, over
 * TLS, which puts "KEY:NUMBER" for each key and round. It trusts the CA in the PEM file CA; without
 * one, those that it brings along. Ends with 0 only if every record was acknowledged and far fewer
 * stream records than user records were made.
 */
public class Kpl {
  public static void main(String[] args) throws Exception {
    long port = Long.parseLong(args[0]);
    String stream = args[1];
    var configuration =
        new KinesisProducerConfiguration()
            .setKinesisEndpoint("localhost")
            .setKinesisPort(port)
            .setCloudwatchEndpoint("localhost")
            .setCloudwatchPort(port)
            .setStsEndpoint("localhost")
            .setStsPort(port)
            .setRegion("us-east-1")
            .setVerifyCertificate(true)
            .setAggregationEnabled(true)
            .setRecordMaxBufferedTime(200)
            .setMetricsUploadDelay(1000)
            .setTempDirectory(args[4]);
    if (args.length > 5) {
      configuration.setCaCertFile(args[5]);
    } else {
      configuration.setRecordTtl(5000);  // it gives up soon
    }
    KinesisProducer producer = new KinesisProducer(configuration);
    int keys = Integer.parseInt(args[2]);
    int rounds = Integer.parseInt(args[3]);
    List<ListenableFuture<UserRecordResult>> results = new ArrayList<>();
    for (int round = 0; round < rounds; ++round) {
      for (int key = 0; key < keys; ++key) {
        byte[] data = ("key-" + key + ":" + round).getBytes(StandardCharsets.UTF_8);
        results.add(producer.addUserRecord(stream, "key-" + key, ByteBuffer.wrap(data)));
      }
    }
    Set<String> numbers = new HashSet<>();
    for (var future : results) {
      UserRecordResult result = future.get(60, TimeUnit.SECONDS);
      if (!result.isSuccessful()) fail("not acknowledged: " + result.getAttempts());
      numbers.add(result.getShardId() + result.getSequenceNumber());
    }
    if (numbers.size() * 2 > results.size()) fail("hardly aggregated: " + numbers.size());
    // Long enough for one upload of metrics, which goes to the same endpoint.
    Thread.sleep(3000);
    producer.flushSync();
    producer.destroy();
    System.out.println(
        results.size() + " user records acknowledged in " + numbers.size() + " stream records");
    System.exit(0);
  }

  static void fail(String what) {
    System.out.println(what);
    System.exit(1);
  }
}
