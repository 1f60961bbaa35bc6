#!/bin/bash
# Runs h2spec (plain and TLS) and h2load (HTTP/1.1 and HTTP/2, plain and TLS) against
# http_echo_server. Every failed case or request fails the script.
#
#   test/http/conformance.sh [ECHO_SERVER [REQUESTS]]
#
# ECHO_SERVER: build/release/src/http/http_echo_server unless given.
# Needs go (for h2spec, installed into build/tools/bin once), h2load (Debian: nghttp2-client), curl.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
server=${1:-$root/build/release/src/http/http_echo_server}
requests=${2:-200000}
if [ ! -x "$server" ]; then
  echo "$server is not there: build the target http_echo_server, or name it: $0 ECHO_SERVER" >&2
  exit 2
fi
h2spec=$root/build/tools/bin/h2spec
work=$(mktemp -d)
server_pid=
cleanup() {
  if [ -n "$server_pid" ]; then kill "$server_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

if [ ! -x "$h2spec" ]; then
  mkdir -p "$(dirname "$h2spec")"
  # The Go module proxy serves the tagged versions up to v2.2.1 only; its v2.2.1 has no go.mod.
  mkdir "$work/h2spec"
  (cd "$work/h2spec" && go mod init fetch >/dev/null 2>&1 &&
    go get github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible &&
    go build -o "$h2spec" github.com/summerwind/h2spec/cmd/h2spec) >"$work/go.log" 2>&1 ||
    { cat "$work/go.log" >&2; exit 1; }
fi

"$server" 127.0.0.1:0 "$work/tls" >"$work/server.log" &
server_pid=$!
for _ in $(seq 100); do
  grep -q '^ready' "$work/server.log" && break
  sleep 0.1
done
port=$(awk '/^ready/ {print $2}' "$work/server.log")
if [ -z "$port" ]; then echo "the echo server did not start" >&2; exit 1; fi
failures=0

spec() {  # name, flags…
  local name=$1
  shift
  if "$h2spec" -h 127.0.0.1 -p "$port" -o 3 "$@" >"$work/spec.log" 2>&1 &&
      grep -q ' 0 failed' "$work/spec.log"; then
    echo "h2spec $name: $(tail -1 "$work/spec.log")"
  else
    echo "h2spec $name FAILED"
    sed -n '/Failures/,$p' "$work/spec.log"
    failures=$((failures + 1))
  fi
}

load() {  # name, flags…
  local name=$1
  shift
  if h2load -n "$requests" "$@" >"$work/load.log" 2>&1 &&
      grep -q "$requests succeeded, 0 failed, 0 errored, 0 timeout" "$work/load.log" &&
      grep -q "$requests 2xx" "$work/load.log"; then
    echo "h2load $name: $(grep '^finished' "$work/load.log")"
  else
    echo "h2load $name FAILED"
    cat "$work/load.log"
    failures=$((failures + 1))
  fi
}

spec plain
spec TLS -t -k

head -c 1000 /dev/urandom >"$work/body"
plain=http://127.0.0.1:$port/
tls=https://127.0.0.1:$port/
load "HTTP/1.1 plain, GET"  --h1 -c 64 -t 1 "$plain"
load "HTTP/1.1 plain, echo of 1,000 bytes" --h1 -c 64 -t 1 -d "$work/body" "$plain"
load "HTTP/1.1 TLS, GET" --h1 -c 64 -t 1 "$tls"
load "HTTP/2 plain, GET, 16 streams" -c 16 -m 16 -t 1 "$plain"
load "HTTP/2 plain, echo of 1,000 bytes, 16 streams" -c 16 -m 16 -t 1 -d "$work/body" "$plain"
load "HTTP/2 TLS, GET, 16 streams" -c 16 -m 16 -t 1 "$tls"

# A stopped server ends by itself, without a connection left.
kill -TERM "$server_pid"
if ! wait "$server_pid"; then
  echo "the echo server did not stop cleanly" >&2
  failures=$((failures + 1))
fi
server_pid=
if [ "$failures" -gt 0 ]; then
  echo "$failures of the runs failed" >&2
  exit 1
fi
