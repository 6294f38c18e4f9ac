//! What `login` and `logout` write: entries of auth.json. Whatever else is in the file stays as it is.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Map, Value, json};

use super::{AuthError, Credentials};
use crate::store::{Durability, StoreError, write_atomic};

/// Stores credentials under `key` (`HOST[:PORT][/NAMESPACE]`). The file is for its owner's eyes only.
pub fn remember(path: &Path, key: &str, credentials: &Credentials) -> Result<(), AuthError> {
    let entry = match credentials {
        Credentials::Password { user, password } => json!({"auth": STANDARD.encode(format!("{user}:{password}"))}),
        Credentials::IdentityToken(token) => json!({"identitytoken": token}),
    };
    change(path, |auths| auths.insert(key.to_owned(), entry).is_some()).map(drop)
}

/// Forgets the credentials under `key`, or all without one. Returns whether there were any.
pub fn logout(path: &Path, key: Option<&str>) -> Result<bool, AuthError> {
    change(path, |auths| match key {
        Some(key) => auths.remove(key).is_some(),
        None => !std::mem::take(auths).is_empty(),
    })
}

fn change(path: &Path, action: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<bool, AuthError> {
    let _lock = lock_beside(path)?;
    let mut document = read(path)?;
    let auths = document.entry("auths").or_insert_with(|| json!({}));
    if !auths.is_object() {
        *auths = json!({});
    }
    let changed = auths.as_object_mut().is_some_and(action);
    let text = serde_json::to_vec_pretty(&document).map_err(|source| AuthError::Parse {
        path: path.into(),
        source,
    })?;
    // The temporary file is made with mode 0600, and the name inherits that.
    write_atomic(path, &text, Durability::Synced)?;
    Ok(changed)
}

/// One change at a time. The directory is locked, not the file, which is replaced; others' programs take no lock at all.
fn lock_beside(path: &Path) -> Result<Flock<File>, StoreError> {
    let named = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = named.unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    let file = File::open(dir).map_err(StoreError::io("open", dir))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| StoreError::io("lock", dir)(e.into()))
}

fn read(path: &Path) -> Result<Map<String, Value>, AuthError> {
    match fs::read(path) {
        Ok(text) if text.trim_ascii().is_empty() => Ok(Map::new()),
        Ok(text) => serde_json::from_slice(&text).map_err(|source| AuthError::Parse {
            path: path.into(),
            source,
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(source) => Err(AuthError::Read {
            path: path.into(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::image::auth::AuthFiles;

    #[test]
    fn what_is_remembered_is_found_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("containers/auth.json");
        let files = AuthFiles::of_user(Some(&path));
        let secret = Credentials::Password {
            user: "u".into(),
            password: "p:q".into(),
        };
        remember(&path, "x.io/team", &secret).unwrap();
        remember(&path, "y.io", &Credentials::IdentityToken("T".into())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(files.find(&"x.io/team/app".parse().unwrap()).unwrap(), Some(secret));
        assert!(files.find(&"x.io/app".parse().unwrap()).unwrap().is_none());
        assert!(logout(&path, Some("x.io/team")).unwrap());
        assert!(!logout(&path, Some("x.io/team")).unwrap());
        assert!(files.find(&"x.io/team/app".parse().unwrap()).unwrap().is_none());
        assert!(files.find(&"y.io/app".parse().unwrap()).unwrap().is_some());
        assert!(logout(&path, None).unwrap());
        assert!(files.find(&"y.io/app".parse().unwrap()).unwrap().is_none());
    }

    #[test]
    fn of_many_logins_at_once_none_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("containers/auth.json");
        std::thread::scope(|scope| {
            for number in 0..20 {
                let path = &path;
                let token = Credentials::IdentityToken("T".into());
                scope.spawn(move || remember(path, &format!("r{number}.io"), &token).unwrap());
            }
        });
        assert_eq!(read(&path).unwrap()["auths"].as_object().unwrap().len(), 20);
    }

    #[test]
    fn what_others_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth.json");
        fs::write(
            &path,
            r#"{"credHelpers": {"a.io": "h"}, "auths": {"b.io": {"auth": "x", "email": "e"}}}"#,
        )
        .unwrap();
        remember(&path, "c.io", &Credentials::IdentityToken("T".into())).unwrap();
        let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(document["credHelpers"]["a.io"], "h");
        assert_eq!(document["auths"]["b.io"]["email"], "e");
    }
}
