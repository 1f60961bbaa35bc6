// Rows of state on their way out, with columns that the operator adds behind them.
#pragma once

#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/engine/operator.h"
#include "analytics/engine/pair_writer.h"
#include "analytics/engine/row_codec.h"

namespace millstream::analytics {

// Usage: add(encoded), append to each column behind the stored ones, finish(change).
//
// Threads: one.
class RowOutput {
 public:
  RowOutput(const Schema& stored, const Schema& output) : codec_(stored), builder_(output) {
    bind();
  }

  void add(std::string_view encoded) { codec_.decode(encoded, stored_, builder_.arena()); }
  // The i-th column behind the stored ones.
  Column& behind(size_t index) { return builder_.column(codec_.columns() + index); }
  Arena& arena() { return builder_.arena(); }
  void finish(ChangeKind change = ChangeKind::kInsert) { builder_.finish_row(change); }
  size_t rows() const { return builder_.rows(); }
  bool is_full() const { return builder_.rows() >= kPieceRows; }
  void flush(Output& out) {
    if (rows() == 0) return;
    out.emit(builder_.take());
    bind();
  }
  // The rows not yet flushed, and one that is not finished, as a batch that shares the columns:
  // valid until flush().
  const Batch& view() const { return view_; }

 private:
  void bind() {
    stored_.clear();
    view_ = {};
    for (size_t i = 0; i < codec_.columns(); ++i) {
      stored_.push_back(&builder_.column(i));
      view_.columns.emplace_back(std::shared_ptr<const Column>(), stored_.back());
    }
  }

  RowCodec codec_;
  BatchBuilder builder_;
  std::vector<Column*> stored_;
  Batch view_;
};

}  // namespace millstream::analytics
