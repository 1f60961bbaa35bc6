// Tags of applications, for V1 and V2, whose structures have the same members.
#pragma once

#include <string>
#include <vector>

#include "analytics/applications/application_service.h"

namespace millstream::analytics {

inline constexpr size_t kMaxApplicationTags = 50;  // AWS limit: tags of one resource

template <class Tag>
ApplicationService::Edit add_tags(std::vector<Tag> tags) {
  return [tags = std::move(tags)](Application& changed) -> Result<> {
    for (const Tag& tag : tags) {
      if (tag.key.starts_with("aws:")) {
        return fail(ErrorCode::kInvalidArgument,
                    "Tag key {} starts with aws:, which is reserved for AWS.", tag.key);
      }
      changed.tags[tag.key] = tag.value.value_or("");
    }
    if (changed.tags.size() > kMaxApplicationTags) {
      return fail(ErrorCode::kTooManyTags, "An application has at most {} tags.",
                  kMaxApplicationTags);
    }
    return {};
  };
}

inline ApplicationService::Edit remove_tags(std::vector<std::string> keys) {
  return [keys = std::move(keys)](Application& changed) -> Result<> {
    for (const std::string& key : keys) changed.tags.erase(key);
    return {};
  };
}

template <class Tag>
std::vector<Tag> list_tags(const Application& application) {
  std::vector<Tag> all;
  for (const auto& [key, value] : application.tags) {
    Tag& tag = all.emplace_back();
    tag.key = key;
    tag.value = value;
  }
  return all;
}

}  // namespace millstream::analytics
