#include "analytics/sql/tree.h"

#include <algorithm>

namespace millstream::analytics::sql {
namespace {

// Takes the maximum over children; the node itself is one more.
class Height {
 public:
  template <class T>
  Height& add(const std::unique_ptr<T>& child) {
    if (child) highest_ = std::max(highest_, child->height);
    return *this;
  }
  template <class T>
  Height& add(const std::vector<T>& children) {
    for (const T& child : children) add(child);
    return *this;
  }
  Height& add(const OrderItem& item) { return add(item.expression); }
  Height& add(const SelectItem& item) { return add(item.expression); }
  Height& add(const NamedWindow& named) { return add(named.window); }
  Height& add(const CommonTable& table) { return add(table.query); }
  Height& add(const WindowSpecification& window) {
    return add(window.partition_by)
        .add(window.order_by)
        .add(window.start.offset)
        .add(window.end.offset);
  }
  Height& add(const std::unique_ptr<WindowSpecification>& window) {
    return window ? add(*window) : *this;
  }
  Height& add(const Select& select) {
    add(select.items).add(select.from).add(select.where).add(select.group_by);
    add(select.having).add(select.windows);
    return select.windowed_by ? add(select.windowed_by->partition_by).add(select.windowed_by->range)
                              : *this;
  }
  uint32_t result() const { return highest_ + 1; }

 private:
  uint32_t highest_ = 0;
};

}  // namespace

uint32_t height_of(const WindowSpecification& window) { return Height().add(window).result(); }

uint32_t height_of(const Expression& expression) {
  return Height()
      .add(expression.arguments)
      .add(expression.query)
      .add(expression.filter)
      .add(expression.over)
      .add(expression.order_by)
      .result();
}

uint32_t height_of(const TableReference& table) {
  return Height()
      .add(table.over)
      .add(table.system_time)
      .add(table.query)
      .add(table.function)
      .add(table.left)
      .add(table.right)
      .add(table.on)
      .result();
}

uint32_t height_of(const Query& query) {
  Height height;
  height.add(query.with).add(query.left).add(query.right).add(query.rows);
  height.add(query.order_by).add(query.limit).add(query.offset);
  if (query.select) height.add(*query.select);
  return height.result();
}

ExpressionPtr balanced(std::string_view op, std::span<ExpressionPtr> operands) {
  if (operands.size() == 1) return std::move(operands[0]);
  const size_t half = (operands.size() + 1) / 2;
  auto node = std::make_unique<Expression>();
  node->kind = ExpressionKind::kBinary;
  node->text = op;
  node->arguments.push_back(balanced(op, operands.first(half)));
  node->arguments.push_back(balanced(op, operands.subspan(half)));
  node->position = node->arguments[0]->position;
  node->end_offset = node->arguments[1]->end_offset;
  node->height = height_of(*node);
  return node;
}

QueryPtr balanced(Query::Kind kind, bool all, std::span<QueryPtr> operands) {
  if (operands.size() == 1) return std::move(operands[0]);
  const size_t half = (operands.size() + 1) / 2;
  auto node = std::make_unique<Query>();
  node->kind = kind;
  node->all = all;
  node->left = balanced(kind, all, operands.first(half));
  node->right = balanced(kind, all, operands.subspan(half));
  node->position = node->left->position;
  node->height = height_of(*node);
  return node;
}

}  // namespace millstream::analytics::sql
