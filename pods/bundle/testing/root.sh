# A bare machine to try things in, as debootstrap would unpack it, entered without being root; sourced.

# make_root ROOT DEB...: unpacks the packages, of which none is configured.
make_root() {
  local root=$1 deb
  shift
  mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/pod"
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
  for deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar --extract --keep-directory-symlink --no-same-owner --directory="$root" || return 1
  done
  [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
}

# in_root ROOT COMMAND...: with /pod and /tmp alone to write to, and no variable of the caller's.
in_root() {
  local root=$1
  shift
  # shellcheck disable=SC2016  # for the inner shell
  unshare --user --map-root-user --mount sh -euc '
    root=$1
    shift
    mount --bind "$root" "$root"
    mount --bind "$root/pod" "$root/pod"
    mount -o remount,bind,ro "$root"
    mount --rbind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    exec /usr/sbin/chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/nonexistent LC_ALL=C.UTF-8 "$@"' sh "$root" "$@"
}
