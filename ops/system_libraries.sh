#!/bin/sh
# The system libraries that Open3D's renderer and the compiled kernels need, with `tests` the programs that the viewer's
# tests drive as well: installed when root, named when not.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
missing=
for pair in libusb-1.0.so.0:libusb-1.0-0 libvulkan.so.1:libvulkan1 libEGL.so.1:libegl1 libGL.so.1:libgl1 \
            libX11.so.6:libx11-6 libudev.so.1:libudev1 libidn2.so.0:libidn2-0 libgomp.so.1:libgomp1; do
    ldconfig -p 2>/dev/null | grep -q "${pair%%:*}" || missing="$missing ${pair##*:}"
done
ls /usr/share/vulkan/icd.d/*.json >/dev/null 2>&1 || missing="$missing mesa-vulkan-drivers"
command -v c++ >/dev/null 2>&1 || missing="$missing g++"
"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ "${1:-}" = tests ]; then
    command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
    command -v Xvfb >/dev/null 2>&1 || missing="$missing xvfb"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing system libraries:$missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "scene3d: missing system packages:$missing" >&2
    echo "scene3d: install them with: sudo apt-get install$missing (going on without them)" >&2
fi
