//! Bundles run by the real runtimes on a root file system made of busybox. Needs root, crun, runc and busybox-static.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

mod filter;
mod mounts;
mod process;
mod rights;

use super::oci::{ExecRequest, RunRequest};
use super::*;
use unipod_bundle::process::exec::{self, ExecOptions, Process};
use unipod_bundle::security::{capabilities, seccomp};
use unipod_bundle::{BundleRequest, ContainerOptions, IdMappings, JoinedNamespaces, Namespace, write_bundle};

/// A place where a container finds what it would find under systemd: cgroup2 at `/sys/fs/cgroup`, mounts of its own.
struct Place {
    dir: tempfile::TempDir,
    runtime: OciRuntime,
    id: String,
}

impl Place {
    fn new(runtime: &str) -> Self {
        store_namespace();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for sub in ["bin", "etc", "proc", "dev", "sys", "tmp", "run"] {
            std::fs::create_dir_all(root.join(sub)).unwrap();
        }
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        let installed = Command::new("chroot")
            .arg(&root)
            .args(["/bin/busybox", "--install", "-s", "/bin"])
            .status();
        assert!(installed.unwrap().success());
        std::fs::write(
            root.join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n",
        )
        .unwrap();
        std::fs::write(root.join("etc/group"), "root:x:0:\nwww:x:33:\nlog:x:44:web\n").unwrap();
        std::fs::create_dir(dir.path().join("out")).unwrap();
        let runtime = OciRuntime::find(Some(runtime)).unwrap();
        let id = format!("0123456789ab{}", unipod_store::id::random_hex(10));
        Self { dir, runtime, id }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn request<'a>(&'a self, options: &'a ContainerOptions) -> BundleRequest<'a> {
        BundleRequest {
            id: &self.id,
            options,
            image: None,
            rootfs: self.path("root"),
            bundle: self.path("bundle"),
            network: Namespace::New,
            hosts: vec![("10.89.0.2".parse().unwrap(), vec!["web".into()])],
            dns_servers: vec!["10.89.0.1".parse().unwrap()],
            search_domains: vec!["dns.podman".into()],
            mounts: Vec::new(),
            secret_env: vec![("PASSWORD".into(), "hidden".into())],
            notify_socket: None,
            listen_fds: None,
            id_mappings: None,
            shared_files: unipod_bundle::SharedFiles::default(),
            joined: JoinedNamespaces::default(),
            host_gateway: "10.89.0.1".parse().ok(),
            own_cgroup: true,
            copies_up: true,
            filter_cache: None,
        }
    }

    /// Runs a shell script in a container and returns what it wrote, and its status.
    fn script(&self, mut options: ContainerOptions, script: &str) -> (String, ExitStatus) {
        options.volumes.push(format!("{}:/out", self.path("out").display()));
        options.command = ["sh", "-c", &format!("exec >/out/log 2>&1; {script}")]
            .map(str::to_owned)
            .to_vec();
        let _ = std::fs::remove_file(self.path("out/log"));
        std::fs::set_permissions(self.path("out"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let status = self.ended(&self.request(&options));
        (std::fs::read_to_string(self.path("out/log")).unwrap(), status)
    }

    /// Makes and starts a container; its init's PID.
    fn started(&self, request: &BundleRequest<'_>) -> Result<u32, RuntimeError> {
        let run = self.run_request(0);
        std::fs::create_dir_all(run.bundle).unwrap();
        let creation = Creation::begin(&self.runtime, &run)?;
        let pid = creation.supply(&write_bundle(request).unwrap().spec)?.finish()?;
        Release::begin(&self.runtime, run.bundle, run.state_root, run.id)?.finish()?;
        Ok(pid)
    }

    /// Runs a container until it ends.
    fn ended(&self, request: &BundleRequest<'_>) -> ExitStatus {
        let run = self.run_request(0);
        std::fs::create_dir_all(run.bundle).unwrap();
        let bundle = write_bundle(request).unwrap();
        std::fs::write(run.config(), serde_json::to_vec(&bundle.spec).unwrap()).unwrap();
        let status = self.runtime.container("run", &run).unwrap().status().unwrap();
        failure::own_failure(&run.log(), self.runtime.path(), status).unwrap_or_else(|e| panic!("{e}"))
    }

    fn run_request(&self, preserve_fds: u32) -> RunRequest<'_> {
        let dir = self.dir.path();
        let leak = |name: &str| -> &'static Path { Box::leak(dir.join(name).into_boxed_path()) };
        RunRequest {
            id: &self.id,
            bundle: leak("bundle"),
            state_root: leak("state"),
            preserve_fds,
            console_socket: None,
            stdin: false,
            stdin_from: None,
            stdout: None,
            stderr: None,
        }
    }

    fn start(&self, options: &ContainerOptions) -> Result<u32, RuntimeError> {
        self.started(&self.request(options))
    }

    fn exec(&self, pid: u32, options: &ExecOptions) -> Result<ExitStatus, RuntimeError> {
        let first = Process::first(&self.run_request(0).bundle.join("config.json")).unwrap();
        let process = exec::process(first, Path::new(&format!("/proc/{pid}/root")), options).unwrap();
        let (state_root, scratch) = (self.path("state"), self.path("exec"));
        std::fs::create_dir_all(&scratch).unwrap();
        self.runtime.exec(&ExecRequest {
            id: &self.id,
            state_root: &state_root,
            scratch: &scratch,
            process: &process,
            detach: false,
            preserve_fds: 0,
            console_socket: None,
            stdin: false,
            stdin_from: None,
            stdout: None,
            stderr: None,
            group: None,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.runtime.delete(&self.path("state"), &self.id, true);
    }
}

/// This thread, and so its children, get a mount and a cgroup namespace as a unit of systemd has them.
fn store_namespace() {
    use nix::mount::{MsFlags, mount};
    unipod_linux::mount::enter_private_namespace().expect("these tests need root");
    let mounted = mount(
        Some("cgroup2"),
        "/sys/fs/cgroup",
        Some("cgroup2"),
        MsFlags::empty(),
        None::<&str>,
    );
    // Busy: a test with several places has done so before.
    assert!(matches!(mounted, Ok(()) | Err(nix::errno::Errno::EBUSY)), "{mounted:?}");
}

fn options(change: impl FnOnce(&mut ContainerOptions)) -> ContainerOptions {
    let mut options = ContainerOptions::default();
    change(&mut options);
    options
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Every line of `expected` is a line of `output`.
fn assert_lines(output: &str, expected: &[&str]) {
    for line in expected {
        assert!(
            output.lines().any(|have| have.trim() == *line),
            "no line {line:?} in\n{output}"
        );
    }
}
