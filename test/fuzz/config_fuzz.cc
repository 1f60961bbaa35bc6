// libFuzzer: any text as the configuration file, the file of credentials, or (by the first byte)
// the value of a setting. What is refused names its place, and never a secret.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz_input.h"
#include "server/config.h"
#include "server/config_settings.h"
#include "server/credentials_file.h"

namespace {

using namespace millstream;

// A file that is gone with the object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    MS_ASSERT(file_ >= 0 && ::fchmod(file_, S_IRUSR | S_IWUSR) == 0);
    MS_ASSERT(::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return fmt::format("/proc/self/fd/{}", file_); }

 private:
  int file_;
};

void read_config(std::string_view text) {
  const MemoryFile file(text);
  ConfigSources sources;
  sources.file = file.path();
  const auto config = load_config(sources);
  if (config) return;
  const std::string& message = config.error().message;
  // Of settings that don't fit each other their names.
  MS_ASSERT(message.contains(file.path()) ||
            std::ranges::any_of(all_settings(), [&](const Setting& setting) {
              return message.contains(setting.name);
            }));
}

void read_credentials(std::string_view text) {
  const MemoryFile file(text);
  const auto keys = server::read_credentials_file(file.path());
  if (!keys) {
    MS_ASSERT(keys.error().message.starts_with(file.path()));
    return;
  }
  MS_ASSERT(!keys->keys.empty());
  for (const Credentials& key : keys->keys) {
    MS_ASSERT(!key.access_key.empty() && !key.secret_key.empty());
    // Policies of nobody would be an account's, which may do everything.
    MS_ASSERT(!key.identity->policies || !key.identity->user.empty());
  }
}

// What a setting takes, it shows in a form that it takes again.
void set_value(uint8_t choice, std::string_view text) {
  const auto settings = all_settings();
  const Setting& setting = settings[choice % settings.size()];
  ServerConfig config;
  if (setting.clear) setting.clear(config);
  if (!setting.apply(config, text)) return;
  if (setting.kind == SettingKind::kList) return;
  const std::string shown = setting.show(config);
  if (shown.empty()) return;
  ServerConfig again;
  MS_ASSERT(setting.apply(again, shown));
  MS_ASSERT(setting.show(again) == shown);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::FuzzInput input(data, size);
  switch (const uint8_t choice = input.byte(); choice % 3) {
    case 0:
      read_config(input.rest());
      break;
    case 1:
      read_credentials(input.rest());
      break;
    default:
      set_value(choice / 3, input.rest());
  }
  return 0;
}
