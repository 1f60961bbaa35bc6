#include "lake/s3_xml.h"

#include <fmt/format.h>

#include "base/text.h"

namespace millstream {
namespace {

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&out](uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | (code >> 18 & 7));
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

bool append_entity(std::string& out, std::string_view entity) {
  if (entity == "amp") {
    out += '&';
  } else if (entity == "lt") {
    out += '<';
  } else if (entity == "gt") {
    out += '>';
  } else if (entity == "quot") {
    out += '"';
  } else if (entity == "apos") {
    out += '\'';
  } else if (entity.starts_with('#')) {
    entity.remove_prefix(1);
    const bool hex = entity.starts_with('x');
    if (hex) entity.remove_prefix(1);
    uint32_t code = 0;
    const auto result =
        std::from_chars(entity.data(), entity.data() + entity.size(), code, hex ? 16 : 10);
    if (result.ec != std::errc() || result.ptr != entity.data() + entity.size()) return false;
    if (code > 0x10ffff) return false;
    append_utf8(out, code);
  } else {
    return false;
  }
  return true;
}

std::string unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t at = text.find('&');
    out += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at + 1);
    const size_t end = text.substr(0, 12).find(';');
    if (end != std::string_view::npos && append_entity(out, text.substr(0, end))) {
      text.remove_prefix(end + 1);
    } else {
      out += '&';
    }
  }
  return out;
}

// What follows <name>, and where to go on; nothing if there is no whole element.
std::optional<std::string_view> next_element(std::string_view& xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name);
  const std::string close = fmt::format("</{}>", name);
  const size_t begin = xml.find(open);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t end = xml.find(close, begin + open.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = xml.substr(begin + open.size(), end - begin - open.size());
  xml.remove_prefix(end + close.size());
  return inside;
}

}  // namespace

std::optional<std::string> xml_text(std::string_view xml, std::string_view name) {
  const std::optional<std::string_view> inside = next_element(xml, name);
  if (!inside) return std::nullopt;
  return unescape(*inside);
}

std::vector<std::string_view> xml_elements(std::string_view xml, std::string_view name) {
  std::vector<std::string_view> found;
  while (const std::optional<std::string_view> inside = next_element(xml, name)) {
    found.push_back(*inside);
  }
  return found;
}

S3Error parse_s3_error(std::string_view xml) {
  return {xml_text(xml, "Code").value_or(""), xml_text(xml, "Message").value_or("")};
}

Result<ObjectPage> parse_s3_list(std::string_view xml) {
  const std::optional<std::string> truncated = xml_text(xml, "IsTruncated");
  if (!truncated) return fail(ErrorCode::kRemote, "the answer to a list request is no S3 list");
  const bool url_encoded = xml_text(xml, "EncodingType") == "url";
  ObjectPage page;
  for (std::string_view element : xml_elements(xml, "Contents")) {
    ObjectInfo info;
    std::optional<std::string> key = xml_text(element, "Key");
    if (key && url_encoded) key = percent_decode(*key, true);
    const auto size = parse_integer<uint64_t>(xml_text(element, "Size").value_or(""));
    if (!key || !size) return fail(ErrorCode::kRemote, "an S3 list has an entry without a key");
    info.key = *std::move(key);
    info.size = *size;
    info.modified = parse_time(xml_text(element, "LastModified").value_or("")).value_or(0);
    info.etag = xml_text(element, "ETag").value_or("");
    page.objects.push_back(std::move(info));
  }
  if (*truncated == "true" && !page.objects.empty()) {
    page.next_start_after = page.objects.back().key;
  }
  return page;
}

}  // namespace millstream
