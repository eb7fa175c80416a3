# shellcheck shell=bash
# Sourced by every build step: where things lie, how progress is shown, and the cache rule.
#
# The cache rule: an output is made under a temporary name, renamed when it is whole, and its key
# (a hash over everything it was made from) is written beside it as OUTPUT.key. An output whose key
# is unchanged is not made again; an interrupted step leaves nothing that looks finished.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
BUILD=$ROOT/.build
BOARD=${RAMAL_BOARD:-pc-x86_64}
BOARD_DIR=$ROOT/board/$BOARD
# shellcheck disable=SC2034 # for the scripts that source this
STEPS=$ROOT/tools/image
# shellcheck disable=SC2034
TOOLBOX=$BUILD/toolbox
export LC_ALL=C.UTF-8
# What makes a second build of the same crate quicker makes the first one slower, and five times as large on the disk.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
export RAMAL_STARTED_US=${RAMAL_STARTED_US:-${EPOCHREALTIME/[.,]/}}

# say TEXT: one line of progress with the seconds since the command was started.
say() {
    local us=$((${EPOCHREALTIME/[.,]/} - RAMAL_STARTED_US))
    printf '[%5d.%d s] %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$*" >&2
}

# fail TEXT [CODE]: one sentence and the end.
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit "${2:-1}"
}

# board_value SECTION KEY: a value of the board's board.toml.
board_value() {
    awk -v section="[$1]" -v key="$2" '
        /^\[/ { inside = ($1 == section) }
        inside && $1 == key && $2 == "=" {
            sub(/^[^=]*=[ \t]*/, ""); sub(/[ \t]+#.*$/, ""); gsub(/^"|"$/, ""); print; found = 1; exit
        }
        END { if (!found) exit 1 }' "$BOARD_DIR/board.toml" ||
        fail "board/$BOARD/board.toml has no $1.$2"
}

# image_version: what the image calls itself, the version of ramald.
image_version() {
    sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1
}

# list_of FILE: the entries of a list file, without comments and empty lines.
list_of() {
    sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$1"
}

# has_node: whether the machine's own Node.js is recent enough (package.json says the same).
has_node() {
    local recent='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
    command -v npm >/dev/null && node -e "$recent" 2>/dev/null
}

# npm_in FOLDER ARGUMENT...: npm in a folder, the machine's or else the toolbox's.
npm_in() (
    cd "$1" || exit
    shift
    if has_node; then npm "$@"; else "$STEPS/in-toolbox" npm "$@"; fi
)

# cargo_release COMMAND ARGUMENT...: cargo with the release profile. Programs name the source file in which they panic: with the
# folders of this machine replaced, the same source makes the same program wherever it is built. RELEASE_FLAGS: more for rustc.
cargo_release() {
    local command=$1 sysroot commit flags
    shift
    sysroot=$(rustc --print sysroot)
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    # shellcheck disable=SC2086 # one word per flag
    printf -v flags '%s\x1f' ${RELEASE_FLAGS:-} --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo" --remap-path-prefix="$ROOT=/ramal" \
        --remap-path-prefix="$sysroot/lib/rustlib/src/rust=/rustc/$commit"
    CARGO_ENCODED_RUSTFLAGS=${flags%$'\x1f'} cargo "$command" --release --locked --quiet "$@"
}

# key_of PATH...: one hash over names, modes, link targets and contents of files and folders.
key_of() {
    local path
    for path; do
        [[ -e $path ]] || { echo "missing $path" && continue; }
        (
            cd "$(dirname "$path")" || exit
            find "$(basename "$path")" \( -name node_modules -o -name dist -o -name target \) -prune \
                -o -printf '%p %m %y %l\n' | sort
            find "$(basename "$path")" \( -name node_modules -o -name dist -o -name target \) -prune \
                -o -type f -print0 | sort -z | xargs -0r sha256sum
        )
    done | sha256sum | cut -c 1-32
}

# alone NAME: waits until no other process makes NAME; it is this one's until its end.
alone() {
    local lock
    mkdir -p "$BUILD/locks"
    exec {lock}>"$BUILD/locks/$1"
    flock "$lock"
}

# is_current OUTPUT KEY: whether OUTPUT is whole and was made from KEY.
is_current() {
    [[ -e $1 && -e $1.key && $(<"$1.key") == "$2" ]]
}

# make_output OUTPUT KEY COMMAND...: runs COMMAND TEMPORARY and puts what it made in OUTPUT's place.
make_output() {
    local output=$1 key=$2 old=$1.old temporary=$1.tmp
    shift 2
    mkdir -p "$(dirname "$output")"
    rm -rf "$temporary" "$old" "$output.key"
    # shellcheck disable=SC2064 # the name is fixed now
    trap "rm -rf '$temporary'" EXIT
    "$@" "$temporary"
    [[ ! -e $output ]] || mv "$output" "$old"
    mv "$temporary" "$output"
    echo "$key" >"$output.key"
    rm -rf "$old"
    trap - EXIT
}
