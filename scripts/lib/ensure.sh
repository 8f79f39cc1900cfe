# shellcheck shell=bash
# Sourced by the scripts one folder up. Each ensure_* function makes one tool available, prints
# nothing when it already is, and ends the script with what to do when it cannot.
# Sets: catena_root, the repository's folder; PATH, when a tool is kept in .tools/.

catena_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
tools_dir=$catena_root/.tools

say() { printf '%s\n' "catena: $*" >&2; }

# fail MESSAGE [WHAT TO DO]
fail() {
  printf '%s\n' "catena: $1" >&2
  [ $# -lt 2 ] || printf '%s\n' "        $2" >&2
  exit 1
}

# Runs a command with its output in .tools/install.log; shows the end of it when the command fails.
quietly() {
  local log=$tools_dir/install.log
  mkdir -p "$tools_dir"
  if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
  tail -n 15 "$log" | sed 's/^/        | /' >&2
  return 1
}

# The one place that names the version is package.json.
wanted_bun() {
  sed -n 's/.*"packageManager": *"bun@\([^"]*\)".*/\1/p' "$catena_root/package.json"
}

has_bun() { [ "$("${1:-bun}" --version 2>/dev/null || true)" = "$2" ]; }

# Whether PATH, or the nearest folder above it that exists, can be written to.
can_create() {
  local path=$1
  while [ ! -e "$path" ]; do path=$(dirname -- "$path"); done
  [ -w "$path" ]
}

require_npm() {
  local major
  command -v node >/dev/null && command -v npm >/dev/null ||
    fail "Node.js with npm is needed to install Bun, and is not on PATH" \
      "install Node.js 20 or later (https://nodejs.org), then run this again"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] ||
    fail "Node.js $(node --version) is too old" "install Node.js 20 or later (https://nodejs.org)"
}

# npm_install_bun VERSION PREFIX
# Bun's npm package puts its binary in place in an install script. npm 11 runs one only when told
# to, and `ignore-scripts` stops older ones: so the script is run here when npm did not.
npm_install_bun() {
  local version=$1 prefix=$2 help
  local package=$prefix/lib/node_modules/bun
  local args=(install -g --prefix "$prefix" --no-fund --no-audit --no-update-notifier)
  help=$(npm install --help 2>/dev/null || true)
  case $help in *--allow-scripts*) args+=(--allow-scripts=bun) ;; esac
  quietly npm "${args[@]}" "bun@$version" || return 1
  has_bun "$package/bin/bun.exe" "$version" ||
    (cd -- "$package" && quietly node install.js) || return 1
  has_bun "$prefix/bin/bun" "$version"
}

# Bun of exactly the version this repository is tested with: the one on PATH, else a global npm
# install when no Bun is there (so that `bun run …` works in the user's shell), else one in .tools/.
ensure_bun() {
  local version prefix local_bin=$tools_dir/bin
  version=$(wanted_bun)
  [ -n "$version" ] || fail "package.json names no Bun version" "restore its packageManager field"
  if has_bun bun "$version"; then return 0; fi
  if has_bun "$local_bin/bun" "$version"; then
    export PATH="$local_bin:$PATH"
    return 0
  fi
  require_npm
  if ! command -v bun >/dev/null; then
    prefix=$(npm prefix -g 2>/dev/null)
    if has_bun "$prefix/bin/bun" "$version"; then
      export PATH="$prefix/bin:$PATH"
      return 0
    fi
    if [ ! -e "$prefix/bin/bun" ] && can_create "$prefix/lib/node_modules" && can_create "$prefix/bin"; then
      say "installing Bun $version from npm (npm install -g, in $prefix)"
      if npm_install_bun "$version" "$prefix"; then
        hash -r
        has_bun bun "$version" || export PATH="$prefix/bin:$PATH"
        return 0
      fi
    fi
  fi
  say "installing Bun $version from npm into .tools/"
  npm_install_bun "$version" "$tools_dir" ||
    fail "Bun $version could not be installed" \
      "check that npm reaches its registry (npm ping), or install it yourself: npm install -g bun@$version"
  export PATH="$local_bin:$PATH"
  hash -r
  say "for \`bun run …\` in your own shell: export PATH=\"$local_bin:\$PATH\""
}

# The workspace's packages, exactly as bun.lock has them. Takes 50 ms when all are there.
ensure_packages() {
  local start=$SECONDS
  [ -d "$catena_root/node_modules/.bun" ] || say "installing packages (bun install --frozen-lockfile)"
  quietly bun install --frozen-lockfile --cwd "$catena_root" ||
    fail "the packages could not be installed" \
      "check the network; when bun.lock does not fit package.json, run bun install and commit bun.lock"
  [ $((SECONDS - start)) -lt 5 ] || say "packages installed in $((SECONDS - start)) s"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# ensure_apt COMMAND PACKAGE WHAT_FOR
# Returns 10 when it had to install the package.
ensure_apt() {
  local command=$1 package=$2 purpose=$3
  if command -v "$command" >/dev/null; then return 0; fi
  local advice="install $package yourself, or put $command on PATH"
  command -v apt-get >/dev/null ||
    fail "$command is needed for $purpose, and there is no apt-get to install it" "$advice"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "$command is needed for $purpose; installing it takes root, and there is no sudo" \
        "run as root: apt-get install $package"
    sudo -n true 2>/dev/null || sudo -v || fail "$command is needed for $purpose" "$advice"
  fi
  say "installing $package with apt-get (for $purpose)"
  # A fresh machine has no package lists, an old one stale ones; without network the install fails.
  quietly as_root apt-get update -q || true
  quietly as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$package" ||
    fail "$package could not be installed" "check the network, or $advice"
  hash -r
  command -v "$command" >/dev/null || fail "$package is installed, yet there is no $command on PATH"
  return 10
}

# etcd for the tests and for `scripts/up --etcd`, which start their own on free ports. Debian's
# package may start a daemon; one that came with our install is stopped again.
ensure_etcd() {
  local status=0
  ensure_apt etcd etcd-server "the etcd store" || status=$?
  [ "$status" -eq 10 ] || return "$status"
  if [ -d /run/systemd/system ]; then
    quietly as_root systemctl disable --now etcd || true
    say "stopped and disabled the etcd service that the package started; it is not needed"
  elif [ -x /etc/init.d/etcd ] && /etc/init.d/etcd status >/dev/null 2>&1; then
    quietly as_root /etc/init.d/etcd stop || true
    say "stopped the etcd daemon that the package started; it is not needed"
  fi
}

ensure_curl() { ensure_apt curl curl "the commands of the proxy-chain page" || [ $? -eq 10 ]; }

ensure_curl() { ensure_apt curl curl "the commands of the documentation" || [ $? -eq 10 ]; }

# The load generator and the peers that come from Debian. nginx may start as a service; one that came
# with our install is stopped again.
ensure_bench() {
  local status=0
  # Where Debian has servers; not on the PATH of everybody.
  export PATH="$PATH:/usr/sbin"
  ensure_apt wrk wrk "the benchmark" || [ $? -eq 10 ]
  ensure_apt haproxy haproxy "the benchmark" || [ $? -eq 10 ]
  ensure_apt nginx nginx "the benchmark" || status=$?
  if [ "$status" -eq 10 ] && [ -x /etc/init.d/nginx ]; then
    quietly as_root /etc/init.d/nginx stop || true
    say "stopped the nginx that the package started; it is not needed"
  elif [ "$status" -ne 0 ] && [ "$status" -ne 10 ]; then
    return "$status"
  fi
  if [ ! -e /usr/lib/nginx/modules/ngx_http_lua_module.so ] || ! dpkg -s lua-cjson >/dev/null 2>&1; then
    say "installing libnginx-mod-http-lua and lua-cjson with apt-get (for the benchmark)"
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
      --no-install-recommends libnginx-mod-http-lua lua-cjson ||
      fail "nginx's Lua module could not be installed" "check the network, or run the benchmark without it"
  fi
}

ensure_chromium() { ensure_apt chromium chromium "the dashboard's browser tests" || [ $? -eq 10 ]; }
