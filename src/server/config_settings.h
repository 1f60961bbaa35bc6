// The one table of settings: names in YAML, environment and flags, texts, defaults, parsing.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/config.h"
#include "server/config_values.h"

namespace millstream {

enum class SettingKind : uint8_t {
  kValue,
  kSwitch,  // the flag needs no value
  kList,    // many values: a YAML list, repeated flags, commas in the environment
};

struct Setting {
  std::string_view section;
  std::string_view name;  // in YAML; "http.max_body" stands below "http:"
  std::string_view flag;  // "--http-max-body"; empty: none
  SettingKind kind = SettingKind::kValue;
  std::string_view argument;  // of the flag: "FOLDER"
  std::string_view help;      // one sentence, without a full stop
  Result<> (*apply)(ServerConfig& config, std::string_view text);  // kList: appends one value
  std::string (*show)(const ServerConfig& config);                 // as apply() takes it
  void (*clear)(ServerConfig& config) = nullptr;                   // kList
  // A value (or list element) that is a map in YAML; nullptr: none.
  Result<> (*apply_fields)(ServerConfig& config, const Fields& fields) = nullptr;
};

std::span<const Setting> all_settings();
// nullptr: there is none.
const Setting* find_setting(std::string_view name);
std::string environment_name(const Setting& setting);  // "MILLSTREAM_HTTP_MAX_BODY"

}  // namespace millstream
