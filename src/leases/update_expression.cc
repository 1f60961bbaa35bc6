#include "leases/update_expression.h"

#include <algorithm>

#include "leases/legacy.h"
#include "leases/projection.h"

namespace millstream::leases {
namespace {

constexpr std::string_view kLabel = "UpdateExpression";

using ValueKind = UpdateValue::Kind;
using ActionKind = UpdateAction::Kind;

class UpdateParser {
 public:
  explicit UpdateParser(ExpressionReader& reader) : reader_(reader) {}

  Result<Update> parse() {
    constexpr std::pair<std::string_view, ActionKind> kSections[] = {
        {"SET", ActionKind::kSet},
        {"REMOVE", ActionKind::kRemove},
        {"ADD", ActionKind::kAdd},
        {"DELETE", ActionKind::kDelete}};
    std::set<ActionKind> seen;
    while (!reader_.at_end()) {
      const auto section = std::ranges::find_if(
          kSections, [this](const auto& known) { return reader_.at_keyword(known.first); });
      if (section == std::end(kSections)) return reader_.syntax_error();
      if (!seen.insert(section->second).second) {
        return reader_.error(fmt::format(
            "The \"{}\" section can only be used once in an update expression;", section->first));
      }
      reader_.next();
      do {
        TRY(reader_.count_operator());
        TRY_ASSIGN(UpdateAction next, action(section->second));
        update_.push_back(std::move(next));
      } while (reader_.take(","));
    }
    TRY(check_overlaps(kLabel, paths_of(update_)));
    return std::move(update_);
  }

 private:
  Result<UpdateAction> action(ActionKind kind) {
    UpdateAction action;
    action.kind = kind;
    TRY_ASSIGN(action.path, reader_.path());
    if (kind == ActionKind::kSet) {
      TRY(reader_.expect("="));
      TRY_ASSIGN(action.value, sum());
    } else if (kind != ActionKind::kRemove) {
      if (!reader_.peek().starts_with(':')) return reader_.syntax_error();
      action.value.kind = ValueKind::kConstant;
      TRY_ASSIGN(action.value.constant, reader_.value());
      const ValueType type = type_of(action.value.constant);
      const bool is_set =
          type == ValueType::kSs || type == ValueType::kNs || type == ValueType::kBs;
      if (!is_set && (kind == ActionKind::kDelete || type != ValueType::kN)) {
        return reader_.error(
            fmt::format("Incorrect operand type for operator or function; operator: {}, operand "
                        "type: {}",
                        kind == ActionKind::kAdd ? "ADD" : "DELETE", type_name(type)));
      }
    }
    return action;
  }

  Result<UpdateValue> sum() {
    TRY_ASSIGN(UpdateValue left, operand());
    const bool plus = reader_.peek() == "+";
    if (!plus && reader_.peek() != "-") return left;
    reader_.next();
    TRY_ASSIGN(UpdateValue right, operand());
    UpdateValue sum;
    sum.kind = plus ? ValueKind::kAdd : ValueKind::kSubtract;
    sum.operands.push_back(std::move(left));
    sum.operands.push_back(std::move(right));
    return sum;
  }

  Result<UpdateValue> operand() {
    TRY(reader_.count_operator());
    UpdateValue value;
    if (reader_.take("(")) {
      TRY_ASSIGN(value, sum());
      TRY(reader_.expect(")"));
    } else if (reader_.peek().starts_with(':')) {
      value.kind = ValueKind::kConstant;
      TRY_ASSIGN(value.constant, reader_.value());
    } else if (reader_.peek(1) == "(") {
      return function();
    } else {
      TRY_ASSIGN(value.path, reader_.path());
    }
    return value;
  }

  Result<UpdateValue> function() {
    const std::string_view name = reader_.next();
    UpdateValue value;
    TRY(reader_.expect("("));
    if (name == "if_not_exists") {
      value.kind = ValueKind::kIfNotExists;
      TRY_ASSIGN(value.path, reader_.path());
    } else if (name == "list_append") {
      value.kind = ValueKind::kListAppend;
      TRY_ASSIGN(UpdateValue first, operand());
      value.operands.push_back(std::move(first));
    } else {
      return reader_.error(fmt::format("Invalid function name; function: {}", name));
    }
    TRY(reader_.expect(","));
    TRY_ASSIGN(UpdateValue last, operand());
    value.operands.push_back(std::move(last));
    TRY(reader_.expect(")"));
    return value;
  }

  ExpressionReader& reader_;
  Update update_;
};

std::unexpected<Error> wrong_type() {
  return fail(ErrorCode::kValidation,
              "An operand in the update expression has an incorrect data type");
}

std::unexpected<Error> bad_path() {
  return fail(ErrorCode::kValidation,
              "The document path provided in the update expression is invalid for update");
}

std::unexpected<Error> too_large() {
  return fail(ErrorCode::kValidation, "Item size to update has exceeded the maximum allowed size");
}

Result<AttributeValue> evaluate(const UpdateValue& value, const Item& item) {
  if (value.kind == ValueKind::kConstant) return value.constant;
  if (value.kind == ValueKind::kPath || value.kind == ValueKind::kIfNotExists) {
    const AttributeValue* found = find(item, value.path);
    if (found != nullptr) return *found;
    if (value.kind == ValueKind::kIfNotExists) return evaluate(value.operands.front(), item);
    return fail(ErrorCode::kValidation,
                "The provided expression refers to an attribute that does not exist in the item");
  }
  TRY_ASSIGN(AttributeValue left, evaluate(value.operands[0], item));
  TRY_ASSIGN(const AttributeValue right, evaluate(value.operands[1], item));
  if (value.kind == ValueKind::kListAppend) {
    if (!left.l || !right.l) return wrong_type();
    if (size_of(left) + size_of(right) > kMaxItemBytes) return too_large();
    left.l->insert(left.l->end(), right.l->begin(), right.l->end());
    return left;
  }
  if (!left.n || !right.n) return wrong_type();
  TRY_ASSIGN(const Number a, Number::parse(*left.n));
  TRY_ASSIGN(const Number b, Number::parse(*right.n));
  TRY_ASSIGN(const Number total, add(a, value.kind == ValueKind::kAdd ? b : b.negated()));
  return number_value(total);
}

// What holds the path's last step; nullptr: nothing does.
AttributeValue* parent_of(Item& item, const Path& path) {
  const auto* found = find(item, Path(path.begin(), path.end() - 1));
  return const_cast<AttributeValue*>(found);  // of `item`, which is not constant
}

Result<> assign(Item& item, const Path& path, AttributeValue value) {
  if (path.size() == 1) {
    item[path.front().name] = std::move(value);
    return {};
  }
  AttributeValue* parent = parent_of(item, path);
  const PathStep& last = path.back();
  if (parent == nullptr) return bad_path();
  if (last.index) {
    if (!parent->l) return bad_path();
    if (*last.index < parent->l->size()) {
      (*parent->l)[*last.index] = std::move(value);
    } else {
      parent->l->push_back(std::move(value));
    }
    return {};
  }
  if (!parent->m) return bad_path();
  (*parent->m)[last.name] = std::move(value);
  return {};
}

Result<> remove(Item& item, const Path& path) {
  if (path.size() == 1) {
    item.erase(path.front().name);
    return {};
  }
  AttributeValue* parent = parent_of(item, path);
  const PathStep& last = path.back();
  if (parent == nullptr) return bad_path();
  if (last.index) {
    if (!parent->l) return bad_path();
    if (*last.index < parent->l->size()) {
      parent->l->erase(parent->l->begin() + static_cast<ptrdiff_t>(*last.index));
    }
    return {};
  }
  if (!parent->m) return bad_path();
  parent->m->erase(last.name);
  return {};
}

Result<> combine(const UpdateAction& action, Item& item) {
  const AttributeValue* old = find(item, action.path);
  if (action.kind == ActionKind::kAdd) {
    auto sum = added(old, action.value.constant);
    if (!sum && old != nullptr && type_of(*old) != type_of(action.value.constant)) {
      return wrong_type();
    }
    TRY(sum);
    return assign(item, action.path, *std::move(sum));
  }
  if (old == nullptr) return {};
  auto rest = without(*old, action.value.constant);
  if (!rest) return wrong_type();
  return *rest ? assign(item, action.path, **std::move(rest)) : remove(item, action.path);
}

}  // namespace

Result<Update> parse_update(std::string_view text, Placeholders& placeholders) {
  ExpressionReader reader(kLabel, text, placeholders);
  TRY(reader.start());
  return UpdateParser(reader).parse();
}

std::vector<Path> paths_of(const Update& update) {
  std::vector<Path> paths;
  for (const UpdateAction& action : update) paths.push_back(action.path);
  return paths;
}

Result<> apply(const Update& update, Item& item) {
  std::vector<std::pair<const UpdateAction*, AttributeValue>> sets;
  std::vector<const UpdateAction*> removals;
  size_t bytes = 0;
  for (const UpdateAction& action : update) {
    if (action.kind == ActionKind::kSet) {
      TRY_ASSIGN(AttributeValue value, evaluate(action.value, item));
      // All of them would be in the item; copies must not grow without bound before it is checked.
      bytes += size_of(value);
      if (bytes > kMaxItemBytes) return too_large();
      sets.emplace_back(&action, std::move(value));
    } else if (action.kind == ActionKind::kRemove) {
      removals.push_back(&action);
    }
  }
  // Values that go behind a list's end do so in the order of their indexes.
  const auto last_index = [](const UpdateAction* action) {
    return action->path.back().index.value_or(0);
  };
  std::ranges::sort(sets, {}, [&](const auto& set) { return last_index(set.first); });
  for (auto& [action, value] : sets) TRY(assign(item, action->path, std::move(value)));
  for (const UpdateAction& action : update) {
    if (action.kind == ActionKind::kAdd || action.kind == ActionKind::kDelete) {
      TRY(combine(action, item));
    }
  }
  // From the back, so that indexes stay what they were.
  std::ranges::sort(removals, std::greater<>(), last_index);
  for (const UpdateAction* action : removals) TRY(remove(item, action->path));
  return {};
}

}  // namespace millstream::leases
