//! `--user`, `--group-add`: names become numbers by the passwd and group files of the container.

use crate::root::Root;
use crate::{BundleError, ContainerOptions};
use unipod_linux::owner;

/// Who the first process is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// User ID.
    pub uid: u32,
    /// Group ID.
    pub gid: u32,
    /// All groups, the own one among them: otherwise a denial by group could be shed with setgid(2) (CVE-2022-2989).
    pub groups: Vec<u32>,
    /// Home directory; `/` for a user that the container does not know.
    pub home: String,
    /// The user's name in the container's passwd file.
    pub name: Option<String>,
}

/// The account files of a container.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Text of `/etc/passwd`, if there is one.
    pub passwd: Option<String>,
    /// Text of `/etc/group`, if there is one.
    pub group: Option<String>,
}

/// The numbers of a user and its group in the container with this root directory; an empty text is root.
///
/// # Errors
/// As [`Accounts::find`].
pub fn numbers(root: &std::path::Path, user: &str) -> Result<(u32, u32), BundleError> {
    if matches!(user, "" | "0" | "root" | "0:0" | "root:root") {
        return Ok((0, 0));
    }
    let identity = Accounts::read(&Root::open(root)?)?.find(user, &[])?;
    Ok((identity.uid, identity.gid))
}

impl Accounts {
    /// Reads them from a root file system.
    pub fn read(root: &Root) -> Result<Self, BundleError> {
        Ok(Self {
            passwd: root.read("/etc/passwd")?,
            group: root.read("/etc/group")?,
        })
    }

    /// Finds `USER[:GROUP]`, each by name or number; an empty text is root.
    ///
    /// Without a group, the user's own and all that list the user apply; with one, only that one, as in docker and podman.
    ///
    /// # Errors
    /// The image does not know a name, a number is none that a user can have, or the image's files have none for the name.
    pub fn find(&self, user: &str, group_add: &[String]) -> Result<Identity, BundleError> {
        let (user_part, group_part) = user.split_once(':').map_or((user, None), |(u, g)| (u, Some(g)));
        let mut identity = self.user(user_part, user)?;
        match group_part.filter(|group| !group.is_empty()) {
            Some(group) => identity.gid = self.group(group, "--user", user)?,
            None => identity.groups = self.memberships(identity.name.as_deref())?,
        }
        identity.groups.push(identity.gid);
        for group in group_add.iter().filter(|group| *group != "keep-groups") {
            identity.groups.push(self.group(group, "--group-add", group)?);
        }
        identity.groups.sort_unstable();
        identity.groups.dedup();
        Ok(identity)
    }

    fn user(&self, wanted: &str, given: &str) -> Result<Identity, BundleError> {
        let wanted = if wanted.is_empty() { "0" } else { wanted };
        let number = number(wanted, "--user", given)?;
        let entries = || lines(self.passwd.as_deref());
        let by_name = entries().find(|fields| fields[0] == wanted);
        let has_number = |fields: &Vec<&str>| number.is_some() && owner::parse_owner(fields[2]) == number;
        let entry = by_name.or_else(|| entries().find(has_number));
        if let Some(fields) = entry {
            let home = fields.get(5).filter(|home| !home.is_empty()).unwrap_or(&"/");
            return Ok(Identity {
                uid: id(&fields, 2, "/etc/passwd")?,
                gid: id(&fields, 3, "/etc/passwd")?,
                groups: Vec::new(),
                home: (*home).to_owned(),
                name: Some(fields[0].to_owned()),
            });
        }
        let uid = number.ok_or_else(|| {
            BundleError::invalid(
                "--user",
                given,
                format!("the image has no user {wanted} in /etc/passwd"),
            )
        })?;
        let home = if uid == 0 { "/root" } else { "/" };
        Ok(Identity {
            uid,
            gid: 0,
            groups: Vec::new(),
            home: home.to_owned(),
            name: None,
        })
    }

    fn group(&self, wanted: &str, option: &'static str, given: &str) -> Result<u32, BundleError> {
        if let Some(fields) = lines(self.group.as_deref()).find(|fields| fields[0] == wanted) {
            return id(&fields, 2, "/etc/group");
        }
        number(wanted, option, given)?.ok_or_else(|| {
            BundleError::invalid(option, given, format!("the image has no group {wanted} in /etc/group"))
        })
    }

    fn memberships(&self, name: Option<&str>) -> Result<Vec<u32>, BundleError> {
        let Some(name) = name else { return Ok(Vec::new()) };
        lines(self.group.as_deref())
            .filter(|fields| {
                fields
                    .get(3)
                    .is_some_and(|members| members.split(',').any(|member| member == name))
            })
            .map(|fields| id(&fields, 2, "/etc/group"))
            .collect()
    }

    /// The account files with what the container has to know beside them: the user it runs as, and host users asked for.
    /// `None` for a file that can stay as it is.
    pub fn completed(
        &self,
        identity: &Identity,
        workdir: &str,
        options: &ContainerOptions,
    ) -> Result<(Option<String>, Option<String>), BundleError> {
        if options.passwd == Some(false) {
            return Ok((None, None));
        }
        let mut users = host_users(&options.host_users)?;
        let mut groups = Vec::new();
        if identity.name.is_none() && identity.uid != 0 {
            users.push(Self::user_line(identity, workdir, options.passwd_entry.as_deref()));
        }
        let known = lines(self.group.as_deref()).any(|fields| owner::parse_owner(fields[2]) == Some(identity.gid));
        if !known && identity.gid != 0 {
            groups.push(group_line(identity.gid, options.group_entry.as_deref()));
        }
        Ok((
            appended(self.passwd.as_deref(), &users),
            appended(self.group.as_deref(), &groups),
        ))
    }

    fn user_line(identity: &Identity, workdir: &str, template: Option<&str>) -> String {
        let template = template.unwrap_or("$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh");
        template
            .replace("$USERNAME", &identity.uid.to_string())
            .replace("$UID", &identity.uid.to_string())
            .replace("$GID", &identity.gid.to_string())
            .replace("$NAME", "container user")
            .replace("$HOME", workdir)
    }
}

fn group_line(gid: u32, template: Option<&str>) -> String {
    let gid = gid.to_string();
    template
        .unwrap_or("$GROUPNAME:x:$GID:")
        .replace("$GROUPNAME", &gid)
        .replace("$GID", &gid)
}

fn host_users(names: &[String]) -> Result<Vec<String>, BundleError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let path = "/etc/passwd";
    let text = std::fs::read_to_string(path).map_err(BundleError::io("read", path))?;
    let find = |wanted: &String| {
        let matches = |fields: &[&str]| fields[0] == wanted || fields.get(2).is_some_and(|uid| uid == wanted);
        lines(Some(&text))
            .find(|fields| matches(fields))
            .map(|fields| fields.join(":"))
    };
    names
        .iter()
        .map(|name| find(name).ok_or_else(|| BundleError::invalid("--hostuser", name, "the host has no such user")))
        .collect()
}

fn appended(text: Option<&str>, new: &[String]) -> Option<String> {
    if new.is_empty() {
        return None;
    }
    let mut all = text.unwrap_or_default().to_owned();
    if !all.is_empty() && !all.ends_with('\n') {
        all.push('\n');
    }
    for line in new {
        all.push_str(line.trim_end());
        all.push('\n');
    }
    Some(all)
}

/// The fields of each line that has a name.
fn lines(text: Option<&str>) -> impl Iterator<Item = Vec<&str>> {
    text.unwrap_or_default()
        .lines()
        .map(|line| line.trim().split(':').collect::<Vec<_>>())
        .filter(|fields| fields.len() > 2 && !fields[0].is_empty() && !fields[0].starts_with('#'))
}

/// The number in a line of the image. One that makes no sense must never become root.
fn id(fields: &[&str], index: usize, file: &'static str) -> Result<u32, BundleError> {
    let text = fields.get(index).copied().unwrap_or_default();
    owner::parse_owner(text).ok_or_else(|| {
        let reason = format!("its number in the image's {file} is {text:?}: {}", owner::EXPECTED);
        BundleError::invalid("--user", fields[0], reason)
    })
}

/// What was given, if it is a number.
fn number(text: &str, option: &'static str, given: &str) -> Result<Option<u32>, BundleError> {
    let is_number = text
        .trim_start_matches(['-', '+'])
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    match owner::parse_owner(text) {
        None if is_number => Err(BundleError::invalid(option, given, owner::EXPECTED)),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: Some(
                "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\n7:x:70:70::/seven:\n".into(),
            ),
            group: Some("root:x:0:\nwww:x:33:\nlog:x:4:web,other\n".into()),
        }
    }

    #[test]
    fn names_and_numbers() {
        for (user, uid, gid, groups, home) in [
            ("", 0, 0, &[0][..], "/root"),
            ("web", 33, 33, &[4, 33], "/var/www"),
            ("33", 33, 33, &[4, 33], "/var/www"),
            ("web:log", 33, 4, &[4], "/var/www"),
            ("web:99", 33, 99, &[99], "/var/www"),
            ("1000", 1000, 0, &[0], "/"),
            ("1000:1000", 1000, 1000, &[1000], "/"),
            ("7", 70, 70, &[70], "/seven"),
        ] {
            let found = accounts().find(user, &[]).unwrap();
            assert_eq!(
                (found.uid, found.gid, &found.groups[..], &found.home[..]),
                (uid, gid, groups, home),
                "{user}"
            );
        }
        for user in [
            "nobody-here",
            "web:nogroup",
            "4294967295",
            "1000:4294967295",
            "2147483648",
            "-1",
            "web:-1",
        ] {
            assert!(accounts().find(user, &[]).is_err(), "{user}");
        }
        assert_eq!(
            accounts().find("web:33", &["log".into(), "12".into()]).unwrap().groups,
            [4, 12, 33]
        );
        assert!(accounts().find("web", &["4294967295".into()]).is_err());
    }

    #[test]
    fn a_number_of_the_image_that_cannot_be_read_is_never_root() {
        let accounts = Accounts {
            passwd: Some("huge:x:4294967295:1::/:\nnone:x::1::/:\ngroup:x:5:big::/:\nfine:x:5:5::/:\n".into()),
            group: Some("odd:x:4294967296:fine\n".into()),
        };
        for user in ["huge", "none", "group", "fine", "fine:odd"] {
            let error = accounts.find(user, &[]).unwrap_err().to_string();
            assert!(error.contains("2147483647"), "{error}");
        }
        assert_eq!(accounts.find("fine:5", &[]).unwrap().uid, 5);
    }

    #[test]
    fn an_unknown_number_gets_a_line() {
        let accounts = accounts();
        let identity = accounts.find("1000:1000", &[]).unwrap();
        let (passwd, group) = accounts
            .completed(&identity, "/srv", &ContainerOptions::default())
            .unwrap();
        assert!(
            passwd
                .unwrap()
                .ends_with("\n1000:*:1000:1000:container user:/srv:/bin/sh\n")
        );
        assert!(group.unwrap().ends_with("\n1000:x:1000:\n"));
        let web = accounts.find("web", &[]).unwrap();
        assert_eq!(
            accounts.completed(&web, "/", &ContainerOptions::default()).unwrap(),
            (None, None)
        );
    }
}
