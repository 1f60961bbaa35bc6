#include "server/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/base64.h"
#include "base/real_env.h"
#include "base/text.h"

namespace millstream::server {
namespace {

namespace fs = std::filesystem;
using streams::MasterKey;
using streams::MasterKeyVersion;

constexpr off_t kMaxFileBytes = off_t{4} << 20;
constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
constexpr std::string_view kAlias = "alias/";

// Text that is wiped when it goes.
class SecretText {
 public:
  explicit SecretText(size_t capacity) { text_.reserve(capacity); }  // never grows: no copies
  ~SecretText() { OPENSSL_cleanse(text_.data(), text_.capacity()); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  void add(std::string_view more) {
    MS_ASSERT(text_.size() + more.size() <= text_.capacity());
    text_ += more;
  }
  std::string& text() { return text_; }

 private:
  std::string text_;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<Error> io_failed(std::string_view what, const std::string& path) {
  const int reason = errno;
  const ErrorCode code = reason == ENOENT   ? ErrorCode::kNotFound
                         : reason == EEXIST ? ErrorCode::kInUse
                                            : ErrorCode::kIo;
  return fail(code, "cannot {} key file {}: {}", what, path,
              std::generic_category().message(reason));
}

Result<> check_owner_only(int fd, const std::string& path, off_t& size) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return io_failed("look at", path);
  if (!S_ISREG(status.st_mode) || status.st_size > kMaxFileBytes) {
    return fail(ErrorCode::kInvalidArgument, "{} is no key file", path);
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "key file {} has mode {:o}: others than its owner may use it; chmod 600 {}", path,
                status.st_mode & 0777U, path);
  }
  size = status.st_size;
  return {};
}

class Parser {
 public:
  explicit Parser(const std::string& path) : path_(path) {}

  Result<std::vector<MasterKey>> parse(std::string_view text) {
    for (std::string_view line : split(text, '\n')) {
      ++line_;
      line = trim(line);
      if (line.empty() || line.starts_with('#')) continue;
      TRY(parse_line(line));
    }
    TRY(finish_key());
    return std::move(keys_);
  }

 private:
  template <class... Args>
  std::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(ErrorCode::kInvalidArgument, "{}:{}: {}", path_, line_,
                fmt::format(format, std::forward<Args>(args)...));
  }

  // A key's last line has been read.
  Result<> finish_key() const {
    if (!keys_.empty() && keys_.back().versions.empty()) {
      return error("key {} has no version", keys_.back().id);
    }
    return {};
  }

  Result<> parse_line(std::string_view line) {
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    const std::string_view value = trim(line.substr(end));
    if (word == "key") {
      TRY(finish_key());
      TRY(check_new(value));
      keys_.emplace_back().id = value;
      return {};
    }
    if (keys_.empty()) return error("a key begins with a line 'key' and its id");
    MasterKey& key = keys_.back();
    if (word == "alias") {
      if (!value.starts_with(kAlias)) return error("an alias begins with {}", kAlias);
      TRY(check_new(value));
      key.aliases.emplace_back(value);
    } else if (word == "account") {
      if (account_of_unknown_key(value) != value) return error("'{}' is no account id", value);
      key.account = value;
    } else if (word == "disabled" && value.empty()) {
      key.enabled = false;
    } else if (word == "version") {
      return parse_version(key, value);
    } else {
      return error("the first word must be key, alias, account, disabled or version");
    }
    return {};
  }

  Result<> check_new(std::string_view name) const {
    if (name.empty() || name.find(' ') != std::string_view::npos) {
      return error("one id or alias must follow");
    }
    if (streams::find_key(keys_, name) != nullptr) return error("{} is there twice", name);
    return {};
  }

  Result<> parse_version(MasterKey& key, std::string_view value) {
    const auto parts = split(value, ' ');
    if (parts.size() != 3) return error("a version has number, time and 32 bytes in base64");
    MasterKeyVersion version;
    const auto number = parse_integer<uint32_t>(parts[0]);
    const uint32_t last = key.versions.empty() ? 0 : key.versions.back().number;
    if (!number || *number <= last) return error("the numbers of versions must rise, from 1");
    version.number = *number;
    const auto created = parse_time(parts[1]);
    if (!created) return error("'{}' is no time", parts[1]);
    version.created_ms = *created;
    constexpr size_t kChars = base64_encoded_size(SecretKey::kSize);
    constexpr size_t kSlack = 32;  // base64_decode() may write so far beyond
    std::array<char, base64_decoded_bound(kChars) + kSlack> bytes;
    const bool fits = parts[2].size() == kChars;
    const auto size = fits ? base64_decode(parts[2], bytes.data()) : std::nullopt;
    if (size == SecretKey::kSize) {
      std::memcpy(version.secret.bytes.data(), bytes.data(), SecretKey::kSize);
    }
    OPENSSL_cleanse(bytes.data(), bytes.size());
    if (size != SecretKey::kSize) return error("the key is not 32 bytes in base64");
    key.versions.push_back(version);
    return {};
  }

  const std::string& path_;
  size_t line_ = 0;
  std::vector<MasterKey> keys_;
};

void format_key(const MasterKey& key, SecretText& out) {
  out.add(fmt::format("\nkey {}\n", key.id));
  for (const std::string& alias : key.aliases) out.add(fmt::format("  alias {}\n", alias));
  if (!key.account.empty()) out.add(fmt::format("  account {}\n", key.account));
  if (!key.enabled) out.add("  disabled\n");
  for (const MasterKeyVersion& version : key.versions) {
    out.add(fmt::format("  version {} {} ", version.number, format_time(version.created_ms)));
    constexpr size_t kSlack = 32;  // base64_encode() may write so far beyond
    std::array<char, base64_encoded_size(SecretKey::kSize) + kSlack> text;
    const std::string_view secret(reinterpret_cast<const char*>(version.secret.bytes.data()),
                                  SecretKey::kSize);
    out.add({text.data(), base64_encode(secret, text.data())});
    OPENSSL_cleanse(text.data(), text.size());
    out.add("\n");
  }
}

constexpr std::string_view kHead =
    "# Master keys of Millstream (docs/encryption.md): whoever reads this file can read every\n"
    "# encrypted record, and without it nobody can. Keep a copy apart from the data.\n";

size_t size_bound(std::span<const MasterKey> keys) {
  size_t size = kHead.size();
  for (const MasterKey& key : keys) {
    size += 128;
    for (const std::string& alias : key.aliases) size += alias.size() + 16;
    size += key.versions.size() * 128;
  }
  return size;
}

Result<> write_all(const std::string& path, std::string_view text) {
  Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
  if (!file || ::fchmod(file.get(), kOwnerOnly) != 0) return io_failed("write", path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_failed("write", path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(file.get()) != 0) return io_failed("sync", path);
  return {};
}

}  // namespace

std::string key_file_path(const ServerConfig& config) {
  return config.key_file.empty() ? config.data_folder + "/keys/master-keys" : config.key_file;
}

Result<std::vector<MasterKey>> read_key_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return io_failed("open", path);
  off_t size = 0;
  TRY(check_owner_only(file.get(), path, size));
  SecretText content(static_cast<size_t>(size) + 1);
  std::string& text = content.text();
  text.resize(static_cast<size_t>(size));
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_failed("read", path);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return Parser(path).parse(std::string_view(text).substr(0, have));
}

Result<> write_key_file(const std::string& path, std::span<const MasterKey> keys,
                        KeyFileWrite mode) {
  SecretText content(size_bound(keys));
  content.add(kHead);
  for (const MasterKey& key : keys) format_key(key, content);
  const std::string folder = fs::path(path).parent_path().string();
  if (!folder.empty() && !fs::exists(folder)) {
    TRY(real_env().make_folders(folder));
    if (::chmod(folder.c_str(), S_IRWXU) != 0) return io_failed("make the folder of", path);
  }
  const std::string fresh = path + ".new";
  TRY(write_all(fresh, content.text()));
  if (mode == KeyFileWrite::kReplace) {
    if (::rename(fresh.c_str(), path.c_str()) != 0) return io_failed("replace", path);
  } else {
    const bool linked = ::link(fresh.c_str(), path.c_str()) == 0;
    const int reason = errno;
    ::unlink(fresh.c_str());
    errno = reason;
    if (!linked) return io_failed("create", path);
  }
  return real_env().sync_folder(folder.empty() ? "." : folder);
}

}  // namespace millstream::server
