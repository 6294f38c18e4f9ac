//! Whether a payload is going to open its standard streams by name, as far as it shows before it runs: in its image, in its
//! command line and environment, in files that the host lends it.

use std::fs;
use std::path::Path;

use unipod_bundle::ContainerOptions;
use unipod_bundle::mounts::volumes::{self, MountSource};
use unipod_image::Image;
use unipod_image::layers::streams::{file_names_a_stream, names_a_stream};

/// How many files directly in a mounted directory are looked at: configuration is small, data is not configuration.
const FILES: usize = 64;

/// Whether it is. A root directory in place of an image was never looked at and may do anything.
pub fn is_expected(options: &ContainerOptions, image: Option<&Image>) -> bool {
    image.is_none_or(|image| image.reopens_streams) || in_words(options) || in_mounts(options)
}

fn in_words(options: &ContainerOptions) -> bool {
    let words = options
        .command
        .iter()
        .chain(options.entrypoint.iter().flatten())
        .chain(options.env.values());
    words.into_iter().any(|word| names_a_stream(word.as_bytes()))
}

fn in_mounts(options: &ContainerOptions) -> bool {
    // Malformed mounts are refused where they are made.
    let requests = volumes::parse(options, &[]).unwrap_or_default();
    requests
        .iter()
        .any(|request| matches!(&request.source, MountSource::HostPath(path) if in_host_path(path)))
}

fn in_host_path(path: &Path) -> bool {
    let Ok(path) = fs::canonicalize(path) else { return false };
    if !path.is_dir() {
        // To open a device is to do something: a serial line resets what it leads to, a watchdog starts to count.
        return path.is_file() && file_names_a_stream(rustix::fs::CWD, &path);
    }
    let entries = fs::read_dir(&path).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files
        .take(FILES)
        .any(|file| file_names_a_stream(rustix::fs::CWD, file.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_environment() {
        let with = |change: &dyn Fn(&mut ContainerOptions)| {
            let mut options = ContainerOptions::default();
            change(&mut options);
            in_words(&options)
        };
        assert!(!with(
            &|o| o.command = vec!["sh".into(), "-c".into(), "echo x >&2".into()]
        ));
        assert!(with(
            &|o| o.command = vec!["sh".into(), "-c".into(), "echo x >/dev/stderr".into()]
        ));
        assert!(with(&|o| o.entrypoint = Some(vec!["tee".into(), "/proc/1/fd/1".into()])));
        assert!(with(&|o| drop(o.env.insert("LOG".into(), "/dev/stdout".into()))));
    }

    #[test]
    fn files_of_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let (loud, quiet) = (dir.path().join("loud"), dir.path().join("quiet"));
        for sub in [&loud, &quiet] {
            fs::create_dir_all(sub.join("deep")).unwrap();
        }
        fs::write(loud.join("a.conf"), "ErrorLog /proc/self/fd/2").unwrap();
        fs::write(quiet.join("deep/a.conf"), "ErrorLog /proc/self/fd/2").unwrap();
        for (volume, expected) in [
            (format!("{}:/x", loud.display()), true),
            (format!("{}:/x:ro", loud.join("a.conf").display()), true),
            (format!("{}:/x", quiet.display()), false),
            (format!("{}:/x", dir.path().join("none").display()), false),
            ("named:/x".to_owned(), false),
        ] {
            let options = ContainerOptions {
                volumes: vec![volume.clone()],
                ..ContainerOptions::default()
            };
            assert_eq!(in_mounts(&options), expected, "{volume}");
        }
        let device = dir.path().join("device");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &device,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        let path = device.clone();
        // Goes on as soon as somebody opens the other end.
        let opened = std::thread::spawn(move || fs::OpenOptions::new().write(true).open(path));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!in_host_path(&device));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!opened.is_finished(), "only regular files are opened");
        drop(fs::File::open(&device));
        opened.join().unwrap().unwrap();
        let mount = format!("type=bind,source={},destination=/x", loud.display());
        assert!(in_mounts(&ContainerOptions {
            mounts: vec![mount],
            ..ContainerOptions::default()
        }));
    }
}
