// UpdateExpression: SET, REMOVE, ADD, DELETE.
#pragma once

#include <memory>

#include "leases/expression.h"

namespace millstream::leases {

// What SET assigns: a path, a constant, a sum or difference, if_not_exists or list_append.
struct UpdateValue {
  enum class Kind : uint8_t { kPath, kConstant, kAdd, kSubtract, kIfNotExists, kListAppend };
  Kind kind = Kind::kPath;
  Path path;  // of kPath and kIfNotExists
  AttributeValue constant;
  std::vector<UpdateValue> operands;  // one of kIfNotExists, two of sums and kListAppend
};

struct UpdateAction {
  enum class Kind : uint8_t { kSet, kRemove, kAdd, kDelete };
  Kind kind = Kind::kSet;
  Path path;
  UpdateValue value;  // of kSet; a constant of kAdd and kDelete
};

using Update = std::vector<UpdateAction>;

Result<Update> parse_update(std::string_view text, Placeholders& placeholders);
// All values are those before the update. kValidation if a path leads nowhere or an operand has
// the wrong type; `item` then holds anything.
Result<> apply(const Update& update, Item& item);

std::vector<Path> paths_of(const Update& update);

}  // namespace millstream::leases
