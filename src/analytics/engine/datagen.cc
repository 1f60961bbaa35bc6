#include "analytics/engine/datagen.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "analytics/functions/decimal.h"
#include "analytics/plan/options.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

constexpr uint64_t kDefaultRowsPerSecond = 10'000;  // Flink's
constexpr size_t kDefaultLength = 100;              // Flink's
constexpr size_t kLongest = size_t{1} << 20;
constexpr uint64_t kMaxRun = 10'000;
constexpr std::chrono::milliseconds kShortestPause{5};

uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

double unit(uint64_t random) { return static_cast<double>(random >> 11) * 0x1.0p-53; }

struct Generator {
  size_t column = 0;
  Type type;
  bool sequence = false;
  int64_t start = 0;
  int64_t end = 0;
  double low = 0;
  double high = 0;
  int64_t low_integer = 0;
  int64_t high_integer = 0;
  int64_t max_past_us = 0;
  size_t length = kDefaultLength;
  double null_rate = 0;

  void append(uint64_t row, int64_t now_us, Column& to, Arena& arena) const {
    const uint64_t random = mix(row * 1024 + column);
    if (null_rate > 0 && unit(mix(random)) < null_rate) return to.append_null();
    const int64_t in_sequence = start + static_cast<int64_t>(row);
    switch (type.physical()) {
      case Physical::kBool:
        to.bools.push_back(static_cast<uint8_t>(random & 1));
        break;
      case Physical::kInt64:
        to.ints.push_back(sequence ? in_sequence : integer(random, now_us));
        break;
      case Physical::kDouble:
        to.doubles.push_back(sequence ? static_cast<double>(in_sequence)
                                      : low + (high - low) * unit(random));
        break;
      case Physical::kDecimal:
        to.decimals.push_back(double_to_decimal(sequence ? static_cast<double>(in_sequence)
                                                         : low + (high - low) * unit(random),
                                                type.precision, type.scale)
                                  .value_or(0));
        break;
      case Physical::kString:
        to.strings.push_back(sequence ? arena.copy(std::to_string(in_sequence))
                                      : text(random, arena));
        break;
    }
    if (!to.nulls.empty()) to.nulls.push_back(0);
  }

  int64_t integer(uint64_t random, int64_t now_us) const {
    if (type.is_timestamp()) {
      const auto past = max_past_us > 0
                            ? static_cast<int64_t>(random % static_cast<uint64_t>(max_past_us + 1))
                            : 0;
      return (now_us - past) / 1000 * 1000;
    }
    const uint64_t span = static_cast<uint64_t>(high_integer) - static_cast<uint64_t>(low_integer);
    if (span == std::numeric_limits<uint64_t>::max()) return static_cast<int64_t>(random);
    return static_cast<int64_t>(static_cast<uint64_t>(low_integer) + random % (span + 1));
  }

  std::string_view text(uint64_t random, Arena& arena) const {
    constexpr std::string_view kDigits = "0123456789abcdef";
    char* place = arena.allocate(length);
    for (size_t i = 0; i < length; ++i) {
      if (i % 16 == 0) random = mix(random);
      place[i] = kDigits[random >> (4 * (i % 16)) & 15];
    }
    return {place, length};
  }
};

void set_default_range(Generator& made) {
  made.low_integer = std::numeric_limits<int64_t>::min();
  made.high_integer = std::numeric_limits<int64_t>::max();
  const auto range = [&](int64_t low, int64_t high) {
    made.low_integer = low;
    made.high_integer = high;
  };
  switch (made.type.kind) {
    case TypeKind::kTinyint:
      range(-128, 127);
      break;
    case TypeKind::kSmallint:
      range(-32768, 32767);
      break;
    case TypeKind::kInteger:
      range(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
      break;
    case TypeKind::kDate:
      range(0, 36'500);
      break;
    case TypeKind::kTime:
      range(0, 86'399'999);
      break;
    case TypeKind::kDecimal: {
      const int digits = made.type.precision - made.type.scale;
      made.high = std::pow(10.0, digits) - 1;
      made.low = -made.high;
      break;
    }
    default:
      made.high = 1e9;
      made.low = -1e9;
      break;
  }
}

Result<Generator> make_generator(const Table& table, size_t index) {
  const TableColumn& column = table.columns[index];
  Generator made;
  made.column = index;
  made.type = column.type;
  set_default_range(made);
  const auto option = [&](std::string_view key) -> const std::string* {
    const auto found = table.options.find(fmt::format("fields.{}.{}", column.name, key));
    return found == table.options.end() ? nullptr : &found->second;
  };
  const std::string* kind = option("kind");
  made.sequence = kind != nullptr && to_lower(*kind) == "sequence";
  if (const auto* text = option("start")) made.start = parse_integer<int64_t>(*text).value_or(0);
  if (const auto* text = option("end")) made.end = parse_integer<int64_t>(*text).value_or(0);
  const auto bound = [](const std::string* text, double& real, int64_t& whole) {
    if (text == nullptr) return;
    real = std::strtod(text->c_str(), nullptr);
    whole = parse_integer<int64_t>(*text).value_or(
        static_cast<int64_t>(std::clamp(real, -9.2e18, 9.2e18)));
  };
  bound(option("min"), made.low, made.low_integer);
  bound(option("max"), made.high, made.high_integer);
  if (made.high_integer < made.low_integer || made.high < made.low) {
    return fail(ErrorCode::kInvalidArgument, "fields.{}.min is above fields.{}.max", column.name,
                column.name);
  }
  if (const auto* text = option("length")) {
    made.length = std::min(parse_integer<size_t>(*text).value_or(kDefaultLength), kLongest);
  } else if (column.type.is_string() && column.type.precision < kMaxLength) {
    made.length = std::min<size_t>(made.length, static_cast<size_t>(column.type.precision));
  }
  if (const auto* text = option("max-past")) {
    made.max_past_us = parse_duration_ms(*text).value_or(0) * 1000;
  }
  if (const auto* text = option("null-rate")) made.null_rate = std::strtod(text->c_str(), nullptr);
  return made;
}

class Datagen final : public Source {
 public:
  Datagen(std::string name, std::shared_ptr<const Table> table, std::vector<Generator> generators,
          Clock& clock, asio::any_io_executor strand, std::function<void()> wake)
      : Source(std::move(name), std::move(wake)),
        table_(std::move(table)),
        generators_(std::move(generators)),
        clock_(clock),
        strand_(strand),
        timer_(strand),
        ended_(strand, asio::steady_timer::time_point::max()) {
    Slot slot;
    slot.name = "rows";
    slot.started = true;
    slots_.push_back(std::move(slot));
  }

  void set_limits(uint64_t per_second, uint64_t rows) {
    per_second_ = std::max<uint64_t>(per_second, 1);
    total_ = rows;
  }

  awaitable<Result<>> open(std::span<const SlotPosition> restored) override {
    if (!restored.empty()) {
      slots_[0].next = restored[0].next;
      slots_[0].watermark = restored[0].watermark;
    }
    first_ = slots_[0].next;
    opened_ = clock_.monotonic();
    slots_[0].finished = slots_[0].next >= total_;
    running_ = true;
    asio::co_spawn(strand_, tick(), [this](std::exception_ptr) {
      running_ = false;
      ended_.expires_at(asio::steady_timer::time_point::min());
    });
    co_return Result<>();
  }

  std::optional<TimeMs> oldest() override {
    if (allowed() <= slots_[0].next) return std::nullopt;
    return clock_.now_ms();
  }

  void take(TakeBudget& budget, std::vector<SourceChunk>& chunks) override {
    Slot& slot = slots_[0];
    const uint64_t rows =
        std::min({allowed() - std::min(allowed(), slot.next), budget.rows, kMaxRun});
    if (rows == 0) return;
    BatchBuilder builder(table_->schema());
    const int64_t now_us = clock_.now_ms() * 1000;
    std::vector<bool> filled(table_->columns.size());
    for (const Generator& generator : generators_) {
      filled[generator.column] = true;
      for (uint64_t i = 0; i < rows; ++i) {
        generator.append(slot.next + i, now_us, builder.column(generator.column), builder.arena());
      }
    }
    for (size_t i = 0; i < filled.size(); ++i) {
      if (!filled[i]) builder.column(i).resize(rows);
    }
    for (uint64_t i = 0; i < rows; ++i) builder.finish_row();
    SourceChunk chunk;
    chunk.rows = rows;
    chunk.ready = builder.take();
    chunks.push_back(std::move(chunk));
    budget.rows -= rows;
    slot.next += rows;
    slot.changed = true;
    slot.last_rows = clock_.monotonic();
    slot.finished = slot.next >= total_;
  }

  int64_t millis_behind(TimeMs) const override { return 0; }
  bool finished() const override { return slots_[0].finished; }
  void stop() override {
    stopping_ = true;
    timer_.cancel();
  }
  awaitable<> stopped() override {
    boost::system::error_code ignored;
    if (running_) co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

 private:
  uint64_t allowed() const {
    const double seconds = std::chrono::duration<double>(clock_.monotonic() - opened_).count();
    // A row at once, so that nobody waits for the first.
    return std::min(total_,
                    first_ + 1 + static_cast<uint64_t>(seconds * static_cast<double>(per_second_)));
  }

  awaitable<> tick() {
    while (!stopping_ && !slots_[0].finished) {
      wake_();
      timer_.expires_after(std::max<std::chrono::milliseconds>(
          kShortestPause, std::chrono::milliseconds(1000 / per_second_)));
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    wake_();
  }

  std::shared_ptr<const Table> table_;
  std::vector<Generator> generators_;
  Clock& clock_;
  asio::any_io_executor strand_;
  asio::steady_timer timer_;
  asio::steady_timer ended_;
  uint64_t per_second_ = kDefaultRowsPerSecond;
  uint64_t total_ = std::numeric_limits<uint64_t>::max();
  uint64_t first_ = 0;
  std::chrono::nanoseconds opened_{0};
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> make_datagen(const SourceNode& node, std::string name,
                                             const JobSpec& spec, JobHost& host,
                                             asio::any_io_executor strand,
                                             std::function<void()> wake) {
  const Table& table = *node.table;
  std::vector<Generator> generators;
  uint64_t total = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const TableColumn& column = table.columns[i];
    if (column.computed || column.metadata != Metadata::kNone) continue;
    TRY_ASSIGN(Generator generator, make_generator(table, i));
    if (generator.sequence) {
      const auto rows = generator.end < generator.start
                            ? uint64_t{0}
                            : static_cast<uint64_t>(generator.end - generator.start) + 1;
      total = std::min(total, rows);
    }
    generators.push_back(generator);
  }
  const auto number = [&](const char* key) -> std::optional<uint64_t> {
    const auto found = table.options.find(key);
    if (found == table.options.end()) return std::nullopt;
    return parse_integer<uint64_t>(found->second);
  };
  total = std::min(total, number("number-of-rows").value_or(total));
  if (spec.bounded && total == std::numeric_limits<uint64_t>::max()) {
    return fail(ErrorCode::kInvalidArgument,
                "table {} makes rows without end, and the query is to end; give it "
                "'number-of-rows'",
                table.name);
  }
  auto made = std::make_unique<Datagen>(std::move(name), node.table, std::move(generators),
                                        host.clock(), std::move(strand), std::move(wake));
  made->set_limits(number("rows-per-second").value_or(kDefaultRowsPerSecond), total);
  return made;
}

}  // namespace millstream::analytics
