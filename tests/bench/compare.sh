#!/bin/sh
# SPDX-License-Identifier: MIT
# Times training, generating or starting, ours and other frameworks' in turn, and prints the tables of all.
#   sh tests/bench/compare.sh [SCRIPTS] [--what train|generate|start] [--precision f32|bf16] [--rounds 5]
#       [--iters 20] [--cases 'THREADS:IMAGES[:HxWxC[:WIDTH]] ...'] [--program build/apps/dcgan]
# SCRIPTS is the folder of the peers' programs that train the seed's networks, torch_step.py, keras_step.py and
# jax_step.py; what else is compared needs none. What the peers need is installed by pip, once, into
# ${XDG_CACHE_HOME:-~/.cache}/bobbin-peers.
#   BOBBIN_PEERS='torch tensorflow jax'                    which of them take part
#   BOBBIN_TORCH_PYTHON BOBBIN_TF_PYTHON BOBBIN_JAX_PYTHON  interpreters that have all already
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bobbin-peers

fail() {
    echo "compare: $1" >&2
    exit 1
}

# install NAME MODULES PACKAGES: an environment that can import all modules; its interpreter is printed.
install() {
    python=$cache/$1/bin/python
    if ! "$python" -c "import $2" 2>/dev/null; then
        echo "compare: installing $3 in $cache/$1" >&2
        python3 -m venv "$cache/$1" >&2 || fail "python3 cannot make an environment; Debian's package is python3-venv"
        # shellcheck disable=SC2086
        "$python" -m pip install --quiet $3 >&2 || fail "pip cannot install $3"
        "$python" -c "import $2" || fail "$python cannot import $2"
    fi
    echo "$python"
}

compare() {
    python3 "$here/compare.py" --default-program "$here/../../build/apps/dcgan" "$@"
}

command -v python3 >/dev/null || fail "python3 is not installed"
for word; do
    case $word in --help | -h) compare --help && exit ;; esac
done

# Nothing is installed for arguments that are wrong, or for a peer that has no part.
wanted=$(compare --list-frameworks "$@")
for peer in ${BOBBIN_PEERS-torch tensorflow jax}; do
    case "$peer: $wanted " in
    torch:*' torch '*) python=${BOBBIN_TORCH_PYTHON:-$(install torch 'torch, numpy' 'torch numpy')} ;;
    tensorflow:*' tensorflow '*) python=${BOBBIN_TF_PYTHON:-$(install tensorflow 'tensorflow, tf_keras' 'tensorflow-cpu tf-keras')} ;;
    jax:*' jax '*) python=${BOBBIN_JAX_PYTHON:-$(install jax 'jax, optax' 'jax optax')} ;;
    torch:* | tensorflow:* | jax:*) continue ;;
    *) fail "BOBBIN_PEERS names '$peer'; the peers are torch, tensorflow and jax" ;;
    esac
    set -- "$@" --python "$peer=$python"
done
compare "$@"
