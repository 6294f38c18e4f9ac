//! What `login` and `logout` write: entries of auth.json. Whatever else is in the file stays as it is.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Map, Value, json};

use super::{AuthError, Credentials, run_helper};
use crate::store::{Durability, StoreError, write_atomic};

/// Stores credentials under `key` (`HOST[:PORT][/NAMESPACE]`): with the credential helper that the file names for it, and only
/// there, else in the file, which is for its owner's eyes only.
pub fn remember(path: &Path, key: &str, credentials: &Credentials) -> Result<(), AuthError> {
    if let Some(helper) = helper_of(path, key)? {
        let (user, secret) = match credentials {
            Credentials::Password { user, password } => (user.as_str(), password),
            Credentials::IdentityToken(token) => ("<token>", token),
        };
        let entry = json!({"ServerURL": key, "Username": user, "Secret": secret}).to_string();
        run_helper(&helper, "store", key, entry.as_bytes())?;
        // What an earlier login has left in clear.
        return change(path, |auths| auths.remove(key).is_some()).map(drop);
    }
    let entry = match credentials {
        Credentials::Password { user, password } => json!({"auth": STANDARD.encode(format!("{user}:{password}"))}),
        Credentials::IdentityToken(token) => json!({"identitytoken": token}),
    };
    change(path, |auths| auths.insert(key.to_owned(), entry).is_some()).map(drop)
}

/// The helper that keeps the credentials of a registry. Helpers know registries, not what is below them.
fn helper_of(path: &Path, key: &str) -> Result<Option<String>, AuthError> {
    if key.contains('/') {
        return Ok(None);
    }
    let document = read(path)?;
    let own = document.get("credHelpers").and_then(|helpers| helpers.get(key));
    let helper = own.or_else(|| document.get("credsStore")).and_then(Value::as_str);
    Ok(helper.filter(|name| !name.is_empty()).map(str::to_owned))
}

/// Forgets the credentials under `key`, or all in the file without one. Returns whether there were any.
pub fn logout(path: &Path, key: Option<&str>) -> Result<bool, AuthError> {
    if let Some(key) = key
        && let Some(helper) = helper_of(path, key)?
    {
        let known = run_helper(&helper, "get", key, key.as_bytes())?.is_some();
        run_helper(&helper, "erase", key, key.as_bytes())?;
        return Ok(change(path, |auths| auths.remove(key).is_some())? || known);
    }
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

    /// A helper written in shell, which keeps one entry.
    #[test]
    fn what_a_helper_keeps_is_not_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (program, kept) = (dir.path().join("helper"), dir.path().join("kept"));
        let script = format!(
            "#!/bin/sh\ncase $1 in\nstore) cat >{0};;\nget) cat {0} 2>/dev/null || {{ echo credentials not found; exit 1; }};;\n\
             erase) rm -f {0};;\nesac\n",
            kept.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // A name in PATH that leads to it, and that no other test uses.
        let name = format!("unipod-test-{}", std::process::id());
        let link = std::path::Path::new("/usr/local/bin").join(format!("docker-credential-{name}"));
        std::os::unix::fs::symlink(&program, &link).unwrap();
        let path = dir.path().join("auth.json");
        let text = json!({"auths": {"x.io": {"auth": "dTpw"}}, "credHelpers": {"x.io": name}}).to_string();
        fs::write(&path, text).unwrap();
        let secret = Credentials::Password {
            user: "u".into(),
            password: "sesame".into(),
        };
        let remembered = remember(&path, "x.io", &secret);
        let found = AuthFiles::of_user(Some(&path)).find(&"x.io/app".parse().unwrap());
        let (in_file, in_helper) = (fs::read_to_string(&path).unwrap(), fs::read_to_string(&kept));
        let forgotten = (logout(&path, Some("x.io")), logout(&path, Some("x.io")));
        fs::remove_file(&link).unwrap();
        remembered.unwrap();
        assert_eq!(found.unwrap(), Some(secret.clone()));
        assert!(in_helper.unwrap().contains("sesame"));
        assert!(
            !in_file.contains("\"auth\"") && in_file.contains("credHelpers"),
            "{in_file}"
        );
        assert!(forgotten.0.unwrap() && !forgotten.1.unwrap());
        // Without its helper nothing is written beside it.
        remember(&path, "x.io", &secret).unwrap_err();
        remember(&path, "x.io/team", &secret).unwrap();
        assert_eq!(helper_of(&path, "x.io/team").unwrap(), None);
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
