#include "analytics/engine/job_sources.h"

#include <algorithm>

#include "analytics/engine/datagen.h"
#include "analytics/engine/file_source.h"
#include "analytics/engine/source_reader.h"
#include "analytics/engine/stream_sink.h"
#include "analytics/functions/time_value.h"
#include "analytics/plan/options.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

std::string_view option(const Table& table, std::string_view key, std::string_view other = {}) {
  for (const std::string_view name : {key, other}) {
    const auto found = table.options.find(std::string(name));
    if (!name.empty() && found != table.options.end()) return found->second;
  }
  return {};
}

// "1459799926.480" (seconds) or a time of ISO 8601, as Flink's connector takes them.
Result<TimeMs> parse_start_time(std::string_view text) {
  if (const auto time = millstream::parse_time(text)) return *time;
  if (const auto seconds = millstream::parse_integer<int64_t>(text.substr(0, text.find('.')))) {
    TimeMs millis = *seconds * 1000;
    if (const auto dot = text.find('.'); dot != std::string_view::npos) {
      const std::string digits = (std::string(text.substr(dot + 1)) + "000").substr(0, 3);
      millis += millstream::parse_integer<int64_t>(digits).value_or(0);
    }
    return millis;
  }
  if (const auto micros = parse_timestamp(text, true)) return *micros / kMicrosPerMilli;
  return fail(ErrorCode::kInvalidArgument,
              "'{}' is no start time; write seconds since 1970 or 2026-11-24T10:00:00Z", text);
}

Result<StreamSourceOptions> stream_options(const Table& table, const JobSpec& spec) {
  StreamSourceOptions options;
  options.stream = stream_of(table);
  options.start = spec.start;
  options.start_ms = spec.start_ms;
  options.bounded = spec.bounded;
  const std::string_view start = option(table, "source.init.position", "scan.stream.initpos");
  if (start == "LATEST") options.start = StartPosition::kLatest;
  if (start == "TRIM_HORIZON") options.start = StartPosition::kTrimHorizon;
  if (start == "AT_TIMESTAMP") {
    options.start = StartPosition::kAtTimestamp;
    TRY_ASSIGN(options.start_ms, parse_start_time(option(table, "source.init.timestamp",
                                                         "scan.stream.initpos-timestamp")));
  }
  return options;
}

}  // namespace

ErrorSource::ErrorSource(std::string name, std::shared_ptr<const Table> table, Clock& clock,
                         std::function<void()> wake)
    : Source(std::move(name), std::move(wake)), table_(std::move(table)), clock_(clock) {
  Slot slot;
  slot.name = "errors";
  slot.started = true;
  slots_.push_back(std::move(slot));
}

std::optional<TimeMs> ErrorSource::oldest() {
  if (waiting_.empty()) return std::nullopt;
  return 0;
}

void ErrorSource::add(std::vector<RowFailure> failures) {
  for (RowFailure& failure : failures) waiting_.push_back(std::move(failure));
}

void ErrorSource::take(TakeBudget& budget, std::vector<SourceChunk>& chunks) {
  if (waiting_.empty()) return;
  BatchBuilder rows(table_->schema());
  for (const RowFailure& failure : waiting_) {
    for (size_t i = 0; i < table_->columns.size(); ++i) {
      const TableColumn& column = table_->columns[i];
      const std::string name = to_lower(column.name);
      Value value;
      if (name == "error_time") value = clock_.now_ms() * kMicrosPerMilli;
      if (name == "error_level") value = std::string("ERROR");
      if (name == "error_name") value = std::string("ROW");
      if (name == "message") value = failure.message;
      if (name == "data_row") value = failure.data;
      if (name == "data_rowtime" && failure.rowtime != kNoWatermark) value = failure.rowtime;
      const bool fits = column.type.physical() == Physical::kString
                            ? std::holds_alternative<std::string>(value)
                            : column.type.physical() == Physical::kInt64 &&
                                  std::holds_alternative<int64_t>(value);
      rows.column(i).append_value(fits ? value : Value(), rows.arena());
    }
    rows.finish_row();
  }
  SourceChunk chunk;
  chunk.rows = waiting_.size();
  chunk.ready = rows.take();
  chunks.push_back(std::move(chunk));
  budget.rows -= std::min<uint64_t>(budget.rows, waiting_.size());
  waiting_.clear();
}

Result<std::unique_ptr<Source>> make_source(const SourceNode& node, std::string name,
                                            const JobSpec& spec, JobHost& host,
                                            asio::any_io_executor strand,
                                            std::function<void()> wake) {
  const Table& table = *node.table;
  switch (table.connector) {
    case Connector::kStream: {
      TRY_ASSIGN(StreamSourceOptions options, stream_options(table, spec));
      auto source = std::make_unique<StreamSource>(std::move(name), std::move(options), host,
                                                   std::move(strand), std::move(wake));
      if (const auto idle = parse_duration_ms(option(table, "scan.watermark.idle-timeout"))) {
        source->set_idle_timeout(std::chrono::milliseconds(*idle));
      }
      return source;
    }
    case Connector::kDatagen:
      return make_datagen(node, std::move(name), spec, host, std::move(strand), std::move(wake));
    case Connector::kFilesystem:
      return make_file_source(node, std::move(name), host, std::move(strand), std::move(wake));
    case Connector::kInternal:
      return std::make_unique<ErrorSource>(std::move(name), node.table, host.clock(),
                                           std::move(wake));
    default:
      return fail(ErrorCode::kInvalidArgument, "table {} can only be written to, not read",
                  table.name);
  }
}

}  // namespace millstream::analytics
