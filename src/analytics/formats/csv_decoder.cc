#include "analytics/formats/csv_decoder.h"

#include <algorithm>
#include <optional>

#include "analytics/formats/coercion.h"
#include "analytics/formats/csv_reader.h"
#include "analytics/formats/format_options.h"
#include "analytics/formats/row_writer.h"

namespace millstream::analytics {
namespace {

// What a CSV table says about its records.
struct CsvTable {
  CsvSyntax syntax;
  bool is_kinesis = false;
  bool many_rows = false;
  bool ignore_errors = false;
  std::optional<std::string> null_literal;
  size_t fields = 0;              // of a row (Flink)
  std::vector<size_t> positions;  // of each writer's field
};

class CsvDecoder : public Decoder {
 public:
  CsvDecoder(CsvTable table, RowWriter writer)
      : table_(std::move(table)),
        reader_(table_.syntax),
        writer_(std::move(writer)),
        coercion_(table_.is_kinesis ? CoercionRules::kKinesis : CoercionRules::kFlinkCsv,
                  table_.is_kinesis ? TimeSyntax::kLenient : TimeSyntax::kSql) {}

  void decode(std::span<const InputRecord> records, Arena& arena,
              std::vector<std::shared_ptr<Column>>& into, std::vector<uint32_t>& record_of_row,
              std::vector<DecodeError>& errors, uint64_t& skipped) override {
    writer_.open(into, record_of_row.size(), records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      const auto record = static_cast<uint32_t>(i);
      const auto report = [&](std::string message) {
        if (table_.ignore_errors) {
          ++skipped;
        } else {
          errors.push_back({record, std::move(message)});
        }
      };
      reader_.start(records[i].data, arena);
      if (!reader_.more()) {
        if (!table_.is_kinesis) report("the record is empty");
        continue;
      }
      do {
        if (!reader_.next(fields_)) {
          report(fmt::format("no CSV at {}", reader_.error()));
          break;
        }
        if (table_.is_kinesis && fields_.size() == 1 && fields_[0].text.empty()) continue;
        writer_.ensure(record_of_row.size() + 1);
        std::string error;
        if (read_row(record_of_row.size(), arena, error, skipped)) {
          record_of_row.push_back(record);
        } else {
          report(std::move(error));
        }
      } while (table_.many_rows && reader_.more());
    }
    writer_.close(into, record_of_row.size());
  }

 private:
  // False: the fields are no row; why.
  bool read_row(size_t row, Arena& arena, std::string& error, uint64_t& skipped) {
    if (!table_.is_kinesis) {
      const bool is_short = fields_.size() < table_.fields && !table_.ignore_errors;
      if (is_short || fields_.size() > table_.fields) {
        error = fmt::format("Row length mismatch. {} fields expected but was {}.", table_.fields,
                            fields_.size());
        return false;
      }
    }
    for (size_t i = 0; i < writer_.columns().size(); ++i) {
      ColumnWriter& column = writer_.columns()[i];
      const size_t position = table_.positions[i];
      if (position >= fields_.size()) {
        column.set_null(row);
        continue;
      }
      const CsvField& field = fields_[position];
      if (is_null(field, column)) {
        column.set_null(row);
      } else if (!coercion_.text(column, row, field.text, Lifetime::kRecord, arena)) {
        if (!table_.ignore_errors) {
          error = conversion_error(column, field.text);
          return false;
        }
        ++skipped;
        column.set_null(row);
      }
    }
    return true;
  }

  bool is_null(const CsvField& field, const ColumnWriter& column) const {
    if (table_.null_literal && field.text == *table_.null_literal) return true;
    return table_.is_kinesis && field.text.empty() && !field.quoted && !column.type().is_string();
  }

  CsvTable table_;
  CsvReader reader_;
  RowWriter writer_;
  Coercion coercion_;
  std::vector<CsvField> fields_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_csv_decoder(const Table& table, std::span<const int> columns,
                                                  sql::Dialect dialect) {
  const FormatOptions options(table);
  CsvTable made;
  made.is_kinesis = dialect == sql::Dialect::kKinesis;
  TRY_ASSIGN(const bool no_quote, options.flag("csv.disable-quote-character"));
  TRY_ASSIGN(made.syntax.quote, options.character("csv.quote-character", '"'));
  TRY_ASSIGN(made.syntax.escape, options.character("csv.escape-character", '\\'));
  TRY_ASSIGN(made.syntax.comments, options.flag("csv.allow-comments"));
  TRY_ASSIGN(made.ignore_errors, options.flag("csv.ignore-parse-errors"));
  TRY_ASSIGN(const char delimiter, options.character("csv.field-delimiter", ','));
  made.syntax.has_quote = !no_quote;
  made.syntax.has_escape = options.has("csv.escape-character");
  made.syntax.column_delimiter = delimiter;
  if (options.has("csv.null-literal")) made.null_literal = options.text("csv.null-literal");
  if (options.has("record.column.delimiter")) {
    made.syntax.column_delimiter = options.text("record.column.delimiter");
  }
  made.many_rows = made.is_kinesis || options.has("record.row.delimiter");
  made.syntax.trim_blanks = made.is_kinesis;
  // Rows of any line ends are what "\n" usually means to say.
  const std::string rows = options.text("record.row.delimiter");
  if (rows != "\n" && rows != "\r\n") made.syntax.row_delimiter = rows;
  if (made.syntax.column_delimiter.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "Table {}: RecordColumnDelimiter must have at least one character.", table.name);
  }
  RowWriter writer(table, columns);
  std::vector<size_t> position_of(table.columns.size());
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const TableColumn& column = table.columns[i];
    if (!is_data_column(column)) continue;
    position_of[i] = column.position < 0 ? made.fields : static_cast<size_t>(column.position);
    made.fields = std::max(made.fields, position_of[i] + 1);
  }
  for (const ColumnWriter& column : writer.columns()) {
    made.positions.push_back(position_of[static_cast<size_t>(column.index())]);
  }
  return std::make_unique<CsvDecoder>(std::move(made), std::move(writer));
}

}  // namespace millstream::analytics
