// Hashes, base64, hexadecimal and URL forms of strings; UUID; MONOTONIC of the Kinesis dialect.

#include <array>
#include <bit>
#include <random>

#include <openssl/evp.h>

#include "analytics/functions/kernel.h"
#include "base/base64.h"
#include "base/hash.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

// One string, the result a string of any length; as `kBytes`, of binary values too.
template <bool kBytes>
Result<ResolvedCall> resolve_text(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  if (arguments.size() != 1) return no_overload(self, arguments);
  const Type& given = arguments[0]->type;
  if (kBytes && given.is_binary()) {
    return resolved(self, varchar_type(kMaxLength, false), {given}, arguments);
  }
  if (!takes_string(given, dialect)) return no_overload(self, arguments);
  return resolved(self, varchar_type(kMaxLength, false), {string_argument(given)}, arguments);
}

Result<ResolvedCall> resolve_integer(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect) {
  if (arguments.size() != 1 || !arguments[0]->type.is_integer()) {
    return no_overload(self, arguments);
  }
  return resolved(self, varchar_type(kMaxLength, false), {make_type(TypeKind::kBigint)}, arguments);
}

// --- hashes

void append_hex(std::string& out, std::span<const unsigned char> bytes) { out = to_hex(bytes); }

bool digest(const EVP_MD* algorithm, std::string_view text, std::string& out) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, algorithm, nullptr) != 1) {
    return false;
  }
  append_hex(out, {bytes.data(), size});
  return true;
}

template <const EVP_MD* (*kAlgorithm)()>
void digest_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    if (digest(kAlgorithm(), arguments[0]->strings[i], text)) {
      writer.set(i, text);
    } else {
      writer.marks().error(i, "the hash could not be computed");
    }
  }
}

void md5_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  const std::span<const std::string_view> inputs(arguments[0]->strings.data(), context.rows);
  std::vector<Md5> digests(context.rows);
  md5_many(inputs, digests);
  for (size_t i = 0; i < context.rows; ++i) writer.set(i, to_hex(digests[i]));
}

const EVP_MD* sha2_algorithm(int64_t bits) {
  switch (bits) {
    case 224:
      return EVP_sha224();
    case 256:
      return EVP_sha256();
    case 384:
      return EVP_sha384();
    case 512:
      return EVP_sha512();
    default:
      return nullptr;
  }
}

Result<ResolvedCall> resolve_sha2(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  if (arguments.size() != 2 || !takes_string(arguments[0]->type, dialect) ||
      !arguments[1]->type.is_integer()) {
    return no_overload(self, arguments);
  }
  return resolved(self, varchar_type(kMaxLength, false),
                  {string_argument(arguments[0]->type), make_type(TypeKind::kInteger)}, arguments);
}

void sha2_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    const EVP_MD* algorithm = sha2_algorithm(arguments[1]->ints[i]);
    if (algorithm != nullptr && digest(algorithm, arguments[0]->strings[i], text)) {
      writer.set(i, text);
    } else {
      writer.marks().error(i, "SHA2 takes 224, 256, 384 or 512 bits");
    }
  }
}

// --- base64, hexadecimal and binary digits

void to_base64_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view bytes = arguments[0]->strings[i];
    if (writer.fits(i, base64_encoded_size(bytes.size()))) writer.set(i, base64_encode(bytes));
  }
}

void from_base64_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    std::string_view given = arguments[0]->strings[i];
    auto bytes = base64_decode(given);
    // Java's decoder takes texts without their padding, too.
    if (!bytes && given.size() % 4 != 0 && !given.ends_with('=')) {
      bytes = base64_decode(std::string(given) + std::string(4 - given.size() % 4, '='));
    }
    if (bytes) {
      writer.set(i, *bytes);
    } else {
      writer.marks().error(i, "FROM_BASE64 was given a string that is not base64");
    }
  }
}

constexpr std::string_view kUpperDigits = "0123456789ABCDEF";

template <unsigned kBits>
void digits_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    auto value = static_cast<uint64_t>(arguments[0]->ints[i]);
    text.clear();
    do {
      text.insert(text.begin(), kUpperDigits[value & ((1U << kBits) - 1U)]);
      value >>= kBits;
    } while (value != 0);
    writer.set(i, text);
  }
}

void hex_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view bytes = arguments[0]->strings[i];
    char* to = writer.allocate(i, bytes.size() * 2);
    if (to == nullptr) continue;
    for (const char c : bytes) {
      *to++ = kUpperDigits[static_cast<unsigned char>(c) >> 4U];
      *to++ = kUpperDigits[static_cast<unsigned char>(c) & 15U];
    }
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// --- URLs: application/x-www-form-urlencoded, as java.net.URLEncoder and URLDecoder

bool is_plain_in_url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '*' || c == '_';
}

void url_encode_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    text.clear();
    for (const char c : arguments[0]->strings[i]) {
      if (is_plain_in_url(c)) {
        text += c;
      } else if (c == ' ') {
        text += '+';
      } else {
        text += '%';
        text += kUpperDigits[static_cast<unsigned char>(c) >> 4U];
        text += kUpperDigits[static_cast<unsigned char>(c) & 15U];
      }
    }
    writer.set(i, text);
  }
}

bool url_decode(std::string_view given, std::string& out) {
  for (size_t at = 0; at < given.size(); ++at) {
    if (given[at] == '+') {
      out += ' ';
    } else if (given[at] != '%') {
      out += given[at];
    } else {
      if (given.size() - at < 3) return false;
      const int high = hex_digit(given[at + 1]);
      const int low = hex_digit(given[at + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
  return true;
}

// NULL where the text is no URL encoding.
void url_decode_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    text.clear();
    if (url_decode(arguments[0]->strings[i], text)) {
      writer.set(i, text);
    } else {
      writer.marks().null(i);
    }
  }
}

// --- UUID

Result<ResolvedCall> resolve_uuid(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect) {
  if (!arguments.empty()) return no_overload(self, arguments);
  Type type = make_type(TypeKind::kChar, false);
  type.precision = 36;
  return ResolvedCall{&self, type, {}};
}

Result<std::shared_ptr<void>> prepare_uuid(std::span<const BoundPtr>) {
  return std::make_shared<std::random_device>();
}

// RFC 4122, version 4, of the system's random numbers.
void uuid_kernel(KernelContext& context, Arguments, Column& out) {
  auto& source = *static_cast<std::random_device*>(context.state);
  StringWriter writer(context, out);
  std::array<unsigned char, 16> bytes{};
  for (size_t i = 0; i < context.rows; ++i) {
    for (size_t part = 0; part < bytes.size(); part += 4) {
      const auto word = std::bit_cast<std::array<unsigned char, 4>>(source());
      std::ranges::copy(word, bytes.begin() + static_cast<ptrdiff_t>(part));
    }
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | 0x40U);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
    std::string text = to_hex(bytes);
    for (const size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    writer.set(i, text);
  }
}

// --- MONOTONIC: a promise to the planner of the Kinesis dialect; the value is its argument

Result<ResolvedCall> resolve_monotonic(const Function& self, std::span<const BoundPtr> arguments,
                                       Dialect) {
  if (arguments.size() != 1) return no_overload(self, arguments);
  Type type = arguments[0]->type;
  type.time = TimeAttribute::kNone;
  return ResolvedCall{&self, type, {type}};
}

BoundPtr lower_monotonic(const BoundExpression& call, Dialect) { return call.arguments[0]; }

template <bool kBytes = false>
Function of_text(std::string_view name, Kernel kernel, std::string_view signature) {
  return {.name = name,
          .dialects = Dialects::kFlink,
          .resolve = resolve_text<kBytes>,
          .kernel = kernel,
          .signature = signature};
}

Function of_integer(std::string_view name, Kernel kernel, std::string_view signature) {
  return {.name = name,
          .dialects = Dialects::kFlink,
          .resolve = resolve_integer,
          .kernel = kernel,
          .signature = signature};
}

}  // namespace

void add_conversion(FunctionList& table) {
  table.push_back(of_text<true>("MD5", md5_kernel, "MD5(string)"));
  table.push_back(of_text<true>("SHA1", digest_kernel<EVP_sha1>, "SHA1(string)"));
  table.push_back(of_text<true>("SHA224", digest_kernel<EVP_sha224>, "SHA224(string)"));
  table.push_back(of_text<true>("SHA256", digest_kernel<EVP_sha256>, "SHA256(string)"));
  table.push_back(of_text<true>("SHA384", digest_kernel<EVP_sha384>, "SHA384(string)"));
  table.push_back(of_text<true>("SHA512", digest_kernel<EVP_sha512>, "SHA512(string)"));
  table.push_back({.name = "SHA2",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_sha2,
                   .kernel = sha2_kernel,
                   .signature = "SHA2(string, bits)"});
  table.push_back(of_text<true>("TO_BASE64", to_base64_kernel, "TO_BASE64(string)"));
  table.push_back(of_text("FROM_BASE64", from_base64_kernel, "FROM_BASE64(string)"));
  table.push_back(of_integer("BIN", digits_kernel<1>, "BIN(integer)"));
  table.push_back(of_integer("HEX", digits_kernel<4>, "HEX(integer)"));
  table.push_back(of_text<true>("HEX", hex_kernel, "HEX(string)"));
  table.push_back(of_text("URL_ENCODE", url_encode_kernel, "URL_ENCODE(string)"));
  table.push_back(of_text("URL_DECODE", url_decode_kernel, "URL_DECODE(string)"));
  table.push_back({.name = "UUID",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_uuid,
                   .kernel = uuid_kernel,
                   .deterministic = false,
                   .prepare = prepare_uuid,
                   .signature = "UUID()"});
  table.push_back({.name = "MONOTONIC",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_monotonic,
                   .lower = lower_monotonic,
                   .signature = "MONOTONIC(value)"});
}

}  // namespace millstream::analytics
