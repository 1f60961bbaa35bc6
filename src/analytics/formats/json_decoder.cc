#include "analytics/formats/json_decoder.h"

#include <algorithm>

#include "analytics/formats/coercion.h"
#include "analytics/formats/format_options.h"
#include "analytics/formats/json_scanner.h"
#include "analytics/formats/json_schema.h"
#include "analytics/formats/row_writer.h"

namespace millstream::analytics {
namespace {

constexpr size_t kMaxGuesses = 256;

class JsonDecoder : public Decoder {
 public:
  JsonDecoder(RowWriter writer, std::unique_ptr<JsonSchema> schema, Coercion coercion,
              sql::Dialect dialect)
      : writer_(std::move(writer)),
        schema_(std::move(schema)),
        coercion_(std::move(coercion)),
        is_kinesis_(dialect == sql::Dialect::kKinesis) {}

  void set_ignore_errors(bool ignore) { ignore_errors_ = ignore; }
  void set_fail_on_missing(bool fail) { fail_on_missing_ = fail; }

  void decode(std::span<const InputRecord> records, Arena& arena,
              std::vector<std::shared_ptr<Column>>& into, std::vector<uint32_t>& record_of_row,
              std::vector<DecodeError>& errors, uint64_t& skipped) override {
    arena_ = &arena;
    record_of_row_ = &record_of_row;
    errors_ = &errors;
    skipped_ = &skipped;
    writer_.open(into, record_of_row.size(), records.size());
    record_of_row.reserve(record_of_row.size() + records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      record_ = static_cast<uint32_t>(i);
      decode_record(records[i].data);
    }
    writer_.close(into, record_of_row.size());
  }

 private:
  ColumnWriter& column(size_t index) { return writer_.columns()[index]; }
  size_t row() const { return record_of_row_->size(); }

  void decode_record(std::string_view data);
  bool read_document(JsonScanner& in);
  bool read_rows_of_array(JsonScanner& in);
  bool read_row(JsonScanner& in);
  bool read_flattened(JsonScanner& in);
  bool read_object(JsonScanner& in, JsonNode& node, size_t depth);
  bool read_value(JsonScanner& in, JsonNode& node, size_t depth);
  bool read_container(JsonScanner& in, JsonNode& node, JsonKind kind, size_t depth);
  bool match_name(JsonScanner& in, JsonNode& node, size_t position, int16_t& child);
  void put_null(const JsonNode& node);
  void put_missing(const JsonNode& node, uint64_t object);
  void repeat_outside(size_t from, const JsonNode& node);
  void finish_row();
  // A value that can't be converted.
  void reject(size_t column_index, std::string_view value);
  void reject_nested(const JsonNode& node, std::string_view value);
  void report(std::string message);

  RowWriter writer_;
  std::unique_ptr<JsonSchema> schema_;
  Coercion coercion_;
  bool is_kinesis_;
  bool ignore_errors_ = false;
  bool fail_on_missing_ = false;

  // Of the batch, record and row under way.
  Arena* arena_ = nullptr;
  std::vector<uint32_t>* record_of_row_ = nullptr;
  std::vector<DecodeError>* errors_ = nullptr;
  uint64_t* skipped_ = nullptr;
  uint32_t record_ = 0;
  std::string row_error_;
  uint64_t objects_ = 0;
  const char* array_ = nullptr;  // the one whose elements become rows; nullptr: none in the row
  std::string scratch_;
};

void JsonDecoder::report(std::string message) {
  if (ignore_errors_) {
    ++*skipped_;
  } else {
    errors_->push_back({record_, std::move(message)});
  }
}

void JsonDecoder::reject(size_t column_index, std::string_view value) {
  if (ignore_errors_) {
    ++*skipped_;
    column(column_index).set_null(row());
  } else if (row_error_.empty()) {
    row_error_ = conversion_error(column(column_index), value);
  }
}

void JsonDecoder::reject_nested(const JsonNode& node, std::string_view value) {
  if (!is_kinesis_ && !ignore_errors_ && row_error_.empty()) {
    row_error_ = fmt::format("field {}: '{}' is no object", node.name, excerpt(value));
  } else if (!is_kinesis_) {
    ++*skipped_;
  }
  for (const JsonNode& child : node.children) put_null(child);
}

void JsonDecoder::put_null(const JsonNode& node) {
  for (const size_t leaf : node.leaves) column(leaf).set_null(row());
  for (const size_t leaf : node.array_leaves) column(leaf).set_null(row());
  for (const JsonNode& child : node.children) put_null(child);
}

// The members that object number `object` did not have.
void JsonDecoder::put_missing(const JsonNode& node, uint64_t object) {
  for (const JsonNode& child : node.children) {
    if (child.seen == object) continue;
    put_null(child);
    if (fail_on_missing_ && row_error_.empty()) {
      row_error_ = fmt::format("field {} is missing", child.name);
    }
  }
}

void JsonDecoder::finish_row() {
  if (row_error_.empty()) {
    record_of_row_->push_back(record_);
  } else {
    report(std::move(row_error_));
    row_error_.clear();
  }
}

bool JsonDecoder::match_name(JsonScanner& in, JsonNode& node, size_t position, int16_t& child) {
  if (position < node.guesses.size() && in.take_bytes(node.guesses[position].text())) {
    child = node.guesses[position].child;
    return true;
  }
  JsonString name;
  if (!in.string(name)) return false;
  if (name.escaped) {
    scratch_.clear();
    append_unescaped(scratch_, name.raw);
    child = node.find(scratch_);
    return true;
  }
  child = node.find(name.raw);
  NameGuess guess;
  if (position >= kMaxGuesses || name.raw.size() + 2 > guess.bytes.size()) return true;
  guess.size = static_cast<uint8_t>(name.raw.size() + 2);
  guess.child = child;
  __builtin_memcpy(guess.bytes.data(), name.raw.data() - 1, guess.size);
  if (position >= node.guesses.size()) node.guesses.resize(position + 1);
  node.guesses[position] = guess;
  return true;
}

bool JsonDecoder::read_object(JsonScanner& in, JsonNode& node, size_t depth) {
  if (depth >= kMaxJsonDepth) return in.fail("containers nested deeper than 1000");
  const uint64_t object = ++objects_;
  // flink-json stops looking once it has found as many members as it needs, twice or not.
  size_t wanted = is_kinesis_ ? SIZE_MAX : node.children.size();
  size_t distinct = 0;
  (void)in.take('{');
  if (!in.take('}')) {
    for (size_t position = 0;; ++position) {
      int16_t child = -1;
      in.skip_space();
      if (!match_name(in, node, position, child)) return false;
      if (!in.take(':')) return in.fail("expected ':'");
      if (child < 0 || wanted == 0) {
        if (!in.skip_value(depth + 1)) return false;
      } else {
        JsonNode& member = node.children[static_cast<size_t>(child)];
        --wanted;
        distinct += member.seen != object ? 1 : 0;
        member.seen = object;
        if (!read_value(in, member, depth + 1)) return false;
      }
      if (in.take(',')) continue;
      if (in.take('}')) break;
      return in.fail("expected ',' or '}'");
    }
  }
  if (distinct < node.children.size()) put_missing(node, object);
  return true;
}

// An object or array, for columns that take its text, its members or its elements.
bool JsonDecoder::read_container(JsonScanner& in, JsonNode& node, JsonKind kind, size_t depth) {
  if (kind == JsonKind::kObject && !node.children.empty() && node.leaves.empty()) {
    for (const size_t leaf : node.array_leaves) column(leaf).set_null(row());
    return read_object(in, node, depth);
  }
  JsonScanner members = in;
  const char* const from = in.place();
  if (!in.skip_value(depth)) return false;
  const std::string_view text(from, static_cast<size_t>(in.place() - from));
  const auto put = [&](size_t leaf) {
    if (!coercion_.container(column(leaf), row(), text, *arena_)) reject(leaf, text);
  };
  for (const size_t leaf : node.leaves) put(leaf);
  for (const size_t leaf : node.array_leaves) {
    if (kind == JsonKind::kArray) {
      put(leaf);
    } else {
      column(leaf).set_null(row());
    }
  }
  if (kind == JsonKind::kArray && node.element) array_ = from;
  if (node.children.empty()) return true;
  if (kind == JsonKind::kObject) return read_object(members, node, depth);
  reject_nested(node, text);
  return true;
}

bool JsonDecoder::read_value(JsonScanner& in, JsonNode& node, size_t depth) {
  JsonKind kind{};
  if (!in.kind(kind)) return false;
  if (kind == JsonKind::kObject || kind == JsonKind::kArray) {
    return read_container(in, node, kind, depth);
  }
  const char* const from = in.place();
  switch (kind) {
    case JsonKind::kString: {
      JsonString text;
      if (!in.string(text)) return false;
      std::string_view value = text.raw;
      if (text.escaped) {
        scratch_.clear();
        append_unescaped(scratch_, text.raw);
        value = scratch_;
      }
      const Lifetime lifetime = text.escaped ? Lifetime::kScratch : Lifetime::kRecord;
      for (const size_t leaf : node.leaves) {
        if (!coercion_.text(column(leaf), row(), value, lifetime, *arena_)) reject(leaf, value);
      }
      break;
    }
    case JsonKind::kNumber: {
      NumberParts number;
      if (!in.number(number)) return false;
      for (const size_t leaf : node.leaves) {
        if (!coercion_.number(column(leaf), row(), number)) reject(leaf, number.text);
      }
      break;
    }
    case JsonKind::kTrue:
    case JsonKind::kFalse: {
      const bool value = kind == JsonKind::kTrue;
      if (!in.literal(value ? "true" : "false")) return false;
      for (const size_t leaf : node.leaves) {
        if (!coercion_.boolean(column(leaf), row(), value, *arena_)) {
          reject(leaf, value ? "true" : "false");
        }
      }
      break;
    }
    default:
      if (!in.literal("null")) return false;
      put_null(node);
      return true;
  }
  for (const size_t leaf : node.array_leaves) column(leaf).set_null(row());
  if (!node.children.empty()) {
    reject_nested(node, {from, static_cast<size_t>(in.place() - from)});
  }
  return true;
}

// Columns that stand outside of the array, as in row `from`.
void JsonDecoder::repeat_outside(size_t from, const JsonNode& node) {
  for (const size_t leaf : node.leaves) column(leaf).repeat(from, row());
  for (const size_t leaf : node.array_leaves) column(leaf).repeat(from, row());
  for (const JsonNode& child : node.children) repeat_outside(from, child);
}

// The rows of the array that the row under way has; the columns outside of it are there. Its
// syntax has been checked.
bool JsonDecoder::read_flattened(JsonScanner& in) {
  JsonNode& element = *schema_->flattened->element;
  JsonScanner elements = in;
  if (array_ != nullptr) elements.move_to(array_);
  if (array_ == nullptr || (elements.take('[') && elements.take(']'))) {
    // The guide: an array always becomes at least one row.
    put_null(element);
    finish_row();
    return true;
  }
  const size_t first = row();
  const std::string outside_error = row_error_;
  do {
    writer_.ensure(row() + 1);
    if (row() != first) repeat_outside(first, schema_->root);
    row_error_ = outside_error;
    if (!read_value(elements, element, 1)) return false;
    finish_row();
  } while (elements.take(','));
  return true;
}

bool JsonDecoder::read_row(JsonScanner& in) {
  writer_.ensure(row() + 1);
  row_error_.clear();
  array_ = nullptr;
  if (!read_value(in, schema_->root, 0)) return false;
  if (schema_->flattened != nullptr) return read_flattened(in);
  finish_row();
  return true;
}

// A record that is an array of rows. NULLs among them are none.
bool JsonDecoder::read_rows_of_array(JsonScanner& in) {
  (void)in.take('[');
  if (in.take(']')) return true;
  for (;;) {
    JsonKind kind{};
    if (!in.kind(kind)) return false;
    if (kind == JsonKind::kObject) {
      if (!read_row(in)) return false;
    } else {
      const char* const from = in.place();
      if (!in.skip_value(1)) return false;
      if (kind != JsonKind::kNull) {
        report(fmt::format("'{}' is no object: an array of rows has objects only",
                           excerpt({from, static_cast<size_t>(in.place() - from)})));
      }
    }
    if (in.take(',')) continue;
    return in.take(']') || in.fail("expected ',' or ']'");
  }
}

bool JsonDecoder::read_document(JsonScanner& in) {
  JsonKind kind{};
  if (!in.kind(kind)) return false;
  if (kind == JsonKind::kArray && !schema_->root.element) return read_rows_of_array(in);
  if (kind != JsonKind::kObject && kind != JsonKind::kArray) {
    return in.fail("expected an object or an array of objects");
  }
  return read_row(in);
}

void JsonDecoder::decode_record(std::string_view data) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (data.starts_with(kByteOrderMark)) data.remove_prefix(kByteOrderMark.size());
  // Flink: no message, no row.
  if (data.empty()) return;
  JsonScanner in(data);
  do {
    if (!read_document(in)) {
      report(fmt::format("no JSON at {}", in.failed() ? in.error() : "its end"));
      row_error_.clear();
      return;
    }
    if (!is_kinesis_) return;
    in.skip_space();
  } while (!in.done());
}

}  // namespace

Result<std::unique_ptr<Decoder>> make_json_decoder(const Table& table, std::span<const int> columns,
                                                   sql::Dialect dialect) {
  const FormatOptions options(table);
  TRY_ASSIGN(const bool ignore_errors, options.flag("json.ignore-parse-errors"));
  TRY_ASSIGN(const bool fail_on_missing, options.flag("json.fail-on-missing-field"));
  const std::string standard = options.text("json.timestamp-format.standard", "SQL");
  const bool is_kinesis = dialect == sql::Dialect::kKinesis;
  TimeSyntax timestamps = is_kinesis ? TimeSyntax::kLenient : TimeSyntax::kSql;
  if (equals_ignoring_case(standard, "iso-8601")) {
    timestamps = TimeSyntax::kIso;
  } else if (equals_ignoring_case(standard, "iso-8601-with-offset")) {
    timestamps = TimeSyntax::kIsoWithOffset;
  } else if (!equals_ignoring_case(standard, "sql")) {
    return fail(ErrorCode::kInvalidArgument,
                "Unsupported value '{}' for timestamp-format.standard. Supported values are [SQL, "
                "ISO-8601, ISO-8601-WITH-OFFSET].",
                standard);
  }
  RowWriter writer(table, columns);
  TRY_ASSIGN(auto schema, make_json_schema(table, writer.columns(), dialect));
  const Coercion coercion(is_kinesis ? CoercionRules::kKinesis : CoercionRules::kFlinkJson,
                          timestamps);
  auto decoder =
      std::make_unique<JsonDecoder>(std::move(writer), std::move(schema), coercion, dialect);
  decoder->set_ignore_errors(ignore_errors);
  decoder->set_fail_on_missing(fail_on_missing);
  return decoder;
}

}  // namespace millstream::analytics
