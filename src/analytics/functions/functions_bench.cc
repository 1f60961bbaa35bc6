// Rows a second of expressions on one core: functions_bench [seconds each].
#include <cstdlib>
#include <ctime>
#include <random>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/functions/program.h"

namespace millstream::analytics {
namespace {

constexpr size_t kRows = 10'000;
double seconds_each = 0.5;

const Schema kSchema = {{"id", make_type(TypeKind::kBigint)},
                        {"price", make_type(TypeKind::kBigint)},
                        {"amount", make_type(TypeKind::kDouble)},
                        {"url", varchar_type()},
                        {"time", timestamp_type(3)}};
BoundPtr column(int index) { return bound_column(index, kSchema[static_cast<size_t>(index)]); }
BoundPtr text(std::string value) {
  Type type = make_type(TypeKind::kChar, false);
  type.precision = static_cast<int32_t>(value.size());
  return bound_literal(std::move(value), std::move(type));
}
BoundPtr big(int64_t value) { return bound_literal(value, make_type(TypeKind::kBigint, false)); }

BoundPtr call(std::string_view name, std::vector<BoundPtr> arguments,
              sql::Dialect dialect = sql::Dialect::kFlink) {
  auto resolved = *resolve_function(name, dialect, arguments);
  for (size_t i = 0; i < arguments.size(); ++i) {
    arguments[i] = bound_cast(arguments[i], resolved.argument_types[i]);
  }
  return bound_call(*resolved.function, std::move(arguments), resolved.type);
}

// Bids as Nexmark's: URLs of some 50 bytes, one in eight with a channel.
Batch bids() {
  std::mt19937_64 random(5);
  BatchBuilder builder(kSchema);
  for (size_t i = 0; i < kRows; ++i) {
    const auto id = static_cast<int64_t>(random() % 100'000);
    const auto micros = static_cast<int64_t>(1'600'000'000'000'000 + random() % 86'400'000'000);
    std::string url = fmt::format("https://www.nexmark.com/{:05}/bid/item.htm?query=1", id);
    if (random() % 8 == 0) url += fmt::format("&channel_id={}", id);
    builder.add_row(std::vector<Value>{id, static_cast<int64_t>(random() % 10'000'000),
                                       static_cast<double>(id) / 7, std::move(url),
                                       micros / 1000 * 1000});
  }
  return builder.take();
}

void measure(std::string_view what, const Batch& batch, const BoundPtr& expression,
             sql::Dialect dialect = sql::Dialect::kFlink) {
  const auto program = *Program::compile({&expression, 1}, {.dialect = dialect});
  std::vector<std::shared_ptr<Arena>> memory;
  std::vector<RowError> errors;
  const std::clock_t start = std::clock();  // this core's time only
  double seconds = 0;
  size_t rows = 0;
  do {
    memory.clear();
    errors.clear();
    program->run(batch, 0, memory, errors);
    rows += kRows;
    seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  } while (seconds < seconds_each);
  fmt::print("{:<36} {:8.1f} M rows/s{}\n", what, static_cast<double>(rows) / seconds / 1e6,
             errors.empty() ? "" : "  (with errors)");
}

void run() {
  const Batch batch = bids();
  const BoundPtr id = column(0);
  const BoundPtr price = column(1);
  const BoundPtr url = column(3);
  const BoundPtr time = column(4);
  measure("a + b * 2", batch, call("+", {id, call("*", {price, big(2)})}));
  measure("IF(a < 1000000, a, b)", batch,
          call("IF", {call("<", {price, big(1'000'000)}), price, id}));
  measure("0.908 * BIGINT (decimal)", batch,
          call("*", {bound_literal(Decimal{908}, decimal_type(3, 3, false)), price}));
  measure("FLOOR(time TO MINUTE)", batch, call("FLOOR", {time, text("MINUTE")}));
  measure("EXTRACT(HOUR FROM time)", batch, call("HOUR", {time}));
  measure("STEP(time BY 10 s)", batch,
          call("STEP", {time, bound_literal(int64_t{10'000}, make_type(TypeKind::kIntervalMillis))},
               sql::Dialect::kKinesis),
          sql::Dialect::kKinesis);
  measure("url LIKE '%query=1&%'", batch, call("LIKE", {url, text("%query=1&%")}));
  measure("url LIKE '%channel_id%'", batch, call("LIKE", {url, text("%channel_id%")}));
  measure("REGEXP(url, 'channel_id=[0-9]+')", batch,
          call("REGEXP", {url, text("channel_id=[0-9]+")}));
  measure("REGEXP_EXTRACT (Nexmark q21)", batch,
          call("REGEXP_EXTRACT", {url, text("(&|^)channel_id=([^&]*)"), big(2)}));
  measure("SPLIT_INDEX(url, '/', 3)", batch, call("SPLIT_INDEX", {url, text("/"), big(3)}));
  measure("UPPER(url)", batch, call("UPPER", {url}));
  measure("DATE_FORMAT(time, 'yyyy-MM-dd')", batch,
          call("DATE_FORMAT", {time, text("yyyy-MM-dd")}));
  measure("CAST(BIGINT AS VARCHAR)", batch, bound_cast(price, varchar_type()));
  measure("CAST(DOUBLE AS VARCHAR)", batch, bound_cast(column(2), varchar_type()));
}

}  // namespace
}  // namespace millstream::analytics

int main(int argc, char** argv) {
  if (argc > 1) millstream::analytics::seconds_each = std::atof(argv[1]);
  millstream::analytics::run();
}
