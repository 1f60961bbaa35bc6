// The worker's own side of process.h.
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "worker/environment.h"
#include "worker/process.h"

namespace millstream::worker {
namespace {

// Calls that a worker has no use for: other programs and processes, the network, mounts and
// namespaces, the machine itself, and those by which a filter could be got round.
constexpr int kForbidden[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kcmp),
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(fsconfig),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(personality),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
};

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

// The rules that look at arguments. 0, or a negative error number.
int add_argument_rules(void* filter) {
  const auto self = static_cast<scmp_datum_t>(::getpid());
  // Threads are fine, processes are not. Of clone3 the flags can't be seen: with ENOSYS the C
  // library takes clone.
  if (const int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)) {
    return error;
  }
  if (const int error =
          seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, scmp_datum_t{CLONE_THREAD}, 0))) {
    return error;
  }
  // Signals to itself only (abort, profilers).
  for (const int call :
       {SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo)}) {
    if (const int error =
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1, SCMP_A0(SCMP_CMP_NE, self))) {
      return error;
    }
  }
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tkill), 0);
}

}  // namespace

Result<int> inherited_socket() {
  const char* const text = std::getenv(kSocketVariable);
  const auto number = text == nullptr ? std::nullopt : parse_integer<int>(text);
  if (!number || ::fcntl(*number, F_SETFD, FD_CLOEXEC) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "This program is started by the Millstream server, and not by hand ({} is {}).",
                kSocketVariable, text == nullptr ? "not set" : text);
  }
  return *number;
}

Result<> enter_sandbox() {
  const char* const wanted = std::getenv(kSandboxVariable);
  if (is_sanitized() || wanted == nullptr || std::string_view(wanted) != "1") return {};
  const auto refused = [](std::string_view what, int code) {
    return fail(ErrorCode::kInternal,
                "The worker can't limit itself ({}: {}); with analytics.sandbox = false it runs "
                "without.",
                what, std::strerror(code));
  };
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no new privileges", errno);
  const std::unique_ptr<void, ReleaseFilter> filter(seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) return refused("seccomp", ENOMEM);
  for (const int call : kForbidden) {
    // A negative number: the call does not exist on this kind of machine.
    if (call < 0) continue;
    if (const int error = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0)) {
      return refused("seccomp rule", -error);
    }
  }
  if (const int error = add_argument_rules(filter.get())) return refused("seccomp rule", -error);
  if (const int error = seccomp_load(filter.get())) return refused("seccomp", -error);
  return {};
}

}  // namespace millstream::worker
