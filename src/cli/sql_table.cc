#include "cli/sql_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

namespace millstream::cli {
namespace {

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string cut(std::string text, size_t width) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (characters(text) <= width) return text;
  size_t bytes = 0;
  for (size_t shown = 0; bytes < text.size(); ++bytes) {
    const bool starts = (static_cast<unsigned char>(text[bytes]) & 0xC0U) != 0x80U;
    if (starts && ++shown == width) break;
  }
  return text.substr(0, bytes) + "…";
}

bool is_number(const SqlColumn& column) {
  for (const std::string_view kind :
       {"TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"}) {
    const bool same = column.type.starts_with(kind);
    if (same && !column.type.starts_with("INTERVAL")) return true;
  }
  return false;
}

std::string padded(const std::string& text, size_t width, bool to_the_right) {
  const std::string blanks(width - std::min(width, characters(text)), ' ');
  return to_the_right ? blanks + text : text + blanks;
}

}  // namespace

std::string cell_text(const std::string& json) {
  if (json == "null") return "NULL";
  if (!json.starts_with('"')) return json;
  simdjson::dom::parser parser;
  std::string_view text;
  if (parser.parse(json).get(text) != simdjson::SUCCESS) return json;
  return std::string(text);
}

std::string ResultTable::key_of(const SqlRow& row) {
  std::string key;
  for (const std::string& cell : row.cells) {
    key += cell;
    key += '\0';
  }
  return key;
}

bool ResultTable::apply(const SqlRow& row) {
  ++changes_;
  const std::string key = key_of(row);
  if (row.op == "-U" || row.op == "-D") {
    const auto place = places_.find(key);
    if (place == places_.end()) return true;
    const auto after = rows_.erase(place->second);
    places_.erase(place);
    gap_ = row.op == "-U" ? after : rows_.end();
    return true;
  }
  if (rows_.size() >= kMostRows) return false;
  const auto before = row.op == "+U" ? gap_ : rows_.end();
  gap_ = rows_.end();
  places_.emplace(key, rows_.insert(before, row));
  return true;
}

std::string ResultTable::text(size_t most, size_t cell_width) const {
  std::vector<size_t> widths;
  for (const SqlColumn& column : columns_)
    widths.push_back(characters(cut(column.name, cell_width)));
  std::vector<std::vector<std::string>> shown;
  auto row = rows_.begin();
  if (rows_.size() > most) std::advance(row, static_cast<ptrdiff_t>(rows_.size() - most));
  for (; row != rows_.end(); ++row) {
    auto& cells = shown.emplace_back();
    for (size_t i = 0; i < columns_.size(); ++i) {
      cells.push_back(cut(i < row->cells.size() ? cell_text(row->cells[i]) : "", cell_width));
      widths[i] = std::max(widths[i], characters(cells.back()));
    }
  }
  std::string line = "+";
  for (const size_t width : widths) line += std::string(width + 2, '-') + "+";
  std::string out = line + "\n|";
  for (size_t i = 0; i < columns_.size(); ++i) {
    out += " " + padded(cut(columns_[i].name, cell_width), widths[i], false) + " |";
  }
  out += "\n" + line + "\n";
  for (const auto& cells : shown) {
    out += "|";
    for (size_t i = 0; i < cells.size(); ++i) {
      out += " " + padded(cells[i], widths[i], is_number(columns_[i])) + " |";
    }
    out += "\n";
  }
  return out + line + "\n";
}

}  // namespace millstream::cli
