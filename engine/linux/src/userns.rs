//! User namespaces held by a descriptor.
//!
//! Only a process with a single thread may enter or make one (`user_namespaces(7)`), and the engine has several: a short-lived
//! child does it, stops, and is looked at through `/proc` from outside.

// fork(2) has no safe form: the child of a process with threads may only do what is safe in a signal handler.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Part of a mapping: the first ID inside, the first outside, how many.
pub type IdRange = (u32, u32, u32);

/// A user namespace; it lives as long as this, or as long as a process is in it.
#[derive(Debug)]
pub struct UserNamespace(OwnedFd);

impl UserNamespace {
    /// Makes one with these mappings to the IDs of the caller's.
    ///
    /// # Errors
    /// The kernel refuses the namespace or a mapping: IDs that overlap, or more than 340 ranges (`user_namespaces(7)`).
    pub fn create(uids: &[IdRange], gids: &[IdRange]) -> io::Result<Self> {
        let child = Child::after(|| unshare(CloneFlags::CLONE_NEWUSER))?;
        fs::write(child.proc("uid_map"), map_text(uids))?;
        fs::write(child.proc("gid_map"), map_text(gids))?;
        child.namespace("user").map(Self)
    }

    /// Opens the one at `path`, a file of `/proc/PID/ns` or a pin. `None` if it is the caller's own.
    ///
    /// # Errors
    /// There is nothing, or it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = fs::File::open(path)?;
        let (found, own) = (file.metadata()?, fs::metadata("/proc/self/ns/user")?);
        let same = (found.dev(), found.ino()) == (own.dev(), own.ino());
        Ok((!same).then(|| Self(file.into())))
    }

    /// Its mappings of users and of groups, as seen from the caller's.
    ///
    /// # Errors
    /// It is no user namespace, or one that the caller may not enter.
    pub fn mappings(&self) -> io::Result<(Vec<IdRange>, Vec<IdRange>)> {
        let child = Child::after(|| setns(self, CloneFlags::CLONE_NEWUSER))?;
        let read = |name| fs::read_to_string(child.proc(name)).map(|text| parse_map(&text));
        Ok((read("uid_map")?, read("gid_map")?))
    }

    /// Makes namespaces of these kinds that belong to it, and opens those with these names in `/proc/PID/ns`: only in a network of
    /// its own are its `CAP_NET_ADMIN` and `CAP_NET_BIND_SERVICE` worth anything, and only there may it mount sysfs
    /// (capabilities(7)).
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn namespaces(&self, kinds: CloneFlags, names: &[&str]) -> io::Result<Vec<OwnedFd>> {
        let enter = || setns(self, CloneFlags::CLONE_NEWUSER).and_then(|()| unshare(kinds));
        let child = Child::after(enter)?;
        names.iter().map(|name| child.namespace(name)).collect()
    }

    /// A path by which other processes reach it as long as this process keeps it.
    ///
    /// The dot is for runc 1.2 and newer, which take any path of the form `/proc/PID/…` for a namespace that process PID is
    /// in, and compare the mapping with that process's.
    pub fn path(&self) -> PathBuf {
        format!("/proc/./{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

impl AsFd for UserNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn map_text(ranges: &[IdRange]) -> String {
    ranges
        .iter()
        .map(|(inside, outside, size)| [inside, outside, size].map(u32::to_string).join(" ") + "\n")
        .collect()
}

fn parse_map(text: &str) -> Vec<IdRange> {
    let fields = |line: &str| {
        line.split_whitespace()
            .map(|field| field.parse().ok())
            .collect::<Option<Vec<u32>>>()
    };
    let range = |line| <[u32; 3]>::try_from(fields(line)?).ok().map(IdRange::from);
    text.lines().filter_map(range).collect()
}

/// A process that has changed its namespaces and waits to be looked at; killed when dropped.
struct Child(Pid);

impl Child {
    /// Forks and waits until `work` is done in the child. `work` may make system calls and nothing else.
    fn after(work: impl Fn() -> nix::Result<()>) -> io::Result<Self> {
        // SAFETY: the child makes system calls through thin wrappers that neither allocate nor lock, and never returns.
        let child = match unsafe { fork() }? {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => stop_after(work),
        };
        match child.wait(WaitPidFlag::WUNTRACED)? {
            WaitStatus::Stopped(..) => Ok(child),
            WaitStatus::Exited(_, code) => Err(io::Error::from_raw_os_error(code)),
            status => Err(io::Error::other(format!("the helper process ended with {status:?}"))),
        }
    }

    fn wait(&self, flags: WaitPidFlag) -> nix::Result<WaitStatus> {
        loop {
            match waitpid(self.0, Some(flags)) {
                Err(Errno::EINTR) => {}
                other => return other,
            }
        }
    }

    fn proc(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.0).into()
    }

    fn namespace(&self, name: &str) -> io::Result<OwnedFd> {
        Ok(fs::File::open(self.proc("ns").join(name))?.into())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended is not there any more, which is what is wanted.
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = self.wait(WaitPidFlag::empty());
    }
}

fn stop_after(work: impl Fn() -> nix::Result<()>) -> ! {
    // After the work: the kernel forgets the death signal when credentials change (prctl(2)).
    let done = work()
        .and_then(|()| set_pdeathsig(Signal::SIGKILL))
        .and_then(|()| raise(Signal::SIGSTOP));
    // SAFETY: ends the process without running anything of the parent's. Error numbers are below 134 and fit an exit code.
    unsafe { libc::_exit(done.err().unwrap_or(Errno::ECHILD) as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_those_asked_for() {
        let (uids, gids) = (vec![(0, 100_000, 1000), (5000, 7, 1)], vec![(0, 200_000, 10)]);
        let namespace = UserNamespace::create(&uids, &gids).unwrap();
        assert_eq!(namespace.mappings().unwrap(), (uids, gids));
        let again = UserNamespace::open(&namespace.path()).unwrap().unwrap();
        assert_eq!(again.mappings().unwrap().1, [(0, 200_000, 10)]);
        assert!(UserNamespace::open(Path::new("/proc/self/ns/user")).unwrap().is_none());
    }

    #[test]
    fn what_the_kernel_refuses_is_an_error_and_leaves_no_process() {
        let overlapping = [(0, 100_000, 10), (5, 300_000, 10)];
        let error = UserNamespace::create(&overlapping, &overlapping).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        let network = UserNamespace::open(Path::new("/proc/self/ns/net")).unwrap().unwrap();
        assert_eq!(network.mappings().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(Errno::ECHILD));
    }

    #[test]
    fn a_network_namespace_belongs_to_it() {
        let namespace = UserNamespace::create(&[(0, 100_000, 10)], &[(0, 100_000, 10)]).unwrap();
        let network = namespace
            .namespaces(CloneFlags::CLONE_NEWNET, &["net"])
            .unwrap()
            .remove(0);
        // Entered with the rights of the user namespace only, loopback can be set up: the network is its own.
        let script = "ip link set lo up && cat /proc/net/dev | grep -c :";
        let enter = [
            format!("--user={}", namespace.path().display()),
            format!("--net=/proc/{}/fd/{}", std::process::id(), network.as_raw_fd()),
        ];
        let output = std::process::Command::new("nsenter")
            .args(enter)
            .args(["sh", "-c", script])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1", "{output:?}");
    }
}
