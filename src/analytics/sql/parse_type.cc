// Types as they are written.
#include <array>

#include <fmt/format.h>

#include "analytics/sql/grammar.h"
#include "analytics/sql/parser.h"

namespace millstream::analytics::sql {
namespace {

constexpr int kMaxArraySuffixes = 8;

enum Arguments : uint8_t { kNone, kOne, kTwo };
enum Dialects : uint8_t { kBothDialects, kFlinkOnly };

struct SimpleType {
  Word word;
  Arguments arguments;
  Dialects dialects;
};

constexpr std::array<SimpleType, 25> kSimpleTypes{{
    {"BOOLEAN", kNone, kBothDialects},   {"TINYINT", kNone, kBothDialects},
    {"SMALLINT", kNone, kBothDialects},  {"INT", kNone, kBothDialects},
    {"INTEGER", kNone, kBothDialects},   {"BIGINT", kNone, kBothDialects},
    {"FLOAT", kNone, kBothDialects},     {"REAL", kNone, kBothDialects},
    {"DOUBLE", kNone, kBothDialects},    {"DECIMAL", kTwo, kBothDialects},
    {"DEC", kTwo, kBothDialects},        {"NUMERIC", kTwo, kBothDialects},
    {"CHAR", kOne, kBothDialects},       {"CHARACTER", kOne, kBothDialects},
    {"VARCHAR", kOne, kBothDialects},    {"BINARY", kOne, kBothDialects},
    {"VARBINARY", kOne, kBothDialects},  {"DATE", kNone, kBothDialects},
    {"TIME", kOne, kBothDialects},       {"TIMESTAMP", kOne, kBothDialects},
    {"TIMESTAMP_LTZ", kOne, kFlinkOnly}, {"STRING", kNone, kFlinkOnly},
    {"BYTES", kNone, kFlinkOnly},        {"ROW", kNone, kFlinkOnly},
    {"INTERVAL", kNone, kBothDialects},
}};

constexpr std::array<Word, 7> kTypesToCome{"MULTISET", "RAW",   "STRUCTURED", "BLOB",
                                           "CLOB",     "NCHAR", "BIT"};

}  // namespace

// type := base [ARRAY …] [NOT NULL | NULL]
Result<TypeName> Parser::type() {
  const Nesting nesting(*this);
  TRY(check_depth());
  TRY_ASSIGN(TypeName result, type_base());
  // "INT ARRAY ARRAY …" nests without recursion, so it has a bound of its own.
  for (int nested = 0; flink() && is("ARRAY"); ++nested) {
    if (nested == kMaxArraySuffixes) {
      return error(peek().position,
                   fmt::format("more than {} times ARRAY behind a type", kMaxArraySuffixes));
    }
    advance();
    TypeName array;
    array.name = "ARRAY";
    array.position = result.position;
    array.elements.push_back(std::move(result));
    result = std::move(array);
  }
  if (accept_all({"NOT", "NULL"})) {
    result.not_null = true;
  } else if (is("NULL")) {
    advance();
  }
  return result;
}

Result<TypeName> Parser::type_base() {
  const Token token = peek();
  if (token.kind != Token::Kind::kWord) return unexpected("a type");
  for (const Word word : kTypesToCome) {
    if (token.word == word) return not_yet(token.position, fmt::format("type {}", word.text()));
  }
  TypeName type;
  type.position = token.position;
  type.name = token.word.text();
  if (flink() && (is("ARRAY") || is("MAP"))) {
    advance();
    TRY(element_types(type, type.name == "MAP" ? 2 : 1));
    return type;
  }
  const SimpleType* simple = nullptr;
  for (const SimpleType& candidate : kSimpleTypes) {
    const bool here = candidate.dialects == kBothDialects || flink();
    if (here && candidate.word == token.word && token.word != Word()) simple = &candidate;
  }
  if (simple == nullptr) {
    return unexpected(flink() ? "a type (STRING, BIGINT, DOUBLE, DECIMAL(p, s), TIMESTAMP(3), …)"
                              : "a type (VARCHAR(n), BIGINT, DOUBLE, DECIMAL(p, s), TIMESTAMP, …)");
  }
  advance();
  if (type.name == "INTERVAL") return interval_type(token.position);
  if (type.name == "ROW") {
    TRY(row_type(type));
    return type;
  }
  if (type.name == "DOUBLE" && accept("PRECISION")) type.name += " PRECISION";
  const bool character = type.name == "CHAR" || type.name == "CHARACTER";
  if (character && accept("VARYING")) type.name += " VARYING";
  if (simple->arguments != kNone && is_symbol("(")) {
    const Position open = peek().position;
    TRY_ASSIGN(type.arguments, numbers_in_parentheses());
    if (simple->arguments == kOne && type.arguments.size() > 1) {
      return error(open, fmt::format("{} takes one number in parentheses", type.name));
    }
  }
  if (type.name == "TIME" || type.name == "TIMESTAMP") TRY(time_zone_words(type));
  return type;
}

// WITHOUT TIME ZONE is the default and leaves no trace; WITH [LOCAL] TIME ZONE joins the name.
Result<> Parser::time_zone_words(TypeName& type) {
  if (accept_all({"WITHOUT", "TIME", "ZONE"})) return {};
  if (accept_all({"WITHOUT", "LOCAL", "TIME", "ZONE"})) return {};
  // WITH (…) after a column's type belongs to the table.
  if (!is("WITH") || !(is("TIME", 1) || is("LOCAL", 1))) return {};
  const Position with = peek().position;
  advance();
  const bool local = accept("LOCAL");
  TRY(expect_all({"TIME", "ZONE"}));
  if (!local || type.name == "TIME") {
    return not_yet(with, fmt::format("{} WITH {}TIME ZONE", type.name, local ? "LOCAL " : ""));
  }
  type.name += " WITH LOCAL TIME ZONE";
  return {};
}

// ROW<name type ['comment'], …> or ROW(…)
Result<> Parser::row_type(TypeName& type) {
  const bool angles = accept_symbol("<");
  if (!angles) {
    if (is_symbol("<>")) return error(peek().position, "a ROW type needs at least one field");
    TRY(expect_symbol("("));
  }
  do {
    TRY_ASSIGN(Identifier name, identifier("a field name"));
    TRY_ASSIGN(TypeName field, this->type());
    if (peek().kind == Token::Kind::kString) advance();  // a comment
    type.fields.emplace_back(std::move(name), std::move(field));
  } while (accept_symbol(","));
  return expect_symbol(angles ? ">" : ")");
}

Result<> Parser::element_types(TypeName& type, size_t count) {
  TRY(expect_symbol("<"));
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) TRY(expect_symbol(","));
    TRY_ASSIGN(type.elements.emplace_back(), this->type());
  }
  return expect_symbol(">");
}

Result<TypeName> Parser::interval_type(Position position) {
  TRY_ASSIGN(IntervalQualifier qualifier, interval_qualifier());
  TypeName type;
  type.position = position;
  type.name = "INTERVAL " + qualifier.text;
  type.arguments = std::move(qualifier.digits);
  return type;
}

Result<Parser::IntervalQualifier> Parser::interval_qualifier() {
  IntervalQualifier result;
  const auto read_unit = [&](TimeUnit& unit) -> Result<> {
    TRY_ASSIGN(unit, time_unit());
    static constexpr std::array<std::string_view, 9> kNames{
        "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"};
    if (static_cast<size_t>(unit) >= kNames.size()) {
      return error(tokens_.tokens[next_ - 1].position,
                   "an interval counts YEAR, MONTH, DAY, HOUR, MINUTE or SECOND");
    }
    result.text += kNames[static_cast<size_t>(unit)];
    return {};
  };
  TRY(read_unit(result.unit));
  if (is_symbol("(")) {
    TRY_ASSIGN(result.digits, numbers_in_parentheses());
  }
  if (!is("TO") || !time_unit_at(1)) return result;
  advance();
  result.text += " TO ";
  const Position second = peek().position;
  TRY(read_unit(result.unit_to.emplace()));
  const bool months = result.unit == TimeUnit::kYear && *result.unit_to == TimeUnit::kMonth;
  const bool time = result.unit <= TimeUnit::kDay && *result.unit_to < result.unit &&
                    *result.unit_to >= TimeUnit::kSecond;
  if (!months && !time) {
    return error(second, fmt::format("an interval can't be {}: the second unit must be a smaller "
                                     "one of the same kind (DAY TO SECOND, YEAR TO MONTH)",
                                     result.text));
  }
  if (*result.unit_to == TimeUnit::kSecond && is_symbol("(")) {
    TRY_ASSIGN(const std::vector<int32_t> fraction, numbers_in_parentheses());
    if (result.digits.empty()) result.digits.push_back(2);  // the standard's default
    result.digits.push_back(fraction[0]);
  }
  return result;
}

}  // namespace millstream::analytics::sql
