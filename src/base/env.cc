#include "base/env.h"

#include <filesystem>

namespace millstream {

Result<> File::write_direct(uint64_t offset, std::string_view bytes) {
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  MS_ASSERT((offset | bytes.size() | address) % kDirectAlignment == 0);
  return write_aligned(offset, bytes);
}

Result<std::string> Env::read_file(const std::string& path) {
  TRY_ASSIGN(auto file, open(path, OpenMode::kReadOnly));
  TRY_ASSIGN(const uint64_t size, file->size());
  std::string content(size, '\0');
  TRY_ASSIGN(const size_t count, file->read(0, content));
  content.resize(count);
  return content;
}

Result<> Env::write_file_durably(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(auto file, open(temporary, OpenMode::kCreate));
    TRY(file->truncate(0));
    TRY(file->write(0, content));
    TRY(file->sync());
  }
  TRY(rename(temporary, path));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return sync_folder(folder.empty() ? "." : folder);
}

}  // namespace millstream
