#include "leases/projection.h"

#include <algorithm>

namespace millstream::leases {
namespace {

using Tail = std::span<const PathStep>;

std::optional<AttributeValue> pick(const AttributeValue& value, const std::vector<Tail>& tails) {
  const auto whole = std::ranges::any_of(tails, [](const Tail& tail) { return tail.empty(); });
  if (whole) return value;
  AttributeValue picked;
  if (value.m) {
    std::map<std::string, std::vector<Tail>> members;
    for (const Tail& tail : tails) {
      if (!tail.front().index) members[tail.front().name].push_back(tail.subspan(1));
    }
    Item map;
    for (const auto& [name, inner] : members) {
      const auto member = value.m->find(name);
      if (member == value.m->end()) continue;
      if (auto part = pick(member->second, inner)) map[name] = *std::move(part);
    }
    if (map.empty()) return std::nullopt;
    picked.m = std::move(map);
  } else if (value.l) {
    std::map<size_t, std::vector<Tail>> elements;
    for (const Tail& tail : tails) {
      if (tail.front().index) elements[*tail.front().index].push_back(tail.subspan(1));
    }
    std::vector<AttributeValue> list;
    for (const auto& [index, inner] : elements) {
      if (index >= value.l->size()) continue;
      if (auto part = pick((*value.l)[index], inner)) list.push_back(*std::move(part));
    }
    if (list.empty()) return std::nullopt;
    picked.l = std::move(list);
  } else {
    return std::nullopt;
  }
  return picked;
}

}  // namespace

Result<> check_overlaps(std::string_view label, const std::vector<Path>& paths) {
  for (size_t i = 0; i < paths.size(); ++i) {
    for (size_t j = i + 1; j < paths.size(); ++j) {
      const Path& a = paths[i];
      const Path& b = paths[j];
      const size_t common = std::min(a.size(), b.size());
      size_t same = 0;
      while (same < common && a[same] == b[same]) ++same;
      if (same == common) {
        return fail(ErrorCode::kValidation,
                    "Invalid {}: Two document paths overlap with each other; must remove or "
                    "rewrite one of these paths; path one: {}, path two: {}",
                    label, to_string(a), to_string(b));
      }
      if (a[same].index.has_value() != b[same].index.has_value()) {
        return fail(ErrorCode::kValidation,
                    "Invalid {}: Two document paths conflict with each other; must remove or "
                    "rewrite one of these paths; path one: {}, path two: {}",
                    label, to_string(a), to_string(b));
      }
    }
  }
  return {};
}

Result<std::vector<Path>> parse_projection(std::string_view text, Placeholders& placeholders) {
  constexpr std::string_view kLabel = "ProjectionExpression";
  ExpressionReader reader(kLabel, text, placeholders);
  TRY(reader.start());
  std::vector<Path> paths;
  do {
    TRY(reader.count_operator());
    TRY_ASSIGN(Path path, reader.path());
    paths.push_back(std::move(path));
  } while (reader.take(","));
  if (!reader.at_end()) return reader.syntax_error();
  TRY(check_overlaps(kLabel, paths));
  return paths;
}

Item project(const Item& item, const std::vector<Path>& paths) {
  std::map<std::string, std::vector<Tail>> attributes;
  for (const Path& path : paths) attributes[path.front().name].push_back(Tail(path).subspan(1));
  Item picked;
  for (const auto& [name, tails] : attributes) {
    const auto attribute = item.find(name);
    if (attribute == item.end()) continue;
    if (auto part = pick(attribute->second, tails)) picked[name] = *std::move(part);
  }
  return picked;
}

}  // namespace millstream::leases
