#!/bin/bash
# The real servers that the tests use. On Debian as root they are installed; elsewhere the tests say what is missing.
set -euo pipefail
packages=()
need() { command -v "$1" >/dev/null || packages+=("$2"); }
need docker-registry docker-registry
need skopeo skopeo
need podman podman
need buildah buildah
need runc runc
need busybox busybox-static
need chromium chromium
need kubectl kubernetes-client
need curl curl
need node nodejs
need npm npm
need ssh openssh-client
PATH=$PATH:/usr/sbin need sshd openssh-server
[ ${#packages[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing for the tests: ${packages[*]} (tests that need them will be skipped)" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
