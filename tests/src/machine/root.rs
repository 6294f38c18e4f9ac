//! The machine's first process before it is systemd: mounts the root in its fresh namespaces and executes systemd.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};
use nix::unistd::{chdir, pivot_root, sethostname};

use super::carried;
use super::guest;
use super::layout::{DISKS, Layout, Shared};

/// systemd as the distribution installs it.
const SYSTEMD: &str = "/lib/systemd/systemd";

/// Character devices every system has: name, major, minor (Linux `Documentation/admin-guide/devices.txt`).
const DEVICES: [(&str, u64, u64); 8] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
    ("fuse", 10, 229),
    ("net/tun", 10, 200),
];

/// Mounts the machine's root, moves into it and becomes systemd.
///
/// # Errors
/// What the kernel refuses; on success it does not return.
pub fn init(dir: &Path) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    umask(Mode::from_bits_truncate(0o022));
    let layout = Layout::load(dir)?;
    let console = File::options().append(true).open(layout.console())?;
    mount_root(&layout)?;
    mount_kernel(&layout.root())?;
    mount_dev(&layout.root(), &layout.console())?;
    mount_disks(&layout)?;
    guest::prepare(&layout)?;
    sethostname(&layout.hostname)?;
    enter_root(&layout.root())?;
    let error = Command::new(SYSTEMD)
        .env_clear()
        // Tells systemd that it is in a container, see systemd.io/CONTAINER_INTERFACE.
        .env("container", "unipod-machine")
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
        .stdout(console.try_clone()?)
        .stderr(console)
        .exec();
    Err(error)
}

fn mount_root(layout: &Layout) -> io::Result<()> {
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )?;
    bind(&layout.base, &layout.lower())?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        layout.lower().display(),
        layout.upper().display(),
        layout.work().display()
    );
    mount(
        Some("overlay"),
        &layout.root(),
        Some("overlay"),
        MsFlags::empty(),
        Some(options.as_str()),
    )?;
    Ok(())
}

fn mount_kernel(root: &Path) -> io::Result<()> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let locked = quiet | MsFlags::MS_NOEXEC;
    file_system("proc", &root.join("proc"), locked, "")?;
    file_system("sysfs", &root.join("sys"), locked, "")?;
    file_system("cgroup2", &root.join("sys/fs/cgroup"), locked, "")?;
    file_system("tmpfs", &root.join("run"), quiet, "mode=755")?;
    file_system("tmpfs", &root.join("tmp"), quiet, "mode=1777")
}

fn mount_dev(root: &Path, console: &Path) -> io::Result<()> {
    let dev = root.join("dev");
    file_system("tmpfs", &dev, MsFlags::MS_NOSUID, "mode=755")?;
    for sub in ["pts", "shm", "mqueue", "net"] {
        fs::create_dir(dev.join(sub))?;
    }
    let before = umask(Mode::empty());
    for (name, major, minor) in DEVICES {
        mknod(
            &dev.join(name),
            SFlag::S_IFCHR,
            Mode::from_bits_truncate(0o666),
            makedev(major, minor),
        )?;
    }
    umask(before);
    let locked = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    file_system(
        "devpts",
        &dev.join("pts"),
        locked,
        "newinstance,gid=5,mode=620,ptmxmode=666",
    )?;
    file_system(
        "tmpfs",
        &dev.join("shm"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        "mode=1777",
    )?;
    file_system("mqueue", &dev.join("mqueue"), locked | MsFlags::MS_NODEV, "")?;
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ];
    for (name, target) in links {
        symlink(target, dev.join(name))?;
    }
    File::create(dev.join("console"))?;
    bind(console, &dev.join("console"))
}

fn mount_disks(layout: &Layout) -> io::Result<()> {
    for disk in DISKS {
        let inside = layout.root().join(disk);
        fs::create_dir_all(&inside)?;
        bind(&layout.disk(disk), &inside)?;
    }
    let host = layout.is_foreign().then(|| Shared {
        host: "/".into(),
        inside: carried::HOST.into(),
        writable: false,
    });
    for Shared { host, inside, writable } in layout.shared.iter().chain(&host) {
        let inside = layout.root().join(inside.strip_prefix("/").unwrap_or(inside));
        fs::create_dir_all(&inside)?;
        bind(host, &inside)?;
        if *writable {
            continue;
        }
        let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &inside, None::<&str>, read_only, None::<&str>)?;
    }
    Ok(())
}

/// Makes `root` the root directory of this mount namespace; the host's root is gone from it afterwards.
fn enter_root(root: &Path) -> io::Result<()> {
    chdir(root)?;
    // The old root is stacked upon the new one and taken off again, see pivot_root(2), "pivot_root(".", ".")".
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")?;
    Ok(())
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    Ok(())
}

fn file_system(kind: &str, at: &Path, flags: MsFlags, options: &str) -> io::Result<()> {
    mount(Some(kind), at, Some(kind), flags, Some(options))
        .map_err(|error| io::Error::other(format!("mount {kind} at {}: {error}", at.display())))
}
