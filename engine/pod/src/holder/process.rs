//! The process itself: our own program, executed for nothing else, before it reads a command line.
//!
//! A first process enters the pod's namespaces and makes those that are to be new; its child is the holder. That gives up the host's
//! files, all capabilities, most system calls, and all descriptors but the standard ones, on `/dev/null`. Then it waits for signals.

// fork(2) has no safe form, and sigwaitinfo(2) no wrapper that hands on what came with a signal.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::process::ExitCode;

use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::SigSet;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Gid, Uid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setgroups, setresgid, setresuid, setsid,
};
use serde::{Deserialize, Serialize};
use unipod_linux::{confine, spawn};

/// The word that makes our own program a holder.
pub const COMMAND: &str = "hold-pod";

/// What it is to hold: one line of JSON on its standard input, before the filter of its system calls in the kernel's own form.
#[derive(Debug, Serialize, Deserialize)]
pub struct Orders {
    /// Whether it is PID 1 of a PID namespace.
    pub has_processes: bool,
    /// Whether it has a network namespace of its own.
    pub own_network: bool,
    /// Whether it has an IPC namespace of its own.
    pub own_ipc: bool,
    /// Whether it has a UTS namespace of its own.
    pub own_uts: bool,
    /// Namespaces of other kinds than user namespaces to be in.
    pub join: Vec<PathBuf>,
    /// The user namespace to be in, which all new ones belong to.
    pub users: Option<PathBuf>,
}

impl Orders {
    fn new_kinds(&self) -> CloneFlags {
        let kinds = [
            (self.has_processes, CloneFlags::CLONE_NEWPID),
            (self.own_network, CloneFlags::CLONE_NEWNET),
            (self.own_ipc, CloneFlags::CLONE_NEWIPC),
            (self.own_uts, CloneFlags::CLONE_NEWUTS),
            (true, CloneFlags::CLONE_NEWNS),
            (true, CloneFlags::CLONE_NEWCGROUP),
        ];
        kinds.into_iter().filter_map(|(is, kind)| is.then_some(kind)).collect()
    }
}

/// What is to be said when something cannot be done.
type Said<T> = Result<T, String>;

fn told<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("cannot {what}: {error}")
}

/// From our program's first instruction to the holder's last. Of the process that was started, the end says that there is a holder,
/// and its standard output the holder's number.
pub fn main() -> ExitCode {
    spawn::close_inherited();
    // The names of the kernel's limits: seen in `ps` by members.
    let _ = nix::sys::prctl::set_name(c"unipod-holder");
    match begin() {
        Ok(Role::Starter(pid)) => {
            let said = writeln!(io::stdout(), "{pid}");
            said.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Ok(Role::Holder) => hold(),
        Ok(Role::Failed) => ExitCode::FAILURE,
        Err(message) => {
            // Nobody listens if it cannot be said.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

/// Which of the two processes this is.
enum Role {
    /// The one that was started; the other one's number.
    Starter(i32),
    /// The one that stays.
    Holder,
    /// The one that was to stay, and has said why it cannot.
    Failed,
}

fn begin() -> Said<Role> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).map_err(told("read what to hold"))?;
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let orders: Orders = serde_json::from_slice(&input[..end]).map_err(told("understand what to hold"))?;
    let filter = input.get(end + 1..).filter(|code| !code.is_empty());
    // A signal that comes before it is waited for is not lost.
    SigSet::all().thread_block().map_err(told("block all signals"))?;
    let null = confine::null().map_err(told("open /dev/null"))?;
    enter(&orders)?;
    let (mut there, ready) = io::pipe().map_err(told("make a pipe"))?;
    // SAFETY: this process has a single thread.
    match unsafe { fork() }.map_err(told("fork"))? {
        ForkResult::Parent { child } => {
            drop(ready);
            let mut word = Vec::new();
            there.read_to_end(&mut word).map_err(told("wait for the process"))?;
            if word == READY {
                Ok(Role::Starter(child.as_raw()))
            } else {
                Err(String::from_utf8_lossy(&word).into_owned())
            }
        }
        ForkResult::Child => {
            drop(there);
            if settle(&null, orders.users.is_some(), filter, ready) {
                Ok(Role::Holder)
            } else {
                Ok(Role::Failed)
            }
        }
    }
}

/// What the child says when it is there. Anything else is why it is not.
const READY: &[u8] = b"ready";

/// The pod's namespaces, then its users, then new namespaces, which belong to them.
fn enter(orders: &Orders) -> Said<()> {
    let open = |path: &PathBuf| File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()));
    let users = orders.users.as_ref().map(open).transpose()?;
    for namespace in &orders.join {
        setns(open(namespace)?, CloneFlags::empty()).map_err(told("enter a namespace of the pod"))?;
    }
    if let Some(users) = users {
        setns(users, CloneFlags::CLONE_NEWUSER).map_err(told("enter the pod's user namespace"))?;
    }
    unshare(orders.new_kinds()).map_err(told("make namespaces"))
}

/// Gives up everything, and says that it is done, or why not. Returns whether it is.
fn settle(null: &File, has_users: bool, filter: Option<&[u8]>, mut ready: PipeWriter) -> bool {
    let settled = leave_all(null, has_users, filter);
    let word = settled.as_ref().map_or_else(String::as_bytes, |()| READY);
    // Who does not listen any more was killed, and the unit ends with it.
    let _ = ready.write_all(word);
    settled.is_ok()
}

fn leave_all(null: &File, has_users: bool, filter: Option<&[u8]>) -> Said<()> {
    setsid().map_err(told("make a session"))?;
    if has_users {
        setgroups(&[]).map_err(told("leave the host's groups"))?;
        let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
        setresgid(group, group, group).map_err(told("become the pod's root"))?;
        setresuid(user, user, user).map_err(told("become the pod's root"))?;
    }
    confine::leave_all_files().map_err(told("leave the host's files"))?;
    dup2_stdin(null).map_err(told("close standard input"))?;
    dup2_stdout(null).map_err(told("close standard output"))?;
    dup2_stderr(null).map_err(told("close standard error"))?;
    confine::leave_all_rights(filter).map_err(told("give up all rights"))
}

/// Waits for signals until one ends it.
fn hold() -> ExitCode {
    let mut all = MaybeUninit::uninit();
    // SAFETY: the set is initialized by sigfillset(3), which fails for no valid pointer.
    let all = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    };
    loop {
        // SAFETY: a siginfo_t is plain data, for which all zeroes are a value; the kernel fills it.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are valid.
        match unsafe { libc::sigwaitinfo(&raw const all, &raw mut info) } {
            libc::SIGCHLD => reap(),
            libc::SIGTERM | libc::SIGINT => return ExitCode::SUCCESS,
            libc::SIGUSR1 => return ExitCode::from(value(&info)),
            _ => {}
        }
    }
}

/// The value that came with a signal of sigqueue(3), 0 with another.
fn value(info: &libc::siginfo_t) -> u8 {
    if info.si_code != libc::SI_QUEUE {
        return 0;
    }
    // SAFETY: with this code there is a value. It was sent as a number, which a pointer has in it from its lowest address on.
    let bytes = unsafe { info.si_value() }.sival_ptr.addr().to_ne_bytes();
    let number: [u8; 4] = [bytes[0], bytes[1], bytes[2], bytes[3]];
    // As exit(3) has it.
    i32::from_ne_bytes(number).to_le_bytes()[0]
}

/// Everybody who has ended so far: signals of the same kind are not counted.
fn reap() {
    while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive) {}
}
