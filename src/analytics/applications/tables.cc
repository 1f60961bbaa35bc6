#include "analytics/applications/tables.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/formats/json_path.h"
#include "analytics/plan/type_names.h"
#include "analytics/sql/parser.h"
#include "wire/arn.h"
#include "wire/generated/kinesisanalyticsv2.h"
#include "wire/json_decode.h"

namespace millstream::analytics {
namespace {

namespace api = wire::kinesisanalyticsv2;

constexpr size_t kMaxTypeText = 100;  // "TIMESTAMP WITHOUT TIME ZONE(3)" and less
constexpr std::string_view kWholeRecord = "$";

// A SqlType of a record column: what may stand behind a column's name in CREATE STREAM.
Result<Type> column_type(const api::RecordColumn& column) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument, "SqlType '{}' of column '{}': {}", column.sql_type,
                column.name, why);
  };
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_(), ").contains(c);
  };
  if (column.sql_type.size() > kMaxTypeText || !std::ranges::all_of(column.sql_type, is_fine)) {
    return bad("it is no type of SQL; write VARCHAR(16), INTEGER, DOUBLE, TIMESTAMP …");
  }
  // Parsed as part of a statement, so that it means here what it means in the code.
  const std::string script = fmt::format("CREATE STREAM T (C {});", column.sql_type);
  const auto statements = sql::parse_script(script, sql::Dialect::kKinesis);
  const auto* create = statements && statements->size() == 1
                           ? std::get_if<sql::CreateStream>(&statements->front().body)
                           : nullptr;
  if (create == nullptr || create->columns.size() != 1) {
    return bad("it is no type of SQL; write VARCHAR(16), INTEGER, DOUBLE, TIMESTAMP …");
  }
  auto type = resolve_type(create->columns[0].type, sql::Dialect::kKinesis, script);
  if (!type) {
    const std::string& text = type.error().message;
    return bad(text.substr(0, text.find('\n')));
  }
  return type;
}

Result<Format> format_of(std::string_view type) {
  if (type == api::RecordFormatType::kJson) return Format::kJson;
  if (type == api::RecordFormatType::kCsv) return Format::kCsv;
  return fail(ErrorCode::kInvalidArgument, "RecordFormatType '{}' is neither JSON nor CSV.", type);
}

Result<> apply_schema(const api::SourceSchema& schema, Table& table) {
  TRY_ASSIGN(table.format, format_of(schema.record_format.record_format_type));
  const bool is_json = table.format == Format::kJson;
  table.options["format"] = is_json ? "json" : "csv";
  if (const auto& parameters = schema.record_format.mapping_parameters) {
    const auto& json = parameters->json_mapping_parameters;
    const auto& csv = parameters->csv_mapping_parameters;
    if (is_json && json && json->record_row_path != kWholeRecord) {
      TRY(parse_json_path(json->record_row_path));
      table.options["record.row.path"] = json->record_row_path;
    }
    if (!is_json && csv) {
      table.options["record.row.delimiter"] = csv->record_row_delimiter;
      table.options["record.column.delimiter"] = csv->record_column_delimiter;
    }
  }
  for (const api::RecordColumn& column : schema.record_columns) {
    TableColumn made;
    made.name = column.name;
    made.position = static_cast<int>(table.columns.size());
    TRY_ASSIGN(made.type, column_type(column));
    if (is_json) {
      const std::string mapping = column.mapping.value_or("");
      if (mapping.starts_with('$')) {
        TRY_ASSIGN(made.path, parse_json_path(mapping));
      } else {
        made.path = {mapping.empty() ? column.name : mapping};
      }
    }
    const auto same = [&](const TableColumn& known) { return known.name == made.name; };
    if (std::ranges::any_of(table.columns, same)) {
      return fail(ErrorCode::kInvalidArgument, "The schema has two columns named '{}'.", made.name);
    }
    table.columns.push_back(std::move(made));
  }
  return {};
}

std::string_view start_option(const api::InputDescription& input) {
  if (!input.input_starting_position_configuration) return {};
  const auto& position = input.input_starting_position_configuration->input_starting_position;
  if (position == api::InputStartingPosition::kNow) return "LATEST";
  if (position == api::InputStartingPosition::kTrimHorizon) return "TRIM_HORIZON";
  return {};  // LAST_STOPPED_POINT: the kept state knows
}

Result<> add_input(const api::InputDescription& input, PlannerSettings& settings) {
  const std::string prefix = input.name_prefix.value_or("");
  if (input.input_parallelism && input.input_parallelism->count.value_or(1) > 1) {
    return fail(ErrorCode::kInvalidArgument,
                "InputParallelism above 1 (input '{}') is not yet supported: one in-application "
                "stream takes the whole input.",
                prefix);
  }
  if (input.input_processing_configuration_description) {
    return fail(ErrorCode::kInvalidArgument,
                "InputProcessingConfiguration (input '{}': records pass a Lambda function) is not "
                "yet supported: delete it to start the application.",
                prefix);
  }
  auto table = std::make_shared<Table>();
  table->name = in_application_stream_name(prefix, 1);
  table->connector = Connector::kStream;
  if (input.kinesis_streams_input_description) {
    table->options["stream.arn"] = input.kinesis_streams_input_description->resource_arn;
  } else if (input.kinesis_firehose_input_description) {
    return fail(ErrorCode::kInvalidArgument,
                "KinesisFirehoseInput (input '{}') is not yet supported: read the stream itself.",
                prefix);
  } else {
    return fail(ErrorCode::kInvalidArgument, "Input '{}' names no stream.", prefix);
  }
  if (const auto start = start_option(input); !start.empty()) {
    table->options["source.init.position"] = start;
  }
  if (!input.input_schema) {
    return fail(ErrorCode::kInvalidArgument, "Input '{}' has no InputSchema.", prefix);
  }
  TRY(apply_schema(*input.input_schema, *table));
  settings.tables.push_back(std::move(table));
  return {};
}

Result<> add_reference(const api::ReferenceDataSourceDescription& source,
                       PlannerSettings& settings) {
  auto table = std::make_shared<Table>();
  table->name = source.table_name;
  table->connector = Connector::kFilesystem;
  const auto& object = source.s3_reference_data_source_description;
  TRY_ASSIGN(const std::string bucket, bucket_of_arn(object.bucket_arn));
  table->options["path"] = fmt::format("lake://{}/{}", bucket, object.file_key);
  if (!source.reference_schema) {
    return fail(ErrorCode::kInvalidArgument, "Reference table '{}' has no ReferenceSchema.",
                source.table_name);
  }
  TRY(apply_schema(*source.reference_schema, *table));
  settings.tables.push_back(std::move(table));
  return {};
}

Result<> add_output(const api::OutputDescription& output, PlannerSettings& settings) {
  const std::string name = output.name.value_or("");
  auto table = std::make_shared<Table>();
  table->name = name;
  if (output.kinesis_streams_output_description) {
    table->connector = Connector::kStream;
    table->options["stream.arn"] = output.kinesis_streams_output_description->resource_arn;
  } else if (output.kinesis_firehose_output_description) {
    table->connector = Connector::kDelivery;
    table->options["delivery-stream"] = output.kinesis_firehose_output_description->resource_arn;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "LambdaOutput (output '{}') is not yet supported as a destination: write to a "
                "stream or a delivery stream.",
                name);
  }
  const std::string type =
      output.destination_schema ? output.destination_schema->record_format_type : "";
  TRY_ASSIGN(table->format, format_of(type));
  table->options["format"] = table->format == Format::kJson ? "json" : "csv";
  if (!settings.outputs.emplace(name, std::move(table)).second) {
    return fail(ErrorCode::kInvalidArgument,
                "Two outputs named '{}' are not yet supported: let a pump copy the stream and "
                "write the copy to the second destination.",
                name);
  }
  return {};
}

}  // namespace

std::string in_application_stream_name(std::string_view prefix, int number) {
  return fmt::format("{}_{:03}", prefix, number);
}

Result<std::string> bucket_of_arn(std::string_view arn) {
  TRY_ASSIGN(const wire::Arn parsed, wire::parse_arn(arn));
  if (parsed.service != "s3" || parsed.resource.empty() || parsed.resource.contains('/')) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is no ARN of a bucket; write arn:aws:s3:::my-bucket.", arn);
  }
  return parsed.resource;
}

Result<PlannerSettings> planner_settings(const ApplicationRun& run) {
  PlannerSettings settings;
  settings.dialect = sql::Dialect::kFlink;
  settings.collect_queries = run.collect;
  settings.bounded = run.spec.bounded;
  // Flink SQL brings its tables along, in CREATE TABLE.
  if (run.definition_json.empty() || run.is_flink) return settings;
  settings.dialect = sql::Dialect::kKinesis;
  TRY_ASSIGN(const auto definition,
             wire::from_json<api::ApplicationConfigurationDescription>(run.definition_json));
  const auto& sql = definition.sql_application_configuration_description;
  if (!sql) return settings;
  for (const auto& input : sql->input_descriptions.value_or(std::vector<api::InputDescription>())) {
    TRY(add_input(input, settings));
  }
  for (const auto& source : sql->reference_data_source_descriptions.value_or(
           std::vector<api::ReferenceDataSourceDescription>())) {
    TRY(add_reference(source, settings));
  }
  for (const auto& output :
       sql->output_descriptions.value_or(std::vector<api::OutputDescription>())) {
    TRY(add_output(output, settings));
  }
  return settings;
}

}  // namespace millstream::analytics
