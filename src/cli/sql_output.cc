#include "cli/sql_output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "cli/progress.h"
#include "wire/json_encode.h"

namespace millstream::cli {
namespace {

constexpr size_t kCellWidth = 60;
constexpr size_t kMostOnTerminal = 1'000;  // of the table that stands at the end
constexpr size_t kFrameLines = 6;          // of the table's frame and the line below it

size_t terminal_lines() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 24;
  return size.ws_row;
}

template <class... F>
struct Cases : F... {
  using F::operator()...;
};

// A decimal stands as text on the wire, so that no client rounds it.
std::string json_cell(const std::string& cell, const SqlColumn& column) {
  if (!column.type.starts_with("DECIMAL") || cell.size() < 2 || cell.front() != '"') return cell;
  return cell.substr(1, cell.size() - 2);
}

}  // namespace

SqlOutput output_for(SqlOutput asked, bool on_terminal) {
  if (asked != SqlOutput::kAuto) return asked;
  return on_terminal ? SqlOutput::kTable : SqlOutput::kChangelog;
}

SqlPrinter::SqlPrinter(SqlOutput output, bool live) : output_(output), live_(live) {}

void SqlPrinter::take(const SqlEvent& event) {
  std::visit(Cases{[this](const SqlColumns& columns) { take_columns(columns); },
                   [this](const SqlRow& row) { take_row(row); },
                   [](const SqlText& text) {
                     fmt::print("{}{}", text.text, text.text.ends_with('\n') ? "" : "\n");
                   },
                   [this](const SqlLog& log) {
                     erase_drawing();
                     fmt::print(stderr, "{}\n", log.text);
                   },
                   [this](const SqlEnd& end) { error_ = end.error; }},
             event);
}

void SqlPrinter::take_columns(const SqlColumns& columns) {
  columns_ = columns.columns;
  if (output_ == SqlOutput::kTable) table_.emplace(columns_);
}

void SqlPrinter::take_row(const SqlRow& row) {
  ++rows_;
  if (output_ == SqlOutput::kTable) {
    if (table_ && !table_->apply(row)) overflow_ = true;
    return;
  }
  if (output_ == SqlOutput::kJson) {
    fmt::print("{}\n", row_as_json(row));
  } else {
    std::string line = row.op;
    for (const std::string& cell : row.cells) line += "\t" + cell_text(cell);
    fmt::print("{}\n", line);
  }
}

std::string SqlPrinter::row_as_json(const SqlRow& row) const {
  std::string out = "{";
  if (row.op != "+I") out += R"("op":")" + row.op + "\"";
  for (size_t i = 0; i < row.cells.size() && i < columns_.size(); ++i) {
    if (out.size() > 1) out += ',';
    wire::append_json_string(out, columns_[i].name);
    out += ':' + json_cell(row.cells[i], columns_[i]);
  }
  return out + "}";
}

void SqlPrinter::erase_drawing() {
  if (drawn_lines_ == 0) return;
  fmt::print("\x1b[{}A\x1b[J", drawn_lines_);
  drawn_lines_ = 0;
  drawn_changes_ = 0;
}

void SqlPrinter::tick() {
  (void)std::fflush(stdout);
  if (!live_ || !table_ || (table_->changes() == drawn_changes_ && drawn_lines_ > 0)) return;
  const size_t changes = table_->changes();
  erase_drawing();
  const size_t lines = terminal_lines();
  const size_t most = lines > kFrameLines + 3 ? lines - kFrameLines : 3;
  std::string text = table_->text(most, kCellWidth);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun_;
  text += fmt::format("{} rows after {} changes, {:.1f} s. Ctrl-C ends the query.\n",
                      with_thousands(table_->size()), with_thousands(changes), took.count());
  fmt::print("{}", text);
  (void)std::fflush(stdout);
  drawn_lines_ = static_cast<size_t>(std::ranges::count(text, '\n'));
  drawn_changes_ = changes;
}

void SqlPrinter::finish() {
  erase_drawing();
  if (table_) {
    const size_t most = live_ ? kMostOnTerminal : ResultTable::kMostRows;
    fmt::print("{}", table_->text(most, kCellWidth));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun_;
    const std::string shown =
        table_->size() <= most ? "" : fmt::format(", the last {} shown", with_thousands(most));
    fmt::print("{} row{}{} ({:.2f} s)\n", with_thousands(table_->size()),
               table_->size() == 1 ? "" : "s", shown, took.count());
    if (overflow_) {
      fmt::print(stderr, "only the first {} rows are kept for a table; use --output changelog\n",
                 with_thousands(ResultTable::kMostRows));
    }
  }
  (void)std::fflush(stdout);
}

}  // namespace millstream::cli
