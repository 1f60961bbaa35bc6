#include "analytics/formats/json_schema.h"

#include <algorithm>

#include "analytics/formats/format_options.h"
#include "analytics/formats/json_path.h"

namespace millstream::analytics {
namespace {

JsonNode& child_of(JsonNode& node, std::string_view name) {
  for (JsonNode& child : node.children) {
    if (child.name == name) return child;
  }
  JsonNode& made = node.children.emplace_back();
  made.name = name;
  return made;
}

// The one node with an `element`, after all columns have been added: nodes have moved until then.
JsonNode* find_flattened(JsonNode& node) {
  if (node.element) return &node;
  for (JsonNode& child : node.children) {
    if (JsonNode* const found = find_flattened(child)) return found;
  }
  return nullptr;
}

// `depth`: of the arrays whose elements are rows above the node.
Result<> check_flattening(const JsonNode& node, int depth, int& arrays, const Table& table) {
  if (node.element) {
    if (++arrays > 1 || depth > 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "Table {}: the elements of one array only can become rows; let the paths of the "
                  "others end in [0:], which is the array's text.",
                  table.name);
    }
    TRY(check_flattening(*node.element, depth + 1, arrays, table));
  }
  for (const JsonNode& child : node.children) TRY(check_flattening(child, depth, arrays, table));
  return {};
}

std::vector<std::string> full_path(const TableColumn& column,
                                   const std::vector<std::string>& row_path) {
  std::vector<std::string> path = column.path;
  if (path.empty()) path.push_back(column.name);
  if (row_path.empty()) return path;
  // Paths of columns are written from the record's root or from the row's.
  if (path.size() > row_path.size() &&
      std::ranges::equal(row_path, std::span(path).first(row_path.size()))) {
    return path;
  }
  path.insert(path.begin(), row_path.begin(), row_path.end());
  return path;
}

}  // namespace

int16_t JsonNode::find(std::string_view member) const {
  for (size_t i = 0; i < children.size(); ++i) {
    if (children[i].name == member) return static_cast<int16_t>(i);
  }
  return -1;
}

Result<std::unique_ptr<JsonSchema>> make_json_schema(const Table& table,
                                                     std::vector<ColumnWriter>& columns,
                                                     sql::Dialect dialect) {
  const FormatOptions options(table);
  std::vector<std::string> row_path;
  if (options.has("record.row.path")) {
    TRY_ASSIGN(row_path, parse_json_path(options.text("record.row.path")));
  }
  const bool has_arrays = dialect == sql::Dialect::kKinesis || !row_path.empty();
  auto schema = std::make_unique<JsonSchema>();
  // A row path with an array makes rows of its elements even if no column needs them.
  JsonNode* at = &schema->root;
  for (const std::string& step : row_path) {
    if (step != kAllElements) {
      at = &child_of(*at, step);
      continue;
    }
    if (!at->element) at->element = std::make_unique<JsonNode>();
    at = at->element.get();
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto path = full_path(table.columns[static_cast<size_t>(columns[i].index())], row_path);
    if (path.size() > kMaxPathLength) {
      return fail(ErrorCode::kInvalidArgument,
                  "Column {} of table {}: its path has {} steps, the most are {}.",
                  columns[i].name(), table.name, path.size(), kMaxPathLength);
    }
    JsonNode* node = &schema->root;
    bool is_whole_array = false;
    for (size_t step = 0; step < path.size(); ++step) {
      if (!has_arrays || path[step] != kAllElements) {
        node = &child_of(*node, path[step]);
      } else if (step + 1 == path.size() && !node->element) {
        is_whole_array = true;
      } else {
        if (!node->element) node->element = std::make_unique<JsonNode>();
        node = node->element.get();
      }
    }
    (is_whole_array ? node->array_leaves : node->leaves).push_back(i);
  }
  int arrays = 0;
  TRY(check_flattening(schema->root, 0, arrays, table));
  schema->flattened = find_flattened(schema->root);
  return schema;
}

}  // namespace millstream::analytics
