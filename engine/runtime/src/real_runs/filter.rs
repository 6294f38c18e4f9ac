//! The compiled system call filter, beside the one that crun compiles.

use std::collections::BTreeSet;

use super::*;
use unipod_bundle::security::seccomp::cache::FilterCache;

/// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_I386`: what the kernel tells a filter of the calling program.
const ARCHITECTURES: [u32; 2] = [0xc000_003e, 0x4000_0003];

/// The bit of x32's system calls.
const X32: u32 = 0x4000_0000;

/// Values around those that the built-in profile looks for, lower half first.
const ARGUMENTS: [[u32; 2]; 13] = [
    [0, 0],
    [1, 0],
    [8, 0],
    [9, 0],
    [16, 0],
    [0x2_0000, 0],
    [0x2_0008, 0],
    [0xffff_ffff, 0],
    [8, 1],
    [2, 0],
    [40, 0],
    [40, 1],
    [41, 0],
];

/// What the kernel was given for a container, and the annotation.
fn filter_in_use(place: &Place, cache: Option<FilterCache>) -> (Vec<u8>, Option<String>) {
    let options = options(|o| o.command = strings(&["sleep", "1000"]));
    let mut request = place.request(&options);
    request.filter_cache = cache;
    let pid = place.started(&request).unwrap();
    let config = std::fs::read(place.path("bundle/config.json")).unwrap();
    let spec: oci_spec::runtime::Spec = serde_json::from_slice(&config).unwrap();
    let annotations = spec.annotations().clone().unwrap_or_default();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Seccomp:\t2"), "{status}");
    let filter = std::fs::read(place.path("state").join(&place.id).join("seccomp.bpf")).unwrap();
    place.runtime.delete(&place.path("state"), &place.id, true).unwrap();
    (filter, annotations.get("run.oci.seccomp_bpf_data").cloned())
}

#[test]
fn it_is_compiled_once() {
    let place = Place::new("crun");
    let dir = place.path("filters");
    let cache = place.runtime.filter_cache(&dir);
    let (first, annotation) = filter_in_use(&place, cache.clone());
    assert!(annotation.is_some());
    let file = || std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let made = std::fs::metadata(file()).unwrap().modified().unwrap();
    assert_eq!(filter_in_use(&place, cache), (first, annotation));
    assert_eq!(std::fs::metadata(file()).unwrap().modified().unwrap(), made);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    let runc = OciRuntime::find(Some("runc")).unwrap();
    assert!(runc.filter_cache(Path::new("/x")).is_none());
}

/// Arranged in another way, it answers everything as the one that the runtime has made.
#[test]
fn it_answers_as_crun_s_own() {
    let place = Place::new("crun");
    let (theirs, annotation) = filter_in_use(&place, None);
    assert_eq!(annotation, None);
    let (ours, _) = filter_in_use(&place, place.runtime.filter_cache(&place.path("filters")));
    assert_ne!(ours, theirs);
    let (ours, theirs) = (program(&ours), program(&theirs));
    let mut answers = BTreeSet::new();
    for call in calls() {
        let answer = answer(&theirs, &call);
        assert_eq!(self::answer(&ours, &call), answer, "{call:x?}");
        answers.insert(answer);
    }
    // Allowed, EPERM, EINVAL, ENOSYS, and the end of a program of another architecture.
    assert_eq!(answers.len(), 5, "{answers:x?}");
}

/// What the distribution's own profile answers to every call with every argument, beside the built-in one. Kernels, and Podman's
/// profile, have grown since the file of Debian 12.
#[test]
fn it_answers_as_the_profile_that_distributions_install() {
    /// `uretprobe`, and from 449 on `futex_waitv`, `cachestat`, `fchmodat2`, `map_shadow_stack`, `futex_wake`, `futex_wait`,
    /// `futex_requeue`: allowed, whether that file knows them or not.
    const SINCE: [u32; 8] = [335, 449, 451, 452, 453, 454, 455, 456];
    const SOCKET: [(u32, u32); 2] = [(41, ARCHITECTURES[0]), (359, ARCHITECTURES[1])];
    const ALLOWED: u32 = 0x7fff_0000;
    let text = std::fs::read("/usr/share/containers/seccomp.json").unwrap();
    for granted in ["800405fb", "a80425fb", "0"] {
        let machine = seccomp::profile::Machine {
            granted: unipod_bundle::security::capabilities::Set::from_hex(granted).unwrap(),
            arch: "x86_64",
            kernel: (6, 12),
        };
        let profile = serde_json::from_slice::<seccomp::profile::Profile>(&text)
            .unwrap()
            .for_machine(&machine);
        let theirs = program(&seccomp::compile::compile(&profile).unwrap());
        let ours = program(&seccomp::compile::compile(&seccomp::builtin::filter(&machine)).unwrap());
        for call in calls().filter(|call| ARCHITECTURES.contains(&call[1])) {
            let [theirs, ours] = [&theirs, &ours].map(|program| answer(program, &call));
            let number = call[0] & !X32;
            let socket = SOCKET.contains(&(number, call[1]));
            // Also with upper bits that the kernel drops; families that there are not.
            let audit = call[4] == 16 && call[8] == 9 && !machine.granted.has("AUDIT_WRITE");
            if socket && (call[4] == 40 || call[4] > 63 || audit) {
                assert_ne!(ours, ALLOWED, "{call:x?}");
            } else if !(SINCE.contains(&number) || socket && call[8] > 63) {
                assert_eq!(ours == ALLOWED, theirs == ALLOWED, "{call:x?}: {ours:x}, {theirs:x}");
            }
        }
    }
}

/// A system call as a filter sees it: `struct seccomp_data` in words of 32 bits.
type Call = [u32; 16];

fn calls() -> impl Iterator<Item = Call> {
    let numbers = (0..600).chain(X32..X32 + 600).chain([u32::MAX]);
    numbers.flat_map(|number| {
        let of = move |architecture, first: [u32; 2], third: [u32; 2]| {
            let mut call = [0; 16];
            (call[0], call[1]) = (number, architecture);
            call[4..6].copy_from_slice(&first);
            call[8..10].copy_from_slice(&third);
            call
        };
        let values = ARGUMENTS
            .iter()
            .flat_map(|first| ARGUMENTS.map(|third| (*first, third)));
        let plain = values.flat_map(move |(first, third)| ARCHITECTURES.map(|arch| of(arch, first, third)));
        plain.chain([of(0x1234_5678, [0, 0], [0, 0])])
    })
}

/// `struct sock_filter`.
struct Instruction {
    code: u16,
    if_true: usize,
    if_false: usize,
    k: u32,
}

fn program(filter: &[u8]) -> Vec<Instruction> {
    let instruction = |bytes: &[u8]| Instruction {
        code: u16::from_ne_bytes([bytes[0], bytes[1]]),
        if_true: bytes[2].into(),
        if_false: bytes[3].into(),
        k: u32::from_ne_bytes(bytes[4..].try_into().unwrap()),
    };
    filter.chunks_exact(8).map(instruction).collect()
}

/// Runs a filter (classic BPF, as far as filters of libseccomp use it) and returns its answer.
fn answer(program: &[Instruction], call: &Call) -> u32 {
    let (mut at, mut value) = (0, 0_u32);
    loop {
        let Instruction {
            code,
            if_true,
            if_false,
            k,
        } = program[at];
        let jump = |condition| if condition { if_true } else { if_false };
        at += 1;
        match code {
            // BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_RET|K
            0x20 => value = call[k as usize / 4],
            0x54 => value &= k,
            0x06 => return k,
            // BPF_JMP with JA, JEQ, JGT, JGE, JSET
            0x05 => at += k as usize,
            0x15 => at += jump(value == k),
            0x25 => at += jump(value > k),
            0x35 => at += jump(value >= k),
            0x45 => at += jump(value & k != 0),
            other => panic!("instruction {other:#x}"),
        }
    }
}
