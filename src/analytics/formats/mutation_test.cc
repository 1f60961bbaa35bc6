// Records that were damaged at random: no decoder reads outside of them, crashes or says of a
// text what another JSON parser doesn't.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "analytics/formats/formats_test_support.h"
#include "analytics/formats/json_path.h"
#include "analytics/formats/json_scanner.h"

namespace millstream::analytics {
namespace {

std::string mutated(std::string text, std::mt19937_64& random) {
  constexpr std::string_view kOften = "{}[]:,\"\\0123456789.-+eEtrufalsn \n\x80\xc3\xff\x01/u";
  const size_t changes = 1 + random() % 4;
  for (size_t i = 0; i < changes && !text.empty(); ++i) {
    const size_t at = random() % text.size();
    const char c = kOften[random() % kOften.size()];
    switch (random() % 5) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      case 2:
        text.erase(at, 1 + random() % 3);
        break;
      case 3:
        text.resize(at);
        break;
      default:
        text.insert(at, text.substr(random() % text.size(), random() % 20));
    }
  }
  return text;
}

// Every record in a block of its own size, so that the sanitizer sees a read behind its end.
void decode_exactly(Decoder& decoder, const std::string& text) {
  const std::vector<char> block(text.begin(), text.end());
  const InputRecord record{.data = {block.data(), block.size()}};
  Arena arena;
  std::vector<std::shared_ptr<Column>> columns;
  std::vector<uint32_t> record_of_row;
  std::vector<DecodeError> errors;
  uint64_t skipped = 0;
  decoder.decode({&record, 1}, arena, columns, record_of_row, errors, skipped);
  for (const auto& column : columns) {
    if (!column) continue;
    ASSERT_EQ(column->size(), record_of_row.size());
    for (size_t row = 0; row < record_of_row.size(); ++row) (void)column->value(row);
  }
  for (const DecodeError& error : errors) {
    ASSERT_TRUE(simdjson::validate_utf8(error.message)) << text;
    ASSERT_LT(error.message.size(), 300);
  }
}

Table every_type(Format format) {
  Type bytes = make_type(TypeKind::kVarbinary);
  bytes.precision = 8;
  return test_table(format, {{"i", make_type(TypeKind::kInteger)},
                             {"d", make_type(TypeKind::kDouble)},
                             {"n", decimal_type(12, 3)},
                             {"s", varchar_type(12)},
                             {"t", timestamp_type(3)},
                             {"b", make_type(TypeKind::kBoolean)},
                             {"y", bytes},
                             {"e", make_type(TypeKind::kDate)},
                             {"x", make_type(TypeKind::kBigint)}});
}

constexpr std::string_view kJson =
    R"({"i":-17,"d":1.5e3,"n":"12.3456","s":"a\u00e9\n\"x","t":"2020-01-01 12:13:14.123","b":true,)"
    R"("y":"YWJj","e":"2020-02-29","o":{"x":[1,{"y":null}]},"skip":[true,false,"\\"]})";

constexpr std::string_view kCsv =
    "-17,1.5e3,12.3456,\"a,\"\"b\",2020-01-01 12:13:14.123,true,YWJj,2020-02-29,5\n1,2,3\r\n";

TEST(Mutation, NoJsonRecordBreaksTheDecoder) {
  std::mt19937_64 random(11);
  for (const sql::Dialect dialect : {sql::Dialect::kFlink, sql::Dialect::kKinesis}) {
    for (const char* const ignore : {"false", "true"}) {
      Table table = every_type(Format::kJson);
      table.columns[8].path = {"o", "x"};
      if (dialect == sql::Dialect::kKinesis) table.columns[8].path = {"o", "x", "[0:]", "y"};
      table.options["json.ignore-parse-errors"] = ignore;
      auto decoder = *Decoder::make(table, all_columns(table), dialect);
      decode_exactly(*decoder, std::string(kJson));
      for (int i = 0; i < 20'000; ++i) {
        decode_exactly(*decoder, mutated(std::string(kJson), random));
      }
    }
  }
}

TEST(Mutation, NoCsvRecordBreaksTheDecoder) {
  std::mt19937_64 random(12);
  for (const sql::Dialect dialect : {sql::Dialect::kFlink, sql::Dialect::kKinesis}) {
    for (const char* const escape : {"", "\\"}) {
      Table table = every_type(Format::kCsv);
      if (*escape != '\0') table.options["csv.escape-character"] = escape;
      auto decoder = *Decoder::make(table, all_columns(table), dialect);
      for (int i = 0; i < 20'000; ++i) {
        decode_exactly(*decoder, mutated(std::string(kCsv), random));
      }
    }
  }
}

// simdjson is stricter in two points: unescaped control characters, and numbers out of range.
bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\r' && c != '\t';
  });
}

TEST(Mutation, AcceptsWhatSimdjsonAccepts) {
  std::mt19937_64 random(13);
  simdjson::dom::parser parser;
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string text = mutated(std::string(kJson), random);
    if (has_control_character(text) || text.find('\n') != std::string::npos) continue;
    JsonScanner in(text);
    bool ours = in.skip_value(0);
    in.skip_space();
    ours = ours && in.done();
    const auto theirs = parser.parse(simdjson::padded_string(text));
    if (theirs.error() == simdjson::NUMBER_ERROR) continue;  // perhaps its range
    EXPECT_EQ(ours, theirs.error() == simdjson::SUCCESS)
        << text << ": " << simdjson::error_message(theirs.error()) << ", " << in.error();
    accepted += ours ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace millstream::analytics
