//! The built-in profile: what Podman's default profile answers, as compact data.
//!
//! A call that nobody here knows is answered with `ENOSYS`, so that programs fall back to an older call; a call that is
//! known and refused is answered with `EPERM`.

use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompOperator, LinuxSyscall,
};

use super::profile::Machine;

/// Refused to everybody.
const REFUSED: &str = "
    bdflush io_pgetevents io_pgetevents_time64 kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat oldlstat
    oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapcontext
    swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice
";

/// Allowed to everybody. Of the calls since Linux 5.16 only futex_* (as Podman's coming profile), cachestat, fchmodat2 and
/// map_shadow_stack, which Docker allows, too; uretprobe is made by the kernel in whoever is traced, and would end him.
const ALLOWED: &str = "
    _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown
    chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 clone clone3 close close_range connect copy_file_range creat dup dup2
    dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate
    fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
    flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 fstatfs
    fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
    futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32
    geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid
    getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname
    getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get ioprio_set ipc keyctl
    kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat
    listen listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack mbind membarrier
    memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mount
    mount_setattr move_mount mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
    mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
    name_to_handle_at nanosleep newfstatat open open_tree openat openat2 pause pidfd_getfd pidfd_open
    pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64
    preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace
    pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv reboot recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
    semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_mempolicy set_robust_list
    set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
    setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
    setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaction
    sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend socketcall socketpair splice
    stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs syscall sysinfo syslog tee
    tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
    timer_settime64 timerfd timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
    tkill truncate truncate64 ugetrlimit umask umount umount2 uname unlink unlinkat unshare uretprobe utime
    utimensat utimensat_time64 utimes vfork wait4 waitid waitpid write writev
";

/// Allowed with any of these capabilities, refused without.
const WITH_CAPABILITY: [(&[&str], &str); 11] = [
    (&["DAC_READ_SEARCH"], "open_by_handle_at"),
    (
        &["SYS_ADMIN"],
        "fanotify_init lookup_dcookie quotactl quotactl_fd setdomainname sethostname setns",
    ),
    (&["SYS_ADMIN", "BPF"], "bpf"),
    (&["SYS_ADMIN", "PERFMON"], "perf_event_open"),
    (&["SYS_CHROOT"], "chroot"),
    (&["SYS_MODULE"], "delete_module finit_module init_module query_module"),
    (&["SYS_PACCT"], "acct"),
    (&["SYS_PTRACE"], "kcmp process_madvise"),
    (&["SYS_RAWIO"], "ioperm iopl"),
    (&["SYS_TIME"], "clock_settime clock_settime64 settimeofday stime"),
    (&["SYS_TTY_CONFIG"], "vhangup"),
];

/// Allowed on an architecture.
const ON_ARCHITECTURE: [(&str, &str); 4] = [
    ("x86_64", "arch_prctl modify_ldt"),
    (
        "aarch64",
        "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
    ),
    ("s390x", "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"),
    ("powerpc64", "sync_file_range2"),
];

/// The personalities of personality(2) that cannot weaken a process: `PER_LINUX`, `PER_LINUX32`, both with
/// `UNAME26`, and the question what the present one is.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const EPERM: u32 = 1;
const EINVAL: u32 = 22;
const ENOSYS: u32 = 38;
const AF_NETLINK: u64 = 16;
const AF_VSOCK: u64 = 40;
const NETLINK_AUDIT: u64 = 9;

/// Which of the lists above this is. To be counted up with them: a filter that was compiled before an upgrade is used until the
/// next boot otherwise.
pub(crate) const EDITION: u32 = 2;

/// The profile for one machine, in OCI's form.
pub fn filter(machine: &Machine) -> LinuxSeccomp {
    let mut allowed: Vec<&str> = ALLOWED.split_ascii_whitespace().collect();
    let mut refused: Vec<&str> = REFUSED.split_ascii_whitespace().collect();
    for (capabilities, names) in WITH_CAPABILITY {
        let list = if capabilities.iter().any(|one| machine.granted.has(one)) {
            &mut allowed
        } else {
            &mut refused
        };
        list.extend(names.split(' '));
    }
    for (arch, names) in ON_ARCHITECTURE {
        if arch == machine.arch {
            allowed.extend(names.split(' '));
        }
    }
    // The unconditional rules first: libseccomp refuses `socketcall` after a rule for `socket` on a part of its arguments.
    let mut rules = vec![
        rule(&refused, LinuxSeccompAction::ScmpActErrno, Some(EPERM)),
        rule(&allowed, LinuxSeccompAction::ScmpActAllow, None),
    ];
    rules.extend(PERSONALITIES.map(|value| allow_if("personality", 0, value, LinuxSeccompOperator::ScmpCmpEq)));
    rules.extend(socket_rules(machine));
    let mut oci = without_rules(machine);
    oci.set_syscalls(Some(rules));
    oci
}

/// The profile before the first rule: it refuses everything.
pub(crate) fn without_rules(machine: &Machine) -> LinuxSeccomp {
    let mut oci = LinuxSeccomp::default();
    oci.set_default_action(LinuxSeccompAction::ScmpActErrno)
        .set_default_errno_ret(Some(ENOSYS))
        .set_architectures(Some(super::architectures::architectures(machine.arch)));
    oci
}

/// `socket` by its family, without `CAP_AUDIT_WRITE` by its protocol as well. Sockets to the hypervisor are refused; those of the
/// audit subsystem answer `EINVAL`, as on a kernel without audit: that is what login programs know to ignore.
///
/// What is allowed is spelled out in blocks, for only the lower halves of the arguments count: the kernel drops the upper ones,
/// and a rule on unequal whole values is passed by whoever sets a bit there.
fn socket_rules(machine: &Machine) -> Vec<LinuxSyscall> {
    let answer = |errno, conditions: &[(usize, Block)]| {
        let (action, errno) = match errno {
            None => (LinuxSeccompAction::ScmpActAllow, None),
            Some(_) => (LinuxSeccompAction::ScmpActErrno, errno),
        };
        let mut oci = rule(&["socket"], action, errno);
        oci.set_args(Some(conditions.iter().map(|(index, block)| block.of(*index)).collect()));
        oci
    };
    let mut rules = vec![answer(Some(EPERM), &[(FAMILY, Block::one(AF_VSOCK))])];
    let families = blocks_without(&[AF_NETLINK, AF_VSOCK]);
    rules.extend(families.map(|family| answer(None, &[(FAMILY, family)])));
    let netlink = (FAMILY, Block::one(AF_NETLINK));
    if machine.granted.has("AUDIT_WRITE") {
        rules.push(answer(None, &[netlink]));
    } else {
        rules.push(answer(Some(EINVAL), &[netlink, (PROTOCOL, Block::one(NETLINK_AUDIT))]));
        let protocols = blocks_without(&[NETLINK_AUDIT]);
        rules.extend(protocols.map(|protocol| answer(None, &[netlink, (PROTOCOL, protocol)])));
    }
    rules
}

/// Arguments of socket(2).
const FAMILY: usize = 0;
const PROTOCOL: usize = 2;

/// A power of two of consecutive values, the first of which is a multiple of it.
#[derive(Debug, Clone, Copy)]
struct Block {
    first: u64,
    length: u64,
}

impl Block {
    fn one(value: u64) -> Self {
        Self {
            first: value,
            length: 1,
        }
    }

    /// The comparison of an argument's lower half.
    fn of(self, index: usize) -> LinuxSeccompArg {
        let mask = u64::from(u32::MAX) & !(self.length - 1);
        let builder = LinuxSeccompArgBuilder::default()
            .index(index)
            .value(mask)
            .value_two(self.first)
            .op(LinuxSeccompOperator::ScmpCmpMaskedEq);
        builder.build().expect("every field has a default")
    }
}

/// The values from 0 to 63, which are more than there are families and protocols, without some.
fn blocks_without(others: &[u64]) -> impl Iterator<Item = Block> + use<'_> {
    let mut first = 0;
    std::iter::from_fn(move || {
        while others.contains(&first) {
            first += 1;
        }
        let fits =
            |length: &u64| first % length == 0 && !others.iter().any(|other| (first..first + length).contains(other));
        let length = [32, 16, 8, 4, 2, 1].into_iter().find(fits)?;
        let block = Block { first, length };
        first += length;
        (block.first < 64).then_some(block)
    })
}

fn rule(names: &[&str], action: LinuxSeccompAction, errno: Option<u32>) -> LinuxSyscall {
    let mut oci = LinuxSyscall::default();
    oci.set_names(names.iter().map(ToString::to_string).collect())
        .set_action(action)
        .set_errno_ret(errno);
    oci
}

fn allow_if(name: &str, index: usize, value: u64, op: LinuxSeccompOperator) -> LinuxSyscall {
    let mut oci = rule(&[name], LinuxSeccompAction::ScmpActAllow, None);
    oci.set_args(Some(vec![arg(index, value, op)]));
    oci
}

fn arg(index: usize, value: u64, op: LinuxSeccompOperator) -> LinuxSeccompArg {
    let builder = LinuxSeccompArgBuilder::default().index(index).value(value).op(op);
    builder.build().expect("every field has a default")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::security::capabilities::Set;
    use crate::security::seccomp::profile::Profile;

    fn answers(filter: &LinuxSeccomp) -> BTreeSet<(String, String)> {
        let mut answers = BTreeSet::new();
        for rule in filter.syscalls().iter().flatten() {
            for name in rule.names() {
                answers.insert((
                    name.clone(),
                    format!("{:?} {:?} {:?}", rule.action(), rule.errno_ret(), rule.args()),
                ));
            }
        }
        answers
    }

    /// The distribution's own file is the measure where it is installed; kernels since then have grown calls.
    #[test]
    fn agrees_with_the_profile_that_distributions_install() {
        let Ok(text) = std::fs::read("/usr/share/containers/seccomp.json") else {
            panic!("install golang-github-containers-common for this test");
        };
        for granted in ["800405fb", "0", "1ffffffffff"] {
            let granted = Set::from_hex(granted).unwrap();
            let machine = Machine {
                granted,
                arch: "x86_64",
                kernel: (6, 12),
            };
            let theirs = serde_json::from_slice::<Profile>(&text).unwrap().for_machine(&machine);
            let ours = answers(&filter(&machine));
            let differ: Vec<_> = answers(&theirs)
                .into_iter()
                // Those that depend on their arguments are compared as compiled programs (`real_runs::filter`).
                .filter(|(name, _)| name != "setns" && name != "socket" && name != "personality")
                .filter(|a| !ours.contains(a))
                .collect();
            assert!(differ.is_empty(), "{differ:?}");
            assert_eq!(filter(&machine).default_errno_ret(), theirs.default_errno_ret());
        }
    }

    #[test]
    fn blocks_leave_out_what_they_shall() {
        let covered: Vec<u64> = blocks_without(&[16, 40])
            .flat_map(|b| b.first..b.first + b.length)
            .collect();
        let all: Vec<u64> = (0..64).filter(|value| ![16, 40].contains(value)).collect();
        assert_eq!(covered, all);
    }
}
