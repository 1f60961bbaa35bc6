#include "analytics/applications/definition.h"

#include <fmt/format.h>

#include "analytics/applications/tables.h"
#include "base/hash.h"

namespace millstream::analytics {
namespace {

constexpr int32_t kMaxInputParallelism = 64;  // API model InputParallelismCount
constexpr size_t kMaxInputs = 1;              // AWS quota of SQL applications
constexpr size_t kMaxOutputs = 3;
constexpr size_t kMaxReferences = 1;

std::string id_of(int64_t version, size_t number) { return fmt::format("{}.{}", version, number); }

template <class T>
std::vector<T> list(const std::optional<std::vector<T>>& from) {
  return from.value_or(std::vector<T>());
}

Result<> describe_sql(const api::SqlApplicationConfiguration& in, int64_t version,
                      api::SqlApplicationConfigurationDescription& out) {
  const auto inputs = list(in.inputs);
  const auto outputs = list(in.outputs);
  const auto references = list(in.reference_data_sources);
  if (inputs.size() > kMaxInputs || outputs.size() > kMaxOutputs ||
      references.size() > kMaxReferences) {
    return fail(ErrorCode::kLimitExceeded,
                "An application has at most {} input, {} outputs and {} reference data source.",
                kMaxInputs, kMaxOutputs, kMaxReferences);
  }
  auto& described_inputs = out.input_descriptions.emplace();
  for (const auto& input : inputs) {
    TRY_ASSIGN(auto made, describe(input, id_of(version, described_inputs.size() + 1)));
    described_inputs.push_back(std::move(made));
  }
  auto& described_outputs = out.output_descriptions.emplace();
  for (const auto& output : outputs) {
    TRY_ASSIGN(auto made, describe(output, id_of(version, described_outputs.size() + 1)));
    described_outputs.push_back(std::move(made));
  }
  auto& described_references = out.reference_data_source_descriptions.emplace();
  for (const auto& source : references) {
    TRY_ASSIGN(auto made, describe(source, id_of(version, described_references.size() + 1)));
    described_references.push_back(std::move(made));
  }
  return {};
}

// AWS's defaults of what is DEFAULT or absent.
api::FlinkApplicationConfigurationDescription describe_flink(
    const api::FlinkApplicationConfiguration& in) {
  api::FlinkApplicationConfigurationDescription out;
  const std::string standard(api::ConfigurationType::kDefault);
  auto& checkpoint = out.checkpoint_configuration_description.emplace();
  const auto& c = in.checkpoint_configuration;
  checkpoint.configuration_type = c ? c->configuration_type : standard;
  checkpoint.checkpointing_enabled = c ? c->checkpointing_enabled.value_or(true) : true;
  checkpoint.checkpoint_interval = c ? c->checkpoint_interval.value_or(60'000) : 60'000;
  checkpoint.min_pause_between_checkpoints =
      c ? c->min_pause_between_checkpoints.value_or(5'000) : 5'000;
  auto& monitoring = out.monitoring_configuration_description.emplace();
  const auto& m = in.monitoring_configuration;
  monitoring.configuration_type = m ? m->configuration_type : standard;
  monitoring.metrics_level = m && m->metrics_level ? *m->metrics_level : "APPLICATION";
  monitoring.log_level = m && m->log_level ? *m->log_level : "INFO";
  auto& parallelism = out.parallelism_configuration_description.emplace();
  const auto& p = in.parallelism_configuration;
  parallelism.configuration_type = p ? p->configuration_type : standard;
  parallelism.parallelism = p ? p->parallelism.value_or(1) : 1;
  parallelism.parallelism_per_kpu = p ? p->parallelism_per_kpu.value_or(1) : 1;
  parallelism.current_parallelism = parallelism.parallelism;
  parallelism.auto_scaling_enabled = p ? p->auto_scaling_enabled.value_or(true) : true;
  return out;
}

api::S3ContentBaseLocationDescription describe(const api::S3ContentBaseLocation& in) {
  return {.bucket_arn = in.bucket_arn, .base_path = in.base_path};
}

api::ZeppelinApplicationConfigurationDescription describe_zeppelin(
    const api::ZeppelinApplicationConfiguration& in) {
  api::ZeppelinApplicationConfigurationDescription out;
  out.monitoring_configuration_description.log_level =
      in.monitoring_configuration ? in.monitoring_configuration->log_level : "INFO";
  if (in.catalog_configuration) {
    out.catalog_configuration_description.emplace()
        .glue_data_catalog_configuration_description.database_arn =
        in.catalog_configuration->glue_data_catalog_configuration.database_arn;
  }
  if (in.deploy_as_application_configuration) {
    out.deploy_as_application_configuration_description.emplace().s3_content_location_description =
        describe(in.deploy_as_application_configuration->s3_content_location);
  }
  if (in.custom_artifacts_configuration) {
    auto& all = out.custom_artifacts_configuration_description.emplace();
    for (const auto& each : *in.custom_artifacts_configuration) {
      all.push_back({.artifact_type = each.artifact_type,
                     .s3_content_location_description = each.s3_content_location,
                     .maven_reference_description = each.maven_reference});
    }
  }
  return out;
}

}  // namespace

Result<api::InputDescription> describe(const api::Input& input, std::string id) {
  api::InputDescription out;
  if (input.kinesis_streams_input.has_value() == input.kinesis_firehose_input.has_value()) {
    return fail(ErrorCode::kInvalidArgument,
                "Input '{}' must have either KinesisStreamsInput or KinesisFirehoseInput.",
                input.name_prefix);
  }
  out.input_id = std::move(id);
  out.name_prefix = input.name_prefix;
  if (input.input_processing_configuration) {
    out.input_processing_configuration_description =
        describe(*input.input_processing_configuration);
  }
  if (input.kinesis_streams_input) {
    out.kinesis_streams_input_description.emplace().resource_arn =
        input.kinesis_streams_input->resource_arn;
  }
  if (input.kinesis_firehose_input) {
    out.kinesis_firehose_input_description.emplace().resource_arn =
        input.kinesis_firehose_input->resource_arn;
  }
  out.input_schema = input.input_schema;
  const int32_t count = input.input_parallelism ? input.input_parallelism->count.value_or(1) : 1;
  if (count < 1 || count > kMaxInputParallelism) {
    return fail(ErrorCode::kInvalidArgument, "InputParallelism must be between 1 and {}.",
                kMaxInputParallelism);
  }
  out.input_parallelism.emplace().count = count;
  auto& names = out.in_app_stream_names.emplace();
  for (int i = 1; i <= count; ++i) {
    names.push_back(in_application_stream_name(input.name_prefix, i));
  }
  out.input_starting_position_configuration.emplace();
  return out;
}

Result<api::OutputDescription> describe(const api::Output& output, std::string id) {
  api::OutputDescription out;
  const int destinations = (output.kinesis_streams_output ? 1 : 0) +
                           (output.kinesis_firehose_output ? 1 : 0) +
                           (output.lambda_output ? 1 : 0);
  if (destinations != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "Output '{}' must have exactly one of KinesisStreamsOutput, KinesisFirehoseOutput "
                "and LambdaOutput.",
                output.name);
  }
  out.output_id = std::move(id);
  out.name = output.name;
  if (output.kinesis_streams_output) {
    out.kinesis_streams_output_description.emplace().resource_arn =
        output.kinesis_streams_output->resource_arn;
  }
  if (output.kinesis_firehose_output) {
    out.kinesis_firehose_output_description.emplace().resource_arn =
        output.kinesis_firehose_output->resource_arn;
  }
  if (output.lambda_output) {
    out.lambda_output_description.emplace().resource_arn = output.lambda_output->resource_arn;
  }
  out.destination_schema = output.destination_schema;
  return out;
}

Result<api::ReferenceDataSourceDescription> describe(const api::ReferenceDataSource& source,
                                                     std::string id) {
  if (!source.s3_reference_data_source) {
    return fail(ErrorCode::kInvalidArgument,
                "Reference data source '{}' must have S3ReferenceDataSource.", source.table_name);
  }
  api::ReferenceDataSourceDescription out;
  out.reference_id = std::move(id);
  out.table_name = source.table_name;
  out.s3_reference_data_source_description.bucket_arn =
      source.s3_reference_data_source->bucket_arn.value_or("");
  out.s3_reference_data_source_description.file_key =
      source.s3_reference_data_source->file_key.value_or("");
  out.reference_schema = source.reference_schema;
  TRY(bucket_of_arn(out.s3_reference_data_source_description.bucket_arn));
  return out;
}

api::InputProcessingConfigurationDescription describe(const api::InputProcessingConfiguration& in) {
  api::InputProcessingConfigurationDescription out;
  out.input_lambda_processor_description.emplace().resource_arn =
      in.input_lambda_processor.resource_arn;
  return out;
}

api::CloudWatchLoggingOptionDescription describe(const api::CloudWatchLoggingOption& option,
                                                 std::string id) {
  api::CloudWatchLoggingOptionDescription out;
  out.cloud_watch_logging_option_id = std::move(id);
  out.log_stream_arn = option.log_stream_arn;
  return out;
}

api::VpcConfigurationDescription describe(const api::VpcConfiguration& vpc, std::string id) {
  // There is no network of AWS's here: its name says so.
  return {.vpc_configuration_id = std::move(id),
          .vpc_id = "vpc-00000000",
          .subnet_ids = vpc.subnet_ids,
          .security_group_ids = vpc.security_group_ids};
}

void measure_code(api::CodeContentDescription& content) {
  if (!content.text_content) return;
  const Md5 digest = md5(*content.text_content);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  content.code_md5 = hex;
  content.code_size = static_cast<int64_t>(content.text_content->size());
}

Result<api::ApplicationCodeConfigurationDescription> describe(
    const api::ApplicationCodeConfiguration& code) {
  api::ApplicationCodeConfigurationDescription out;
  out.code_content_type = code.code_content_type;
  if (!code.code_content) return out;
  auto& content = out.code_content_description.emplace();
  const auto& in = *code.code_content;
  content.text_content = in.text_content;
  measure_code(content);
  if (in.zip_file_content) {
    // Kept as a size only: it needs a Flink cluster, which has the code from S3.
    content.code_size = static_cast<int64_t>(in.zip_file_content->size());
  }
  if (in.s3_content_location) {
    content.s3_application_code_location_description = {
        .bucket_arn = in.s3_content_location->bucket_arn,
        .file_key = in.s3_content_location->file_key,
        .object_version = in.s3_content_location->object_version};
  }
  return out;
}

Result<api::ApplicationConfigurationDescription> describe(const api::ApplicationConfiguration& in,
                                                          bool is_sql, int64_t version) {
  api::ApplicationConfigurationDescription out;
  if (is_sql) {
    const auto sql = in.sql_application_configuration.value_or(api::SqlApplicationConfiguration());
    TRY(describe_sql(sql, version, out.sql_application_configuration_description.emplace()));
  } else if (in.sql_application_configuration) {
    return fail(ErrorCode::kInvalidArgument,
                "SqlApplicationConfiguration belongs to the SQL-1_0 runtime; Flink SQL declares "
                "its tables with CREATE TABLE.");
  }
  if (in.application_code_configuration) {
    TRY_ASSIGN(auto code, describe(*in.application_code_configuration));
    out.application_code_configuration_description = std::move(code);
  }
  if (!is_sql) {
    out.flink_application_configuration_description = describe_flink(
        in.flink_application_configuration.value_or(api::FlinkApplicationConfiguration()));
    const auto snapshots = in.application_snapshot_configuration.value_or(
        api::ApplicationSnapshotConfiguration{.snapshots_enabled = true, .snapshot_mode = {}});
    out.application_snapshot_configuration_description = {
        .snapshots_enabled = snapshots.snapshots_enabled, .snapshot_mode = snapshots.snapshot_mode};
    out.run_configuration_description.emplace();
  }
  if (in.application_system_rollback_configuration) {
    out.application_system_rollback_configuration_description.emplace().rollback_enabled =
        in.application_system_rollback_configuration->rollback_enabled;
  }
  if (in.environment_properties) {
    out.environment_property_descriptions.emplace().property_group_descriptions =
        in.environment_properties->property_groups;
  }
  if (in.vpc_configurations) {
    auto& all = out.vpc_configuration_descriptions.emplace();
    for (const auto& vpc : *in.vpc_configurations) {
      all.push_back(describe(vpc, id_of(version, all.size() + 1)));
    }
  }
  if (in.zeppelin_application_configuration) {
    out.zeppelin_application_configuration_description =
        describe_zeppelin(*in.zeppelin_application_configuration);
  }
  if (in.application_encryption_configuration) {
    out.application_encryption_configuration_description = {
        .key_id = in.application_encryption_configuration->key_id,
        .key_type = in.application_encryption_configuration->key_type};
  }
  return out;
}

}  // namespace millstream::analytics
