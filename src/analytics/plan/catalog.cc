#include "analytics/plan/catalog.h"

namespace millstream::analytics {

Schema Table::schema() const {
  Schema schema;
  schema.reserve(columns.size());
  for (const TableColumn& column : columns) {
    schema.push_back({.name = column.name, .type = column.type});
  }
  return schema;
}

}  // namespace millstream::analytics
