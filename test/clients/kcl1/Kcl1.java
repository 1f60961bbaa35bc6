import com.amazonaws.ClientConfiguration;
import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.cloudwatch.AmazonCloudWatchClientBuilder;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBClientBuilder;
import com.amazonaws.services.kinesis.AmazonKinesisClientBuilder;
import com.amazonaws.services.kinesis.clientlibrary.interfaces.v2.IRecordProcessor;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.InitialPositionInStream;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.KinesisClientLibConfiguration;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.ShutdownReason;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.Worker;
import com.amazonaws.services.kinesis.clientlibrary.types.InitializationInput;
import com.amazonaws.services.kinesis.clientlibrary.types.ProcessRecordsInput;
import com.amazonaws.services.kinesis.clientlibrary.types.ShutdownInput;
import com.amazonaws.services.kinesis.model.Record;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Kcl1 ENDPOINT STREAM WORKER FILE: a worker of Kinesis Client Library 1 that appends "SHARD DATA" to
 * FILE for each record. Kinesis, DynamoDB and CloudWatch are the one ENDPOINT.
 */
public class Kcl1 {
  static OutputStream file;

  public static void main(String[] args) throws Exception {
    var endpoint = new EndpointConfiguration(args[0], "us-east-1");
    String stream = args[1];
    file = new FileOutputStream(args[3], true);
    var credentials = new DefaultAWSCredentialsProviderChain();
    // Only times are changed, so that the check does not wait for production's defaults.
    var configuration =
        new KinesisClientLibConfiguration(stream + "-kcl1", stream, credentials, args[2])
            .withInitialPositionInStream(InitialPositionInStream.TRIM_HORIZON)
            .withRegionName("us-east-1")
            .withFailoverTimeMillis(4000)
            .withShardSyncIntervalMillis(2000)
            .withParentShardPollIntervalMillis(500)
            .withIdleTimeBetweenReadsInMillis(250);
    new Worker.Builder()
        .recordProcessorFactory(Processor::new)
        .config(configuration)
        .kinesisClient(
            AmazonKinesisClientBuilder.standard().withEndpointConfiguration(endpoint).build())
        .dynamoDBClient(
            AmazonDynamoDBClientBuilder.standard().withEndpointConfiguration(endpoint).build())
        .cloudWatchClient(
            AmazonCloudWatchClientBuilder.standard()
                .withEndpointConfiguration(endpoint)
                .withClientConfiguration(new ClientConfiguration())
                .build())
        .build()
        .run();
    System.exit(1); // ends by being killed only
  }

  static class Processor implements IRecordProcessor {
    private String shard;

    @Override
    public void initialize(InitializationInput input) {
      shard = input.getShardId();
      System.out.println("PROCESSING " + shard + " from " + input.getExtendedSequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
      try {
        for (Record record : input.getRecords()) {
          String data = StandardCharsets.UTF_8.decode(record.getData()).toString();
          // One write a line: both workers append to the file.
          file.write((shard + " " + data + "\n").getBytes(StandardCharsets.UTF_8));
        }
        if (!input.getRecords().isEmpty()) input.getCheckpointer().checkpoint();
      } catch (IOException e) {
        e.printStackTrace();
        Runtime.getRuntime().halt(1);
      } catch (Exception e) {
        System.out.println("no checkpoint of " + shard + ": " + e);
      }
    }

    @Override
    public void shutdown(ShutdownInput input) {
      System.out.println("SHUTDOWN " + shard + " " + input.getShutdownReason());
      if (input.getShutdownReason() != ShutdownReason.TERMINATE) return;
      try {
        input.getCheckpointer().checkpoint();
      } catch (Exception e) {
        System.out.println("no checkpoint at the end of " + shard + ": " + e);
      }
    }
  }
}
