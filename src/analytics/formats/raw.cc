#include "analytics/formats/raw.h"

#include <algorithm>
#include <array>
#include <bit>

#include <simdjson.h>

#include "analytics/formats/coercion.h"
#include "analytics/formats/encoder_columns.h"
#include "analytics/formats/format_options.h"
#include "analytics/formats/row_writer.h"

namespace millstream::analytics {
namespace {

// Bytes of a value; 0: any number (texts).
size_t width_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
    case TypeKind::kTinyint:
      return 1;
    case TypeKind::kSmallint:
      return 2;
    case TypeKind::kInteger:
    case TypeKind::kFloat:
      return 4;
    case TypeKind::kBigint:
    case TypeKind::kDouble:
      return 8;
    default:
      return 0;
  }
}

struct RawTable {
  Type type;
  bool little = false;
};

Result<RawTable> check(const Table& table) {
  const TableColumn* column = nullptr;
  for (const TableColumn& each : table.columns) {
    if (!is_data_column(each)) continue;
    if (column != nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  "The 'raw' format only supports single physical column. Table {} has also {}.",
                  table.name, each.name);
    }
    column = &each;
  }
  if (column == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                "The 'raw' format needs one physical column; table {} has none.", table.name);
  }
  const Type& type = column->type;
  if (!type.is_string() && !type.is_binary() && width_of(type.kind) == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "The 'raw' format doesn't supports '{}' as column type.", type_text(type));
  }
  const FormatOptions options(table);
  const std::string charset = options.text("raw.charset", "UTF-8");
  if (!equals_ignoring_case(charset, "utf-8")) {
    return fail(ErrorCode::kInvalidArgument,
                "raw.charset '{}' is not yet supported; write 'UTF-8'.", charset);
  }
  const std::string endianness = options.text("raw.endianness", "big-endian");
  const bool little = equals_ignoring_case(endianness, "little-endian");
  if (!little && !equals_ignoring_case(endianness, "big-endian")) {
    return fail(ErrorCode::kInvalidArgument,
                "raw.endianness '{}' must be 'big-endian' or 'little-endian'.", endianness);
  }
  return RawTable{type, little};
}

uint64_t load(std::string_view bytes, bool little) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[little ? bytes.size() - 1 - i : i]);
  }
  return value;
}

class RawDecoder : public Decoder {
 public:
  RawDecoder(RawTable table, RowWriter writer)
      : table_(std::move(table)), writer_(std::move(writer)) {}

  void decode(std::span<const InputRecord> records, Arena& arena,
              std::vector<std::shared_ptr<Column>>& into, std::vector<uint32_t>& record_of_row,
              std::vector<DecodeError>& errors, uint64_t& /*skipped*/) override {
    writer_.open(into, record_of_row.size(), records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      const size_t row = record_of_row.size();
      std::string error;
      if (writer_.columns().empty() ||
          read(writer_.columns()[0], row, records[i].data, arena, error)) {
        record_of_row.push_back(static_cast<uint32_t>(i));
      } else {
        errors.push_back({static_cast<uint32_t>(i), std::move(error)});
      }
    }
    writer_.close(into, record_of_row.size());
  }

 private:
  bool read(ColumnWriter& column, size_t row, std::string_view data, Arena& arena,
            std::string& error) {
    const size_t width = width_of(table_.type.kind);
    if (width == 0) {
      if (table_.type.is_string() && !simdjson::validate_utf8(data)) {
        // Java puts U+FFFD for what is no character.
        data = arena.copy(replace_invalid(data));
      }
      column.set_string(row, data);
      return true;
    }
    if (data.size() != width) {
      error = fmt::format("Size of data received for deserializing {} type is not {}: it is {}.",
                          type_text(table_.type), width, data.size());
      return false;
    }
    const uint64_t bits = load(data, table_.little);
    switch (table_.type.kind) {
      case TypeKind::kBoolean:
        column.set_bool(row, bits != 0);
        break;
      case TypeKind::kTinyint:
        column.set_int(row, static_cast<int8_t>(bits));
        break;
      case TypeKind::kSmallint:
        column.set_int(row, static_cast<int16_t>(bits));
        break;
      case TypeKind::kInteger:
        column.set_int(row, static_cast<int32_t>(bits));
        break;
      case TypeKind::kFloat:
        column.set_double(row, std::bit_cast<float>(static_cast<uint32_t>(bits)));
        break;
      case TypeKind::kDouble:
        column.set_double(row, std::bit_cast<double>(bits));
        break;
      default:
        column.set_int(row, static_cast<int64_t>(bits));
    }
    return true;
  }

  static std::string replace_invalid(std::string_view data) {
    std::string result;
    for (size_t i = 0; i < data.size();) {
      size_t length = 0;
      for (size_t most = std::min<size_t>(4, data.size() - i); length < most;) {
        if (simdjson::validate_utf8(data.data() + i, ++length)) break;
        if (length == most) length = most + 1;
      }
      if (length > 4 || i + length > data.size()) {
        result += "\xEF\xBF\xBD";
        ++i;
      } else {
        result += data.substr(i, length);
        i += length;
      }
    }
    return result;
  }

  RawTable table_;
  RowWriter writer_;
};

class RawEncoder : public Encoder {
 public:
  RawEncoder(RawTable table, EncoderColumns columns)
      : table_(std::move(table)), columns_(std::move(columns)) {}

  void encode(const Batch& batch, std::span<const uint32_t> rows, std::string& bytes,
              std::vector<uint32_t>& ends) override {
    const Column& column = columns_.of(batch, 0);
    for (const uint32_t row : rows) {
      // Flink writes a message without a value for NULL: here a record without data.
      if (!column.is_null(row)) append(bytes, column, row);
      ends.push_back(static_cast<uint32_t>(bytes.size()));
    }
  }

 private:
  void append(std::string& bytes, const Column& column, size_t row) const {
    const size_t width = width_of(table_.type.kind);
    uint64_t bits = 0;
    switch (table_.type.physical()) {
      case Physical::kString:
        bytes += column.strings[row];
        return;
      case Physical::kBool:
        bits = column.bools[row];
        break;
      case Physical::kDouble:
        bits = table_.type.kind == TypeKind::kFloat
                   ? std::bit_cast<uint32_t>(static_cast<float>(column.doubles[row]))
                   : std::bit_cast<uint64_t>(column.doubles[row]);
        break;
      default:
        bits = static_cast<uint64_t>(column.ints[row]);
    }
    for (size_t i = 0; i < width; ++i) {
      const size_t byte = table_.little ? i : width - 1 - i;
      bytes += static_cast<char>(bits >> (8 * byte));
    }
  }

  RawTable table_;
  EncoderColumns columns_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_raw_decoder(const Table& table,
                                                  std::span<const int> columns) {
  TRY_ASSIGN(RawTable made, check(table));
  return std::make_unique<RawDecoder>(std::move(made), RowWriter(table, columns));
}

Result<std::unique_ptr<Encoder>> make_raw_encoder(const Table& table) {
  TRY_ASSIGN(RawTable made, check(table));
  return std::make_unique<RawEncoder>(std::move(made), EncoderColumns(table));
}

}  // namespace millstream::analytics
