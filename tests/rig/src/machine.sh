#!/usr/bin/env bash
# A machine of its own for a test: systemd as process 1 of fresh namespaces, on a copy of this machine's files that is gone with it. Nothing of
# what happens there is seen outside.
#   machine.sh boot FOLDER DEB   boots with the package in /root; the machine ends when this process is told to
#   machine.sh try FOLDER        ends with 0 if that can be done here, and says why if it cannot
set -euo pipefail
stage=$1 folder=$2 deb=${3:-}

outside() { # In a mount namespace of its own.
    mount -t tmpfs -o mode=755 tmpfs "$folder"
    mkdir "$folder"/{upper,work,root,cgroup}
    # A group of its own, which the machine takes for the root of all groups.
    mount -t cgroup2 none "$folder/cgroup"
    local before group
    before=$folder/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
    if [ ! -d "$before" ]; then before=$folder/cgroup; fi
    group=$before/atelier-test-$$
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
    unshare --fork --kill-child --mount --pid --uts --ipc --net --cgroup "$0" "inside-$stage" "$folder" "$deb" &
    local inside=$!
    trap 'kill -KILL $inside 2>/dev/null || true' TERM
    local status=0
    wait "$inside" || status=$?
    echo $$ >"$before/cgroup.procs"
    # The last of its processes may not be gone yet.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        if find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
        sleep 0.1
    done
    exit "$status"
}

inside() {
    local root=$folder/root
    mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
    mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
    # Settings of the kernel are everybody's.
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
    local device
    for device in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
        # shellcheck disable=SC2086
        set -- $device
        mknod -m 666 "$root/dev/$1" c "$2" "$3"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    if [ "$stage" = inside-try ]; then return; fi

    # Only what systemd itself needs.
    rm -rf "$root"/etc/systemd/system/* "$root"/lib/systemd/system-generators/* "$root"/etc/fstab
    find "$root"/lib/systemd/system/*.wants -mindepth 1 ! -name 'systemd-journald*' -delete
    mkdir -p "$root/etc/systemd/journald.conf.d"
    printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/test.conf"
    printf '[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n' >"$root/etc/systemd/system/test.target"
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    cp "$deb" "$root/root"
    # Where nothing is to be kept, nothing has to reach a disk.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/test"
    rm -f "$root/usr/sbin/policy-rc.d"

    cd "$root"
    mkdir -p mnt
    pivot_root . mnt
    umount -l /mnt
    # Credentials are mounted by a process on the side, and have to be seen by all.
    mount --make-rshared /
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        /lib/systemd/systemd --system --unit=test.target --show-status=no
}

case $stage in
boot | try) outside ;;
inside-*) inside ;;
esac
