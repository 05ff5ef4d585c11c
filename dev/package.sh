#!/usr/bin/env bash
# Makes atelier-edge_VERSION_ARCH.deb and atelier-edge-VERSION-ARCH.tar.gz in target/package: programs, units, schema, nginx,
# settings, documentation. It takes dpkg-deb and binutils, which every Debian has that can build the programs.
#   PROFILE=release      what is built for it; with PROFILE=dev a debug build, quickly
#   BINARIES=DIR         nothing is built: the programs are there
#   OUT=DIR              where the package goes
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${PROFILE:-release}
out=${OUT:-target/package}
if [ -z "${BINARIES:-}" ]; then
    cargo build --profile "$profile" --locked --workspace --bins
    folder=$profile
    if [ "$profile" = dev ]; then folder=debug; fi
    BINARIES=${CARGO_TARGET_DIR:-target}/$folder
fi
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
arch=$(dpkg --print-architecture)
# The same commit makes the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.lock)}
export SOURCE_DATE_EPOCH

mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Nothing of whoever builds it: not the mask, not the owner.
umask 022
root=$work/root
put() { # put MODE FOLDER FILE…
    local mode=$1 folder=$root/$2
    shift 2
    install -d -m 755 "$folder"
    install -m "$mode" "$@" "$folder"
}
tree() { # tree FOLDER FROM: what is in FROM, as it lies there
    (cd "$2" && find . -type f -print0) | while IFS= read -r -d '' file; do
        put 644 "$1/$(dirname "$file")" "$2/$file"
    done
}

put 755 usr/bin "$BINARIES/atelier-edge" "$BINARIES/atelier-import"
# A panic says its place without these, and they are nine tenths of a program.
strip --strip-debug "$root/usr/bin/atelier-edge" "$root/usr/bin/atelier-import"
put 644 usr/lib/systemd/system systemd/*.service systemd/*.socket systemd/*.timer
put 644 usr/lib/sysusers.d systemd/sysusers.conf
mv "$root/usr/lib/sysusers.d/sysusers.conf" "$root/usr/lib/sysusers.d/atelier-edge.conf"
put 644 etc/atelier-edge systemd/atelier-edge.env systemd/atelier-import.env
put 644 usr/share/atelier-edge schema.sql
tree usr/share/atelier-edge/nginx nginx
if [ -d monitoring ]; then tree usr/share/atelier-edge/monitoring monitoring; fi
put 644 usr/share/doc/atelier-edge README.md CHANGELOG.md
tree usr/share/doc/atelier-edge/docs docs
put 644 usr/share/doc/atelier-edge LICENSE
mv "$root/usr/share/doc/atelier-edge/LICENSE" "$root/usr/share/doc/atelier-edge/copyright"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# The same tree for machines without dpkg: tar -xzf … --strip-components=1 -C / && systemd-sysusers && systemctl daemon-reload
name=atelier-edge-$version-$arch
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --transform "s,^\.,$name," \
    -C "$root" -c . | gzip -n "-${GZIP_LEVEL:-9}" >"$out/$name.tar.gz"

install -d -m 755 "$root/DEBIAN"
install -m 755 dev/package/postinst dev/package/prerm dev/package/postrm "$root/DEBIAN"
printf '/etc/atelier-edge/atelier-edge.env\n/etc/atelier-edge/atelier-import.env\n' >"$root/DEBIAN/conffiles"
# The oldest libc that has all the symbols which the programs ask for.
libc=$(objdump -T "$root"/usr/bin/* | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
cat >"$root/DEBIAN/control" <<END
Package: atelier-edge
Version: $version
Architecture: $arch
Maintainer: The atelier-edge authors <ops@atelier.example>
Installed-Size: $(du -k -s --apparent-size "$root" | cut -f 1)
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1, systemd (>= 250), ca-certificates
Suggests: nginx, postgresql, redis-server
Section: net
Priority: optional
Homepage: https://atelier.example/atelier-edge
Description: serves the Atelier shop API
 Ready-made answers in process, Redis behind them, PostgreSQL as the origin:
 no answer is silently older than two seconds. With the import of the catalogue
 and units for systemd.
END
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root"/DEBIAN/{control,conffiles,md5sums}
dpkg-deb --root-owner-group "-Z${DEB_COMPRESSION:-xz}" --build "$root" "$out/atelier-edge_${version}_$arch.deb" >/dev/null
ls -l "$out/$name.tar.gz" "$out/atelier-edge_${version}_$arch.deb"
