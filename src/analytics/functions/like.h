// LIKE patterns: % any characters, _ one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millstream::analytics {

// Threads: any number match at once. Time: at most the product of both lengths; without _, linear.
class LikePattern {
 public:
  // `escape`: the character that takes the meaning of the next one away; none by default.
  // Errors: kInvalidArgument: not one character, or behind it stands something else than %, _ or
  // itself.
  static Result<LikePattern> compile(std::string_view pattern, std::string_view escape = {});
  bool matches(std::string_view text) const;

 private:
  // What stands between two %: bytes, and where among them any one character stands.
  struct Piece {
    std::string bytes;
    std::vector<size_t> any;  // places in `bytes` before which one character is skipped
  };
  // The bytes that `piece` covers at the start of `text`.
  static std::optional<size_t> match_at(const Piece& piece, std::string_view text);
  static bool match_end(const Piece& piece, std::string_view text);

  std::vector<Piece> pieces_;  // one more than %
};

}  // namespace millstream::analytics
