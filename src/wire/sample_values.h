// Values of any structure of the models, for tests of the tables and codecs.
#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <random>
#include <string>

#include "wire/types.h"

namespace millstream::wire {

// A default value of a structure that is known by its table only.
class AnyStructure {
 public:
  explicit AnyStructure(const StructType& type)
      : type_(type), at_(::operator new(type.size, std::align_val_t(type.align))) {
    type.construct(at_);
  }
  ~AnyStructure() {
    type_.destroy(at_);
    ::operator delete(at_, std::align_val_t(type_.align));
  }
  AnyStructure(const AnyStructure&) = delete;
  AnyStructure& operator=(const AnyStructure&) = delete;

  void* get() { return at_; }
  const StructType& type() const { return type_; }

 private:
  const StructType& type_;
  void* at_;
};

// Fills values with something that survives JSON: times of whole milliseconds, short texts with
// what needs escapes, every optional member with even odds, lists and maps of up to 3.
class Sampler {
 public:
  explicit Sampler(uint32_t seed) : random_(seed) {}

  void fill(const StructType& type, void* object, int depth = 0) {
    for (const Member& member : type.members) {
      if (!member.required && pick(2) == 0) continue;
      fill(*member.type, emplace(member, object), depth);
    }
  }

  void fill(const Type& type, void* at, int depth) {
    switch (type.kind) {
      case Kind::kString:
        *static_cast<std::string*>(at) = text();
        break;
      case Kind::kBlob:
        *static_cast<std::string*>(at) = bytes();
        break;
      case Kind::kInteger:
        *static_cast<int32_t*>(at) = static_cast<int32_t>(any());
        break;
      case Kind::kLong:
        *static_cast<int64_t*>(at) = int64_t{any()} << pick(32);
        break;
      case Kind::kFloat:
        *static_cast<float*>(at) = static_cast<float>(pick(1000)) / 8;
        break;
      case Kind::kDouble:
        *static_cast<double*>(at) = any() / 1024.0;
        break;
      case Kind::kBoolean:
        *static_cast<bool*>(at) = pick(2) == 1;
        break;
      case Kind::kTimestamp:
        static_cast<Timestamp*>(at)->ms = int64_t{any()} * 1000 + pick(1000) - 1'000'000;
        break;
      case Kind::kList:
        for (uint32_t n = few(type, depth); n > 0; --n)
          fill(*type.element, type.list->append(at), depth + 1);
        break;
      case Kind::kMap:
        for (uint32_t n = few(type, depth); n > 0; --n) {
          fill(*type.element, type.map->insert(at, text() + std::to_string(n)), depth + 1);
        }
        break;
      case Kind::kStructure:
        fill(*type.structure, at, depth + 1);
        break;
    }
  }

 private:
  uint32_t any() { return static_cast<uint32_t>(random_()); }
  uint32_t pick(uint32_t below) { return any() % below; }
  // Recursive shapes must end; decoders cut lists beyond the model's limit.
  uint32_t few(const Type& type, int depth) {
    if (depth > 6) return 0;
    return static_cast<uint32_t>(std::min<int64_t>(pick(4), type.max));
  }

  std::string text() {
    static constexpr const char* kPieces[] = {"a", "Z9", "\"", "\\", "\n",   "\x01", "/",
                                              "ü", "😀", "",   " ",  "\x7f", "null", "é"};
    std::string out;
    for (uint32_t n = pick(6); n > 0; --n) out += kPieces[pick(std::size(kPieces))];
    return out;
  }

  std::string bytes() {
    std::string out(pick(70), '\0');
    for (char& c : out) c = static_cast<char>(any());
    return out;
  }

  std::mt19937 random_;
};

}  // namespace millstream::wire
