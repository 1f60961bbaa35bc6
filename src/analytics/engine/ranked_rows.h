// Rows of a key in the order of an ORDER BY: what top-N, window top-N and sorting keep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analytics/engine/order_key.h"
#include "analytics/engine/row_codec.h"
#include "analytics/engine/row_store.h"

namespace millstream::analytics {

// A payload of the store is the length of the order key (4 bytes), the order key and the encoded
// row. Orders in memory follow from it: they are built when a key is first used. Equal rows lie in
// order of their arrival.
//
// Cost:    an insert moves the entries (12 bytes each) behind the new one.
// Threads: one.
class RankedRows {
 public:
  using KeyRef = RowStore::KeyRef;
  using RowRef = RowStore::RowRef;
  struct Entry {
    uint64_t prefix = 0;
    RowRef row = RowStore::kNone;
  };
  using List = std::vector<Entry>;

  // `store`: with 0 fixed bytes. `latest_first`: of equal rows the last to arrive comes first.
  RankedRows(RowStore& store, std::vector<RankNode::Order> order, const Schema& schema,
             bool latest_first = false)
      : store_(store), order_(std::move(order)), codec_(schema), latest_first_(latest_first) {}

  // Valid until the next call of list() or release().
  List& list(KeyRef key);
  // Encodes the row of the batch: what the calls below are about.
  void set(const Batch& batch, size_t row);
  // Where the row belongs.
  size_t place(const List& list) const;
  // Stores the row and puts it there.
  void insert(KeyRef key, List& list, size_t place);
  // Where an equal row is, the one that came first.
  std::optional<size_t> find(const List& list) const;
  // Out of the list and the store.
  void erase(List& list, size_t place);
  // Once the key has no rows: before it goes.
  void release(KeyRef key);

  std::string_view encoded(RowRef row) const;  // the row
  std::string_view encoded() const { return std::string_view(payload_).substr(4 + key_bytes_); }
  RowStore& store() { return store_; }

 private:
  std::string_view order_of(RowRef row) const;
  std::string_view order_of_current() const {
    return std::string_view(payload_).substr(4, key_bytes_);
  }
  // Whether the entry comes before the current row.
  bool is_before(const Entry& entry, bool or_equal) const;

  RowStore& store_;
  OrderKey order_;
  RowCodec codec_;
  bool latest_first_;
  std::vector<List> lists_;
  std::vector<uint32_t> free_lists_;
  std::string payload_;
  size_t key_bytes_ = 0;
  uint64_t prefix_ = 0;
};

}  // namespace millstream::analytics
