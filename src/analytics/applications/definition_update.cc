// UpdateApplication's parts, each onto what it changes.
#include <algorithm>

#include "analytics/applications/definition.h"
#include "analytics/applications/tables.h"

namespace millstream::analytics {
namespace {

template <class T, class U>
void set(T& to, const std::optional<U>& from) {
  if (from) to = *from;
}

// The part with that id. Errors: kInvalidArgument.
template <class T, class Id>
Result<T*> find(std::optional<std::vector<T>>& parts, Id T::* member, const std::string& id,
                std::string_view what) {
  if (parts) {
    const auto found =
        std::ranges::find_if(*parts, [&](const T& part) { return part.*member == id; });
    if (found != parts->end()) return &*found;
  }
  return fail(ErrorCode::kInvalidArgument, "The application has no {} '{}'.", what, id);
}

Result<> update_input(const api::InputUpdate& in, api::InputDescription& to) {
  set(to.name_prefix, in.name_prefix_update);
  if (in.input_processing_configuration_update) {
    if (!to.input_processing_configuration_description) {
      return fail(ErrorCode::kInvalidArgument,
                  "Input '{}' has no InputProcessingConfiguration: add it first.", in.input_id);
    }
    to.input_processing_configuration_description->input_lambda_processor_description.emplace()
        .resource_arn =
        in.input_processing_configuration_update->input_lambda_processor_update.resource_arn_update;
  }
  if (in.kinesis_streams_input_update) {
    to.kinesis_firehose_input_description.reset();
    to.kinesis_streams_input_description.emplace().resource_arn =
        in.kinesis_streams_input_update->resource_arn_update;
  }
  if (in.kinesis_firehose_input_update) {
    to.kinesis_streams_input_description.reset();
    to.kinesis_firehose_input_description.emplace().resource_arn =
        in.kinesis_firehose_input_update->resource_arn_update;
  }
  if (in.input_schema_update) {
    if (!to.input_schema) to.input_schema.emplace();
    set(to.input_schema->record_format, in.input_schema_update->record_format_update);
    set(to.input_schema->record_encoding, in.input_schema_update->record_encoding_update);
    set(to.input_schema->record_columns, in.input_schema_update->record_column_updates);
  }
  if (in.input_parallelism_update) {
    to.input_parallelism.emplace().count = in.input_parallelism_update->count_update;
  }
  auto& names = to.in_app_stream_names.emplace();
  const int count = to.input_parallelism ? to.input_parallelism->count.value_or(1) : 1;
  for (int i = 1; i <= count; ++i) {
    names.push_back(in_application_stream_name(to.name_prefix.value_or(""), i));
  }
  return {};
}

void update_output(const api::OutputUpdate& in, api::OutputDescription& to) {
  set(to.name, in.name_update);
  const bool moves = in.kinesis_streams_output_update || in.kinesis_firehose_output_update ||
                     in.lambda_output_update;
  if (moves) {
    to.kinesis_streams_output_description.reset();
    to.kinesis_firehose_output_description.reset();
    to.lambda_output_description.reset();
  }
  if (in.kinesis_streams_output_update) {
    to.kinesis_streams_output_description.emplace().resource_arn =
        in.kinesis_streams_output_update->resource_arn_update;
  }
  if (in.kinesis_firehose_output_update) {
    to.kinesis_firehose_output_description.emplace().resource_arn =
        in.kinesis_firehose_output_update->resource_arn_update;
  }
  if (in.lambda_output_update) {
    to.lambda_output_description.emplace().resource_arn =
        in.lambda_output_update->resource_arn_update;
  }
  set(to.destination_schema, in.destination_schema_update);
}

Result<> update_sql(const api::SqlApplicationConfigurationUpdate& in,
                    api::SqlApplicationConfigurationDescription& to) {
  for (const auto& each : in.input_updates.value_or(std::vector<api::InputUpdate>())) {
    TRY_ASSIGN(auto* input, find(to.input_descriptions, &api::InputDescription::input_id,
                                 each.input_id, "input"));
    TRY(update_input(each, *input));
  }
  for (const auto& each : in.output_updates.value_or(std::vector<api::OutputUpdate>())) {
    TRY_ASSIGN(auto* output, find(to.output_descriptions, &api::OutputDescription::output_id,
                                  each.output_id, "output"));
    update_output(each, *output);
  }
  for (const auto& each :
       in.reference_data_source_updates.value_or(std::vector<api::ReferenceDataSourceUpdate>())) {
    TRY_ASSIGN(auto* source, find(to.reference_data_source_descriptions,
                                  &api::ReferenceDataSourceDescription::reference_id,
                                  each.reference_id, "reference data source"));
    set(source->table_name, each.table_name_update);
    if (const auto& object = each.s3_reference_data_source_update) {
      set(source->s3_reference_data_source_description.bucket_arn, object->bucket_arn_update);
      set(source->s3_reference_data_source_description.file_key, object->file_key_update);
    }
    set(source->reference_schema, each.reference_schema_update);
  }
  return {};
}

void update_code(const api::ApplicationCodeConfigurationUpdate& in,
                 std::optional<api::ApplicationCodeConfigurationDescription>& code) {
  if (!code) code.emplace().code_content_type = api::CodeContentType::kPlaintext;
  set(code->code_content_type, in.code_content_type_update);
  if (!in.code_content_update) return;
  const auto& update = *in.code_content_update;
  api::CodeContentDescription content;
  if (update.text_content_update) {
    content.text_content = update.text_content_update;
    measure_code(content);
  } else if (update.zip_file_content_update) {
    content.code_size = static_cast<int64_t>(update.zip_file_content_update->size());
  } else if (code->code_content_description) {
    content = *code->code_content_description;
  }
  if (const auto& s3 = update.s3_content_location_update) {
    auto& location = content.s3_application_code_location_description;
    if (!location) location.emplace();
    set(location->bucket_arn, s3->bucket_arn_update);
    set(location->file_key, s3->file_key_update);
    set(location->object_version, s3->object_version_update);
  }
  code->code_content_description = std::move(content);
}

void update_flink(const api::FlinkApplicationConfigurationUpdate& in,
                  api::FlinkApplicationConfigurationDescription& to) {
  if (const auto& c = in.checkpoint_configuration_update) {
    if (!to.checkpoint_configuration_description) to.checkpoint_configuration_description.emplace();
    auto& out = *to.checkpoint_configuration_description;
    set(out.configuration_type, c->configuration_type_update);
    set(out.checkpointing_enabled, c->checkpointing_enabled_update);
    set(out.checkpoint_interval, c->checkpoint_interval_update);
    set(out.min_pause_between_checkpoints, c->min_pause_between_checkpoints_update);
  }
  if (const auto& m = in.monitoring_configuration_update) {
    if (!to.monitoring_configuration_description) to.monitoring_configuration_description.emplace();
    auto& out = *to.monitoring_configuration_description;
    set(out.configuration_type, m->configuration_type_update);
    set(out.metrics_level, m->metrics_level_update);
    set(out.log_level, m->log_level_update);
  }
  if (const auto& p = in.parallelism_configuration_update) {
    if (!to.parallelism_configuration_description) {
      to.parallelism_configuration_description.emplace();
    }
    auto& out = *to.parallelism_configuration_description;
    set(out.configuration_type, p->configuration_type_update);
    set(out.parallelism, p->parallelism_update);
    set(out.current_parallelism, p->parallelism_update);
    set(out.parallelism_per_kpu, p->parallelism_per_kpu_update);
    set(out.auto_scaling_enabled, p->auto_scaling_enabled_update);
  }
}

void update_zeppelin(const api::ZeppelinApplicationConfigurationUpdate& in,
                     api::ZeppelinApplicationConfigurationDescription& to) {
  if (in.monitoring_configuration_update) {
    to.monitoring_configuration_description.log_level =
        in.monitoring_configuration_update->log_level_update;
  }
  if (in.catalog_configuration_update) {
    to.catalog_configuration_description.emplace()
        .glue_data_catalog_configuration_description.database_arn =
        in.catalog_configuration_update->glue_data_catalog_configuration_update.database_arn_update;
  }
  if (in.deploy_as_application_configuration_update &&
      in.deploy_as_application_configuration_update->s3_content_location_update) {
    auto& out = to.deploy_as_application_configuration_description;
    if (!out) out.emplace();
    const auto& s3 = *in.deploy_as_application_configuration_update->s3_content_location_update;
    set(out->s3_content_location_description.bucket_arn, s3.bucket_arn_update);
    set(out->s3_content_location_description.base_path, s3.base_path_update);
  }
  if (in.custom_artifacts_configuration_update) {
    auto& all = to.custom_artifacts_configuration_description.emplace();
    for (const auto& each : *in.custom_artifacts_configuration_update) {
      all.push_back({.artifact_type = each.artifact_type,
                     .s3_content_location_description = each.s3_content_location,
                     .maven_reference_description = each.maven_reference});
    }
  }
}

}  // namespace

Result<> apply(const api::ApplicationConfigurationUpdate& update, bool is_sql,
               api::ApplicationConfigurationDescription& to) {
  if (update.sql_application_configuration_update) {
    if (!is_sql || !to.sql_application_configuration_description) {
      return fail(ErrorCode::kInvalidArgument,
                  "SqlApplicationConfigurationUpdate belongs to the SQL-1_0 runtime.");
    }
    TRY(update_sql(*update.sql_application_configuration_update,
                   *to.sql_application_configuration_description));
  }
  if (update.application_code_configuration_update) {
    update_code(*update.application_code_configuration_update,
                to.application_code_configuration_description);
  }
  if (update.flink_application_configuration_update) {
    auto& flink = to.flink_application_configuration_description;
    if (!flink) flink.emplace();
    update_flink(*update.flink_application_configuration_update, *flink);
  }
  if (update.environment_property_updates) {
    to.environment_property_descriptions.emplace().property_group_descriptions =
        update.environment_property_updates->property_groups;
  }
  if (const auto& snapshots = update.application_snapshot_configuration_update) {
    to.application_snapshot_configuration_description = {
        .snapshots_enabled = snapshots->snapshots_enabled_update,
        .snapshot_mode = snapshots->snapshot_mode_update};
  }
  if (update.application_system_rollback_configuration_update) {
    to.application_system_rollback_configuration_description.emplace().rollback_enabled =
        update.application_system_rollback_configuration_update->rollback_enabled_update;
  }
  for (const auto& each :
       update.vpc_configuration_updates.value_or(std::vector<api::VpcConfigurationUpdate>())) {
    TRY_ASSIGN(auto* vpc, find(to.vpc_configuration_descriptions,
                               &api::VpcConfigurationDescription::vpc_configuration_id,
                               each.vpc_configuration_id, "VPC configuration"));
    set(vpc->subnet_ids, each.subnet_id_updates);
    set(vpc->security_group_ids, each.security_group_id_updates);
  }
  if (update.zeppelin_application_configuration_update) {
    auto& zeppelin = to.zeppelin_application_configuration_description;
    if (!zeppelin) zeppelin.emplace();
    update_zeppelin(*update.zeppelin_application_configuration_update, *zeppelin);
  }
  if (const auto& encryption = update.application_encryption_configuration_update) {
    to.application_encryption_configuration_description = {.key_id = encryption->key_id_update,
                                                           .key_type = encryption->key_type_update};
  }
  return {};
}

}  // namespace millstream::analytics
