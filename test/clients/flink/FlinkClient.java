import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kinesis.sink.KinesisStreamsSink;
import org.apache.flink.connector.kinesis.source.KinesisStreamsSource;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.RichSinkFunction;
import org.apache.flink.streaming.connectors.kinesis.FlinkKinesisConsumer;
import org.apache.flink.streaming.connectors.kinesis.serialization.KinesisDeserializationSchema;

/**
 * Flink's Kinesis connector in one JVM.
 *
 * <ul>
 *   <li>FlinkClient ENDPOINT STREAM sink KEYS ROUNDS puts "KEY:NUMBER" for each key and round, and ends.
 *   <li>FlinkClient ENDPOINT STREAM polling|efo|source FILE appends "SHARD DATA" to FILE for each
 *       record, until it is killed: by FlinkKinesisConsumer's polling or enhanced fan-out, or by
 *       KinesisStreamsSource (which does not tell the shard).
 *   <li>FlinkClient ENDPOINT STREAM polling|source FILE FOLDER [FROM] does the same with
 *       checkpoints below FOLDER, from the checkpoint or savepoint FROM if there is one; FILE holds
 *       what came up to there, exactly. It stops with a savepoint once FOLDER/stop exists.
 * </ul>
 */
public class FlinkClient {
  public static void main(String[] args) throws Exception {
    String stream = args[1];
    Properties client = new Properties();
    client.setProperty("aws.endpoint", args[0]);
    client.setProperty("aws.region", "us-east-1");
    // FlinkKinesisConsumer asks for credentials of its own; the sink takes the same.
    client.setProperty("aws.credentials.provider", "ENV_VAR");
    boolean writes = args[2].equals("sink");
    String folder = !writes && args.length > 4 ? args[4] : null;
    Configuration cluster = new Configuration();
    if (folder != null) {
      cluster.setString("state.checkpoints.dir", "file://" + folder + "/checkpoints");
      cluster.setString(
          "execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    }
    if (args.length > 5) cluster.setString("execution.savepoint.path", args[5]);
    StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment(cluster);
    flink.setParallelism(2);
    flink.enableCheckpointing(500);
    if (writes) {
      sink(flink, client, stream, Long.parseLong(args[3]), Long.parseLong(args[4]));
      return;
    }
    client.setProperty("flink.stream.initpos", "TRIM_HORIZON");
    DataStream<String> lines;
    if (args[2].equals("source")) {
      String arn = "arn:aws:kinesis:us-east-1:000000000000:stream/" + stream;
      lines =
          flink
              .fromSource(
                  KinesisStreamsSource.<String>builder()
                      .setStreamArn(arn)
                      .setSourceConfig(Configuration.fromMap(strings(client)))
                      .setDeserializationSchema(new SimpleStringSchema())
                      .build(),
                  WatermarkStrategy.noWatermarks(),
                  "kinesis",
                  TypeInformation.of(String.class))
              .map(data -> "? " + data);
    } else {
      client.setProperty("flink.shard.discovery.intervalmillis", "1000");
      if (args[2].equals("efo")) {
        client.setProperty("flink.stream.recordpublisher", "EFO");
        client.setProperty("flink.stream.efo.consumername", "flink");
      }
      lines = flink.addSource(new FlinkKinesisConsumer<>(stream, new Lines(), client));
    }
    lines.addSink(new ToFile(args[3])).setParallelism(1);
    if (folder == null) {
      flink.execute();
      return;
    }
    JobClient job = flink.executeAsync();
    while (!Files.exists(Path.of(folder, "stop"))) {
      if (job.getJobStatus().get().isGloballyTerminalState()) throw new Exception("it has ended");
      Thread.sleep(100);
    }
    String savepoints = "file://" + folder + "/savepoints";
    job.stopWithSavepoint(false, savepoints, SavepointFormatType.CANONICAL).get();
  }

  static void sink(
      StreamExecutionEnvironment flink, Properties client, String stream, long keys, long rounds)
      throws Exception {
    flink
        .fromSequence(0, keys * rounds - 1)
        .setParallelism(1)
        .map(n -> "key-" + n % keys + ":" + n / keys)
        .setParallelism(1)
        .sinkTo(
            KinesisStreamsSink.<String>builder()
                .setStreamName(stream)
                .setKinesisClientProperties(client)
                .setSerializationSchema(new SimpleStringSchema())
                .setPartitionKeyGenerator(data -> data.substring(0, data.indexOf(':')))
                // Several requests at once would be put in any order.
                .setMaxInFlightRequests(1)
                .build())
        .setParallelism(1);
    flink.execute();
  }

  static java.util.Map<String, String> strings(Properties properties) {
    java.util.Map<String, String> map = new java.util.HashMap<>();
    properties.forEach((name, value) -> map.put((String) name, (String) value));
    return map;
  }

  static class Lines implements KinesisDeserializationSchema<String> {
    private static final long serialVersionUID = 1;

    @Override
    public String deserialize(
        byte[] data, String key, String number, long time, String stream, String shard) {
      return shard + " " + new String(data, StandardCharsets.UTF_8);
    }

    @Override
    public TypeInformation<String> getProducedType() {
      return TypeInformation.of(String.class);
    }
  }

  /** Appends; goes back to where it was at the checkpoint that it is started from. */
  static class ToFile extends RichSinkFunction<String> implements CheckpointedFunction {
    private static final long serialVersionUID = 1;
    private final String path;
    private transient FileOutputStream file;
    private transient ListState<Long> length;

    ToFile(String path) {
      this.path = path;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      length =
          context.getOperatorStateStore().getListState(new ListStateDescriptor<>("length", Long.class));
      file = new FileOutputStream(path, true);
      for (long before : length.get()) file.getChannel().truncate(before);
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      length.update(List.of(file.getChannel().size()));
    }

    @Override
    public void invoke(String line, Context context) throws Exception {
      file.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }
}
