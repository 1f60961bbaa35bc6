#include "cli/sql_shell.h"

#include <editline/readline.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include <fmt/format.h>

#include "analytics/sql/parser.h"
#include "base/text.h"
#include "cli/sql_script.h"

namespace millstream::cli {
namespace {

constexpr int kHistoryEntries = 1000;
constexpr std::string_view kHelp =
    R"(Statements of Flink SQL end with a semicolon. Ctrl-C ends a running query.
  CREATE TABLE clicks (user_id STRING, url STRING) WITH (
    'connector' = 'kinesis', 'stream' = 'clicks', 'format' = 'json',
    'scan.stream.initpos' = 'TRIM_HORIZON');
  SELECT user_id, COUNT(*) FROM clicks GROUP BY user_id;

  \output table|changelog|json   how rows are shown
  \bounded on|off                over what is stored now, then the query ends
  \d                             tables and views
  \i FILE                        runs a script
  \q                             leaves
)";

// For the completion function, which takes no state.
std::set<std::string>* known_names = nullptr;

char* next_completion(const char* word, int state) {
  static size_t keyword = 0;
  static std::set<std::string>::const_iterator name;
  static const std::set<std::string> none;
  const std::set<std::string>& names = known_names ? *known_names : none;
  if (state == 0) {
    keyword = 0;
    name = names.begin();
  }
  const std::string_view prefix(word);
  const auto keywords = analytics::sql::keywords(analytics::sql::Dialect::kFlink);
  while (name != names.end()) {
    const std::string& candidate = *name++;
    if (candidate.starts_with(prefix)) return ::strdup(candidate.c_str());
  }
  if (prefix.empty()) return nullptr;
  const bool lower = std::ranges::none_of(prefix, [](char c) { return c >= 'A' && c <= 'Z'; });
  std::string upper(prefix);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  });
  while (keyword < keywords.size()) {
    std::string candidate(keywords[keyword++]);
    if (!candidate.starts_with(upper)) continue;
    if (lower) candidate = to_lower(candidate);
    return ::strdup(candidate.c_str());
  }
  return nullptr;
}

char** complete(const char* word, int begin, int end) {
  (void)begin;
  (void)end;
  return ::rl_completion_matches(word, next_completion);
}

std::string history_file() {
  const char* home = std::getenv("HOME");
  return home ? std::string(home) + "/.millstream_history" : std::string();
}

class Shell {
 public:
  Shell(SqlOptions options, const Connection& connection)
      : options_(std::move(options)), connection_(connection) {
    ::using_history();
    ::stifle_history(kHistoryEntries);
    if (const std::string file = history_file(); !file.empty()) {
      (void)::read_history(file.c_str());
    }
    ::rl_readline_name = "millstream";
    ::rl_attempted_completion_function = complete;
    ::rl_attempted_completion_over = 1;  // no names of files
    known_names = &names_;
  }
  ~Shell() { known_names = nullptr; }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  void run() {
    fmt::print("Millstream SQL at {}. \\h helps, \\q leaves.\n", connection_.endpoint);
    std::string text;
    while (!done_) {
      char* line = ::readline(text.empty() ? "sql> " : "  -> ");
      if (!line) break;
      const std::string read(line);
      ::free(line);  // NOLINT: readline allocates with malloc
      if (text.empty() && read.starts_with('\\')) {
        remember(read);
        command(read);
        continue;
      }
      if (text.empty() && trim(read).empty()) continue;
      text += read + "\n";
      if (!analytics::sql::is_complete(text, analytics::sql::Dialect::kFlink)) continue;
      text.pop_back();
      remember(text);
      run_text(text);
      text.clear();
    }
    fmt::print("\n");
  }

 private:
  static void remember(const std::string& text) {
    (void)::add_history(text.c_str());
    if (const std::string file = history_file(); !file.empty()) {
      (void)::write_history(file.c_str());
    }
  }

  // Statements as typed, or of a file.
  void run_text(const std::string& text) {
    const auto script = split_script(text);
    if (!script) {
      fmt::print(stderr, "{}\n", script.error().message);
      return;
    }
    const auto hidden = static_cast<size_t>(std::ranges::count(definitions_, '\n'));
    for (SqlStep step : script->steps) {
      step.sql.insert(0, definitions_);
      if (!run_sql_step(step, options_, connection_, hidden)) return;
    }
    if (script->definitions.empty()) return;
    definitions_ += script->definitions + "\n";
    names_.insert(script->names.begin(), script->names.end());
    fmt::print("OK\n");
  }

  void command(const std::string& line) {
    const size_t blank = line.find(' ');
    const std::string name = line.substr(1, blank == std::string::npos ? blank : blank - 1);
    const std::string argument =
        blank == std::string::npos ? std::string() : std::string(trim(line.substr(blank)));
    if (name == "q" || name == "quit") {
      done_ = true;
    } else if (name == "h" || name == "help" || name == "?") {
      fmt::print("{}", kHelp);
    } else if (name == "d") {
      run_text("SHOW TABLES;");
    } else if (name == "i") {
      run_file(argument);
    } else if (name == "output") {
      set_output(argument);
    } else if (name == "bounded" && (argument == "on" || argument == "off")) {
      options_.bounded = argument == "on";
    } else {
      fmt::print(stderr, "'{}' is no command; \\h shows them\n", line);
    }
  }

  void run_file(const std::string& file) {
    const auto text = read_script(file);
    if (text) {
      run_text(*text);
    } else {
      fmt::print(stderr, "{}\n", text.error().message);
    }
  }

  void set_output(const std::string& name) {
    if (const auto output = parse_sql_output(name)) {
      options_.output = *output;
    } else {
      fmt::print(stderr, "{}\n", output.error().message);
    }
  }

  SqlOptions options_;
  const Connection& connection_;
  std::string definitions_;
  std::set<std::string> names_;
  bool done_ = false;
};

}  // namespace

int run_sql_shell(const SqlOptions& options, const Connection& connection) {
  Shell(options, connection).run();
  return 0;
}

}  // namespace millstream::cli
