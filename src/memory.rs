//! How much memory this process may take, and how much it takes.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

/// Where cgroups of version 2 are, alone or beside those of version 1.
const UNIFIED: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// Where the memory controller of version 1 is.
const V1: &str = "/sys/fs/cgroup/memory";

/// Version 1 says that there is no limit with the largest number of whole pages; nobody has so much.
const NO_LIMIT: u64 = 1 << 60;

/// The least of what cgroups and `ulimit` (data and address space) leave to this process; `None` when neither limits it.
pub fn limit() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_groups = UNIFIED.iter().map(|root| (*root, group(&own, ""), "memory.max"));
    let of_groups = of_groups.chain([(V1, group(&own, "memory"), "memory.limit_in_bytes")]);
    let of_groups = of_groups.filter_map(|(root, group, file)| of_group(Path::new(root), group?, file));
    let of_process = [Resource::Data, Resource::As].into_iter().filter_map(|resource| getrlimit(resource).current);
    of_groups.chain(of_process).min()
}

/// The path of this process's group under a controller; version 2 has none by name.
fn group<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

/// The least limit of a group and those above it. In a container the group's path may be one of the host, and not be there: then
/// the root is its own.
fn of_group(root: &Path, group: &str, file: &str) -> Option<u64> {
    let own: PathBuf = root.join(group.trim_start_matches('/'));
    let above = own.ancestors().take_while(|path| path.starts_with(root));
    above.filter_map(|path| parse(&fs::read_to_string(path.join(file)).ok()?)).min()
}

/// `max` is no limit.
fn parse(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < NO_LIMIT)
}

/// How much of this process is in memory and can be nowhere else: what is mapped from files, as the program itself, the kernel takes back
/// when it needs the room.
pub fn resident() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = pages.split_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * u64::try_from(rustix::param::page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_by_its_controller() {
        let own = "9:name=systemd:/\n4:cpu,memory:/pods/a:b\n0::/user.slice\n";
        assert_eq!(group(own, "memory"), Some("/pods/a:b"));
        assert_eq!(group(own, ""), Some("/user.slice"));
        assert_eq!(group(own, "mem"), None);
    }

    #[test]
    fn the_least_limit_on_the_way_up_counts() {
        let scratch = atelier_rig::Scratch::new("cgroup");
        let root = scratch.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        let set = |group: &str, limit: &str| fs::write(root.join(group).join("memory.max"), limit).unwrap();
        assert_eq!(of_group(root, "/a/b", "memory.max"), None, "nothing limits it");
        set("a/b", "max\n");
        set("", "9000\n");
        assert_eq!(of_group(root, "/a/b", "memory.max"), Some(9000));
        set("a", "4096\n");
        assert_eq!(of_group(root, "/a/b", "memory.max"), Some(4096));
        set("a/b", "8192\n");
        assert_eq!(of_group(root, "/a/b", "memory.max"), Some(4096));
        assert_eq!(of_group(root, "/of/the/host", "memory.max"), Some(9000));
        set("", "9223372036854771712\n");
        assert_eq!(of_group(root, "/", "memory.max"), None, "what version 1 says without a limit");
    }

    #[test]
    fn what_is_touched_is_resident() {
        let before = resident().unwrap();
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let grown = resident().unwrap() - before;
        assert!(grown >= 60 << 20, "{grown}");
        drop(touched);
    }
}
