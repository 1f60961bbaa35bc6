#include "analytics/functions/like.h"

#include "analytics/functions/utf8.h"

namespace millstream::analytics {

Result<LikePattern> LikePattern::compile(std::string_view pattern, std::string_view escape) {
  if (!escape.empty() && utf8_size_at(escape, 0) != escape.size()) {
    return fail(ErrorCode::kInvalidArgument, "the escape of LIKE is one character, not '{}'",
                escape.substr(0, 20));
  }
  LikePattern result;
  result.pieces_.emplace_back();
  for (size_t i = 0; i < pattern.size();) {
    if (!escape.empty() && pattern.substr(i).starts_with(escape)) {
      i += escape.size();
      const std::string_view rest = pattern.substr(i);
      const bool known = rest.starts_with('%') || rest.starts_with('_') || rest.starts_with(escape);
      if (!known) {
        return fail(ErrorCode::kInvalidArgument,
                    "in the LIKE pattern '{}', the escape '{}' stands before something else than "
                    "%, _ or itself",
                    pattern.substr(0, 100), escape);
      }
      const size_t size = utf8_size_at(pattern, i);
      result.pieces_.back().bytes += pattern.substr(i, size);
      i += size;
      continue;
    }
    if (pattern[i] == '%') {
      result.pieces_.emplace_back();
    } else if (pattern[i] == '_') {
      Piece& piece = result.pieces_.back();
      piece.any.push_back(piece.bytes.size());
    } else {
      result.pieces_.back().bytes += pattern[i];
    }
    ++i;
  }
  return result;
}

std::optional<size_t> LikePattern::match_at(const Piece& piece, std::string_view text) {
  if (piece.any.empty()) {
    if (!text.starts_with(piece.bytes)) return std::nullopt;
    return piece.bytes.size();
  }
  size_t at = 0;    // in text
  size_t done = 0;  // of the piece's bytes
  for (const size_t any : piece.any) {
    const std::string_view run = std::string_view(piece.bytes).substr(done, any - done);
    if (!text.substr(at).starts_with(run)) return std::nullopt;
    at += run.size();
    if (at >= text.size()) return std::nullopt;
    at += utf8_size_at(text, at);
    done = any;
  }
  const std::string_view run = std::string_view(piece.bytes).substr(done);
  if (!text.substr(at).starts_with(run)) return std::nullopt;
  return at + run.size();
}

bool LikePattern::match_end(const Piece& piece, std::string_view text) {
  if (piece.any.empty()) return text.ends_with(piece.bytes);
  // As many characters as the piece has, counted from the end.
  size_t characters = piece.any.size() + utf8_length(piece.bytes);
  size_t at = text.size();
  while (characters > 0 && at > 0) {
    --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
    --characters;
  }
  if (characters > 0) return false;
  return match_at(piece, text.substr(at)) == text.size() - at;
}

bool LikePattern::matches(std::string_view text) const {
  const auto first = match_at(pieces_.front(), text);
  if (!first) return false;
  if (pieces_.size() == 1) return *first == text.size();
  text.remove_prefix(*first);
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (piece.any.empty()) {
      const size_t found = text.find(piece.bytes);
      if (found == std::string_view::npos) return false;
      text.remove_prefix(found + piece.bytes.size());
      continue;
    }
    // The leftmost place is as good as any later one; it starts with the bytes before the first _.
    const std::string_view start = std::string_view(piece.bytes).substr(0, piece.any.front());
    std::optional<size_t> covered;
    for (;;) {
      const size_t found = text.find(start);
      if (found == std::string_view::npos) return false;
      text.remove_prefix(found);
      covered = match_at(piece, text);
      if (covered || text.empty()) break;
      text.remove_prefix(utf8_size_at(text, 0));
    }
    if (!covered) return false;
    text.remove_prefix(*covered);
  }
  return match_end(pieces_.back(), text);
}

}  // namespace millstream::analytics
