//! The system inside: what of the host's configuration a test machine does not want, and what it has instead.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::carried;
use super::layout::Layout;

/// Units of the distribution that have no business in a container: devices, terminals, clocks, housekeeping.
const MASKED: &[&str] = &[
    "console-getty.service",
    "cryptsetup.target",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "getty-static.service",
    "getty.target",
    "kmod-static-nodes.service",
    "ldconfig.service",
    "packagekit-offline-update.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-initctl.socket",
    "systemd-journal-flush.service",
    "systemd-journald-audit.socket",
    "systemd-logind-varlink.socket",
    "systemd-logind.service",
    "systemd-machine-id-commit.service",
    "systemd-modules-load.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-repart.service",
    // Kernel settings outside the network namespace are the host's.
    "systemd-sysctl.service",
    "systemd-sysusers.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
    "var-lib-machines.mount",
];

/// Generators that read the host's disks, boot line and init scripts.
const MASKED_GENERATORS: &[&str] = &[
    // Another engine's, for the same directories.
    "podman-system-generator",
    "postgresql-generator",
    "systemd-cryptsetup-generator",
    "systemd-debug-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-rc-local-generator",
    "systemd-run-generator",
    "systemd-system-update-generator",
    "systemd-sysv-generator",
    "systemd-veritysetup-generator",
];

/// Directories emptied at the first boot: what the host has enabled does not start here.
const EMPTIED: &[&str] = &[
    "etc/systemd/system",
    "etc/systemd/user",
    "etc/containers",
    "etc/containers/systemd",
    "var/log/journal",
];

/// Files of the machine's own.
const FILES: &[(&str, &str)] = &[
    ("etc/fstab", "# The launcher has mounted everything.\n"),
    (
        "etc/resolv.conf",
        "# Without a route out: unreachable at once, never a timeout.\nnameserver 192.0.2.53\n",
    ),
    (
        "etc/systemd/journald.conf.d/10-machine.conf",
        "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\nForwardToSyslog=no\n",
    ),
    (
        "etc/systemd/system.conf.d/10-machine.conf",
        "[Manager]\nLogTarget=journal-or-kmsg\nStatusUnitFormat=name\nShowStatus=no\nDefaultTimeoutStopSec=20s\n",
    ),
    // A container cannot lower the score (CAP_SYS_RESOURCE), and does not need to.
    (
        "etc/systemd/system/systemd-journald.service.d/10-machine.conf",
        "[Service]\nOOMScoreAdjust=\n",
    ),
    (
        "etc/systemd/system/dbus.service.d/10-machine.conf",
        "[Service]\nOOMScoreAdjust=\n",
    ),
];

/// Makes the root a machine of its own at the first boot; what the machine has changed since is left alone.
///
/// # Errors
/// The overlay refuses a write.
pub fn prepare(layout: &Layout) -> io::Result<()> {
    let root = layout.root();
    let stamp = root.join("var/lib/unipod-machine");
    if stamp.exists() {
        return Ok(());
    }
    for dir in EMPTIED {
        empty(&root.join(dir))?;
    }
    mask(&root.join("etc/systemd/system"), MASKED)?;
    mask(&root.join("etc/systemd/system-generators"), MASKED_GENERATORS)?;
    for (path, text) in FILES {
        write(&root.join(path), text)?;
    }
    write(&root.join("etc/hostname"), &format!("{}\n", layout.hostname))?;
    write(&root.join("etc/machine-id"), &format!("{}\n", layout.machine_id))?;
    let hosts = format!(
        "127.0.0.1 localhost registry.local\n::1 localhost\n127.0.1.1 {}\n",
        layout.hostname
    );
    write(&root.join("etc/hosts"), &hosts)?;
    if layout.is_foreign() {
        carried::carry(&root)?;
    }
    restore_seed(layout)?;
    fs::write(stamp, "")
}

/// Lays the files of the test over the cleaned root (they came before the first boot, see [`super::MachineConfig`]).
fn restore_seed(layout: &Layout) -> io::Result<()> {
    let seed = layout.dir.join("seed");
    if seed.is_dir() {
        copy_tree(&seed, &layout.root())
    } else {
        Ok(())
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn empty(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)
}

fn mask(dir: &Path, units: &[&str]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for unit in units {
        symlink("/dev/null", dir.join(unit))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // The host may have a symbolic link here (/etc/resolv.conf): replaced, never followed.
    let _ = fs::remove_file(path);
    fs::write(path, text)
}
