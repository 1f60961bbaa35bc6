// Where the columns' values stand in a JSON text: a tree of member names.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/formats/row_writer.h"
#include "analytics/plan/catalog.h"
#include "base/result.h"

namespace millstream::analytics {

// Deepest path of a column. Ours; Flink's nested ROWs and the JSON paths of input schemas stay
// far below.
inline constexpr size_t kMaxPathLength = 100;

// What stood at a place among an object's members last time: most often it does again.
struct NameGuess {
  std::array<char, 30> bytes;  // with quotes
  uint8_t size = 0;
  int16_t child = -1;  // -1: nobody needs it
  std::string_view text() const { return {bytes.data(), size}; }
};

struct JsonNode {
  std::string name;
  std::vector<JsonNode> children;
  std::vector<size_t> leaves;         // writers of columns that take the value here
  std::vector<size_t> array_leaves;   // that take it if it is an array
  std::unique_ptr<JsonNode> element;  // each element of the array here is a row
  // The last object that the node was found in (a number that rises), while decoding.
  uint64_t seen = 0;
  std::vector<NameGuess> guesses;

  // -1: no column needs that member.
  int16_t find(std::string_view member) const;
};

struct JsonSchema {
  JsonNode root;
  JsonNode* flattened = nullptr;  // the one node with an `element`
};

// `columns[i]` has writer i. Errors: kInvalidArgument: the row path or a column's path is wrong,
// or two arrays would have to become rows.
Result<std::unique_ptr<JsonSchema>> make_json_schema(const Table& table,
                                                     std::vector<ColumnWriter>& columns,
                                                     sql::Dialect dialect);

}  // namespace millstream::analytics
