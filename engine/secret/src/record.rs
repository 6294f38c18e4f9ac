//! Secrets on disk: create, find, list, remove.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::SecretError;
use unipod_store::{Durability, Lock, Store, id, read_all, read_json, remove_tree, undamaged, write_json};

/// Podman's bound for a secret's content, bytes.
const MAX_SIZE: usize = 512_000;

/// A secret without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// 25 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When its content was last replaced.
    pub updated: String,
    /// Always `file`.
    pub driver: String,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Options of the driver, recorded only.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl Secret {
    /// What is known of one whose record is damaged.
    fn damaged(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
            created: String::new(),
            updated: String::new(),
            driver: "file".to_owned(),
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }
}

/// A secret's content. It cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretData(Vec<u8>);

impl SecretData {
    /// Wraps a content.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The content.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretData({} bytes)", self.0.len())
    }
}

/// What `secret create` asks for.
#[derive(Debug)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its content.
    pub data: SecretData,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// `file`, also if empty.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// What to do about a secret of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenExists {
    /// Refuse.
    Fail,
    /// Leave it as it is.
    Ignore,
    /// Put the new one in its place.
    Replace,
}

/// The file of a secret.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    secret: Secret,
    data: String,
}

/// Makes a secret.
pub fn create(store: &Store, wanted: &Wanted, when_exists: WhenExists) -> Result<Secret, SecretError> {
    let Wanted {
        name,
        data,
        labels,
        driver,
        options,
    } = wanted;
    check_name(name)?;
    if !matches!(driver.as_str(), "" | "file") {
        return Err(SecretError::invalid("driver", driver, "only file is known"));
    }
    if data.0.is_empty() || data.0.len() >= MAX_SIZE {
        return Err(SecretError::Size);
    }
    let _lock = Lock::acquire(store, "secret", name)?;
    match (load(store, name)?, when_exists) {
        (Some(_), WhenExists::Fail) => return Err(SecretError::Exists(name.clone())),
        (Some(existing), WhenExists::Ignore) => return Ok(existing.secret),
        _ => {}
    }
    let now = jiff::Timestamp::now().to_string();
    let mut id = id::random_hex(13);
    id.truncate(25);
    let secret = Secret {
        id,
        name: name.clone(),
        created: now.clone(),
        updated: now,
        driver: "file".into(),
        labels: labels.clone(),
        options: options.clone(),
    };
    let stored = Stored {
        secret,
        data: STANDARD.encode(&data.0),
    };
    // Files that get their name when they are whole have mode 0600, and so has what replaces one.
    write_json(&path(store, name), &stored, Durability::Synced)?;
    Ok(stored.secret)
}

/// The secret with this name, ID, or unique start of an ID, and its content.
pub fn find(store: &Store, name: &str) -> Result<(Secret, SecretData), SecretError> {
    let stored = match check_name(name)
        .is_ok()
        .then(|| load(store, name))
        .transpose()?
        .flatten()
    {
        Some(stored) => stored,
        None => by_id(store, name)?,
    };
    let data = STANDARD
        .decode(&stored.data)
        .map_err(|_| SecretError::Damaged(stored.secret.name.clone()))?;
    Ok((stored.secret, SecretData(data)))
}

/// All secrets by name.
pub fn list(store: &Store) -> Result<Vec<Secret>, SecretError> {
    Ok(all(store)?.into_iter().map(|stored| stored.secret).collect())
}

/// Removes a secret; containers that have it keep their copy.
pub fn remove(store: &Store, name: &str) -> Result<Secret, SecretError> {
    let secret = match all(store)?.into_iter().find(|stored| stored.secret.name == name) {
        Some(stored) => stored.secret,
        None if check_name(name).is_ok() && path(store, name).exists() => Secret::damaged(name),
        None => by_id(store, name)?.secret,
    };
    let _lock = Lock::acquire(store, "secret", &secret.name)?;
    remove_tree(&path(store, &secret.name))?;
    Ok(secret)
}

/// Podman's rule for names: up to 253 bytes without `,`, `/`, `=` or NUL; nor may they be hidden file names here.
pub fn check_name(name: &str) -> Result<(), SecretError> {
    let bad = |c: char| matches!(c, ',' | '/' | '=') || c.is_control();
    if name.is_empty() || name.len() > 248 || name.starts_with('.') || name.contains(bad) {
        let why = "names have 1 to 248 bytes, do not begin with a dot and contain no comma, slash, equals or control character";
        return Err(SecretError::invalid("name", name, why));
    }
    Ok(())
}

fn path(store: &Store, name: &str) -> PathBuf {
    store.secrets().join(format!("{name}.json"))
}

fn load(store: &Store, name: &str) -> Result<Option<Stored>, SecretError> {
    Ok(undamaged(read_json(&path(store, name)))?)
}

/// Whether it can be read with its content.
///
/// # Errors
/// It is damaged.
pub(super) fn check(store: &Store, name: &str) -> Result<(), SecretError> {
    match read_json::<Stored>(&path(store, name))? {
        Some(stored) if STANDARD.decode(&stored.data).is_err() => Err(SecretError::Damaged(name.to_owned())),
        _ => Ok(()),
    }
}

fn by_id(store: &Store, id: &str) -> Result<Stored, SecretError> {
    let mut matching = all(store)?
        .into_iter()
        .filter(|s| !id.is_empty() && s.secret.id.starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(stored), None) => Ok(stored),
        (Some(_), Some(_)) => Err(SecretError::invalid("id", id, "more than one secret has it")),
        (None, _) => Err(SecretError::NotFound(id.into())),
    }
}

fn all(store: &Store) -> Result<Vec<Stored>, SecretError> {
    let all = read_all(&store.secrets())?.into_iter();
    let sound = all.filter_map(|stored| undamaged(stored.map(Some)).transpose());
    Ok(sound.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use unipod_store::testing::store;

    fn wanted(name: &str, data: &[u8]) -> Wanted {
        let data = SecretData::new(data.to_vec());
        Wanted {
            name: name.into(),
            data,
            labels: BTreeMap::new(),
            driver: String::new(),
            options: BTreeMap::new(),
        }
    }

    #[test]
    fn a_secret_is_kept_for_its_owner_alone_and_comes_back_byte_for_byte() {
        let (_dir, store) = store();
        let secret = create(&store, &wanted("db", b"\x00\xffpassword\n"), WhenExists::Fail).unwrap();
        assert_eq!(
            fs::metadata(path(&store, "db")).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(store.secrets()).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(find(&store, "db").unwrap().1.expose(), b"\x00\xffpassword\n");
        assert_eq!(find(&store, &secret.id[..8]).unwrap().0, secret);
        remove(&store, "db").unwrap();
        assert!(matches!(find(&store, "db"), Err(SecretError::NotFound(_))));
    }

    #[test]
    fn a_name_in_use_is_refused_ignored_or_replaced() {
        let (_dir, store) = store();
        let first = create(&store, &wanted("s", b"1"), WhenExists::Fail).unwrap();
        assert!(matches!(
            create(&store, &wanted("s", b"2"), WhenExists::Fail),
            Err(SecretError::Exists(_))
        ));
        assert_eq!(create(&store, &wanted("s", b"2"), WhenExists::Ignore).unwrap(), first);
        assert_eq!(find(&store, "s").unwrap().1.expose(), b"1");
        create(&store, &wanted("s", b"2"), WhenExists::Replace).unwrap();
        assert_eq!(find(&store, "s").unwrap().1.expose(), b"2");
        assert_eq!(list(&store).unwrap().len(), 1);
    }

    #[test]
    fn contents_are_not_printed() {
        assert_eq!(format!("{:?}", wanted("s", b"hush").data), "SecretData(4 bytes)");
    }

    #[test]
    fn bad_names_and_sizes_are_refused() {
        let (_dir, store) = store();
        for name in ["", "a/b", "a,b", "a=b", ".a", "a\0b"] {
            assert!(
                create(&store, &wanted(name, b"x"), WhenExists::Fail).is_err(),
                "{name:?}"
            );
        }
        for size in [0, MAX_SIZE] {
            assert!(matches!(
                create(&store, &wanted("s", &vec![0; size]), WhenExists::Fail),
                Err(SecretError::Size)
            ));
        }
    }
}
