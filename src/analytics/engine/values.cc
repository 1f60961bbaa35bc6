#include "analytics/engine/values.h"

#include <utility>

#include "analytics/engine/pair_writer.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

constexpr std::string_view kEmitted = "emitted";

class Values final : public Operator {
 public:
  Values(Schema schema, std::vector<std::vector<Value>> rows, OperatorContext context)
      : schema_(std::move(schema)), rows_(std::move(rows)), context_(std::move(context)) {}

  Result<> open() override {
    const std::string_view stored = context_.state->value(kEmitted);
    if (stored.size() == sizeof(uint64_t)) next_ = load_le<uint64_t>(stored.data());
    if (context_.partition != 0) next_ = rows_.size();
    return {};
  }

  Result<> process(size_t, const Batch&, int64_t, Output&) override { return {}; }

  Result<bool> advance(EventTime, int64_t, Output& out) override {
    const size_t start = next_;
    while (next_ < rows_.size() && !out.is_full()) {
      BatchBuilder builder(schema_);
      while (next_ < rows_.size() && builder.rows() < kPieceRows) builder.add_row(rows_[next_++]);
      out.emit(builder.take());
    }
    if (next_ != start) {
      char bytes[sizeof(uint64_t)];
      store_le(bytes, static_cast<uint64_t>(next_));
      context_.state->set_value(kEmitted, {bytes, sizeof bytes});
    }
    return next_ >= rows_.size();
  }

 private:
  Schema schema_;
  std::vector<std::vector<Value>> rows_;
  OperatorContext context_;
  size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_values(const PlanNode& node, OperatorContext context) {
  return std::make_unique<Values>(node.schema, std::get<ValuesNode>(node.node).rows,
                                  std::move(context));
}

}  // namespace millstream::analytics
