#include "meta/meta_store.h"

namespace millstream {
namespace {

template <class T>
const T& column_as(const std::vector<SqlValue>& values, size_t column) {
  MS_ASSERT(column < values.size());
  MS_ASSERT(std::holds_alternative<T>(values[column]));
  return std::get<T>(values[column]);
}

}  // namespace

bool SqlRow::is_null(size_t column) const {
  MS_ASSERT(column < values_.size());
  return std::holds_alternative<std::monostate>(values_[column]);
}

int64_t SqlRow::integer(size_t column) const { return column_as<int64_t>(values_, column); }
double SqlRow::real(size_t column) const { return column_as<double>(values_, column); }

const std::string& SqlRow::text(size_t column) const {
  return column_as<std::string>(values_, column);
}

const Blob& SqlRow::blob(size_t column) const { return column_as<Blob>(values_, column); }

std::optional<std::string> SqlRow::optional_text(size_t column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

std::optional<int64_t> SqlRow::optional_integer(size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

}  // namespace millstream
