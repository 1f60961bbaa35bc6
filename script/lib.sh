# Shared by the scripts: where things are, progress, minutes per stage. Source it.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
export LC_ALL=C.UTF-8
VENV=$ROOT/build/venv
TOOLS=$ROOT/build/tools
export PATH="$TOOLS/bin:$VENV/bin:$PATH"
JOBS=${JOBS:-$(nproc)}
STAGES=()

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf '\033[31merror: %s\033[0m\n' "$*" >&2; exit 1; }

# stage NAME COMMAND…: runs it, remembers how long it took.
stage() {
  local name=$1 start=$SECONDS; shift
  say "$name"
  # A subshell of its own: within `||` or `if`, bash would go on after a failed command.
  local status=0
  set +e
  (set -e; "$@")
  status=$?
  set -e
  [ $status = 0 ] || die "$name failed (see above)"
  local took=$((SECONDS - start))
  STAGES+=("$(printf '%4d:%02d  %s' $((took / 60)) $((took % 60)) "$name")")
}

print_stages() {
  say "minutes per stage"
  printf '  %s\n' "${STAGES[@]}"
  printf '  %4d:%02d  all\n' $((SECONDS / 60)) $((SECONDS % 60))
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing packages needs root or sudo: $*"; fi
}

# up_to_date STAMP FILES…: whether STAMP was made for exactly this content of FILES.
fingerprint() { cat "$@" | sha256sum | cut -d' ' -f1; }
up_to_date() { local stamp=$1; shift; [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint "$@")" ]; }
mark_done() { local stamp=$1; shift; mkdir -p "$(dirname "$stamp")"; fingerprint "$@" >"$stamp"; }

# build PRESET TARGETS…: configures and builds with progress.
build() {
  local preset=$1; shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >"build/$preset-configure.log" 2>&1 ||
    { cat "build/$preset-configure.log" >&2; return 1; }
  NINJA_STATUS="[%f/%t %es] " ninja -j "$JOBS" -C "build/$preset" "$@"
}
