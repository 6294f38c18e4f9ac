//! Mounts.

use super::*;

#[test]
fn mounts_of_every_kind() {
    let place = Place::new("crun");
    let source = place.path("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a.conf"), "a").unwrap();
    std::fs::write(source.join("b.conf"), "b").unwrap();
    let source = source.display();
    let change = |o: &mut ContainerOptions| {
        o.volumes = vec![format!("{source}:/ro:ro,z"), format!("{source}:/over:O")];
        o.mounts = vec![
            format!("type=glob,source={source}/*.conf,destination=/globbed"),
            "type=tmpfs,dst=/mem,tmpfs-size=1m".into(),
        ];
        o.tmpfs = strings(&["/t:size=2m,mode=1770"]);
        o.read_only = true;
    };
    let script = r"
        touch /ro/x 2>/dev/null || echo ro refused; touch /over/x && ls /over | tr '\n' ' '; echo
        cat /globbed/a.conf /globbed/b.conf; echo; echo mem $(df -k /mem | tail -1 | awk '{print $2}') $(stat -c %a /t)
        touch /here 2>/dev/null || echo root refused; touch /tmp/x /run/x /var/tmp/x && echo tmp writable
    ";
    let (output, _) = place.script(options(change), script);
    assert_lines(
        &output,
        &[
            "ro refused",
            "a.conf b.conf x",
            "ab",
            "mem 1024 1770",
            "root refused",
            "tmp writable",
        ],
    );
    assert!(!place.path("source/x").exists());
}

#[test]
fn a_volume_is_given_to_the_user() {
    let place = Place::new("crun");
    let source = place.path("given");
    std::fs::create_dir_all(source.join("deep")).unwrap();
    let change = |o: &mut ContainerOptions| {
        o.user = Some("web".into());
        o.volumes = vec![format!("{}:/given:U", source.display())];
    };
    let (output, _) = place.script(options(change), "touch /given/deep/x && echo mine");
    assert_lines(&output, &["mine"]);
}

#[test]
fn privileged() {
    let place = Place::new("crun");
    let script = "grep -E '^(CapEff|Seccomp):' /proc/self/status | tr -s '\\t' ' '; echo devices $(ls /dev | wc -l); cat /run/.containerenv";
    let (output, _) = place.script(options(|o| o.privileged = true), script);
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let bounding = own
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .unwrap()
        .trim();
    assert_lines(
        &output,
        &[
            &format!("CapEff: {bounding}"),
            "Seccomp: 0",
            &format!("id=\"{}\"", place.id),
        ],
    );
}

#[test]
fn an_init_is_the_first_process() {
    let place = Place::new("crun");
    let (output, status) = place.script(options(|o| o.init = true), "cat /proc/1/comm; echo pid $$; exit 7");
    // The program is known inside by where it is mounted.
    assert_lines(&output, &["podman-init"]);
    assert!(!output.contains("pid 1\n"), "{output}");
    assert_eq!(status.code(), Some(7));
}

#[test]
fn prepared_for_systemd() {
    let place = Place::new("crun");
    let script = "touch /run/lock/x /tmp/x && mkdir /sys/fs/cgroup/inner && rmdir /sys/fs/cgroup/inner && echo writable; ls -d /run/.containerenv";
    let (output, _) = place.script(options(|o| o.systemd = Some("always".into())), script);
    assert_lines(&output, &["writable", "/run/.containerenv"]);
}

#[test]
fn a_user_namespace_that_cannot_be_made_is_refused() {
    let place = Place::new("crun");
    for userns in ["auto", "keep-id", "private", "elsewhere"] {
        let options = options(|o| {
            o.command = strings(&["true"]);
            o.userns = Some(userns.into());
        });
        let error = write_bundle(&place.request(&options)).unwrap_err().to_string();
        assert!(error.contains("--userns"), "{error}");
    }
}
