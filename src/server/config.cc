#include "server/config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include <yaml-cpp/yaml.h>

#include "base/text.h"
#include "server/config_settings.h"

namespace millstream {
namespace {

// The values that one source gives to one setting.
struct Given {
  const Setting* setting = nullptr;
  struct Value {
    std::string where;  // "millstream.yaml:7: listen", "--listen"
    std::string text;
    Fields fields;  // of a map in YAML
    bool has_fields = false;
  };
  std::vector<Value> values;
};

Result<> apply(ServerConfig& config, const Given& given) {
  const Setting& setting = *given.setting;
  if (setting.clear) setting.clear(config);
  for (const Given::Value& value : given.values) {
    const auto applied = value.has_fields ? setting.apply_fields(config, value.fields)
                                          : setting.apply(config, value.text);
    if (!applied) return fail(applied.error().code, "{}: {}", value.where, applied.error().message);
  }
  return {};
}

// ---- the YAML file ----

class YamlSource {
 public:
  YamlSource(std::string file, std::vector<Given>& out) : file_(std::move(file)), out_(out) {}

  Result<> read(const YAML::Node& root) {
    if (root.IsNull()) return {};
    if (!root.IsMap()) return error(root, "the file must hold settings, one a line: 'name: value'");
    return read_map(root, "");
  }

 private:
  std::unexpected<Error> error(const YAML::Node& node, std::string_view message) const {
    return fail(ErrorCode::kInvalidArgument, "{}: {}", at(node), message);
  }
  std::string at(const YAML::Node& node) const {
    return fmt::format("{}:{}", file_, node.Mark().line + 1);
  }

  // The settings in `map`, whose own name ends with a dot, or is empty at the top.
  Result<> read_map(const YAML::Node& map, const std::string& prefix) {
    for (const auto& item : map) {
      if (!item.first.IsScalar()) return error(item.first, "a setting's name must be a word");
      const std::string name = prefix + item.first.Scalar();
      if (!seen_.insert(name).second) {
        return error(item.first, fmt::format("'{}' is there twice", name));
      }
      if (const Setting* setting = find_setting(name)) {
        TRY(read_setting(*setting, item.second));
      } else if (is_section(name + ".") && item.second.IsMap()) {
        TRY(read_map(item.second, name + "."));
      } else {
        return error(item.first, unknown_name("key", name, known_names()));
      }
    }
    return {};
  }

  static bool is_section(std::string_view prefix) {
    return std::ranges::any_of(all_settings(), [prefix](const Setting& setting) {
      return setting.name.starts_with(prefix);
    });
  }
  static std::vector<std::string_view> known_names() {
    std::vector<std::string_view> names;
    for (const Setting& setting : all_settings()) names.push_back(setting.name);
    return names;
  }

  Result<> read_setting(const Setting& setting, const YAML::Node& node) {
    Given given{.setting = &setting, .values = {}};
    if (setting.kind == SettingKind::kList && node.IsSequence()) {
      for (const YAML::Node& element : node) {
        TRY_ASSIGN(auto value, read_value(setting, element));
        given.values.push_back(std::move(value));
      }
    } else if (!(setting.kind == SettingKind::kList && node.IsNull())) {
      TRY_ASSIGN(auto value, read_value(setting, node));
      given.values.push_back(std::move(value));
    }
    out_.push_back(std::move(given));
    return {};
  }

  Result<Given::Value> read_value(const Setting& setting, const YAML::Node& node) {
    Given::Value value{.where = fmt::format("{}: {}", at(node), setting.name),
                       .text = {},
                       .fields = {},
                       .has_fields = false};
    if (node.IsScalar()) {
      value.text = node.Scalar();
      return value;
    }
    if (!node.IsMap() || !setting.apply_fields) {
      return error(node, fmt::format("{} must be {}", setting.name,
                                     setting.kind == SettingKind::kList ? "a list of values"
                                                                        : "a single value"));
    }
    value.has_fields = true;
    for (const auto& item : node) {
      if (!item.first.IsScalar() || !item.second.IsScalar()) {
        return error(item.first, fmt::format("{}: each part must be 'name: value'", setting.name));
      }
      value.fields.emplace_back(item.first.Scalar(), item.second.Scalar());
    }
    return value;
  }

  std::string file_;
  std::vector<Given>& out_;
  std::set<std::string> seen_;
};

Result<std::vector<Given>> read_file(const std::string& file) {
  std::vector<Given> given;
  std::ifstream stream(file);
  if (!stream) {
    return fail(ErrorCode::kNotFound, "the configuration file {} can't be read", file);
  }
  try {
    TRY(YamlSource(file, given).read(YAML::Load(stream)));
  } catch (const YAML::Exception& exception) {
    return fail(ErrorCode::kInvalidArgument, "{}:{}: {}", file, exception.mark.line + 1,
                exception.msg);
  }
  return given;
}

// ---- environment and flags ----

std::vector<Given> read_environment(const ConfigSources& sources) {
  std::vector<Given> given;
  if (!sources.environment) return given;
  for (const Setting& setting : all_settings()) {
    const std::string name = environment_name(setting);
    const char* text = sources.environment(name);
    if (!text) continue;
    Given one{.setting = &setting, .values = {}};
    if (setting.kind == SettingKind::kList) {
      for (std::string_view piece : split(text, ',')) {
        if (!trim(piece).empty()) one.values.push_back({name, std::string(trim(piece)), {}, false});
      }
    } else {
      one.values.push_back({name, text, {}, false});
    }
    given.push_back(std::move(one));
  }
  return given;
}

void warn_of_unknown_variables(const ConfigSources& sources, ServerConfig& config) {
  // Others than the server may have variables of that prefix, so they are no error.
  std::vector<std::string> known{"MILLSTREAM_CONFIG"};
  for (const Setting& setting : all_settings()) known.push_back(environment_name(setting));
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  for (const std::string& name : sources.environment_names) {
    if (!name.starts_with("MILLSTREAM_") || std::ranges::count(known, name) > 0) continue;
    std::string_view best;
    for (std::string_view candidate : candidates) {
      if (edit_distance(name, candidate) <= 2) best = candidate;
    }
    if (!best.empty()) {
      config.warnings.push_back(fmt::format(
          "the environment variable {} means nothing to millstream; did you mean {}?", name, best));
    }
  }
}

Result<std::vector<Given>> read_flags(const ConfigSources& sources) {
  std::vector<Given> given;
  for (const auto& [name, text] : sources.flags) {
    const Setting* setting = find_setting(name);
    MS_ASSERT(setting != nullptr);  // flags are made from the table
    auto found = std::ranges::find(given, setting, &Given::setting);
    if (found == given.end()) found = given.insert(given.end(), {.setting = setting, .values = {}});
    const std::string where(setting->flag.empty() ? setting->name : setting->flag);
    if (!found->values.empty() && setting->kind != SettingKind::kList) {
      return fail(ErrorCode::kInvalidArgument, "{} is there twice", where);
    }
    found->values.push_back({where, text, {}, false});
  }
  return given;
}

// ---- what must fit together ----

Result<> check_together(ServerConfig& config) {
  if (config.listen.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "listen: no address to listen on; the default is 127.0.0.1:4567");
  }
  if (config.tls_certificate_file.empty() != config.tls_key_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "tls.certificate_file and tls.key_file need each other; leave both out for a "
                "generated certificate");
  }
  const uint64_t sum = config.tail_cache + config.write_buffer + config.delivery_buffer +
                       config.http.bytes_in_flight;
  if (sum > config.memory_limit) {
    return fail(ErrorCode::kInvalidArgument,
                "tail_cache ({}), write_buffer ({}), delivery_buffer ({}) and http.bytes_in_flight "
                "({}) make {}, more than memory_limit ({}); raise it or lower one of them",
                format_size(config.tail_cache), format_size(config.write_buffer),
                format_size(config.delivery_buffer), format_size(config.http.bytes_in_flight),
                format_size(sum), format_size(config.memory_limit));
  }
  if (config.http.body_bytes > config.http.bytes_in_flight) {
    return fail(ErrorCode::kInvalidArgument,
                "http.max_body ({}) is above http.bytes_in_flight ({}), so that no such body could "
                "ever come in",
                format_size(config.http.body_bytes), format_size(config.http.bytes_in_flight));
  }
  // A quarter is the journal's: room for two of the largest appends.
  constexpr uint64_t kLeastDiskBudget = 8 * kMaxWriterAppendBytes;
  if (config.disk_budget > 0 && config.disk_budget < kLeastDiskBudget) {
    return fail(ErrorCode::kInvalidArgument,
                "disk_budget ({}) is below {}, too little to work with",
                format_size(config.disk_budget), format_size(kLeastDiskBudget));
  }
  if (config.disk_budget_percent > 0 && config.ephemeral) {
    return fail(ErrorCode::kInvalidArgument,
                "disk_budget: with ephemeral there is no disk to take {} % of; give a size",
                config.disk_budget_percent);
  }
  if (config.disk_warning >= config.disk_critical) {
    return fail(ErrorCode::kInvalidArgument,
                "disk_warning ({} %) is not below disk_critical ({} %)", config.disk_warning,
                config.disk_critical);
  }
  std::set<std::string> names;
  for (StreamDeclaration& stream : config.streams) {
    if (stream.region.empty()) stream.region = config.region;
    if (!names.insert(stream.account + '/' + stream.region + '/' + stream.name).second) {
      return fail(ErrorCode::kInvalidArgument, "streams: {} is there twice in {}", stream.name,
                  stream.region);
    }
  }
  if (config.ephemeral) config.test_mode = true;
  if (config.manual_clock && !config.test_mode) {
    return fail(ErrorCode::kInvalidArgument,
                "clock: manual is for tests; set test_mode or ephemeral as well");
  }
  if (config.accept_any_credentials &&
      !(config.access_keys.empty() && config.credentials_file.empty())) {
    config.warnings.emplace_back(
        "auth is 'any': signatures are not compared and policies do not count, although access "
        "keys are configured");
  }
  return {};
}

std::string escaped_for_markdown(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

void use_process_environment(ConfigSources& sources) {
  sources.environment = [](const std::string& name) { return std::getenv(name.c_str()); };
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    sources.environment_names.emplace_back(text.substr(0, text.find('=')));
  }
}

Result<ServerConfig> load_config(const ConfigSources& sources) {
  ServerConfig config;
  if (!sources.file.empty()) {
    TRY_ASSIGN(const auto of_file, read_file(sources.file));
    for (const Given& given : of_file) TRY(apply(config, given));
  }
  for (const Given& given : read_environment(sources)) TRY(apply(config, given));
  warn_of_unknown_variables(sources, config);
  TRY_ASSIGN(const auto of_flags, read_flags(sources));
  for (const Given& given : of_flags) TRY(apply(config, given));
  TRY(check_together(config));
  return config;
}

std::string config_reference() {
  std::string page =
      "# Configuration\n\n"
      "Made by `millstream version --settings`. A setting stands in the YAML file (`--config FILE` "
      "or "
      "`MILLSTREAM_CONFIG`), in an environment variable, or in a flag; flags win over variables, "
      "variables over the file. A dot in a name is a level in YAML. Lists: repeat the flag; commas "
      "in the variable; the last source that has the list replaces it.\n";
  std::string_view section;
  const ServerConfig defaults;
  for (const Setting& setting : all_settings()) {
    if (setting.section != section) {
      section = setting.section;
      page += fmt::format(
          "\n## {}\n\n| setting | variable | flag | default | meaning |\n| --- | --- | --- | --- | "
          "--- |\n",
          section);
    }
    const std::string shown = setting.show(defaults);
    const std::string flag =
        setting.flag.empty()
            ? ""
            : fmt::format("`{}{}{}`", setting.flag, setting.argument.empty() ? "" : " ",
                          escaped_for_markdown(setting.argument));
    page += fmt::format("| `{}` | `{}` | {} | {} | {} |\n", setting.name, environment_name(setting),
                        flag, shown.empty() ? "" : fmt::format("`{}`", escaped_for_markdown(shown)),
                        escaped_for_markdown(setting.help));
  }
  return page;
}

}  // namespace millstream
