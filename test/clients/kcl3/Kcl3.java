import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * Kcl3 ENDPOINT STREAM WORKER polling|fanout FILE: a worker of Kinesis Client Library 3 that appends
 * "SHARD DATA" to FILE for each record. Kinesis, DynamoDB and CloudWatch are the one ENDPOINT.
 */
public class Kcl3 {
  static OutputStream file;

  public static void main(String[] args) throws Exception {
    URI endpoint = URI.create(args[0]);
    String stream = args[1];
    String application = stream + "-" + args[3];
    file = new FileOutputStream(args[4], true);
    KinesisAsyncClient kinesis =
        KinesisClientUtil.createKinesisAsyncClient(
            KinesisAsyncClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1));
    DynamoDbAsyncClient dynamo =
        DynamoDbAsyncClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1).build();
    CloudWatchAsyncClient cloudwatch =
        CloudWatchAsyncClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1).build();
    SingleStreamTracker tracker =
        new SingleStreamTracker(
            stream,
            InitialPositionInStreamExtended.newInitialPosition(
                InitialPositionInStream.TRIM_HORIZON));
    ConfigsBuilder configs =
        new ConfigsBuilder(
            tracker, application, kinesis, dynamo, cloudwatch, args[2], Processor::new);
    var retrieval =
        configs
            .retrievalConfig()
            .retrievalSpecificConfig(
                args[3].equals("fanout")
                    ? new FanOutConfig(kinesis).streamName(stream).applicationName(application)
                    : new PollingConfig(stream, kinesis));
    // Only times are changed, so that the check does not wait for production's defaults.
    var leases = configs.leaseManagementConfig().failoverTimeMillis(4000).shardSyncIntervalMillis(2000);
    var coordinator = configs.coordinatorConfig().parentShardPollIntervalMillis(500);
    new Scheduler(
            configs.checkpointConfig(),
            coordinator,
            leases,
            configs.lifecycleConfig(),
            configs.metricsConfig(),
            configs.processorConfig(),
            retrieval)
        .run();
    System.exit(1); // ends by being killed only
  }

  static class Processor implements ShardRecordProcessor {
    private String shard;

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
      System.out.println("PROCESSING " + shard + " from " + input.extendedSequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
      try {
        for (KinesisClientRecord record : input.records()) {
          String data = StandardCharsets.UTF_8.decode(record.data()).toString();
          // One write a line: both workers append to the file.
          file.write((shard + " " + data + "\n").getBytes(StandardCharsets.UTF_8));
        }
        if (!input.records().isEmpty()) input.checkpointer().checkpoint();
      } catch (IOException e) {
        e.printStackTrace();
        Runtime.getRuntime().halt(1);
      } catch (Exception e) {
        System.out.println("no checkpoint of " + shard + ": " + e);
      }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
      System.out.println("LOST " + shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
      try {
        input.checkpointer().checkpoint();
        System.out.println("ENDED " + shard);
      } catch (Exception e) {
        System.out.println("no checkpoint at the end of " + shard + ": " + e);
      }
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {}
  }
}
