//! The package, installed into a folder.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use atelier_rig::{Package, Scratch};

use super::SERVER;

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output
}

/// The files below `root` with their modes.
fn files(root: &Path) -> BTreeMap<String, u32> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
                found.insert(path.strip_prefix(root).unwrap().display().to_string(), mode);
            }
        }
    }
    found
}

#[test]
fn it_installs_into_a_folder_with_everything_at_its_place_and_its_programs_run() {
    if !is_root() {
        eprintln!("skipped: only root can give files to others");
        return;
    }
    let package = Package::make(SERVER);
    let scratch = Scratch::new("installed");
    let root = scratch.path().join("root");
    for folder in ["var/lib/dpkg/updates", "var/lib/dpkg/info", "etc"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let deb = package.deb.display().to_string();
    let dpkg = |arguments: &[&str]| {
        let root = format!("--root={}", root.display());
        // The folder has no libc and no shell of its own.
        let common = [&*root, "--force-depends", "--force-script-chrootless", "--force-not-root", "--force-unsafe-io"];
        run("dpkg", &[&common, arguments].concat())
    };
    dpkg(&["--install", &deb]);

    let installed = files(&root);
    for (path, mode) in [
        ("usr/bin/atelier-edge", 0o755),
        ("usr/bin/atelier-import", 0o755),
        ("usr/lib/systemd/system/atelier-edge.service", 0o644),
        ("usr/lib/systemd/system/atelier-edge.socket", 0o644),
        ("usr/lib/systemd/system/atelier-edge@.service", 0o644),
        ("usr/lib/systemd/system/atelier-edge@.socket", 0o644),
        ("usr/lib/systemd/system/atelier-import.service", 0o644),
        ("usr/lib/systemd/system/atelier-import.timer", 0o644),
        ("usr/lib/sysusers.d/atelier-edge.conf", 0o644),
        // There may be passwords in these.
        ("etc/atelier-edge/atelier-edge.env", 0o640),
        ("etc/atelier-edge/atelier-import.env", 0o600),
        ("usr/share/atelier-edge/schema.sql", 0o644),
        ("usr/share/doc/atelier-edge/README.md", 0o644),
        ("usr/share/doc/atelier-edge/copyright", 0o644),
        ("usr/share/doc/atelier-edge/docs/failures.md", 0o644),
    ] {
        assert_eq!(installed.get(path), Some(&mode), "{path}");
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, mode) in files(&repository.join("nginx")) {
        assert_eq!(installed.get(&format!("usr/share/atelier-edge/nginx/{path}")), Some(&0o644), "{path} {mode:o}");
    }
    for path in ["usr/share/atelier-edge/schema.sql", "etc/atelier-edge/atelier-edge.env"] {
        let from = path.replace("usr/share/atelier-edge/", "").replace("etc/atelier-edge/", "systemd/");
        assert_eq!(std::fs::read(root.join(path)).unwrap(), std::fs::read(repository.join(from)).unwrap(), "{path}");
    }
    // The node's user was made, and its group may read the settings.
    let groups = std::fs::read_to_string(root.join("etc/group")).unwrap();
    let group =
        |name: &str| groups.lines().find_map(|line| line.strip_prefix(&format!("{name}:x:"))?.split(':').next());
    let gid = group("atelier-edge").unwrap_or_else(|| panic!("{groups}"));
    let metadata = root.join("etc/atelier-edge/atelier-edge.env").metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid().to_string()), (0, gid.to_owned()));
    assert!(group("atelier-import").is_some());

    let version = env!("CARGO_PKG_VERSION");
    for program in ["atelier-edge", "atelier-import"] {
        let said = run(&root.join("usr/bin").join(program).display().to_string(), &["--version"]).stdout;
        assert_eq!(String::from_utf8(said).unwrap(), format!("{program} {version}\n"));
    }
    let settings = root.join("etc/atelier-edge/atelier-edge.env").display().to_string();
    run(&root.join("usr/bin/atelier-edge").display().to_string(), &["check-config", "--env-file", &settings]);

    // Settings that somebody changed outlive an upgrade, with who may read them.
    std::fs::write(&settings, "ATELIER_TTL_LIST=5s\n").unwrap();
    dpkg(&["--force-confold", "--install", &deb]);
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), "ATELIER_TTL_LIST=5s\n");
    assert_eq!(files(&root).get("etc/atelier-edge/atelier-edge.env"), Some(&0o640));
    dpkg(&["--remove", "atelier-edge"]);
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), "ATELIER_TTL_LIST=5s\n");
    assert!(!root.join("usr/bin/atelier-edge").exists());
    dpkg(&["--purge", "atelier-edge"]);
    assert!(!root.join("etc/atelier-edge").exists());

    // The tarball holds the same files.
    let folder = scratch.path().join("tar");
    std::fs::create_dir(&folder).unwrap();
    let (tarball, into) = (package.tarball.display().to_string(), folder.display().to_string());
    run("tar", &["-xzf", &tarball, "--strip-components=1", "-C", &into]);
    let unpacked: Vec<_> = files(&folder).into_keys().collect();
    let own: Vec<_> =
        installed.into_keys().filter(|path| !path.starts_with("var/lib/dpkg") && !is_account(path)).collect();
    assert_eq!(unpacked, own);
}

/// Whether a file was written by the making of users.
fn is_account(path: &str) -> bool {
    ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/.pwd.lock"].iter().any(|file| path.starts_with(file))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    id == b"0\n"
}
