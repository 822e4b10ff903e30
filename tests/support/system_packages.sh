#!/bin/sh
# Installs the system packages that some test groups drive: through apt when run by root, otherwise names them.
# With the argument `interop` also what is too large for each run of the tests: a browser brings 33 packages, 121 MB to
# load and 360 MB to unpack. Where it is installed its small case is a test; curl's, with the same files, always is one.
set -u
missing=""
for pair in tmux:tmux vim:vim htop:htop less:less zsh:zsh fish:fish busybox:busybox \
    Xvfb:xvfb xauth:xauth xterm:xterm openbox:openbox xclip:xclip xrandr:x11-xserver-utils \
    screen:screen rsync:rsync openssl:openssl ip:iproute2 setxkbmap:x11-xkb-utils systemd-analyze:systemd strace:strace \
    curl:curl git:git wrk:wrk dig:bind9-dnsutils; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
# Proxies that lead to the relay.
for pair in tinyproxy:tinyproxy microsocks:microsocks; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%:*}" ] || missing="$missing ${pair##*:}"
done
# What forwards lead to.
[ -x /usr/sbin/dnsmasq ] || missing="$missing dnsmasq-base"
# Proxies in front of the relay.
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null 2>&1 || missing="$missing nginx"
[ -x /usr/sbin/haproxy ] || missing="$missing haproxy"
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing="$missing libnginx-mod-stream"
# Randomart is compared with ssh-keygen's. `make bench` compares with ssh; its server stands in no ordinary user's PATH.
command -v ssh >/dev/null 2>&1 || missing="$missing openssh-client"
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
# The pictures of `make screenshots` are set in it.
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf ] || missing="$missing fonts-dejavu-core"
large=""
if [ "${1:-}" = interop ]; then
    for pair in chromium:chromium redis-server:redis-server redis-cli:redis-tools; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || large="$large ${pair##*:}"
    done
fi
install() {
    # RUNLEVEL: servers among them are not started.
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && echo "installing $* ..." &&
        { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"; } >/dev/null
}
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# Apart from each other: not every distribution has each of the large ones.
for packages in "${missing# }" $large; do
    # shellcheck disable=SC2086
    [ -z "$packages" ] || install $packages ||
        echo "missing system packages: $packages (apt install $packages): the tests that need them are skipped"
done
