#include "analytics/plan/kinesis_testing.h"

namespace millstream::analytics {
namespace {

TableColumn column(std::string name, Type type) {
  return {.name = name, .type = std::move(type), .path = {name}};
}

std::shared_ptr<const Table> table(std::string name, Connector connector, Format format,
                                   std::vector<TableColumn> columns) {
  auto result = std::make_shared<Table>();
  result->name = std::move(name);
  result->connector = connector;
  result->format = format;
  result->columns = std::move(columns);
  return result;
}

}  // namespace

PlannerSettings kinesis_settings() {
  PlannerSettings settings;
  settings.dialect = sql::Dialect::kKinesis;
  settings.tables.push_back(table(
      "SENSOR_001", Connector::kStream, Format::kJson,
      {column("DEVICE", varchar_type(8)), column("ZONE", varchar_type(12)),
       column("TEMPERATURE", make_type(TypeKind::kDouble)),
       column("DRIFT", make_type(TypeKind::kFloat)), column("MEASURED_AT", timestamp_type(3))}));
  settings.tables.push_back(
      table("EVENTS_001", Connector::kStream, Format::kJson,
            {column("kind", varchar_type(10)), column("order", make_type(TypeKind::kInteger)),
             column("parcel", make_type(TypeKind::kInteger)),
             column("weight", make_type(TypeKind::kDouble)), column("place", varchar_type(4))}));
  settings.tables.push_back(
      table("Zones", Connector::kFilesystem, Format::kCsv,
            {column("zone", varchar_type(12)), column("building", varchar_type(20))}));
  settings.outputs["ALARMS"] = table("alarms-stream", Connector::kStream, Format::kJson, {});
  return settings;
}

std::string explained(std::string_view script, const PlannerSettings& settings) {
  const auto planned = plan_script(script, settings);
  return planned ? explain(planned->plan) : "error: " + planned.error().message;
}

std::string error_of(std::string_view script, const PlannerSettings& settings) {
  const auto planned = plan_script(script, settings);
  return planned ? "" : planned.error().message;
}

}  // namespace millstream::analytics
