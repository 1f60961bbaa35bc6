// Runs a Flink SQL script in this JVM, for comparison: java RunSql.java SCRIPT [PARALLELISM].
//
// Every statement is executed in order. A SELECT prints its changelog, one row a line: the kind
// ("+I"), a tab, then the columns as Flink prints them, separated by tabs (NULL as \N). An INSERT
// or statement set is waited for, then "# done SECONDS" is printed: the time from submission to
// the end, start of the job included, JVM start not.
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

public class RunSql {
  public static void main(String[] arguments) throws Exception {
    String script = Files.readString(Path.of(arguments[0]));
    Configuration configuration = new Configuration();
    configuration.setString("parallelism.default", arguments.length > 1 ? arguments[1] : "1");
    configuration.setString("table.local-time-zone", "UTC");
    configuration.setString("taskmanager.memory.managed.size", "256m");
    TableEnvironment tables =
        TableEnvironment.create(
            EnvironmentSettings.newInstance()
                .inStreamingMode()
                .withConfiguration(configuration)
                .build());
    for (String statement : split(script)) {
      long start = System.nanoTime();
      TableResult result = tables.executeSql(statement);
      String head = statement.stripLeading().toUpperCase();
      if (head.startsWith("SELECT") || head.startsWith("WITH")) {
        print(result);
      } else if (head.startsWith("INSERT") || head.startsWith("EXECUTE")) {
        result.await();
        System.out.printf("# done %.3f%n", (System.nanoTime() - start) / 1e9);
      } else if (head.startsWith("EXPLAIN")) {
        result.print();
      }
    }
  }

  private static void print(TableResult result) throws Exception {
    StringBuilder out = new StringBuilder();
    try (CloseableIterator<Row> rows = result.collect()) {
      while (rows.hasNext()) {
        Row row = rows.next();
        out.append(row.getKind().shortString());
        for (int i = 0; i < row.getArity(); i++) {
          Object value = row.getField(i);
          out.append('\t').append(value == null ? "\\N" : value.toString());
        }
        out.append('\n');
      }
    }
    System.out.print(out);
    System.out.println("# end");
  }

  // At semicolons outside quotes, comments and BEGIN … END.
  private static List<String> split(String script) {
    List<String> statements = new ArrayList<>();
    StringBuilder current = new StringBuilder();
    char quote = 0;
    for (int i = 0; i < script.length(); i++) {
      char c = script.charAt(i);
      if (quote == 0 && script.startsWith("--", i)) {
        while (i < script.length() && script.charAt(i) != '\n') i++;
        current.append('\n');
        continue;
      }
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '\'' || c == '`' || c == '"') {
        quote = c;
      } else if (c == ';') {
        String head = current.toString().stripLeading().toUpperCase();
        boolean inSet =
            head.startsWith("EXECUTE STATEMENT SET") && !head.stripTrailing().endsWith("END");
        if (!inSet) {
          if (!current.toString().isBlank()) statements.add(current.toString().strip());
          current.setLength(0);
          continue;
        }
      }
      current.append(c);
    }
    if (!current.toString().isBlank()) statements.add(current.toString().strip());
    return statements;
  }
}
