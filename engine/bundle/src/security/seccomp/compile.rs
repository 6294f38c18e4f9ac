//! From a profile to the filter that the kernel takes, as crun has it made.

use std::collections::BTreeSet;
use std::ffi::{CString, c_int, c_uint};
use std::io;

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator, LinuxSyscall};

use super::libseccomp::{Comparison, Filter};

/// What `ERRNO` answers unless it says otherwise (OCI runtime specification, `errnoRet`).
const EPERM: u32 = 1;

/// The number of arguments of a system call.
const ARGUMENTS: usize = 6;

/// Compiles a profile.
///
/// The kernel tries a new filter on each system call there is: with the calls in a tree instead of a chain, it is through
/// in a tenth of the time.
///
/// # Errors
/// There is no libseccomp, or the profile has what only a runtime can set up (`SCMP_ACT_NOTIFY`), or contradicts itself.
pub fn compile(profile: &LinuxSeccomp) -> io::Result<Vec<u8>> {
    let default = action(profile.default_action(), profile.default_errno_ret())?;
    let mut filter = Filter::new(default)?;
    for architecture in profile.architectures().iter().flatten() {
        let name = architecture.to_string();
        let name = name.trim_start_matches("SCMP_ARCH_").to_ascii_lowercase();
        filter.add_architecture(&CString::new(name)?)?;
    }
    for rule in profile.syscalls().iter().flatten() {
        let answer = action(rule.action(), rule.errno_ret())?;
        // The library refuses rules that change nothing.
        if answer != default {
            add_rule(&mut filter, answer, rule)?;
        }
    }
    filter.export()
}

fn add_rule(filter: &mut Filter, answer: u32, rule: &LinuxSyscall) -> io::Result<()> {
    let comparisons = rule.args().iter().flatten().map(comparison);
    let comparisons = comparisons.collect::<io::Result<Vec<_>>>()?;
    for name in rule.names() {
        let name = CString::new(name.as_str())?;
        if twice_on_one(&comparisons) {
            // Two values of one argument cannot both be meant: each is enough.
            for one in &comparisons {
                filter.add_rule(answer, &name, std::slice::from_ref(one))?;
            }
        } else {
            filter.add_rule(answer, &name, &comparisons)?;
        }
    }
    Ok(())
}

fn twice_on_one(comparisons: &[Comparison]) -> bool {
    let arguments: BTreeSet<_> = comparisons.iter().map(|one| one.argument).collect();
    arguments.len() < comparisons.len()
}

/// The actions of seccomp.h.
fn action(action: LinuxSeccompAction, errno: Option<u32>) -> io::Result<u32> {
    use LinuxSeccompAction as Action;
    let value = errno.unwrap_or(EPERM) & 0xffff;
    Ok(match action {
        Action::ScmpActKill | Action::ScmpActKillThread => 0,
        Action::ScmpActKillProcess => 0x8000_0000,
        Action::ScmpActTrap => 0x0003_0000,
        Action::ScmpActErrno => 0x0005_0000 | value,
        Action::ScmpActTrace => 0x7ff0_0000 | value,
        Action::ScmpActLog => 0x7ffc_0000,
        Action::ScmpActAllow => 0x7fff_0000,
        Action::ScmpActNotify => return Err(io::ErrorKind::Unsupported.into()),
    })
}

fn comparison(arg: &LinuxSeccompArg) -> io::Result<Comparison> {
    let argument = c_uint::try_from(arg.index()).map_err(io::Error::other)?;
    if arg.index() >= ARGUMENTS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(Comparison {
        argument,
        operator: operator(arg.op()),
        datum: arg.value(),
        second_datum: arg.value_two().unwrap_or_default(),
    })
}

/// `enum scmp_compare` of seccomp.h.
fn operator(operator: LinuxSeccompOperator) -> c_int {
    match operator {
        LinuxSeccompOperator::ScmpCmpNe => 1,
        LinuxSeccompOperator::ScmpCmpLt => 2,
        LinuxSeccompOperator::ScmpCmpLe => 3,
        LinuxSeccompOperator::ScmpCmpEq => 4,
        LinuxSeccompOperator::ScmpCmpGe => 5,
        LinuxSeccompOperator::ScmpCmpGt => 6,
        LinuxSeccompOperator::ScmpCmpMaskedEq => 7,
    }
}
