#include "cli/record_source.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace millstream::cli {

Result<RecordSource> RecordSource::open(std::vector<std::string> files) {
  if (files.empty()) files.emplace_back("-");
  uint64_t total = 0;
  bool all_known = true;
  for (const std::string& file : files) {
    struct stat status{};
    const int failed = file == "-" ? fstat(fileno(stdin), &status) : stat(file.c_str(), &status);
    if (failed != 0) {
      return fail(ErrorCode::kNotFound, "{}: {}", file, std::strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) return fail(ErrorCode::kInvalidArgument, "{} is a folder", file);
    all_known = all_known && S_ISREG(status.st_mode);
    total += static_cast<uint64_t>(status.st_size);
  }
  RecordSource source(std::move(files));
  source.bytes_total_ = all_known ? total : 0;
  return source;
}

RecordSource::RecordSource(RecordSource&& other) noexcept
    : files_(std::move(other.files_)),
      next_file_(other.next_file_),
      stream_(std::exchange(other.stream_, nullptr)),
      line_(std::exchange(other.line_, nullptr)),
      line_capacity_(std::exchange(other.line_capacity_, 0)),
      name_(std::move(other.name_)),
      line_number_(other.line_number_),
      bytes_read_(other.bytes_read_),
      bytes_total_(other.bytes_total_) {}

RecordSource::~RecordSource() {
  if (stream_ && stream_ != stdin) std::fclose(stream_);
  std::free(line_);
}

Result<bool> RecordSource::open_next() {
  if (stream_ && stream_ != stdin) std::fclose(stream_);
  stream_ = nullptr;
  if (next_file_ == files_.size()) return false;
  const std::string& file = files_[next_file_++];
  name_ = file == "-" ? "standard input" : file;
  line_number_ = 0;
  stream_ = file == "-" ? stdin : std::fopen(file.c_str(), "re");
  if (!stream_) return fail(ErrorCode::kNotFound, "{}: {}", file, std::strerror(errno));
  return true;
}

Result<std::optional<SourceLine>> RecordSource::next() {
  while (true) {
    if (!stream_) {
      TRY_ASSIGN(const bool opened, open_next());
      if (!opened) return std::nullopt;
    }
    const ssize_t size = getline(&line_, &line_capacity_, stream_);
    if (size < 0) {
      if (std::ferror(stream_) != 0) {
        return fail(ErrorCode::kIo, "{}: {}", name_, std::strerror(errno));
      }
      TRY_ASSIGN(const bool opened, open_next());
      if (!opened) return std::nullopt;
      continue;
    }
    ++line_number_;
    bytes_read_ += static_cast<uint64_t>(size);
    std::string_view text(line_, static_cast<size_t>(size));
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.empty()) continue;
    if (text.size() > kMaxRecordBytes) {
      return fail(ErrorCode::kRequestTooLarge,
                  "{}:{}: the line has {} bytes; a record takes at most {}", name_, line_number_,
                  text.size(), kMaxRecordBytes);
    }
    return SourceLine{std::string(text), fmt::format("{}:{}", name_, line_number_)};
  }
}

}  // namespace millstream::cli
