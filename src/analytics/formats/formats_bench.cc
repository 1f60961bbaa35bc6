// Rows a second of the decoders and encoders on one core: formats_bench [seconds each].
#include <chrono>
#include <cstdlib>
#include <random>

#include <fmt/format.h>

#include "analytics/formats/format.h"

namespace millstream::analytics {
namespace {

constexpr size_t kRows = 10'000;

Table flights(Format format) {
  Table table;
  table.name = "flights";
  table.format = format;
  const std::pair<const char*, Type> columns[] = {{"id", make_type(TypeKind::kBigint)},
                                                  {"delay", make_type(TypeKind::kInteger)},
                                                  {"price", make_type(TypeKind::kDouble)},
                                                  {"origin", varchar_type()},
                                                  {"dest", varchar_type()},
                                                  {"ts", timestamp_type(3)}};
  for (const auto& [name, type] : columns) {
    TableColumn& column = table.columns.emplace_back();
    column.name = name;
    column.type = type;
  }
  return table;
}

// Some 117 bytes each, one after the other as in a batch of the log.
struct Records {
  std::string bytes;
  std::vector<InputRecord> list;
};

Records make_records(bool json) {
  Records records;
  std::mt19937_64 random(5);
  std::vector<size_t> ends;
  for (size_t i = 0; i < kRows; ++i) {
    const auto id = 100'000'000 + random() % 900'000'000;
    const auto delay = static_cast<int>(random() % 400) - 100;
    const double price = static_cast<double>(random() % 100'000) / 100;
    const auto second = random() % 60;
    const auto milli = random() % 1000;
    const std::string_view airports[] = {"SFO", "LAX", "JFK", "ORD", "DFW", "ATL"};
    const auto from = airports[random() % 6];
    const auto to = airports[random() % 6];
    if (json) {
      fmt::format_to(std::back_inserter(records.bytes),
                     R"({{"id":{},"delay":{},"price":{:.2f},"origin":"{}","dest":"{}",)"
                     R"("ts":"2026-11-25 10:11:{:02}.{:03}"}})",
                     id, delay, price, from, to, second, milli);
    } else {
      fmt::format_to(std::back_inserter(records.bytes),
                     "{},{},{:.2f},{},{},2026-11-25 10:11:{:02}.{:03}", id, delay, price, from, to,
                     second, milli);
    }
    ends.push_back(records.bytes.size());
  }
  size_t from = 0;
  for (const size_t end : ends) {
    records.list.push_back({.data = std::string_view(records.bytes).substr(from, end - from)});
    from = end;
  }
  return records;
}

double seconds_each = 1;

// Runs `batch` again and again; prints its rows a second.
template <class Batch>
void measure(std::string_view what, size_t bytes, Batch batch) {
  using Clock = std::chrono::steady_clock;
  batch();
  const auto start = Clock::now();
  size_t batches = 0;
  std::chrono::duration<double> spent{};
  do {
    batch();
    ++batches;
    spent = Clock::now() - start;
  } while (spent.count() < seconds_each);
  const double rate = static_cast<double>(batches) / spent.count();
  fmt::print("{:<34} {:6.2f} M rows/s {:7.1f} MB/s\n", what,
             rate * static_cast<double>(kRows) / 1e6, rate * static_cast<double>(bytes) / 1e6);
}

struct Output {
  std::vector<std::shared_ptr<Column>> columns;
  std::vector<uint32_t> record_of_row;
  std::vector<DecodeError> errors;
  uint64_t skipped = 0;
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();
};

Output decode(Decoder& decoder, const Records& records) {
  Output out;
  decoder.decode(records.list, *out.arena, out.columns, out.record_of_row, out.errors, out.skipped);
  if (out.record_of_row.size() != kRows) {
    fmt::print(stderr, "{} rows of {}: {}\n", out.record_of_row.size(), kRows,
               out.errors.empty() ? "" : out.errors[0].message);
    std::exit(1);
  }
  return out;
}

void bench_decoders() {
  const std::vector<int> all = {0, 1, 2, 3, 4, 5};
  const std::vector<int> three = {0, 1, 3};
  for (const auto dialect : {sql::Dialect::kFlink, sql::Dialect::kKinesis}) {
    const std::string_view name = dialect == sql::Dialect::kFlink ? "Flink" : "Kinesis";
    const Records json = make_records(true);
    const Table table = flights(Format::kJson);
    auto decoder = *Decoder::make(table, all, dialect);
    measure(fmt::format("JSON decode, 6 of 6 fields, {}", name), json.bytes.size(),
            [&] { (void)decode(*decoder, json); });
    decoder = *Decoder::make(table, three, dialect);
    measure(fmt::format("JSON decode, 3 of 6 fields, {}", name), json.bytes.size(),
            [&] { (void)decode(*decoder, json); });
    const Records csv = make_records(false);
    decoder = *Decoder::make(flights(Format::kCsv), all, dialect);
    measure(fmt::format("CSV decode, 6 of 6 fields, {}", name), csv.bytes.size(),
            [&] { (void)decode(*decoder, csv); });
  }
}

void bench_encoder(Format format, const std::vector<int>& columns, std::string_view what) {
  const Records records = make_records(true);
  auto decoder = *Decoder::make(flights(Format::kJson), columns, sql::Dialect::kFlink);
  Output input = decode(*decoder, records);
  Table table = flights(format);
  Table sink = table;
  sink.columns.clear();
  Batch batch;
  batch.rows = kRows;
  for (const int column : columns) {
    sink.columns.push_back(table.columns[static_cast<size_t>(column)]);
    batch.columns.push_back(input.columns[static_cast<size_t>(column)]);
  }
  batch.memory.push_back(input.arena);
  std::vector<uint32_t> rows(kRows);
  for (uint32_t i = 0; i < kRows; ++i) rows[i] = i;
  auto encoder = *Encoder::make(sink, sql::Dialect::kFlink);
  std::string bytes;
  std::vector<uint32_t> ends;
  const auto run = [&] {
    bytes.clear();
    ends.clear();
    encoder->encode(batch, rows, bytes, ends);
  };
  run();
  measure(what, bytes.size(), run);
}

}  // namespace
}  // namespace millstream::analytics

int main(int argc, char** argv) {
  using namespace millstream::analytics;
  if (argc > 1) seconds_each = std::atof(argv[1]);
  bench_decoders();
  bench_encoder(Format::kJson, {0, 1, 3}, "JSON encode, 3 fields");
  bench_encoder(Format::kJson, {0, 1, 2, 3, 4, 5}, "JSON encode, 6 fields");
  bench_encoder(Format::kCsv, {0, 1, 3}, "CSV encode, 3 fields");
}
