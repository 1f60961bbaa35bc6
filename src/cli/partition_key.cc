#include "cli/partition_key.h"

#include <simdjson.h>

#include "base/random.h"

namespace millstream::cli {
namespace {

constexpr size_t kMaxKeyCharacters = 256;  // AWS limit, API model PartitionKey

size_t characters_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Result<PartitionKeyRule> PartitionKeyRule::parse(std::string_view text) {
  if (text == "random") return PartitionKeyRule(Kind::kRandom, "");
  if (text == "constant") return PartitionKeyRule(Kind::kConstant, "constant");
  if (text.starts_with("constant:") && text.size() > 9) {
    return PartitionKeyRule(Kind::kConstant, text.substr(9));
  }
  if (text.starts_with("field:")) text.remove_prefix(6);
  if (text.empty() || text == "constant:") {
    return fail(ErrorCode::kInvalidArgument,
                "--partition-key needs a field's name, 'random' or 'constant:KEY'");
  }
  return PartitionKeyRule(Kind::kField, text);
}

Result<std::string> PartitionKeyRule::key_of(const SourceLine& line) const {
  if (kind_ == Kind::kConstant) return text_;
  if (kind_ == Kind::kRandom) return fmt::format("{:016x}", random_u64());
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line.text).get(object) != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: the line is no JSON object, so it has no field '{}'; for plain lines use "
                "--partition-key random",
                line.where, text_);
  }
  simdjson::dom::element value;
  if (object[text_].get(value) != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalidArgument, "{}: there is no field '{}'", line.where, text_);
  }
  std::string key;
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) {
    key = text;
  } else if (value.is_object() || value.is_array() || value.is_null()) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: field '{}' is no text, number or boolean, and can't be a partition key",
                line.where, text_);
  } else {
    key = simdjson::minify(value);
  }
  if (key.empty() || characters_of(key) > kMaxKeyCharacters) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: field '{}' has {} characters; a partition key has 1 to {}", line.where, text_,
                characters_of(key), kMaxKeyCharacters);
  }
  return key;
}

}  // namespace millstream::cli
