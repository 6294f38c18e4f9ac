//! What `login` and `logout` write: entries of auth.json. Whatever else is in the file stays as it is.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Map, Value, json};

use super::read::{AuthError, AuthFile, Credentials, Helper, is_same, legacy_host};
use unipod_store::{Durability, StoreError, create_private, write_atomic};

/// Stores credentials under `key` (`HOST[:PORT][/NAMESPACE]`): with the credential helper that the file names for it, and only
/// there, else in the file, which is for its owner's eyes only.
///
/// # Errors
/// The helper fails, or keeps only whole registries; the file cannot be changed. Nothing is stored then.
pub fn remember(path: &Path, key: &str, credentials: &Credentials) -> Result<(), AuthError> {
    let file = helpers_in(path)?;
    let registry = host(key);
    if let Some(helper) = file.helper(key).or_else(|| file.helper(registry)) {
        if registry != key {
            return Err(AuthError::Namespace {
                key: key.to_owned(),
                registry: registry.to_owned(),
                program: helper.program(),
                path: path.into(),
            });
        }
        helper.store(credentials)?;
        // What an earlier login has left in clear.
        return forget(path, key).map(drop);
    }
    let entry = match credentials {
        Credentials::Password { user, password } => json!({"auth": STANDARD.encode(format!("{user}:{password}"))}),
        Credentials::IdentityToken(token) => json!({"identitytoken": token}),
    };
    change(path, |auths| auths.insert(key.to_owned(), entry).is_some()).map(drop)
}

/// Forgets the credentials under `key`. Returns whether there were any.
///
/// # Errors
/// The helper fails, or the file cannot be changed.
pub fn logout(path: &Path, key: &str) -> Result<bool, AuthError> {
    let helper = if host(key) == key {
        helpers_in(path)?.helper(key)
    } else {
        None
    };
    let Some(helper) = helper else {
        return forget(path, key);
    };
    let known = helper.get()?.is_some();
    helper.erase()?;
    Ok(forget(path, key)? || known)
}

/// Forgets all credentials in the file, and those that its helpers keep.
///
/// # Errors
/// The first failure; what else can be forgotten is forgotten.
pub fn logout_all(path: &Path) -> Result<(), AuthError> {
    let file = helpers_in(path)?;
    let own = file.cred_helpers.iter().map(|(server, name)| Helper {
        name: name.clone(),
        server: server.clone(),
    });
    // The general one is asked what it keeps; one that is set for a registry may keep others that are none of this file's.
    let general = file.creds_store.clone().map(|name| Helper {
        name,
        server: String::new(),
    });
    let (kept, listed) = match general.and_then(Helper::named).map(|helper| helper.list()) {
        Some(Ok(kept)) => (kept, Ok(())),
        Some(Err(error)) => (Vec::new(), Err(error)),
        None => (Vec::new(), Ok(())),
    };
    let erased: Vec<_> = own
        .filter_map(Helper::named)
        .chain(kept)
        .map(|helper| helper.erase())
        .collect();
    change(path, |auths| !std::mem::take(auths).is_empty())?;
    listed?;
    erased.into_iter().collect()
}

/// `HOST[:PORT]` of a key: what is not below a registry is one itself, even if it is a URL.
fn host(key: &str) -> &str {
    legacy_host(key)
        .split('/')
        .next()
        .filter(|host| *host != legacy_host(key))
        .unwrap_or(key)
}

fn helpers_in(path: &Path) -> Result<AuthFile, AuthError> {
    serde_json::from_value(Value::Object(read(path)?)).map_err(|source| AuthError::Parse {
        path: path.into(),
        source,
    })
}

/// Removes what the file has under `key`, and under what older programs called it.
fn forget(path: &Path, key: &str) -> Result<bool, AuthError> {
    change(path, |auths| {
        let before = auths.len();
        auths.retain(|other, _| !is_same(other, key));
        auths.len() < before
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

/// How long others may take to change the file.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(20);

/// One change at a time. The directory is locked, not the file, which is replaced; others' programs take no lock at all.
///
/// Who can open the directory can lock it, in `/tmp` everybody: so the wait has an end, and what has to be made is for its owner alone.
fn lock_beside(path: &Path) -> Result<Flock<File>, StoreError> {
    let named = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = named.unwrap_or(Path::new("."));
    create_private(dir, Durability::ThisBoot)?;
    let mut file = File::open(dir).map_err(StoreError::io("open", dir))?;
    let end = Instant::now() + PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Err((again, Errno::EWOULDBLOCK)) if Instant::now() < end => file = again,
            locked => return locked.map_err(|(_, e)| StoreError::io("lock", dir)(e.into())),
        }
        std::thread::sleep(AGAIN);
    }
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
    use crate::auth::AuthFiles;

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
        assert!(logout(&path, "x.io/team").unwrap());
        assert!(!logout(&path, "x.io/team").unwrap());
        assert!(files.find(&"x.io/team/app".parse().unwrap()).unwrap().is_none());
        assert!(files.find(&"y.io/app".parse().unwrap()).unwrap().is_some());
        logout_all(&path).unwrap();
        assert!(files.find(&"y.io/app".parse().unwrap()).unwrap().is_none());
    }

    #[test]
    fn who_keeps_the_lock_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("containers/0/auth.json");
        assert!(!logout(&path, "x.io").unwrap());
        let place = path.parent().unwrap();
        assert_eq!(fs::metadata(place).unwrap().permissions().mode() & 0o777, 0o700);
        let _held = Flock::lock(File::open(place).unwrap(), FlockArg::LockExclusive).unwrap();
        let error = logout(&path, "x.io").unwrap_err().to_string();
        assert!(error.contains("cannot lock"), "{error}");
    }

    /// A helper in shell, which keeps each entry in a file of the directory that it lies in; it does not keep what is locked.
    const HELPER: &str = "#!/bin/sh
        cd \"${0%/*}\" || exit
        if [ \"$1\" = list ]; then
            for file in kept-*; do [ -e \"$file\" ] && list=\"$list,$(sed 's/.*\"ServerURL\":\\(\"[^\"]*\"\\).*/\\1/' \"$file\"):\\\"u\\\"\"; done
            echo \"{${list#,}}\"
            exit
        fi
        input=$(cat)
        case $1 in store) server=$(echo \"$input\" | sed 's/.*\"ServerURL\":\"\\([^\"]*\\)\".*/\\1/');; *) server=$input;; esac
        file=kept-$(echo \"$server\" | tr / _)
        case $1 in
        store) [ ! -e locked ] || { echo 'locked: credentials not found in native keychain'; exit 1; }; echo \"$input\" >\"$file\";;
        get) cat \"$file\" 2>/dev/null || { echo credentials not found in native keychain; exit 1; };;
        erase) rm \"$file\" 2>/dev/null || { echo credentials not found in native keychain; exit 1; };;
        esac
    ";

    /// Runs the test of this name once more, in a process that finds the helper `docker-credential-test` in its PATH: `test` gets
    /// the helper's directory.
    fn with_helper(name: &str, test: impl FnOnce(&Path)) {
        const PLACE: &str = "UNIPOD_TEST_HELPER";
        if let Some(place) = std::env::var_os(PLACE) {
            return test(Path::new(&place));
        }
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("docker-credential-test");
        fs::write(&program, HELPER).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let own = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([dir.path().to_owned()].into_iter().chain(std::env::split_paths(&own)));
        let again = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                &format!("{}::{name}", module_path!().split_once("::").unwrap().1),
            ])
            .env(PLACE, dir.path())
            .env("PATH", path.unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && said.contains("1 passed"), "{again:?}");
    }

    fn secret() -> Credentials {
        Credentials::Password {
            user: "u".into(),
            password: "sesame".into(),
        }
    }

    #[test]
    fn what_a_helper_keeps_is_not_in_the_file() {
        with_helper("what_a_helper_keeps_is_not_in_the_file", |place| {
            let path = place.join("auth.json");
            let clear = json!({"auth": "dTpw"});
            let text = json!({
                "auths": {"x.io": clear, "https://x.io/v1/": clear, "x.io/team": clear, "z.io": clear},
                "credHelpers": {"x.io": "test", "w.io/team": "test", "none.io": ""},
            });
            fs::write(&path, text.to_string()).unwrap();
            let files = AuthFiles::of_user(Some(&path));
            let found = |image: &str| files.find(&image.parse().unwrap()).unwrap();
            let in_file = || fs::read_to_string(&path).unwrap();

            // What it refuses to keep stays what it was.
            fs::write(place.join("locked"), "").unwrap();
            let error = remember(&path, "x.io", &secret()).unwrap_err().to_string();
            assert!(error.contains("locked") && in_file().contains("v1"), "{error}");
            fs::remove_file(place.join("locked")).unwrap();

            remember(&path, "x.io", &secret()).unwrap();
            assert_eq!(found("x.io/app"), Some(secret()));
            let document = read(&path).unwrap();
            let left: Vec<&String> = document["auths"].as_object().unwrap().keys().collect();
            assert_eq!(left, ["x.io/team", "z.io"], "what was in clear is gone");
            assert!(document.contains_key("credHelpers") && !in_file().contains("sesame"));

            // Below a registry there is no helper, and in clear it must not be.
            for key in ["x.io/team/sub", "w.io/team"] {
                let error = remember(&path, key, &secret()).unwrap_err().to_string();
                assert!(
                    error.contains("docker-credential-test") && error.contains(key),
                    "{error}"
                );
            }
            assert!(!in_file().contains("c2VzYW1l"), "{}", in_file());

            assert!(logout(&path, "x.io").unwrap() && !logout(&path, "x.io").unwrap());
            assert!(logout(&path, "x.io/team").unwrap());
            assert_eq!(found("x.io/app"), None);
        });
    }

    #[test]
    fn the_general_helper_knows_docker_hub_by_its_old_name() {
        with_helper("the_general_helper_knows_docker_hub_by_its_old_name", |place| {
            let path = place.join("auth.json");
            let mark = json!({"https://index.docker.io/v1/": {}});
            fs::write(&path, json!({"auths": mark, "credsStore": "test"}).to_string()).unwrap();
            let files = AuthFiles::of_user(Some(&path));
            let found = |image: &str| files.find(&image.parse().unwrap()).unwrap();

            remember(&path, "docker.io", &secret()).unwrap();
            assert!(place.join("kept-https:__index.docker.io_v1_").exists());
            assert_eq!(found("docker.io/library/app"), Some(secret()));
            assert!(logout(&path, "docker.io").unwrap());
            assert_eq!(found("docker.io/library/app"), None);

            for registry in ["docker.io", "x.io", "y.io:5000"] {
                remember(&path, registry, &secret()).unwrap();
            }
            logout_all(&path).unwrap();
            for image in ["docker.io/library/app", "x.io/app", "y.io:5000/app"] {
                assert_eq!(found(image), None, "{image}");
            }
            logout_all(&path).unwrap();
        });
    }

    #[test]
    fn without_its_helper_nothing_is_written_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth.json");
        let text = json!({"credHelpers": {"x.io": "unipod-test-none"}}).to_string();
        fs::write(&path, &text).unwrap();
        remember(&path, "x.io", &secret()).unwrap_err();
        logout_all(&path).unwrap_err();
        assert!(!fs::read_to_string(&path).unwrap().contains("auth\""));
    }

    #[test]
    fn what_docker_wrote_is_forgotten_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let clear = json!({"auth": "dTpw"});
        let auths = json!({"https://index.docker.io/v1/": clear, "https://x.io": clear, "x.io/team": clear});
        fs::write(&path, json!({"auths": auths}).to_string()).unwrap();
        assert!(logout(&path, "docker.io").unwrap() && logout(&path, "x.io").unwrap());
        let left = read(&path).unwrap();
        assert_eq!(
            left["auths"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["x.io/team"]
        );
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
