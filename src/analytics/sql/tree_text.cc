#include "analytics/sql/tree_text.h"

#include <array>
#include <map>

#include <fmt/format.h>

namespace millstream::analytics::sql {
namespace {

using enum ExpressionKind;

constexpr std::array<std::string_view, 19> kUnitNames{
    "MILLISECOND", "SECOND", "MINUTE",  "HOUR",        "DAY",       "WEEK",   "MONTH",
    "QUARTER",     "YEAR",   "DOW",     "DOY",         "EPOCH",     "DECADE", "CENTURY",
    "MILLENNIUM",  "ISODOW", "ISOYEAR", "MICROSECOND", "NANOSECOND"};

std::string unit_text(TimeUnit unit) { return std::string(kUnitNames[static_cast<size_t>(unit)]); }

template <class List>
std::string list_text(std::string_view head, const List& list) {
  std::string text = fmt::format("({}", head);
  for (const auto& item : list) text += " " + tree_text(*item);
  return text + ")";
}

std::string names_text(const std::vector<Identifier>& names) {
  std::string text;
  for (const Identifier& name : names) text += (text.empty() ? "" : ",") + name_text({name});
  return text;
}

std::string order_text(const std::vector<OrderItem>& items) {
  std::string text;
  for (const OrderItem& item : items) {
    text += fmt::format(" {}{}{}", tree_text(*item.expression), item.descending ? " desc" : "",
                        !item.nulls_first   ? ""
                        : *item.nulls_first ? " nulls-first"
                                            : " nulls-last");
  }
  return text.empty() ? "" : fmt::format(" (order{})", text);
}

std::string bound_text(const FrameBound& bound) {
  static constexpr std::array<std::string_view, 5> kKinds{
      "unbounded-preceding", "preceding", "current", "following", "unbounded-following"};
  const std::string kind(kKinds[static_cast<size_t>(bound.kind)]);
  return bound.offset ? fmt::format("{} {}", kind, tree_text(*bound.offset)) : kind;
}

std::string window_text(const WindowSpecification& window) {
  std::string text = "(window";
  if (window.base) text += " " + name_text({*window.base});
  if (!window.partition_by.empty()) text += " " + list_text("by", window.partition_by);
  text += order_text(window.order_by);
  if (window.has_frame) {
    text += fmt::format(" ({} {} to {})", window.rows ? "rows" : "range", bound_text(window.start),
                        bound_text(window.end));
  }
  return text + ")";
}

std::string call_text(const Expression& call) {
  std::string text = fmt::format("({}", name_text(call.name));
  if (call.distinct) text += " distinct";
  if (call.star) text += " *";
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const bool named = i < call.argument_names.size() && !call.argument_names[i].empty();
    text += fmt::format(" {}{}", named ? call.argument_names[i] + "=>" : "",
                        tree_text(*call.arguments[i]));
  }
  text += order_text(call.order_by);
  if (!call.type.name.empty()) text += " returning " + tree_text(call.type);
  if (call.filter) text += fmt::format(" (filter {})", tree_text(*call.filter));
  if (call.over) text += " " + window_text(*call.over);
  return text + ")";
}

std::string literal_text(const Expression& e) {
  switch (e.kind) {
    case kNull:
      return "NULL";
    case kString:
      return "'" + e.text + "'";
    case kDate:
      return "DATE'" + e.text + "'";
    case kTime:
      return "TIME'" + e.text + "'";
    case kTimestamp:
      return "TIMESTAMP'" + e.text + "'";
    case kInterval: {
      std::string text = fmt::format("[{} {}", e.text, unit_text(e.unit));
      for (const int32_t digits : e.type.arguments) text += fmt::format(" {}", digits);
      return text + (e.unit_to ? " to " + unit_text(*e.unit_to) : "") + "]";
    }
    default:
      return e.text;
  }
}

std::string negation(const Expression& e) { return e.negated ? "not-" : ""; }

std::string head_text(const Expression& e) {
  static const std::map<ExpressionKind, std::string> kHeads{{kBetween, "between"},
                                                            {kIn, "in"},
                                                            {kCase, "case"},
                                                            {kExtract, "extract"},
                                                            {kStep, "step"},
                                                            {kTrim, "trim"},
                                                            {kSubstring, "substring"},
                                                            {kPosition, "position"},
                                                            {kOverlay, "overlay"},
                                                            {kTimestampAdd, "timestampadd"},
                                                            {kTimestampDiff, "timestampdiff"},
                                                            {kExists, "exists"},
                                                            {kSubquery, "subquery"},
                                                            {kRow, "row"},
                                                            {kArray, "array"},
                                                            {kElement, "element"},
                                                            {kDescriptor, "descriptor"},
                                                            {kTable, "table"},
                                                            {kCursor, "cursor"},
                                                            {kIs, "is"}};
  std::string head = negation(e);
  if (const auto place = kHeads.find(e.kind); place != kHeads.end()) head += place->second;
  if (!e.text.empty()) head += (head.empty() || head.ends_with("not-") ? "" : " ") + e.text;
  const bool has_unit =
      e.kind == kExtract || e.kind == kFloor || e.kind == kTimestampAdd || e.kind == kTimestampDiff;
  if (has_unit) head += " " + unit_text(e.unit);
  if (e.kind == kCast) head += " " + tree_text(e.type);
  if (e.kind == kTable) head += " " + name_text(e.name);
  if (e.has_operand) head += " operand";
  if (e.has_else) head += " else";
  return head;
}

std::string select_text(const Select& select) {
  std::string text = "(select";
  if (select.stream) text += " stream";
  if (select.distinct) text += " distinct";
  for (const SelectItem& item : select.items) {
    text += " " + tree_text(*item.expression);
    if (item.alias) text += ":" + name_text({*item.alias});
  }
  if (select.from) text += fmt::format(" (from {})", tree_text(*select.from));
  if (select.where) text += fmt::format(" (where {})", tree_text(*select.where));
  if (!select.group_by.empty()) text += " " + list_text("group", select.group_by);
  if (select.grouping_sets) text += " grouping-sets";
  if (select.having) text += fmt::format(" (having {})", tree_text(*select.having));
  for (const NamedWindow& window : select.windows) {
    text += fmt::format(" ({} {})", name_text({window.name}), window_text(window.window));
  }
  if (select.windowed_by) {
    text += fmt::format(" (windowed {} {} {})", select.windowed_by->kind,
                        list_text("by", select.windowed_by->partition_by),
                        tree_text(*select.windowed_by->range));
  }
  return text + ")";
}

std::string insert_text(const Insert& insert) {
  return fmt::format("(insert{} {}{} {})", insert.overwrite ? " overwrite" : "",
                     name_text(insert.table),
                     insert.columns.empty() ? "" : " (" + names_text(insert.columns) + ")",
                     tree_text(*insert.query));
}

std::string column_text(const ColumnDefinition& column) {
  std::string text = name_text({column.name});
  if (column.computed) return fmt::format("{} as {}", text, tree_text(*column.computed));
  text += " " + tree_text(column.type);
  if (column.metadata) text += " metadata";
  if (!column.metadata_key.empty()) text += " '" + column.metadata_key + "'";
  if (column.is_virtual) text += " virtual";
  if (column.primary_key) text += " primary-key";
  if (!column.comment.empty()) text += " comment '" + column.comment + "'";
  return text;
}

std::string columns_text(const std::vector<ColumnDefinition>& columns) {
  std::string text;
  for (const ColumnDefinition& column : columns) {
    text += (text.empty() ? "" : ", ") + column_text(column);
  }
  return "[" + text + "]";
}

struct StatementText {
  std::string operator()(const CreateTable& table) const {
    std::string text = fmt::format("(create-table{}{} {} {}", table.temporary ? " temporary" : "",
                                   table.if_not_exists ? " if-not-exists" : "",
                                   name_text(table.name), columns_text(table.columns));
    if (table.watermark) {
      text += fmt::format(" (watermark {} {})", name_text({*table.watermark_column}),
                          tree_text(*table.watermark));
    }
    if (!table.primary_key.empty()) text += " (key " + names_text(table.primary_key) + ")";
    if (!table.partitioned_by.empty()) text += " (by " + names_text(table.partitioned_by) + ")";
    for (const auto& [key, value] : table.options) text += fmt::format(" {}={}", key, value);
    if (table.like) text += " like " + name_text(*table.like);
    if (table.as) text += " " + tree_text(*table.as);
    return text + ")";
  }
  std::string operator()(const CreateStream& stream) const {
    return fmt::format("(create-stream{} {} {}{})", stream.or_replace ? " or-replace" : "",
                       name_text(stream.name), columns_text(stream.columns),
                       stream.as ? " " + tree_text(*stream.as) : "");
  }
  std::string operator()(const CreateView& view) const {
    return fmt::format("(create-view{}{} {}{} {})", view.temporary ? " temporary" : "",
                       view.if_not_exists ? " if-not-exists" : "", name_text(view.name),
                       view.columns.empty() ? "" : " (" + names_text(view.columns) + ")",
                       tree_text(*view.query));
  }
  std::string operator()(const CreatePump& pump) const {
    return fmt::format("(create-pump{} {} {})", pump.or_replace ? " or-replace" : "",
                       name_text(pump.name), insert_text(pump.insert));
  }
  std::string operator()(const Insert& insert) const { return insert_text(insert); }
  std::string operator()(const StatementSet& set) const {
    std::string text = "(set-of";
    for (const Insert& insert : set.inserts) text += " " + insert_text(insert);
    return text + ")";
  }
  std::string operator()(const QueryPtr& query) const { return tree_text(*query); }
  std::string operator()(const SetOption& option) const {
    return fmt::format("({}{}{})", option.reset ? "reset" : "set",
                       option.key ? " " + *option.key : "",
                       option.value.empty() ? "" : "=" + option.value);
  }
  std::string operator()(const Explain& explain) const {
    return fmt::format("(explain {})", tree_text(*explain.statement));
  }
  std::string operator()(const Show& show) const {
    return fmt::format("(show {}{})", show.what,
                       show.name.empty() ? "" : " " + name_text(show.name));
  }
  std::string operator()(const Describe& describe) const {
    return fmt::format("(describe {})", name_text(describe.name));
  }
  std::string operator()(const Drop& drop) const {
    return fmt::format("(drop {}{} {})", drop.what, drop.if_exists ? " if-exists" : "",
                       name_text(drop.name));
  }
};

}  // namespace

std::string tree_text(const TypeName& type) {
  std::string text = type.name;
  std::string inside;
  for (const int32_t argument : type.arguments) {
    inside += fmt::format("{}{}", inside.empty() ? "" : ",", argument);
  }
  for (const auto& [name, field] : type.fields) {
    inside +=
        fmt::format("{}{} {}", inside.empty() ? "" : ",", name_text({name}), tree_text(field));
  }
  for (const TypeName& element : type.elements) {
    inside += (inside.empty() ? "" : ",") + tree_text(element);
  }
  if (!inside.empty()) text += "(" + inside + ")";
  return text + (type.not_null ? "!" : "");
}

std::string tree_text(const Expression& e) {
  switch (e.kind) {
    case kNull:
    case kBoolean:
    case kNumber:
    case kString:
    case kDate:
    case kTime:
    case kTimestamp:
    case kInterval:
      return literal_text(e);
    case kName:
      return name_text(e.name);
    case kStar:
      return e.name.empty() ? "*" : name_text(e.name) + ".*";
    case kCall:
      return call_text(e);
    default:
      break;
  }
  std::string text = list_text(head_text(e), e.arguments);
  if (!e.query && !e.over) return text;
  text.pop_back();
  if (e.query) text += " " + tree_text(*e.query);
  if (e.over) text += " " + window_text(*e.over);
  return text + ")";
}

std::string tree_text(const TableReference& table) {
  using Kind = TableReference::Kind;
  static constexpr std::array<std::string_view, 7> kJoins{"cross", "inner", "left", "right",
                                                          "full",  "semi",  "anti"};
  std::string text = table.lateral ? "lateral " : "";
  switch (table.kind) {
    case Kind::kNamed:
      text += name_text(table.name);
      break;
    case Kind::kSubquery:
    case Kind::kValues:
      text += tree_text(*table.query);
      break;
    case Kind::kFunction:
      text += "table " + tree_text(*table.function);
      break;
    case Kind::kJoin:
      text += fmt::format(
          "({}{} {} {}{}{})", table.natural ? "natural-" : "",
          kJoins[static_cast<size_t>(table.join)], tree_text(*table.left), tree_text(*table.right),
          table.on ? " on " + tree_text(*table.on) : "",
          table.using_columns.empty() ? "" : " using " + names_text(table.using_columns));
      break;
  }
  for (const auto& [key, value] : table.hints) text += fmt::format(" /{}={}/", key, value);
  if (table.system_time) text += " as-of " + tree_text(*table.system_time);
  if (table.over) text += " " + window_text(*table.over);
  if (table.alias) text += ":" + name_text({*table.alias});
  if (!table.column_aliases.empty()) text += "(" + names_text(table.column_aliases) + ")";
  return text;
}

std::string tree_text(const Query& query) {
  using Kind = Query::Kind;
  std::string text;
  for (const CommonTable& table : query.with) {
    text += fmt::format("(with {}{} {}) ", name_text({table.name}),
                        table.columns.empty() ? "" : "(" + names_text(table.columns) + ")",
                        tree_text(*table.query));
  }
  switch (query.kind) {
    case Kind::kSelect:
      text += select_text(*query.select);
      break;
    case Kind::kValues:
      text += "(values";
      for (const auto& row : query.rows) text += " " + list_text("row", row);
      text += ")";
      break;
    default:
      text += fmt::format("({}{} {} {})",
                          query.kind == Kind::kUnion    ? "union"
                          : query.kind == Kind::kExcept ? "except"
                                                        : "intersect",
                          query.all ? "-all" : "", tree_text(*query.left), tree_text(*query.right));
  }
  text += order_text(query.order_by);
  if (query.limit) text += " (limit " + tree_text(*query.limit) + ")";
  if (query.offset) text += " (offset " + tree_text(*query.offset) + ")";
  return text;
}

std::string tree_text(const Statement& statement) {
  return std::visit(StatementText(), statement.body);
}

}  // namespace millstream::analytics::sql
