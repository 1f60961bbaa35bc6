// JSON_VALUE, JSON_QUERY, JSON_EXISTS: one walk over the text, nothing built in memory.

#include <charconv>
#include <optional>

#include "analytics/formats/json_scanner.h"
#include "analytics/functions/kernel.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

constexpr size_t kMaxSteps = 64;  // of a path

// A path: "$.a.b[0]['c d']", before it "lax" or "strict" (the default, as Flink's).
struct JsonPath {
  struct Step {
    std::string member;           // unless `index`
    std::optional<size_t> index;  // of an array, from 0
  };
  std::vector<Step> steps;
  bool lax = false;
};

std::unexpected<Error> path_error(std::string_view path, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "JSON path '{}': {}", path.substr(0, 200), what);
}

bool ends_name(char c) { return c == '.' || c == '[' || c == ' ' || c == '(' || c == '?'; }

// "['name']", "["name"]" or "[3]", `rest` behind the bracket.
Result<JsonPath::Step> parse_bracket(std::string_view path, std::string_view& rest) {
  JsonPath::Step step;
  if (rest.starts_with('\'') || rest.starts_with('"')) {
    const char quote = rest[0];
    size_t at = 1;
    for (; at < rest.size() && rest[at] != quote; ++at) {
      if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
      step.member += rest[at];
    }
    if (at >= rest.size()) return path_error(path, "a name without its closing quote");
    rest.remove_prefix(at + 1);
    if (rest.starts_with(',')) return path_error(path, "several names are not yet supported");
  } else {
    size_t index = 0;
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
    if (failed != std::errc()) {
      return path_error(path, "only names in quotes and numbers between [ and ] are supported yet");
    }
    step.index = index;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  if (!rest.starts_with(']')) return path_error(path, "expected ']'");
  rest.remove_prefix(1);
  return step;
}

Result<JsonPath::Step> parse_name(std::string_view path, std::string_view& rest) {
  if (rest.starts_with('.') || rest.starts_with('*')) {
    return path_error(path, "'..' and '*' are not yet supported");
  }
  size_t size = 0;
  while (size < rest.size() && !ends_name(rest[size])) ++size;
  if (size == 0) return path_error(path, "a name is missing");
  if (size < rest.size() && rest[size] == '(') {
    return path_error(path, "functions are not yet supported");
  }
  JsonPath::Step step{.member = std::string(rest.substr(0, size)), .index = {}};
  rest.remove_prefix(size);
  return step;
}

Result<JsonPath> parse_path(std::string_view path) {
  JsonPath result;
  std::string_view rest = path;
  const auto skip_space = [&rest] {
    while (rest.starts_with(' ')) rest.remove_prefix(1);
  };
  skip_space();
  if (rest.starts_with("lax ")) {
    result.lax = true;
    rest.remove_prefix(4);
  } else if (rest.starts_with("strict ")) {
    rest.remove_prefix(7);
  }
  skip_space();
  if (!rest.starts_with('$')) return path_error(path, "it starts with '$', 'lax $' or 'strict $'");
  rest.remove_prefix(1);
  while (rest.ends_with(' ')) rest.remove_suffix(1);
  while (!rest.empty()) {
    if (result.steps.size() == kMaxSteps) return path_error(path, "more than 64 steps");
    const bool dot = rest.starts_with('.');
    if (dot) rest.remove_prefix(1);
    if (rest.starts_with('[')) {
      rest.remove_prefix(1);
      TRY_ASSIGN(result.steps.emplace_back(), parse_bracket(path, rest));
    } else if (dot) {
      TRY_ASSIGN(result.steps.emplace_back(), parse_name(path, rest));
    } else {
      return path_error(path, "expected '.' or '['; filters are not yet supported");
    }
  }
  return result;
}

// Finds what a path names while it checks all of the text.
class Finder {
 public:
  Finder(const JsonPath& path, std::string_view text) : path_(path), in_(text) {}

  struct Found {
    JsonKind kind{};
    std::string_view text;
  };
  // False: the text is no JSON. As Jackson: what follows the first value does not matter, and of
  // equal names the last counts.
  bool run(std::optional<Found>& found) {
    if (!walk(0)) return false;
    found = found_;
    return true;
  }

 private:
  // Recursion: at most kMaxSteps.
  bool walk(size_t step) {  // NOLINT(misc-no-recursion)
    JsonKind kind{};
    if (!in_.kind(kind)) return false;
    if (step == path_.steps.size()) {
      const char* const from = in_.place();
      if (!in_.skip_value(step)) return false;
      found_ = Found{kind, {from, static_cast<size_t>(in_.place() - from)}};
      return true;
    }
    const JsonPath::Step& next = path_.steps[step];
    if (kind == JsonKind::kObject && !next.index) return object(step, next.member);
    if (kind == JsonKind::kArray && next.index) return array(step, *next.index);
    return in_.skip_value(step);
  }

  bool object(size_t step, std::string_view member) {  // NOLINT(misc-no-recursion)
    in_.take('{');
    if (in_.take('}')) return true;
    do {
      in_.skip_space();
      JsonString name;
      if (!in_.string(name) || !in_.take(':')) return false;
      std::string_view plain = name.raw;
      std::string unescaped;
      if (name.escaped) {
        if (!append_unescaped(unescaped, name.raw)) return false;
        plain = unescaped;
      }
      const bool wanted = plain == member;
      if (wanted) found_.reset();
      if (!(wanted ? walk(step + 1) : in_.skip_value(step + 1))) return false;
    } while (in_.take(','));
    return in_.take('}');
  }

  bool array(size_t step, size_t index) {  // NOLINT(misc-no-recursion)
    in_.take('[');
    if (in_.take(']')) return true;
    size_t at = 0;
    do {
      if (!(at++ == index ? walk(step + 1) : in_.skip_value(step + 1))) return false;
    } while (in_.take(','));
    return in_.take(']');
  }

  const JsonPath& path_;
  JsonScanner in_;
  std::optional<Found> found_;
};

using Found = Finder::Found;

bool is_scalar(JsonKind kind) { return kind != JsonKind::kObject && kind != JsonKind::kArray; }

Result<std::shared_ptr<void>> prepare_path(std::span<const BoundPtr> arguments) {
  const auto text = literal_text(*arguments[1]);
  if (!text) {
    return fail(ErrorCode::kInvalidArgument,
                "a JSON path that is not a literal is not yet supported");
  }
  TRY_ASSIGN(JsonPath path, parse_path(*text));
  return std::make_shared<JsonPath>(std::move(path));
}

// (json, path[, value if empty, value if wrong])
template <size_t kMost>
Result<ResolvedCall> resolve_json(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  if (arguments.size() < 2 || arguments.size() > kMost) return no_overload(self, arguments);
  std::vector<Type> types;
  for (const BoundPtr& argument : arguments) {
    if (!takes_string(argument->type, dialect)) return no_overload(self, arguments);
    types.push_back(string_argument(argument->type));
  }
  return resolved(self, varchar_type(), std::move(types), arguments);
}

Result<ResolvedCall> resolve_exists(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  TRY_ASSIGN(ResolvedCall call, resolve_json<2>(self, arguments, dialect));
  Type type = make_type(TypeKind::kBoolean, arguments[0]->type.nullable);
  call.type = std::move(type);
  return call;
}

void set_value(StringWriter& writer, size_t row, const Found& found, std::string& text) {
  text.clear();
  if (found.kind == JsonKind::kString) {
    const std::string_view raw = found.text.substr(1, found.text.size() - 2);
    if (!raw.contains('\\')) return writer.share(row, raw);
    append_unescaped(text, raw);
  } else {
    append_compact(text, found.text);
  }
  writer.set(row, text);
}

// What a row without a value gets: the argument for that case, or NULL.
void set_otherwise(StringWriter& writer, size_t row, Arguments arguments, size_t which) {
  if (which < arguments.size() && !arguments[which]->is_null(row)) {
    writer.share(row, arguments[which]->strings[row]);
  } else {
    writer.marks().null(row);
  }
}

// kScalar: JSON_VALUE, which takes scalars; else JSON_QUERY, which takes objects and arrays.
template <bool kScalar>
void json_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const auto& path = *static_cast<const JsonPath*>(context.state);
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    if (arguments[0]->is_null(i)) {
      writer.marks().null(i);
      continue;
    }
    std::optional<Found> found;
    const bool valid = Finder(path, arguments[0]->strings[i]).run(found);
    if (!valid || (!found && !path.lax)) {
      set_otherwise(writer, i, arguments, 3);
    } else if (!found || found->kind == JsonKind::kNull) {
      set_otherwise(writer, i, arguments, 2);
    } else if (is_scalar(found->kind) != kScalar) {
      set_otherwise(writer, i, arguments, path.lax ? 2 : 3);
    } else {
      set_value(writer, i, *found, text);
    }
  }
}

void exists_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const auto& path = *static_cast<const JsonPath*>(context.state);
  out.bools.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    std::optional<Found> found;
    const bool valid = Finder(path, arguments[0]->strings[i]).run(found);
    // A JSON null counts as nothing, as Flink has it.
    const bool exists = valid && found && found->kind != JsonKind::kNull;
    out.bools[i] = static_cast<uint8_t>(exists);
  }
}

}  // namespace

void add_json(FunctionList& table) {
  table.push_back({.name = "JSON_VALUE",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_json<4>,
                   .kernel = json_kernel<true>,
                   .nulls_are_values = true,
                   .prepare = prepare_path,
                   .signature = "JSON_VALUE(string, path[ RETURNING type][ DEFAULT value ON EMPTY]"
                                "[ DEFAULT value ON ERROR])"});
  table.push_back({.name = "JSON_QUERY",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_json<2>,
                   .kernel = json_kernel<false>,
                   .nulls_are_values = true,
                   .prepare = prepare_path,
                   .signature = "JSON_QUERY(string, path)"});
  table.push_back({.name = "JSON_EXISTS",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_exists,
                   .kernel = exists_kernel,
                   .prepare = prepare_path,
                   .signature = "JSON_EXISTS(string, path)"});
}

}  // namespace millstream::analytics
