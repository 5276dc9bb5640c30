# Sourced by the components that are built with Go: `ensure_go 1.26` leaves a Go of at least that version in $go.

# With root's rights where we have them or can have them without a question.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_package() {
  as_root apt-get install -y --no-install-recommends "$@" ||
    { as_root apt-get update && as_root apt-get install -y --no-install-recommends "$@"; }
}

# The Go that is installed, where it is new enough; else the toolchain itself, which is one more module of the module proxy
# (Debian's Go of any age can fetch it).
ensure_go() {
  local wanted=$1 have machine dir
  if ! command -v go >/dev/null; then install_package golang-go ca-certificates; fi
  go=$(command -v go)
  have=$("$go" env GOVERSION)
  if [ "$(printf '%s\n' "$wanted" "${have#go}" | sort -V | head -n 1)" = "$wanted" ]; then return; fi
  machine=$("$go" env GOOS)-$("$go" env GOARCH)
  dir=$(cd / && GOFLAGS= "$go" mod download -json "golang.org/toolchain@v0.0.1-go$wanted.0.$machine" |
    sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  # A module's files are not executable.
  chmod -R u+w "$dir" && chmod +x "$dir"/bin/* "$dir"/pkg/tool/*/*
  go=$dir/bin/go
  export GOTOOLCHAIN=local
}
