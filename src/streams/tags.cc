#include "streams/tags.h"

#include <cstdint>
#include <string_view>

namespace millstream::streams {
namespace {

// Decodes one character; 0xFFFD where the text is no UTF-8 (the codecs have refused that).
uint32_t next_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  size_t size = 1;
  uint32_t character = lead;
  if (lead >= 0xF0) {
    size = 4;
    character = lead & 0x07;
  } else if (lead >= 0xE0) {
    size = 3;
    character = lead & 0x0F;
  } else if (lead >= 0xC0) {
    size = 2;
    character = lead & 0x1F;
  }
  if (text.size() < size) {
    text = {};
    return 0xFFFD;
  }
  for (size_t i = 1; i < size; ++i) {
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  text.remove_prefix(size);
  return character;
}

bool is_letter_or_digit(uint32_t c) {
  if (c >= 'a' && c <= 'z') return true;
  if (c >= 'A' && c <= 'Z') return true;
  if (c >= '0' && c <= '9') return true;
  return (c >= 0xC0 && c <= 0x1FFF) || (c >= 0x2C00 && c <= 0xD7FF);
}

bool has_only_known_characters(std::string_view text) {
  constexpr std::string_view kOthers = "_./=+-@% :";
  while (!text.empty()) {
    const uint32_t c = next_character(text);
    const bool known =
        is_letter_or_digit(c) || (c < 0x80 && kOthers.contains(static_cast<char>(c)));
    if (!known) return false;
  }
  return true;
}

// '%' passes the first check and fails the second, with a text of its own, on AWS.
Result<> check_characters(const Stream& stream, std::span<const std::string_view> texts,
                          std::string_view what_failed) {
  for (std::string_view text : texts) {
    if (has_only_known_characters(text)) continue;
    return fail(ErrorCode::kInvalidArgument,
                "Some tags contain invalid characters. Valid characters: Unicode letters, digits, "
                "white space, _ . / = + - % @.");
  }
  for (std::string_view text : texts) {
    if (!text.contains('%')) continue;
    return fail(ErrorCode::kInvalidArgument,
                "Failed to {} stream {} under account {} because some tags contained illegal "
                "characters. The allowed characters are Unicode letters, white-spaces, "
                "'_',',','/','=','+','-','@'.",
                what_failed, stream.key.name, stream.key.account);
  }
  return {};
}

Result<> check_not_reserved(std::string_view key) {
  if (!key.starts_with("aws:")) return {};
  return fail(ErrorCode::kInvalidArgument,
              "Tag key {} starts with aws:, which is reserved for AWS; choose another key.", key);
}

}  // namespace

Result<> add_tags(Stream& stream, const Tags& added) {
  std::vector<std::string_view> texts;
  for (const auto& [key, value] : added) {
    texts.push_back(key);
    texts.push_back(value);
  }
  TRY(check_characters(stream, texts, "add tags to"));
  for (const auto& entry : added) TRY(check_not_reserved(entry.first));
  Tags all = stream.tags;
  for (const auto& [key, value] : added) all[key] = value;
  if (all.size() > kMaxTags) {
    return fail(ErrorCode::kInvalidArgument,
                "Failed to add tags to stream {} under account {} because a given stream cannot "
                "have more than {} tags associated with it.",
                stream.key.name, stream.key.account, kMaxTags);
  }
  stream.tags = std::move(all);
  return {};
}

Result<> remove_tags(Stream& stream, std::span<const std::string> keys) {
  const std::vector<std::string_view> texts(keys.begin(), keys.end());
  TRY(check_characters(stream, texts, "remove tags from"));
  for (std::string_view key : texts) TRY(check_not_reserved(key));
  for (const std::string& key : keys) stream.tags.erase(key);
  return {};
}

}  // namespace millstream::streams
