#include "analytics/applications/application_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "analytics/applications/definition.h"

namespace millstream::analytics {
namespace {

constexpr size_t kMaxInputs = 1;  // AWS quotas of SQL applications
constexpr size_t kMaxOutputs = 3;
constexpr size_t kMaxReferences = 1;
constexpr size_t kMaxLoggingOptions = 1;
constexpr size_t kMaxVpcs = 1;

Result<api::SqlApplicationConfigurationDescription*> sql_of(Application& application) {
  if (!application.is_sql()) {
    return fail(ErrorCode::kInvalidRequest,
                "Application {} has runtime {}: inputs, outputs and reference data belong to "
                "SQL-1_0.",
                application.key.name, application.detail.runtime_environment);
  }
  auto& sql = application.config().sql_application_configuration_description;
  if (!sql) sql.emplace();
  return &*sql;
}

std::string new_id(const Application& application) {
  return fmt::format("{}.1", application.version());
}

template <class T>
Result<std::vector<T>*> with_room(std::optional<std::vector<T>>& parts, size_t most,
                                  std::string_view what) {
  if (!parts) parts.emplace();
  if (parts->size() >= most) {
    return fail(ErrorCode::kInvalidArgument, "An application has at most {} {}.", most, what);
  }
  return &*parts;
}

template <class T, class Id>
Result<> erase(std::optional<std::vector<T>>& parts, Id T::* member, const std::string& id,
               std::string_view what) {
  const auto has_id = [&](const T& part) { return part.*member == id; };
  if (parts && std::erase_if(*parts, has_id) > 0) return {};
  return fail(ErrorCode::kNotFound, "The application has no {} with id {}.", what, id);
}

}  // namespace

Result<> add_input(Application& changed, const api::Input& input) {
  TRY_ASSIGN(auto* sql, sql_of(changed));
  TRY_ASSIGN(auto* inputs, with_room(sql->input_descriptions, kMaxInputs, "input"));
  TRY_ASSIGN(auto made, describe(input, new_id(changed)));
  inputs->push_back(std::move(made));
  return {};
}

Result<> add_output(Application& changed, const api::Output& output) {
  TRY_ASSIGN(auto* sql, sql_of(changed));
  TRY_ASSIGN(auto* outputs, with_room(sql->output_descriptions, kMaxOutputs, "outputs"));
  TRY_ASSIGN(auto made, describe(output, new_id(changed)));
  outputs->push_back(std::move(made));
  return {};
}

Result<> delete_output(Application& changed, const std::string& id) {
  TRY_ASSIGN(auto* sql, sql_of(changed));
  return erase(sql->output_descriptions, &api::OutputDescription::output_id, id, "output");
}

Result<> add_reference(Application& changed, const api::ReferenceDataSource& source) {
  TRY_ASSIGN(auto* sql, sql_of(changed));
  TRY_ASSIGN(auto* sources, with_room(sql->reference_data_source_descriptions, kMaxReferences,
                                      "reference data source"));
  TRY_ASSIGN(auto made, describe(source, new_id(changed)));
  sources->push_back(std::move(made));
  return {};
}

Result<> delete_reference(Application& changed, const std::string& id) {
  TRY_ASSIGN(auto* sql, sql_of(changed));
  return erase(sql->reference_data_source_descriptions,
               &api::ReferenceDataSourceDescription::reference_id, id, "reference data source");
}

Result<> set_processing(Application& changed, const std::string& input_id,
                        const std::optional<api::InputProcessingConfiguration>& processing) {
  TRY_ASSIGN(auto* sql, sql_of(changed));
  if (!sql->input_descriptions) sql->input_descriptions.emplace();
  auto& inputs = *sql->input_descriptions;
  const auto found = std::ranges::find_if(
      inputs, [&](const api::InputDescription& input) { return input.input_id == input_id; });
  if (found == inputs.end()) {
    return fail(ErrorCode::kNotFound, "The application has no input with id {}.", input_id);
  }
  auto& place = found->input_processing_configuration_description;
  if (!processing) {
    if (!place) {
      return fail(ErrorCode::kNotFound, "Input {} has no InputProcessingConfiguration.", input_id);
    }
    place.reset();
  } else {
    place = describe(*processing);
  }
  return {};
}

Result<> add_logging(Application& changed, const api::CloudWatchLoggingOption& option) {
  TRY_ASSIGN(auto* options, with_room(changed.detail.cloud_watch_logging_option_descriptions,
                                      kMaxLoggingOptions, "CloudWatch logging option"));
  options->push_back(describe(option, new_id(changed)));
  return {};
}

Result<> delete_logging(Application& changed, const std::string& id) {
  return erase(changed.detail.cloud_watch_logging_option_descriptions,
               &api::CloudWatchLoggingOptionDescription::cloud_watch_logging_option_id, id,
               "CloudWatch logging option");
}

Result<> add_vpc(Application& changed, const api::VpcConfiguration& vpc) {
  TRY_ASSIGN(auto* vpcs, with_room(changed.config().vpc_configuration_descriptions, kMaxVpcs,
                                   "VPC configuration"));
  vpcs->push_back(describe(vpc, new_id(changed)));
  return {};
}

Result<> delete_vpc(Application& changed, const std::string& id) {
  return erase(changed.config().vpc_configuration_descriptions,
               &api::VpcConfigurationDescription::vpc_configuration_id, id, "VPC configuration");
}

}  // namespace millstream::analytics
