#include "wire/validate.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "wire/json_encode.h"

namespace millstream::wire {
namespace {

constexpr size_t kShownChars = 48 * 1024;  // of one value; 501 records take 32 KiB

bool is_scalar(const Type& type) {
  return type.kind != Kind::kList && type.kind != Kind::kMap && type.kind != Kind::kStructure;
}

// Java's String.length(): UTF-16 code units.
int64_t java_length(std::string_view text) {
  int64_t length = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) ++length;
    if (byte >= 0xF0) ++length;
  }
  return length;
}

// Where a value stands, from the inside out; written out only for a violation.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;  // of a member; of a map's key
  size_t index = 0;       // of a list's element, from 1
  bool is_element = false;

  void write(std::string& out) const {
    if (parent == nullptr) return;  // the root
    parent->write(out);
    if (!out.empty()) out += '.';
    if (is_element) {
      out += index > 0 ? std::to_string(index) : std::string(name);
      out += ".member";
    } else {
      out += name.front() >= 'A' && name.front() <= 'Z' ? static_cast<char>(name.front() + 32)
                                                        : name.front();
      out += name.substr(1);
    }
  }
};

// A value as Java's toString() shows it.
class ValueText {
 public:
  ValueText(std::string_view service_package, const Absences& absences)
      : service_package_(service_package), absences_(absences) {}

  std::string text(const Type& type, const void* at) {
    out_.clear();
    append(type, at);
    if (out_.size() > kShownChars) {
      size_t cut = kShownChars;
      while (cut > 0 && (static_cast<unsigned char>(out_[cut]) & 0xC0) == 0x80) --cut;
      out_.resize(cut);
      out_ += "…";
    }
    return std::move(out_);
  }

 private:
  bool full() const { return out_.size() > kShownChars; }

  void append(const Type& type, const void* at) {
    if (type.sensitive) {
      out_ += "***";
      return;
    }
    switch (type.kind) {
      case Kind::kString:
        out_ += *static_cast<const std::string*>(at);
        break;
      case Kind::kBlob: {
        const size_t size = static_cast<const std::string*>(at)->size();
        out_ += fmt::format("java.nio.HeapByteBuffer[pos=0 lim={} cap={}]", size, size);
        break;
      }
      case Kind::kInteger:
        out_ += std::to_string(*static_cast<const int32_t*>(at));
        break;
      case Kind::kLong:
        out_ += std::to_string(*static_cast<const int64_t*>(at));
        break;
      case Kind::kFloat:
        append_json_number(out_, *static_cast<const float*>(at));
        break;
      case Kind::kDouble:
        append_json_number(out_, *static_cast<const double*>(at));
        break;
      case Kind::kBoolean:
        out_ += *static_cast<const bool*>(at) ? "true" : "false";
        break;
      case Kind::kTimestamp:
        append_json_time(out_, static_cast<const Timestamp*>(at)->ms);
        break;
      case Kind::kList:
        append_list(type, at);
        break;
      case Kind::kMap:
        append_map(type, at);
        break;
      case Kind::kStructure:
        // Java's text for an object ends in its hash code, which says nothing to anybody; this
        // one was recorded on AWS, so that whole messages compare equal.
        out_ += fmt::format("{}.{}@c965e310", service_package_, type.name);
        break;
    }
  }

  void append_element(const Type& type, const void* at) {
    if (absences_.has_element(at)) {
      out_ += "null";
    } else {
      append(type, at);
    }
  }

  void append_list(const Type& type, const void* at) {
    out_ += '[';
    const size_t count = type.list->size(at);
    for (size_t i = 0; i < count && !full(); ++i) {
      if (i > 0) out_ += ", ";
      append_element(*type.element, type.list->at(at, i));
    }
    out_ += ']';
  }

  void append_map(const Type& type, const void* at) {
    struct Context {
      ValueText& self;
      const Type& element;
      bool first = true;
    } context{*this, *type.element};
    out_ += '{';
    type.map->for_each(
        at,
        [](void* opaque, const std::string& key, const void* value) {
          auto& to = *static_cast<Context*>(opaque);
          if (to.self.full()) return;
          if (!to.first) to.self.out_ += ", ";
          to.first = false;
          to.self.out_ += key;
          to.self.out_ += '=';
          to.self.append_element(to.element, value);
        },
        &context);
    out_ += '}';
  }

  std::string_view service_package_;
  const Absences& absences_;
  std::string out_;
};

enum class Bound : uint8_t { kMin, kMax };

std::string bound_text(const Type& type, Bound bound) {
  const bool number = type.kind == Kind::kInteger || type.kind == Kind::kLong ||
                      type.kind == Kind::kFloat || type.kind == Kind::kDouble;
  return fmt::format("Member must have {} {} than or equal to {}", number ? "value" : "length",
                     bound == Bound::kMin ? "greater" : "less",
                     bound == Bound::kMin ? type.min : type.max);
}

std::string pattern_text(const Type& type) {
  return fmt::format("Member must satisfy regular expression pattern: {}", type.pattern->text());
}

std::string enum_text(const Type& type) {
  return fmt::format("Member must satisfy enum value set: [{}]", fmt::join(type.enum_values, ", "));
}

// All constraints of a scalar, as AWS lists them for elements of lists and maps.
std::string all_constraints(const Type& type) {
  std::vector<std::string> texts;
  if (!type.enum_values.empty()) {
    texts.push_back(enum_text(type));
  } else {
    if (type.max != kNoMax) texts.push_back(bound_text(type, Bound::kMax));
    if (type.min != kNoMin) texts.push_back(bound_text(type, Bound::kMin));
    if (type.pattern) texts.push_back(pattern_text(type));
  }
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

bool in_enum(const Type& type, const void* at) {
  for (const std::string_view value : type.enum_values) {
    if (value == *static_cast<const std::string*>(at)) return true;
  }
  return false;
}

// What min and max are about; a floating-point number that is out of the bounds stays so.
int64_t measure(const Type& type, const void* at) {
  switch (type.kind) {
    case Kind::kString:
      return java_length(*static_cast<const std::string*>(at));
    case Kind::kBlob:
      return static_cast<int64_t>(static_cast<const std::string*>(at)->size());
    case Kind::kInteger:
      return *static_cast<const int32_t*>(at);
    case Kind::kLong:
      return *static_cast<const int64_t*>(at);
    case Kind::kList:
      return static_cast<int64_t>(type.list->size(at));
    case Kind::kMap:
      return static_cast<int64_t>(type.map->size(at));
    default:
      return 0;
  }
}

bool below_min(const Type& type, const void* at) {
  if (type.min == kNoMin) return false;
  if (type.kind == Kind::kDouble)
    return !(*static_cast<const double*>(at) >= static_cast<double>(type.min));
  return measure(type, at) < type.min;
}

bool above_max(const Type& type, const void* at) {
  if (type.max == kNoMax) return false;
  if (type.kind == Kind::kDouble)
    return !(*static_cast<const double*>(at) <= static_cast<double>(type.max));
  return measure(type, at) > type.max;
}

bool is_valid_scalar(const Type& type, const void* at) {
  if (!type.enum_values.empty()) return in_enum(type, at);
  return !below_min(type, at) && !above_max(type, at) &&
         (!type.pattern || type.pattern->matches(*static_cast<const std::string*>(at)));
}

class Validator {
 public:
  Validator(const Absences& absences, std::string_view service_package)
      : absences_(absences), values_(service_package, absences) {}

  void structure(const StructType& type, const void* object, const Path& path) {
    for (const Member& member : type.members) {
      if (full()) return;
      const Path at{&path, member.name};
      const void* value_at = get(member, object);
      if (member.required && absences_.has_member(object, member)) {
        report("null", at, "Member must not be null");
      } else if (value_at != nullptr) {
        value(*member.type, value_at, at);
      }
    }
  }

  Result<> result() const {
    if (violations_.empty()) return {};
    return fail(ErrorCode::kValidation, "{} validation error{} detected: {}", violations_.size(),
                violations_.size() > 1 ? "s" : "", fmt::join(violations_, "; "));
  }

 private:
  bool full() const { return violations_.size() >= kMaxViolations; }

  void report(std::string_view shown, const Path& path, std::string_view constraint) {
    if (full()) return;
    std::string where;
    path.write(where);
    violations_.push_back(
        fmt::format("Value {} at '{}' failed to satisfy constraint: {}", shown, where, constraint));
  }

  void report_value(const Type& type, const void* at, const Path& path,
                    std::string_view constraint) {
    if (full()) return;
    report(fmt::format("'{}'", values_.text(type, at)), path, constraint);
  }

  void value(const Type& type, const void* at, const Path& path) {
    if (type.kind == Kind::kStructure) return structure(*type.structure, at, path);
    if (!type.enum_values.empty()) {
      if (!in_enum(type, at)) report_value(type, at, path, enum_text(type));
      return;
    }
    if (type.pattern && !type.pattern->matches(*static_cast<const std::string*>(at))) {
      report_value(type, at, path, pattern_text(type));
    }
    if (below_min(type, at)) report_value(type, at, path, bound_text(type, Bound::kMin));
    if (above_max(type, at)) report_value(type, at, path, bound_text(type, Bound::kMax));
    if (type.kind == Kind::kList) list(type, at, path);
    if (type.kind == Kind::kMap) map(type, at, path);
  }

  // Scalars in a list are reported once, for the whole list; structures one by one.
  void list(const Type& type, const void* at, const Path& path) {
    const size_t count = type.list->size(at);
    bool has_null = false;
    bool all_valid = true;
    for (size_t i = 0; i < count && !full(); ++i) {
      const void* element = type.list->at(at, i);
      const bool null = absences_.has_element(element);
      if (is_scalar(*type.element)) {
        has_null = has_null || null;
        all_valid = all_valid && (null || is_valid_scalar(*type.element, element));
      } else {
        const Path element_path{&path, {}, i + 1, true};
        if (null) {
          report("null", element_path, "Member must not be null");
        } else {
          value(*type.element, element, element_path);
        }
      }
    }
    if (has_null) {
      report_value(type, at, path, "Member must satisfy constraint: [Member must not be null]");
    }
    if (!all_valid) {
      report_value(type, at, path,
                   "Member must satisfy constraint: " + all_constraints(*type.element));
    }
  }

  void map(const Type& type, const void* at, const Path& path) {
    struct Context {
      Validator& self;
      const Type& type;
      const Path& path;
      bool keys_valid = true;
      bool values_valid = true;
      bool has_null = false;
    } context{*this, type, path};
    type.map->for_each(
        at,
        [](void* opaque, const std::string& key, const void* element) {
          auto& to = *static_cast<Context*>(opaque);
          if (!is_valid_scalar(*to.type.key, &key)) to.keys_valid = false;
          const bool null = to.self.absences_.has_element(element);
          if (is_scalar(*to.type.element)) {
            to.has_null = to.has_null || null;
            if (!null && !is_valid_scalar(*to.type.element, element)) to.values_valid = false;
          } else {
            const Path element_path{&to.path, key, 0, true};
            if (null) {
              to.self.report("null", element_path, "Member must not be null");
            } else {
              to.self.value(*to.type.element, element, element_path);
            }
          }
        },
        &context);
    if (!context.keys_valid) {
      report_value(type, at, path,
                   "Map keys must satisfy constraint: " + all_constraints(*type.key));
    }
    if (context.has_null) {
      report_value(type, at, path, "Map value must satisfy constraint: [Member must not be null]");
    }
    if (!context.values_valid) {
      report_value(type, at, path,
                   "Map value must satisfy constraint: " + all_constraints(*type.element));
    }
  }

  const Absences& absences_;
  ValueText values_;
  std::vector<std::string> violations_;
};

}  // namespace

Result<> validate(const StructType& type, const void* object, const Absences& absences,
                  std::string_view service_package) {
  Validator validator(absences, service_package);
  validator.structure(type, object, Path{});
  return validator.result();
}

}  // namespace millstream::wire
