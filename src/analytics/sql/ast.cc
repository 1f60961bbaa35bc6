#include "analytics/sql/ast.h"

namespace millstream::analytics::sql {

std::string name_of(const Identifier& identifier, Dialect dialect) {
  std::string name = identifier.text;
  if (dialect == Dialect::kFlink || identifier.quoted) return name;
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

std::string name_text(const QualifiedName& name) {
  std::string text;
  for (const Identifier& part : name) {
    if (!text.empty()) text += '.';
    if (!part.quoted) {
      text += part.text;
      continue;
    }
    text += part.quote;
    for (const char c : part.text) {
      if (c == part.quote) text += c;
      text += c;
    }
    text += part.quote;
  }
  return text;
}

}  // namespace millstream::analytics::sql
