// Shapes of the AWS models as tables: one decoder, encoder and validator per protocol walk
// them. Made by api/generate (wire/generated/<service>.cc) from api/facts; never by hand.
//
// All tables are constant and initialised before main. Their accessors are the only code that
// is compiled per shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/pattern.h"
#include "wire/value_types.h"

namespace millstream::wire {

enum class Kind : uint8_t {
  kString,     // std::string of UTF-8; enums too
  kBlob,       // std::string of any bytes; base64 in JSON
  kInteger,    // int32_t
  kLong,       // int64_t
  kFloat,      // float
  kDouble,     // double
  kBoolean,    // bool
  kTimestamp,  // Timestamp
  kList,       // std::vector<element>
  kMap,        // std::map<std::string, element>
  kStructure,
};

// How the value of a list is reached, without its element's C++ type.
struct ListAccess {
  size_t element_size;
  size_t (*size)(const void* list);
  void (*reserve)(void* list, size_t count);
  void* (*append)(void* list);  // a default element at the end
  const void* (*at)(const void* list, size_t index);
};

using MapVisitor = void (*)(void* context, const std::string& key, const void* value);

struct MapAccess {
  size_t element_size;
  size_t (*size)(const void* map);
  void* (*insert)(void* map, std::string key);  // a default element, replacing what was there
  void (*for_each)(const void* map, MapVisitor visit, void* context);
};

// How std::optional<T> is reached, without T.
struct OptionalAccess {
  const void* (*get)(const void* optional);  // nullptr: empty
  void* (*emplace)(void* optional);          // a default value
};

inline constexpr int64_t kNoMin = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kNoMax = std::numeric_limits<int64_t>::max();

struct StructType;

// One shape. min and max bound the value of a number, the length in characters of a string, in
// bytes of a blob, in elements of a list or map.
struct Type {
  Kind kind;
  std::string_view name;  // of the shape in the model
  int64_t min = kNoMin;
  int64_t max = kNoMax;
  const Pattern* pattern = nullptr;
  std::span<const std::string_view> enum_values;
  const Type* element = nullptr;  // of a list; of a map's values
  const Type* key = nullptr;      // of a map
  const ListAccess* list = nullptr;
  const MapAccess* map = nullptr;
  const StructType* structure = nullptr;
  bool sensitive = false;  // never to be logged or repeated in messages
};

struct Member {
  std::string_view name;  // on the wire
  const Type* type;
  uint32_t offset;
  bool required;                   // by the model
  const OptionalAccess* optional;  // nullptr: a plain T
};

struct StructType {
  std::string_view name;
  size_t size;
  size_t align;
  std::span<const Member> members;  // in the model's order
  void (*construct)(void* at);
  void (*destroy)(void* at);
  bool event_stream = false;  // a union of events, sent as vnd.amazon.eventstream
  bool event = false;         // one event of it
};

// The value of `member` in `object`; nullptr if it is optional and empty.
inline const void* get(const Member& member, const void* object) {
  const void* at = static_cast<const char*>(object) + member.offset;
  return member.optional ? member.optional->get(at) : at;
}
// Makes it present with a default value if it is optional; where to write it.
inline void* emplace(const Member& member, void* object) {
  void* at = static_cast<char*>(object) + member.offset;
  return member.optional ? member.optional->emplace(at) : at;
}

// ---- used by the generated tables ----

template <class T>
inline constexpr ListAccess kListAccess{
    sizeof(T), [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); },
    [](void* list, size_t count) { static_cast<std::vector<T>*>(list)->reserve(count); },
    [](void* list) -> void* { return &static_cast<std::vector<T>*>(list)->emplace_back(); },
    [](const void* list, size_t index) -> const void* {
      return &(*static_cast<const std::vector<T>*>(list))[index];
    }};

template <class T>
inline constexpr MapAccess kMapAccess{
    sizeof(T),
    [](const void* map) { return static_cast<const std::map<std::string, T>*>(map)->size(); },
    [](void* map, std::string key) -> void* {
      auto& slot = (*static_cast<std::map<std::string, T>*>(map))[std::move(key)];
      slot = T();
      return &slot;
    },
    [](const void* map, MapVisitor visit, void* context) {
      for (const auto& [key, value] : *static_cast<const std::map<std::string, T>*>(map)) {
        visit(context, key, &value);
      }
    }};

template <class T>
inline constexpr OptionalAccess kOptionalAccess{
    [](const void* optional) -> const void* {
      const auto& value = *static_cast<const std::optional<T>*>(optional);
      return value ? &*value : nullptr;
    },
    [](void* optional) -> void* { return &static_cast<std::optional<T>*>(optional)->emplace(); }};

template <class T>
void construct(void* at) {
  ::new (at) T();
}
template <class T>
void destroy(void* at) {
  static_cast<T*>(at)->~T();
}

}  // namespace millstream::wire
