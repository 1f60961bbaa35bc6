#include "analytics/engine/source_decoder.h"

#include <algorithm>

#include "analytics/engine/project.h"
#include "log/record.h"
#include "streams/sequence_number.h"

namespace millstream::analytics {
namespace {

// Each column as an expression over the columns that are not computed.
std::vector<BoundPtr> base_expressions(const Table& table) {
  std::vector<BoundPtr> expressions;
  const Schema schema = table.schema();
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const BoundPtr& computed = table.columns[i].computed;
    expressions.push_back(computed ? substitute(computed, expressions)
                                   : bound_column(static_cast<int>(i), schema[i]));
  }
  return expressions;
}

}  // namespace

bool SourceDecoder::is_by_clock(const Table& table) {
  return table.rowtime &&
         table.columns[static_cast<size_t>(*table.rowtime)].metadata == Metadata::kRowtime;
}

Result<std::unique_ptr<SourceDecoder>> SourceDecoder::make(const SourceNode& source,
                                                           sql::Dialect dialect,
                                                           const std::string& time_zone) {
  std::unique_ptr<SourceDecoder> made(new SourceDecoder());
  const Table& table = *source.table;
  made->table_ = source.table;
  std::vector<BoundPtr> base = base_expressions(table);
  std::vector<bool> wanted(table.columns.size());
  for (const int column : source.columns) wanted[static_cast<size_t>(column)] = true;
  if (table.rowtime) wanted[static_cast<size_t>(*table.rowtime)] = true;
  const bool by_clock = is_by_clock(table);
  made->rowtime_ = by_clock ? std::nullopt : table.rowtime;
  std::vector<BoundPtr> expressions;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!wanted[i] || !table.columns[i].computed) continue;
    made->computed_.push_back(static_cast<int>(i));
    expressions.push_back(base[i]);
  }
  if (table.watermark && !by_clock) {
    made->has_watermark_ = true;
    expressions.push_back(substitute(table.watermark, base));
  }
  for (const BoundPtr& expression : expressions) {
    for (const int column : columns_of(*expression)) wanted[static_cast<size_t>(column)] = true;
  }
  std::vector<int> decoded;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!wanted[i] || table.columns[i].computed) continue;
    auto& list = table.columns[i].metadata == Metadata::kNone ? decoded : made->metadata_;
    list.push_back(static_cast<int>(i));
  }
  if (table.connector != Connector::kDatagen && table.connector != Connector::kInternal) {
    TRY_ASSIGN(made->decoder_, Decoder::make(table, decoded, dialect));
  }
  if (!expressions.empty()) {
    TRY_ASSIGN(made->program_, Program::compile(expressions, {dialect, time_zone}));
  }
  return made;
}

void SourceDecoder::read_records(const SourceChunk& chunk, Arena& arena) {
  records_.clear();
  records_.reserve(chunk.rows);
  for (const StoredBatch& batch : chunk.stored) {
    arena.keep(batch.body);
    RecordCursor cursor(batch.body.view());
    RecordView record;
    Counter counter = batch.first;
    while (cursor.next(record)) {
      records_.push_back({record.data, record.partition_key, batch.arrival_ms, counter++});
    }
  }
  if (!chunk.lines.empty()) arena.keep(chunk.object);
  for (const std::string_view line : chunk.lines) records_.push_back({line, {}, 0, 0});
}

void SourceDecoder::add_metadata(const SourceChunk& chunk, int64_t now_us, Arena& arena,
                                 Batch& batch) {
  for (const int index : metadata_) {
    const TableColumn& wanted = table_->columns[static_cast<size_t>(index)];
    auto column = std::make_shared<Column>(wanted.type.physical());
    column->resize(batch.rows);
    const auto each = [&](auto value_of) {
      for (size_t row = 0; row < batch.rows; ++row) {
        value_of(row, records_.empty() ? InputRecord{} : records_[record_of_row_[row]]);
      }
    };
    switch (wanted.metadata) {
      case Metadata::kArrivalTime:
        each([&](size_t row, const InputRecord& r) { column->ints[row] = r.arrival_ms * 1000; });
        break;
      case Metadata::kPartitionKey:
        each([&](size_t row, const InputRecord& r) { column->strings[row] = r.partition_key; });
        break;
      case Metadata::kSequenceNumber:
        each([&](size_t row, const InputRecord& r) {
          streams::SequenceNumber number;
          if (chunk.origin) number.created_s = chunk.origin->shard_created_s;
          if (chunk.origin) number.shard_index = chunk.origin->shard_index;
          number.counter = r.counter;
          number.time_s = r.arrival_ms / 1000;
          column->strings[row] = arena.copy(streams::format_sequence_number(number));
        });
        break;
      case Metadata::kShardId: {
        const std::string_view name =
            chunk.origin ? arena.copy(chunk.origin->shard_name) : std::string_view();
        std::ranges::fill(column->strings, name);
        break;
      }
      case Metadata::kRowtime:
        std::ranges::fill(column->ints, now_us / 1000 * 1000);
        break;
      case Metadata::kNone:
        break;
    }
    batch.columns[static_cast<size_t>(index)] = std::move(column);
  }
}

std::string SourceDecoder::text_of(const Batch& batch, uint32_t row) const {
  if (!records_.empty()) {
    return std::string(records_[record_of_row_[row]].data.substr(0, kMaxFailureData));
  }
  std::string text;
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    if (!batch.columns[i]) continue;
    if (!text.empty()) text += ", ";
    text += value_text(batch.columns[i]->value(row), table_->columns[i].type);
  }
  return text.substr(0, kMaxFailureData);
}

void SourceDecoder::add_computed(int64_t now_us, DecodedChunk& decoded,
                                 std::vector<RowFailure>& failures) {
  Batch& batch = decoded.batch;
  row_errors_.clear();
  ColumnPtr watermark;
  if (program_) {
    auto values = program_->run(batch, now_us, batch.memory, row_errors_);
    for (size_t i = 0; i < computed_.size(); ++i) {
      batch.columns[static_cast<size_t>(computed_[i])] = values[i];
    }
    if (has_watermark_) watermark = values.back();
  }
  std::vector<RowError> bad;
  for (const RowError& error : row_errors_) {
    // A watermark that can't be computed is none.
    if (has_watermark_ && error.expression >= computed_.size()) continue;
    failures.push_back({std::string(error.message), text_of(batch, error.row)});
    bad.push_back(error);
  }
  if (rowtime_) {
    const Column& time = *batch.columns[static_cast<size_t>(*rowtime_)];
    if (!time.nulls.empty()) {
      std::vector<RowError> all;
      size_t next = 0;
      for (uint32_t row = 0; row < batch.rows; ++row) {
        if (next < bad.size() && bad[next].row == row) {
          all.push_back(bad[next++]);
        } else if (time.nulls[row] != 0) {
          failures.push_back(
              {"RowTime field should not be null, please convert it to a non-null long value.",
               text_of(batch, row)});
          all.push_back({row, 0, {}});
        }
      }
      bad = std::move(all);
    }
  }
  if (watermark) {
    // Rows that are left out move the watermark no more than they are rows.
    size_t next = 0;
    EventTime greatest = kNoWatermark;
    batch.watermarks.resize(batch.rows);
    for (uint32_t row = 0; row < batch.rows; ++row) {
      batch.watermarks[row] = greatest;
      if (next < bad.size() && bad[next].row == row) {
        ++next;
        continue;
      }
      const bool none =
          watermark->is_null(row) || (!watermark->errors.empty() && watermark->errors[row] != 0);
      if (!none) greatest = std::max(greatest, watermark->ints[row]);
    }
    decoded.max_watermark = greatest;
  }
  if (!bad.empty()) batch = without_errors(batch, bad);
}

DecodedChunk SourceDecoder::decode(const SourceChunk& chunk, int64_t now_us,
                                   std::vector<RowFailure>& failures, uint64_t& skipped) {
  DecodedChunk decoded;
  decoded.source = chunk.source;
  decoded.slot = chunk.slot;
  auto arena = std::make_shared<Arena>();
  records_.clear();
  record_of_row_.clear();
  Batch& batch = decoded.batch;
  if (chunk.ready) {
    batch = *chunk.ready;
  } else {
    read_records(chunk, *arena);
    errors_.clear();
    std::vector<std::shared_ptr<Column>> columns;
    decoder_->decode(records_, *arena, columns, record_of_row_, errors_, skipped);
    batch.rows = record_of_row_.size();
    batch.columns.assign(columns.begin(), columns.end());
    for (DecodeError& error : errors_) {
      failures.push_back({std::move(error.message),
                          std::string(records_[error.record].data.substr(0, kMaxFailureData))});
    }
  }
  batch.columns.resize(table_->columns.size());
  batch.memory.push_back(arena);
  if (batch.rows == 0) return decoded;
  add_metadata(chunk, now_us, *arena, batch);
  add_computed(now_us, decoded, failures);
  return decoded;
}

}  // namespace millstream::analytics
