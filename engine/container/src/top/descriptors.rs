//! The columns that podman-top(1) has: the AIX descriptors of ps(1), and what concerns containers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::process::Process;
use unipod_bundle::process::users::Accounts;
use unipod_bundle::root::Root;
use unipod_bundle::security::capabilities::Set;
use unipod_bundle::values::duration;

/// A column.
#[derive(Debug)]
pub(super) struct Descriptor {
    /// Its name.
    pub name: &'static str,
    /// Its other name, after a `%`.
    code: Option<char>,
    /// Its heading.
    pub title: &'static str,
    /// What it says of a process.
    pub cell: fn(&Process, &View) -> String,
}

const fn column(name: &'static str, title: &'static str, cell: fn(&Process, &View) -> String) -> Descriptor {
    Descriptor {
        name,
        code: None,
        title,
        cell,
    }
}

const fn coded(code: char, name: &'static str, title: &'static str, cell: fn(&Process, &View) -> String) -> Descriptor {
    Descriptor {
        name,
        code: Some(code),
        title,
        cell,
    }
}

/// All columns.
pub(super) const ALL: [Descriptor; 34] = [
    coded('a', "args", "COMMAND", |it, _| args(it)),
    column("capamb", "AMBIENT CAPS", |it, _| capabilities(it, "CapAmb")),
    column("capbnd", "BOUNDING CAPS", |it, _| capabilities(it, "CapBnd")),
    column("capeff", "EFFECTIVE CAPS", |it, _| capabilities(it, "CapEff")),
    column("capinh", "INHERITED CAPS", |it, _| capabilities(it, "CapInh")),
    column("capprm", "PERMITTED CAPS", |it, _| capabilities(it, "CapPrm")),
    coded('c', "comm", "COMMAND", |it, _| it.comm.clone()),
    coded('t', "etime", "ELAPSED", |it, view| duration::text(view.elapsed(it))),
    coded('G', "group", "GROUP", |it, view| view.group(it.number("Gid", 1))),
    column("groups", "GROUPS", |it, view| view.groups(it)),
    column("hgroup", "HGROUP", |it, _| host_group(it.number("Gid", 1))),
    column("hgroups", "HGROUPS", |it, _| {
        joined(it.numbers("Groups"), |gid| host_group(Some(gid)))
    }),
    column("hpid", "HPID", |it, _| it.pid.to_string()),
    column("huid", "HUID", |it, _| shown(it.number("Uid", 1))),
    column("huser", "HUSER", |it, _| host_user(it.number("Uid", 1))),
    column("label", "LABEL", |it, _| it.label().unwrap_or_else(|| "?".to_owned())),
    coded('n', "nice", "NI", |it, _| it.nice.to_string()),
    coded('C', "pcpu", "%CPU", processor),
    coded('r', "pgid", "PGID", |it, view| shown(it.number("NSpgid", view.depth))),
    coded('p', "pid", "PID", |it, view| shown(view.pid(it))),
    coded('P', "ppid", "PPID", |it, view| view.parent(it).to_string()),
    coded('g', "rgroup", "RGROUP", |it, view| view.group(it.number("Gid", 0))),
    column("rss", "RSS", |it, _| it.number("VmRSS", 0).unwrap_or(0).to_string()),
    coded('u', "ruser", "RUSER", |it, view| view.user(it.number("Uid", 0))),
    column("seccomp", "SECCOMP", |it, _| seccomp(it).to_owned()),
    column("sid", "SID", |it, view| shown(it.number("NSsid", view.depth))),
    column("state", "STATE", |it, _| it.state.to_string()),
    column("stime", "STIME", |it, view| view.start(it)),
    coded('x', "time", "TIME", |it, _| duration::text(it.used)),
    coded('y', "tty", "TTY", |it, _| terminal(it.terminal)),
    column("uid", "UID", |it, view| {
        shown(it.number("Uid", 1).map(|uid| inside(&view.uids, uid)))
    }),
    coded('U', "user", "USER", |it, view| view.user(it.number("Uid", 1))),
    coded('z', "vsz", "VSZ", |it, _| (it.size / 1024).to_string()),
    column("wchan", "WCHAN", |it, _| waits(it)),
];

/// The column of this name, or code with its `%`.
pub(super) fn find(word: &str) -> Option<&'static Descriptor> {
    let mut code = word.strip_prefix('%').map(str::chars);
    let code = code
        .as_mut()
        .and_then(|rest| rest.next().filter(|_| rest.as_str().is_empty()));
    let is_meant = |descriptor: &&Descriptor| descriptor.name == word || (code.is_some() && descriptor.code == code);
    ALL.iter().find(is_meant)
}

/// What has to be known of the container to say of a process what it is there.
#[derive(Debug, Default)]
pub(super) struct View {
    /// How many PID namespaces it is below ours.
    depth: usize,
    /// The container's numbers by those of the host.
    pids: BTreeMap<u32, u32>,
    /// First number in the container, first one on the host, how many.
    uids: Vec<(u32, u32, u32)>,
    gids: Vec<(u32, u32, u32)>,
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
    /// The time since the boot.
    now: Duration,
}

impl View {
    /// Of the container with this init. What cannot be read is not known: numbers stand for names then.
    pub fn of(init: u32, processes: &BTreeMap<u32, Process>) -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/{init}/{name}")).unwrap_or_default();
        let root = Root::open(Path::new(&format!("/proc/{init}/root")));
        let accounts = root.and_then(|root| Accounts::read(&root)).unwrap_or_default();
        let depth = processes
            .get(&init)
            .map_or(0, |init| init.numbers("NSpid").len().saturating_sub(1));
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let number = |it: &Process| Some((it.pid, it.number("NSpid", depth)?));
        Self {
            depth,
            pids: processes.values().filter_map(number).collect(),
            uids: mappings(&read("uid_map")),
            gids: mappings(&read("gid_map")),
            users: names(accounts.passwd.as_deref()),
            groups: names(accounts.group.as_deref()),
            now: Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0)),
        }
    }

    fn pid(&self, it: &Process) -> Option<u32> {
        self.pids.get(&it.pid).copied()
    }

    /// 0 for one whose parent is outside, as the kernel has it.
    fn parent(&self, it: &Process) -> u32 {
        self.pids.get(&it.parent).copied().unwrap_or(0)
    }

    fn user(&self, host: Option<u32>) -> String {
        named(&self.users, host.map(|host| inside(&self.uids, host)))
    }

    fn group(&self, host: Option<u32>) -> String {
        named(&self.groups, host.map(|host| inside(&self.gids, host)))
    }

    fn groups(&self, it: &Process) -> String {
        joined(it.numbers("Groups"), |gid| self.group(Some(gid)))
    }

    fn elapsed(&self, it: &Process) -> Duration {
        self.now.saturating_sub(it.started)
    }

    fn start(&self, it: &Process) -> String {
        let start = jiff::Zoned::now().checked_sub(self.elapsed(it));
        start.map_or_else(
            |_| "?".to_owned(),
            |start| start.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string(),
        )
    }
}

fn args(it: &Process) -> String {
    let arguments = it.arguments();
    if arguments.is_empty() {
        format!("[{}]", it.comm)
    } else {
        arguments
    }
}

fn capabilities(it: &Process, key: &str) -> String {
    let Some(set) = Set::from_hex(it.status(key)) else {
        return "?".to_owned();
    };
    let mut names: Vec<&str> = set.names().collect();
    if set.is_all() {
        return "full".to_owned();
    }
    names.sort_unstable();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    }
}

fn processor(it: &Process, view: &View) -> String {
    let elapsed = view.elapsed(it).as_secs_f64();
    let percent = if elapsed > 0.0 {
        100.0 * it.used.as_secs_f64() / elapsed
    } else {
        0.0
    };
    format!("{percent:.3}")
}

fn seccomp(it: &Process) -> &'static str {
    match it.status("Seccomp") {
        "0" => "disabled",
        "1" => "strict",
        "2" => "filter",
        _ => "?",
    }
}

fn waits(it: &Process) -> String {
    let name = fs::read_to_string(format!("/proc/{}/wchan", it.pid)).unwrap_or_default();
    if matches!(name.as_str(), "" | "0") {
        "-".to_owned()
    } else {
        name
    }
}

/// By the numbers of Linux's admin-guide/devices.txt, for a container's `/dev` may say anything. The minor number is in two parts.
fn terminal(number: u32) -> String {
    let (major, minor) = (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xfff00);
    match (major, minor) {
        (136..=143, _) => format!("pts/{}", (major - 136) * 256 + minor),
        (4, 0..=63) => format!("tty{minor}"),
        (4, _) => format!("ttyS{}", minor - 64),
        (5, 1) => "console".to_owned(),
        _ => "?".to_owned(),
    }
}

fn host_user(uid: Option<u32>) -> String {
    let found = uid.and_then(|uid| nix::unistd::User::from_uid(uid.into()).ok()?);
    found.map_or_else(|| shown(uid), |user| user.name)
}

fn host_group(gid: Option<u32>) -> String {
    let found = gid.and_then(|gid| nix::unistd::Group::from_gid(gid.into()).ok()?);
    found.map_or_else(|| shown(gid), |group| group.name)
}

fn named(names: &BTreeMap<u32, String>, number: Option<u32>) -> String {
    let name = number.and_then(|number| names.get(&number));
    name.map_or_else(|| shown(number), Clone::clone)
}

fn shown(number: Option<u32>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| number.to_string())
}

fn joined(numbers: Vec<u32>, show: impl Fn(u32) -> String) -> String {
    let words: Vec<String> = numbers.into_iter().map(show).collect();
    words.join(",")
}

/// What the container calls an ID of the host; one that it has not is the one that the kernel shows for such.
fn inside(mappings: &[(u32, u32, u32)], host: u32) -> u32 {
    const OVERFLOW: u32 = 65534;
    let inside = |(first, outside, size): &(u32, u32, u32)| {
        let offset = host.checked_sub(*outside).filter(|offset| offset < size)?;
        first.checked_add(offset)
    };
    mappings.iter().find_map(inside).unwrap_or(OVERFLOW)
}

/// `/proc/PID/uid_map`, user_namespaces(7).
fn mappings(text: &str) -> Vec<(u32, u32, u32)> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    };
    text.lines().filter_map(line).collect()
}

/// `name:password:number:…`; of several names for one number the first.
fn names(text: Option<&str>) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in text.unwrap_or_default().lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(number))) = (fields.next(), fields.nth(1).map(str::parse)) {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::process::tests::process;
    use super::*;

    const STAT: &str = "17 (sh) S 5 17 17 34816 17 4194304 120 0 0 0 0 0 0 0 20 -5 1 0 4242 2048000 30 0";
    const STATUS: &str = "Uid:\t1000\t1001\t1001\t1001\nGid:\t1000\t1004\t1\t1\nNSpid:\t17\t2\nNSpgid:\t17\t3\nNSsid:\t17\t4\n\
                          Groups:\t1004 9 \nCapEff:\t0000000000000021\nCapBnd:\t000001ffffffffff\nCapInh:\t0000000000000000\n\
                          Seccomp:\t2\nVmRSS:\t     468 kB\n";

    fn view() -> View {
        View {
            depth: 1,
            pids: [(5, 1), (17, 2)].into(),
            uids: mappings("0 1000 10\n"),
            gids: mappings("         0       1000         10\n"),
            users: names(Some("root:x:0:0\napp:x:1:1::/:/bin/sh\nagain:x:1:1\nbroken\n")),
            groups: names(Some("root:x:0:\nwww:x:4:app\n")),
            now: Duration::from_secs(100_000),
        }
    }

    #[test]
    fn cells() {
        let (it, view) = (process(STAT, STATUS), view());
        for (word, title, expected) in [
            ("user", "USER", "app"),
            ("%u", "RUSER", "root"),
            ("uid", "UID", "1"),
            ("huid", "HUID", "1001"),
            ("group", "GROUP", "www"),
            ("groups", "GROUPS", "www,65534"),
            ("pid", "PID", "2"),
            ("hpid", "HPID", "17"),
            ("%P", "PPID", "1"),
            ("pgid", "PGID", "3"),
            ("sid", "SID", "4"),
            ("tty", "TTY", "pts/0"),
            ("time", "TIME", "0s"),
            ("pcpu", "%CPU", "0.000"),
            ("nice", "NI", "-5"),
            ("vsz", "VSZ", "2000"),
            ("rss", "RSS", "468"),
            ("state", "STATE", "S"),
            ("seccomp", "SECCOMP", "filter"),
            ("capeff", "EFFECTIVE CAPS", "CHOWN,KILL"),
            ("capbnd", "BOUNDING CAPS", "full"),
            ("capinh", "INHERITED CAPS", "none"),
            ("capamb", "AMBIENT CAPS", "?"),
            ("comm", "COMMAND", "sh"),
        ] {
            let column = find(word).unwrap_or_else(|| panic!("{word}"));
            assert_eq!(
                (column.title, (column.cell)(&it, &view).as_str()),
                (title, expected),
                "{word}"
            );
        }
        for word in ["", "%", "%q", "%pp", "aux", "-ef"] {
            assert!(find(word).is_none(), "{word}");
        }
    }

    #[test]
    fn names_of_terminals() {
        for (number, name) in [
            (0, "?"),
            (34816, "pts/0"),
            (34817, "pts/1"),
            (0x0010_8801, "pts/257"),
            (0x0401, "tty1"),
            (0x0440, "ttyS0"),
            (0x0501, "console"),
        ] {
            assert_eq!(terminal(number), name, "{number:x}");
        }
    }
}
