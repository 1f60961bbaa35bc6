#include "analytics/engine/row_codec.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace millstream::analytics {
namespace {

std::vector<int> all_columns(size_t count) {
  std::vector<int> columns(count);
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

template <class T>
void append_plain(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

template <class T>
T take_plain(const char*& at) {
  const T value = load_le<T>(at);
  at += sizeof(T);
  return value;
}

void append_length(std::string& out, size_t length) {
  while (length >= 0x80) {
    out.push_back(static_cast<char>(length | 0x80));
    length >>= 7;
  }
  out.push_back(static_cast<char>(length));
}

size_t take_length(const char*& at) {
  size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    length |= static_cast<size_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return length;
  }
}

}  // namespace

RowCodec::RowCodec(const Schema& schema) : RowCodec(schema, all_columns(schema.size())) {}

RowCodec::RowCodec(const Schema& schema, std::vector<int> columns)
    : columns_(std::move(columns)), null_bytes_((columns_.size() + 7) / 8) {
  physical_.reserve(columns_.size());
  for (const int column : columns_) {
    physical_.push_back(schema[static_cast<size_t>(column)].type.physical());
  }
}

void RowCodec::encode(const Batch& batch, size_t row, std::string& out) const {
  const size_t start = out.size();
  out.append(null_bytes_, '\0');
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column* const column = batch.columns[static_cast<size_t>(columns_[i])].get();
    if (column == nullptr || column->is_null(row)) {
      char& mask = out[start + i / 8];
      mask = static_cast<char>(mask | 1 << (i % 8));
      continue;
    }
    switch (physical_[i]) {
      case Physical::kBool:
        out.push_back(static_cast<char>(column->bools[row]));
        break;
      case Physical::kInt64:
        append_plain(out, column->ints[row]);
        break;
      case Physical::kDouble:
        append_plain(out, column->doubles[row]);
        break;
      case Physical::kDecimal:
        append_plain(out, column->decimals[row]);
        break;
      case Physical::kString:
        append_length(out, column->strings[row].size());
        out.append(column->strings[row]);
        break;
    }
  }
}

void RowCodec::decode(std::string_view bytes, std::span<Column* const> out, Arena& arena) const {
  MS_ASSERT(bytes.size() >= null_bytes_ && out.size() == physical_.size());
  const char* at = bytes.data() + null_bytes_;
  for (size_t i = 0; i < physical_.size(); ++i) {
    Column* const column = out[i];
    if ((static_cast<unsigned char>(bytes[i / 8]) >> (i % 8) & 1) != 0) {
      if (column != nullptr) column->append_null();
      continue;
    }
    switch (physical_[i]) {
      case Physical::kBool: {
        const auto value = static_cast<uint8_t>(*at++);
        if (column != nullptr) column->bools.push_back(value);
        break;
      }
      case Physical::kInt64: {
        const auto value = take_plain<int64_t>(at);
        if (column != nullptr) column->ints.push_back(value);
        break;
      }
      case Physical::kDouble: {
        const auto value = take_plain<double>(at);
        if (column != nullptr) column->doubles.push_back(value);
        break;
      }
      case Physical::kDecimal: {
        const auto value = take_plain<Decimal>(at);
        if (column != nullptr) column->decimals.push_back(value);
        break;
      }
      case Physical::kString: {
        const size_t length = take_length(at);
        if (column != nullptr) column->strings.push_back(arena.copy({at, length}));
        at += length;
        break;
      }
    }
    if (column != nullptr && !column->nulls.empty()) column->nulls.push_back(0);
  }
}

void EncodedRows::encode(const RowCodec& codec, const Batch& batch) {
  bytes_.clear();
  ends_.assign(1, 0);
  ends_.reserve(batch.rows + 1);
  for (size_t row = 0; row < batch.rows; ++row) {
    codec.encode(batch, row, bytes_);
    ends_.push_back(bytes_.size());
  }
}

}  // namespace millstream::analytics
