#include "leases/condition.h"

#include <algorithm>

namespace millstream::leases {
namespace {

using Kind = Condition::Kind;

std::optional<Comparison> comparison_of(std::string_view symbol) {
  constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
      {"=", Comparison::kEq},  {"<>", Comparison::kNe}, {"<", Comparison::kLt},
      {"<=", Comparison::kLe}, {">", Comparison::kGt},  {">=", Comparison::kGe}};
  for (const auto& [text, comparison] : kSymbols) {
    if (text == symbol) return comparison;
  }
  return std::nullopt;
}

struct Function {
  std::string_view name;
  Kind kind;
  size_t operands;
};
constexpr Function kFunctions[] = {{"attribute_exists", Kind::kExists, 1},
                                   {"attribute_not_exists", Kind::kNotExists, 1},
                                   {"attribute_type", Kind::kType, 2},
                                   {"begins_with", Kind::kBeginsWith, 2},
                                   {"contains", Kind::kContains, 2}};

// OR binds weaker than AND, AND weaker than NOT.
class ConditionParser {
 public:
  explicit ConditionParser(ExpressionReader& reader) : reader_(reader) {}

  Result<Condition> disjunction() {
    return chain("OR", Kind::kOr, [this] { return conjunction(); });
  }

 private:
  Result<Condition> conjunction() {
    return chain("AND", Kind::kAnd, [this] { return negation(); });
  }

  template <class Part>
  Result<Condition> chain(std::string_view keyword, Kind kind, Part part) {
    TRY_ASSIGN(Condition first, part());
    if (!reader_.at_keyword(keyword)) return first;
    Condition all;
    all.kind = kind;
    all.children.push_back(std::move(first));
    while (reader_.take_keyword(keyword)) {
      TRY(reader_.count_operator());
      TRY_ASSIGN(Condition next, part());
      all.children.push_back(std::move(next));
    }
    return all;
  }

  Result<Condition> negation() {
    if (!reader_.take_keyword("NOT")) return primary();
    TRY(reader_.count_operator());
    Condition negated;
    negated.kind = Kind::kNot;
    TRY_ASSIGN(Condition inner, negation());
    negated.children.push_back(std::move(inner));
    return negated;
  }

  Result<Condition> primary() {
    TRY(reader_.count_operator());
    if (reader_.take("(")) {
      TRY_ASSIGN(Condition inner, disjunction());
      TRY(reader_.expect(")"));
      return inner;
    }
    if (reader_.peek(1) == "(" && reader_.peek() != "size") return function();
    TRY_ASSIGN(Operand left, operand());
    Condition condition;
    condition.operands.push_back(std::move(left));
    if (const auto comparison = comparison_of(reader_.peek())) {
      reader_.next();
      condition.kind = Kind::kCompare;
      condition.comparison = *comparison;
      TRY(add_operand(condition));
    } else if (reader_.take_keyword("BETWEEN")) {
      condition.kind = Kind::kBetween;
      TRY(add_operand(condition));
      if (!reader_.take_keyword("AND")) return reader_.syntax_error();
      TRY(add_operand(condition));
    } else if (reader_.take_keyword("IN")) {
      condition.kind = Kind::kIn;
      TRY(reader_.expect("("));
      do {
        TRY(add_operand(condition));
      } while (reader_.take(","));
      TRY(reader_.expect(")"));
    } else {
      return reader_.syntax_error();
    }
    return condition;
  }

  Result<Condition> function() {
    const std::string_view name = reader_.next();
    const auto known = std::ranges::find(kFunctions, name, &Function::name);
    if (known == std::end(kFunctions)) {
      if (name == "if_not_exists" || name == "list_append") {
        return reader_.error(fmt::format(
            "The function is not allowed in a condition expression; function: {}", name));
      }
      return reader_.error(fmt::format("Invalid function name; function: {}", name));
    }
    Condition condition;
    condition.kind = known->kind;
    TRY(reader_.expect("("));
    do {
      TRY(add_operand(condition));
    } while (reader_.take(","));
    TRY(reader_.expect(")"));
    if (condition.operands.size() != known->operands) {
      return reader_.error(fmt::format(
          "Incorrect number of operands for operator or function; operator or function: {}, "
          "number of operands: {}",
          name, condition.operands.size()));
    }
    if (condition.operands.front().path.empty() && known->operands == 1) {
      return reader_.error(fmt::format(
          "Operator or function requires a document path; operator or function: {}", name));
    }
    TRY(check_constants(condition, name));
    return condition;
  }

  Result<> check_constants(const Condition& condition, std::string_view name) {
    const Operand& last = condition.operands.back();
    if (!last.path.empty()) return {};
    const ValueType type = type_of(last.constant);
    const bool bad =
        (condition.kind == Kind::kType && type != ValueType::kS) ||
        (condition.kind == Kind::kBeginsWith && type != ValueType::kS && type != ValueType::kB);
    if (!bad) return {};
    return reader_.error(fmt::format(
        "Incorrect operand type for operator or function; operator or function: {}, operand type: "
        "{}",
        name, type_name(type)));
  }

  Result<> add_operand(Condition& condition) {
    TRY_ASSIGN(Operand next, operand());
    condition.operands.push_back(std::move(next));
    return {};
  }

  Result<Operand> operand() {
    Operand operand;
    if (reader_.peek().starts_with(':')) {
      TRY_ASSIGN(operand.constant, reader_.value());
    } else if (reader_.peek() == "size" && reader_.peek(1) == "(") {
      reader_.next();
      reader_.next();
      TRY(reader_.count_operator());
      operand.size = true;
      if (reader_.peek().starts_with(':')) {
        TRY_ASSIGN(operand.constant, reader_.value());
      } else {
        TRY_ASSIGN(operand.path, reader_.path());
      }
      TRY(reader_.expect(")"));
    } else {
      TRY_ASSIGN(operand.path, reader_.path());
    }
    return operand;
  }

  ExpressionReader& reader_;
};

std::optional<size_t> size_operand(const AttributeValue& value) {
  if (value.s) return value.s->size();
  if (value.b) return value.b->size();
  if (value.ss) return value.ss->size();
  if (value.ns) return value.ns->size();
  if (value.bs) return value.bs->size();
  if (value.m) return value.m->size();
  if (value.l) return value.l->size();
  return std::nullopt;
}

// nullptr: there is none. `scratch` holds what is computed.
const AttributeValue* evaluate(const Operand& operand, const Item& item, AttributeValue& scratch) {
  const AttributeValue* value = operand.path.empty() ? &operand.constant : find(item, operand.path);
  if (!operand.size || value == nullptr) return value;
  const auto size = size_operand(*value);
  if (!size) return nullptr;
  scratch.n = std::to_string(*size);
  return &scratch;
}

bool compare(Comparison comparison, const AttributeValue* a, const AttributeValue* b) {
  if (comparison == Comparison::kNe) return a == nullptr || b == nullptr || !equal(*a, *b);
  if (a == nullptr || b == nullptr) return false;
  if (comparison == Comparison::kEq) return equal(*a, *b);
  const auto sign = order(*a, *b);
  if (!sign) return false;
  switch (comparison) {
    case Comparison::kLt:
      return *sign < 0;
    case Comparison::kLe:
      return *sign <= 0;
    case Comparison::kGt:
      return *sign > 0;
    default:
      return *sign >= 0;
  }
}

bool contains(const AttributeValue& in, const AttributeValue& what) {
  const auto has = [](const auto& set, const auto& element) {
    return set && element && std::ranges::find(*set, *element) != set->end();
  };
  if (in.s && what.s) return in.s->contains(*what.s);
  if (in.b && what.b) return in.b->contains(*what.b);
  if (in.l) return std::ranges::any_of(*in.l, [&](const auto& e) { return equal(e, what); });
  return has(in.ss, what.s) || has(in.ns, what.n) || has(in.bs, what.b);
}

}  // namespace

Result<Condition> parse_condition(std::string_view label, std::string_view text,
                                  Placeholders& placeholders) {
  ExpressionReader reader(label, text, placeholders);
  TRY(reader.start());
  TRY_ASSIGN(Condition condition, ConditionParser(reader).disjunction());
  if (!reader.at_end()) return reader.syntax_error();
  return condition;
}

bool holds(const Condition& condition, const Item& item) {
  const auto child_holds = [&](const Condition& child) { return holds(child, item); };
  switch (condition.kind) {
    case Kind::kAnd:
      return std::ranges::all_of(condition.children, child_holds);
    case Kind::kOr:
      return std::ranges::any_of(condition.children, child_holds);
    case Kind::kNot:
      return !child_holds(condition.children.front());
    default:
      break;
  }
  AttributeValue first_scratch;
  AttributeValue second_scratch;
  const AttributeValue* first = evaluate(condition.operands.front(), item, first_scratch);
  const auto is = [&](Comparison comparison, size_t place) {
    second_scratch = {};
    return compare(comparison, first, evaluate(condition.operands[place], item, second_scratch));
  };
  switch (condition.kind) {
    case Kind::kCompare:
      return is(condition.comparison, 1);
    case Kind::kBetween:
      return is(Comparison::kGe, 1) && is(Comparison::kLe, 2);
    case Kind::kIn:
      for (size_t i = 1; i < condition.operands.size(); ++i) {
        if (is(Comparison::kEq, i)) return true;
      }
      return false;
    case Kind::kExists:
      return first != nullptr;
    case Kind::kNotExists:
      return first == nullptr;
    default:
      break;
  }
  const AttributeValue* second = evaluate(condition.operands[1], item, second_scratch);
  if (first == nullptr || second == nullptr) return false;
  switch (condition.kind) {
    case Kind::kType:
      return second->s && *second->s == type_name(type_of(*first));
    case Kind::kBeginsWith:
      return (first->s && second->s && first->s->starts_with(*second->s)) ||
             (first->b && second->b && first->b->starts_with(*second->b));
    default:
      return contains(*first, *second);
  }
}

void collect_attributes(const Condition& condition, std::set<std::string>& names) {
  for (const Operand& operand : condition.operands) {
    if (!operand.path.empty()) names.insert(operand.path.front().name);
  }
  for (const Condition& child : condition.children) collect_attributes(child, names);
}

}  // namespace millstream::leases
