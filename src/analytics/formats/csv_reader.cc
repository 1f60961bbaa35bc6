#include "analytics/formats/csv_reader.h"

#include <fmt/format.h>

#include "base/result.h"

namespace millstream::analytics {
namespace {

std::string_view trim_blanks(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

CsvReader::CsvReader(CsvSyntax syntax) : syntax_(std::move(syntax)) {
  MS_ASSERT(!syntax_.column_delimiter.empty());
  const auto mark = [this](char c) { special_[static_cast<unsigned char>(c)] = true; };
  mark(syntax_.column_delimiter[0]);
  if (syntax_.row_delimiter.empty()) {
    mark('\n');
    mark('\r');
  } else {
    mark(syntax_.row_delimiter[0]);
  }
  if (syntax_.has_escape) mark(syntax_.escape);
}

void CsvReader::start(std::string_view text, Arena& arena) {
  begin_ = p_ = text.data();
  end_ = begin_ + text.size();
  arena_ = &arena;
}

bool CsvReader::take(std::string_view delimiter) {
  if (!std::string_view(p_, end_).starts_with(delimiter)) return false;
  p_ += delimiter.size();
  return true;
}

bool CsvReader::at_row_end() const {
  if (syntax_.row_delimiter.empty()) return *p_ == '\n' || *p_ == '\r';
  return std::string_view(p_, end_).starts_with(syntax_.row_delimiter);
}

bool CsvReader::take_row_end() {
  if (!syntax_.row_delimiter.empty()) return take(syntax_.row_delimiter);
  if (take("\r")) {
    (void)take("\n");
    return true;
  }
  return take("\n");
}

bool CsvReader::more() {
  while (syntax_.comments && p_ != end_ && *p_ == '#') {
    while (p_ != end_ && !at_row_end()) ++p_;
    (void)take_row_end();
  }
  return p_ != end_;
}

// What an escape character stands before.
char CsvReader::unescaped() {
  const char c = *p_++;
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '0':
      return '\0';
    default:
      return c;
  }
}

bool CsvReader::quoted_field(CsvField& field) {
  const char* from = ++p_;
  bool copied = false;
  scratch_.clear();
  for (;;) {
    while (p_ != end_ && *p_ != syntax_.quote && !(syntax_.has_escape && *p_ == syntax_.escape)) {
      ++p_;
    }
    if (p_ == end_) {
      error_ = fmt::format("byte {}: missing closing quote for value", from - 1 - begin_);
      return false;
    }
    const bool is_quote = *p_ == syntax_.quote;
    const bool is_doubled = is_quote && p_ + 1 != end_ && p_[1] == syntax_.quote;
    if (is_quote && !is_doubled) break;
    scratch_.append(from, p_);
    copied = true;
    ++p_;
    if (is_quote) {
      ++p_;
      scratch_ += syntax_.quote;
    } else if (p_ != end_) {
      scratch_ += unescaped();
    }
    from = p_;
  }
  field.quoted = true;
  field.text = {from, static_cast<size_t>(p_ - from)};
  if (copied) {
    scratch_.append(from, p_);
    field.text = arena_->copy(scratch_);
  }
  ++p_;
  while (p_ != end_ && *p_ == ' ') ++p_;
  return true;
}

void CsvReader::plain_field(CsvField& field) {
  const char* from = p_;
  bool copied = false;
  while (p_ != end_) {
    if (!is_special(*p_)) {
      ++p_;
    } else if (syntax_.has_escape && *p_ == syntax_.escape) {
      if (!copied) scratch_.clear();
      copied = true;
      scratch_.append(from, p_++);
      if (p_ != end_) scratch_ += unescaped();
      from = p_;
    } else if (at_row_end() || std::string_view(p_, end_).starts_with(syntax_.column_delimiter)) {
      break;
    } else {
      ++p_;
    }
  }
  field.quoted = false;
  field.text = {from, static_cast<size_t>(p_ - from)};
  if (copied) {
    scratch_.append(from, p_);
    field.text = arena_->copy(scratch_);
  }
  if (syntax_.trim_blanks) field.text = trim_blanks(field.text);
}

bool CsvReader::stop(Stop& stop) {
  if (p_ == end_) {
    stop = Stop::kEnd;
  } else if (take(syntax_.column_delimiter)) {
    stop = Stop::kColumn;
  } else if (take_row_end()) {
    stop = Stop::kRow;
  } else {
    error_ =
        fmt::format("byte {}: expected a column delimiter behind the closing quote", p_ - begin_);
    return false;
  }
  return true;
}

bool CsvReader::next(std::vector<CsvField>& fields) {
  fields.clear();
  for (;;) {
    CsvField& field = fields.emplace_back();
    if (syntax_.trim_blanks) {
      while (p_ != end_ && (*p_ == ' ' || *p_ == '\t') && !is_special(*p_)) ++p_;
    }
    if (syntax_.has_quote && p_ != end_ && *p_ == syntax_.quote) {
      if (!quoted_field(field)) return false;
    } else {
      plain_field(field);
    }
    Stop where{};
    if (!stop(where)) return false;
    if (where != Stop::kColumn) return true;
  }
}

}  // namespace millstream::analytics
