//! Leaving what a process of ours does not need, for good: the host's files, its rights, most system calls. For one that others are
//! to see who are not to get anything through it.

// prctl(2) and seccomp(2) have no safe wrappers for what is done here.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount};
use rustix::process::{DumpableBehavior, chdir, pivot_root, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::mount::fd_path;
use super::tree;

/// A directory that is on every machine. What it shows is not needed any more.
const ANY: &str = "/proc";

/// Size of an instruction of a filter: `struct sock_filter` of linux/filter.h.
const INSTRUCTION: usize = 8;

/// Opens `/dev/null` so that nobody who gets at the descriptor can change the file: its mode and owner are the host's.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN` in its mount namespace.
pub fn null() -> io::Result<File> {
    let view = tree::read_only(Path::new("/dev/null"))?;
    File::options().read(true).write(true).open(fd_path(view.as_fd()))
}

/// Makes an empty directory that cannot be written the root of the calling process, whose mount namespace is its own. Nothing else
/// is left in that.
///
/// # Errors
/// The kernel refuses.
pub fn leave_all_files() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("none", ANY, "tmpfs", flags, c"mode=555,size=4k,nr_inodes=1")?;
    chdir(ANY)?;
    // The old root lies on top of the new one then (pivot_root(2)).
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    mount_remount("/", flags | MountFlags::RDONLY, "")?;
    Ok(())
}

/// Gives up all capabilities, the right to get any by executing something, and being looked into by others than those who may trace
/// everybody of our user namespace (ptrace(2)). Then, of the system calls, those that `filter` refuses, a program for the kernel in
/// its own form.
///
/// # Errors
/// The kernel refuses.
pub fn leave_all_rights(filter: Option<&[u8]>) -> io::Result<()> {
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            // It does not know so many.
            Err(rustix::io::Errno::INVAL) => break,
            other => other?,
        }
    }
    clear_ambient_capability_set()?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        },
    )?;
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    filter.map_or(Ok(()), set_filter)
}

fn set_filter(code: &[u8]) -> io::Result<()> {
    let mut instructions: Vec<libc::sock_filter> = code.chunks_exact(INSTRUCTION).map(instruction).collect();
    let program = libc::sock_fprog {
        len: u16::try_from(instructions.len()).map_err(io::Error::other)?,
        filter: instructions.as_mut_ptr(),
    };
    // SAFETY: the kernel copies `len` instructions from a live vector of as many.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn instruction(bytes: &[u8]) -> libc::sock_filter {
    let [a, b, jt, jf, k @ ..] = bytes else {
        unreachable!("chunks have {INSTRUCTION} bytes")
    };
    libc::sock_filter {
        code: u16::from_ne_bytes([*a, *b]),
        jt: *jt,
        jf: *jf,
        k: u32::from_ne_bytes(k.try_into().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_null_device_cannot_be_changed_through_its_descriptor() {
        use std::io::{Read, Write};
        let mut file = null().unwrap();
        file.write_all(b"lost").unwrap();
        assert_eq!(file.read(&mut [0]).unwrap(), 0);
        let mode = file.metadata().unwrap().permissions();
        let error = std::fs::set_permissions(fd_path(&file), mode).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EROFS));
    }

    #[test]
    fn instructions_are_those_of_the_kernel() {
        let mut code = 0x15_u16.to_ne_bytes().to_vec();
        code.extend([1, 2]);
        code.extend(59_u32.to_ne_bytes());
        let read = instruction(&code);
        assert_eq!((read.code, read.jt, read.jf, read.k), (0x15, 1, 2, 59));
    }
}
