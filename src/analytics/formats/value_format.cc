#include "analytics/formats/value_format.h"

#include <emmintrin.h>

#include <array>
#include <charconv>
#include <cmath>

#include <simdjson.h>

#include "analytics/functions/number_text.h"

namespace millstream::analytics {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr char kHex[] = "0123456789ABCDEF";

// All two-digit numbers in a row.
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

char* put_pair(char* p, int64_t value) {
  __builtin_memcpy(p, &kPairs[static_cast<size_t>(value) * 2], 2);
  return p + 2;
}

void append_unicode_escape(std::string& out, uint32_t unit) {
  const char text[] = {'\\',
                       'u',
                       kHex[(unit >> 12) & 15U],
                       kHex[(unit >> 8) & 15U],
                       kHex[(unit >> 4) & 15U],
                       kHex[unit & 15U]};
  out.append(text, sizeof text);
}

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_unicode_escape(out, c);
  }
}

// Length of the UTF-8 sequence at `p`, 0: it is none.
size_t sequence_length(const char* p, const char* end) {
  const auto lead = static_cast<unsigned char>(*p);
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (static_cast<size_t>(end - p) < length || !simdjson::validate_utf8(p, length)) return 0;
  return length;
}

// Characters that can't be copied as they are.
void append_slowly(std::string& out, const char* p, const char* end) {
  while (p != end) {
    const auto c = static_cast<unsigned char>(*p);
    if (c < 0x80) {
      if (c < ' ' || c == '"' || c == '\\') {
        append_escaped(out, c);
      } else {
        out += *p;
      }
      ++p;
      continue;
    }
    const size_t length = sequence_length(p, end);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++p;
      continue;
    }
    if (length < 4) {
      out.append(p, length);
    } else {
      const auto bits = [p](int i) { return static_cast<unsigned char>(p[i]) & 0x3FU; };
      const uint32_t code =
          ((static_cast<unsigned char>(*p) & 7U) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3)) -
          0x10000U;
      append_unicode_escape(out, 0xD800U + (code >> 10));
      append_unicode_escape(out, 0xDC00U + (code & 0x3FFU));
    }
    p += length;
  }
}

// The first byte that is no plain ASCII character of a JSON string.
const char* plain_end(const char* p, const char* end) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i blank = _mm_set1_epi8(' ');
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed: also true for all bytes above 0x7F.
    const __m128i odd =
        _mm_or_si128(_mm_cmplt_epi8(bytes, blank),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(odd));
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  while (p != end && static_cast<signed char>(*p) >= ' ' && *p != '"' && *p != '\\') ++p;
  return p;
}

struct Civil {
  int64_t year;
  int64_t month;
  int64_t day;
};

Civil civil_from_days(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = day_of_year - (153 * shifted + 2) / 5 + 1};
}

constexpr size_t kMaxTimeText = 48;

char* put_date(char* p, int64_t days) {
  const Civil date = civil_from_days(days);
  if (date.year >= 0 && date.year <= 9999) {
    p = put_pair(p, date.year / 100);
    p = put_pair(p, date.year % 100);
  } else {
    // ISO 8601: years of other lengths carry a sign, and at least four digits.
    *p++ = date.year < 0 ? '-' : '+';
    const int64_t magnitude = std::abs(date.year);
    for (int64_t limit = 1000; magnitude < limit && limit > 1; limit /= 10) *p++ = '0';
    p = std::to_chars(p, p + 20, magnitude).ptr;
  }
  *p++ = '-';
  p = put_pair(p, date.month);
  *p++ = '-';
  return put_pair(p, date.day);
}

char* put_clock(char* p, int64_t micros, bool fraction, int least) {
  const int64_t seconds = micros / kMicrosPerSecond;
  int64_t rest = micros % kMicrosPerSecond;
  p = put_pair(p, seconds / 3600);
  *p++ = ':';
  p = put_pair(p, seconds / 60 % 60);
  *p++ = ':';
  p = put_pair(p, seconds % 60);
  if (!fraction || (rest == 0 && least == 0)) return p;
  *p++ = '.';
  int written = 0;
  for (int64_t unit = kMicrosPerSecond / 10; unit > 0 && (rest > 0 || written < least);
       unit /= 10, ++written) {
    *p++ = static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
  return p;
}

// The digits of `value`, which is not negative, ending at `end`.
char* put_digits_before(char* end, unsigned __int128 value) {
  constexpr uint64_t kTenTo19 = 10'000'000'000'000'000'000U;
  while (value > UINT64_MAX) {
    auto low = static_cast<uint64_t>(value % kTenTo19);
    value /= kTenTo19;
    for (int i = 0; i < 19; ++i, low /= 10) *--end = static_cast<char>('0' + low % 10);
  }
  auto low = static_cast<uint64_t>(value);
  do {
    *--end = static_cast<char>('0' + low % 10);
    low /= 10;
  } while (low != 0);
  return end;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  const char* const end = text.data() + text.size();
  const char* const plain = plain_end(text.data(), end);
  out += '"';
  out.append(text.data(), plain);
  if (plain != end) append_slowly(out, plain, end);
  out += '"';
}

void append_json_double(std::string& out, double value) {
  if (std::isfinite(value)) return append_double(out, value);
  out += '"';
  append_double(out, value);
  out += '"';
}

void append_json_float(std::string& out, float value) {
  if (std::isfinite(value)) return append_float(out, value);
  out += '"';
  append_float(out, value);
  out += '"';
}

void append_number(std::string& out, int64_t value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end.ptr);
}

void append_decimal(std::string& out, Decimal value, int32_t scale, DecimalStyle style) {
  auto magnitude = static_cast<unsigned __int128>(value);
  if (value < 0) magnitude = ~magnitude + 1;
  if (style == DecimalStyle::kStripped) {
    if (magnitude == 0) {
      out += '0';
      return;
    }
    for (; magnitude % 10 == 0; --scale) magnitude /= 10;
  }
  std::array<char, 48> text;
  char* const end = text.data() + text.size();
  char* from = put_digits_before(end, magnitude);
  auto count = static_cast<int32_t>(end - from);
  if (value < 0) out += '-';
  // BigDecimal.toString(): scientific if the scale is negative, or the exponent below -6.
  const int32_t exponent = count - 1 - scale;
  if (style == DecimalStyle::kStripped && (scale < 0 || exponent < -6)) {
    out += *from++;
    if (--count > 0) {
      out += '.';
      out.append(from, end);
    }
    out += 'E';
    if (exponent > 0) out += '+';
    append_number(out, exponent);
    return;
  }
  if (scale <= 0) {
    out.append(from, end);
  } else if (count > scale) {
    out.append(from, end - scale);
    out += '.';
    out.append(end - scale, end);
  } else {
    out += "0.";
    out.append(static_cast<size_t>(scale - count), '0');
    out.append(from, end);
  }
}

void append_iso_date(std::string& out, int64_t days) {
  std::array<char, kMaxTimeText> text;
  out.append(text.data(), put_date(text.data(), days));
}

void append_iso_time(std::string& out, int64_t micros_of_day, bool fraction) {
  std::array<char, kMaxTimeText> text;
  out.append(text.data(), put_clock(text.data(), micros_of_day, fraction, 0));
}

void append_iso_timestamp(std::string& out, int64_t micros, char separator, int least) {
  const int64_t days = micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
  std::array<char, kMaxTimeText> text;
  char* p = put_date(text.data(), days);
  *p++ = separator;
  // Modulo before multiplying back: the first day of 64 bits would overflow.
  const int64_t clock = micros % kMicrosPerDay;
  out.append(text.data(), put_clock(p, clock < 0 ? clock + kMicrosPerDay : clock, true, least));
}

}  // namespace millstream::analytics
