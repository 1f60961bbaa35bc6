// Tables, decoded rows and encoded records as tests write them.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "analytics/formats/format.h"

namespace millstream::analytics {

inline Table test_table(Format format, std::initializer_list<std::pair<std::string, Type>> columns,
                        std::map<std::string, std::string> options = {}) {
  Table table;
  table.name = "t";
  table.format = format;
  table.options = std::move(options);
  for (const auto& [name, type] : columns) {
    TableColumn& column = table.columns.emplace_back();
    column.name = name;
    column.type = type;
  }
  return table;
}

// What a decoder made of records.
struct Decoded {
  std::vector<std::string> rows;  // "1, 'a', NULL"
  std::vector<uint32_t> record_of_row;
  std::vector<DecodeError> errors;
  uint64_t skipped = 0;
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();
};

inline void decode_with(Decoder& decoder, const Table& table,
                        const std::vector<std::string>& records, Decoded& result) {
  std::vector<InputRecord> input;
  for (const std::string& record : records) input.push_back({.data = record, .partition_key = {}});
  std::vector<std::shared_ptr<Column>> columns;
  result.record_of_row.clear();
  decoder.decode(input, *result.arena, columns, result.record_of_row, result.errors,
                 result.skipped);
  for (size_t row = 0; row < result.record_of_row.size(); ++row) {
    std::string text;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (!columns[i]) continue;
      EXPECT_EQ(columns[i]->size(), result.record_of_row.size());
      if (!text.empty()) text += ", ";
      text += value_text(columns[i]->value(row), table.columns[i].type);
    }
    result.rows.push_back(std::move(text));
  }
}

inline std::vector<int> all_columns(const Table& table) {
  std::vector<int> columns(table.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<int>(i);
  return columns;
}

inline Decoded decode(const Table& table, const std::vector<std::string>& records,
                      sql::Dialect dialect = sql::Dialect::kFlink) {
  Decoded result;
  auto decoder = Decoder::make(table, all_columns(table), dialect);
  EXPECT_TRUE(decoder.has_value()) << decoder.error().message;
  if (decoder) decode_with(**decoder, table, records, result);
  return result;
}

// The one row of one record, or "error: …", or "none".
inline std::string decode_one(const Table& table, const std::string& record,
                              sql::Dialect dialect = sql::Dialect::kFlink) {
  const Decoded decoded = decode(table, {record}, dialect);
  if (!decoded.errors.empty()) return "error: " + decoded.errors[0].message;
  std::string text;
  for (const std::string& row : decoded.rows) text += (text.empty() ? "" : " | ") + row;
  return decoded.rows.empty() ? "none" : text;
}

inline std::vector<std::string> encode(const Table& table,
                                       const std::vector<std::vector<Value>>& rows,
                                       sql::Dialect dialect = sql::Dialect::kFlink) {
  Schema schema;
  for (const TableColumn& column : table.columns) schema.push_back({column.name, column.type});
  BatchBuilder builder(schema);
  for (const auto& row : rows) builder.add_row(row);
  const Batch batch = builder.take();
  auto encoder = Encoder::make(table, dialect);
  EXPECT_TRUE(encoder.has_value()) << encoder.error().message;
  std::vector<std::string> result;
  if (!encoder) return result;
  std::vector<uint32_t> numbers(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) numbers[i] = static_cast<uint32_t>(i);
  std::string bytes;
  std::vector<uint32_t> ends;
  (*encoder)->encode(batch, numbers, bytes, ends);
  EXPECT_EQ(ends.size(), rows.size());
  uint32_t from = 0;
  for (const uint32_t end : ends) {
    result.push_back(bytes.substr(from, end - from));
    from = end;
  }
  return result;
}

}  // namespace millstream::analytics
