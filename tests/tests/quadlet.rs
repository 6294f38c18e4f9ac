//! `unipod quadlet`: unit files installed, listed, printed and removed by podman's own commands.

use unipod_tests::machine::{Machine, Output};
use unipod_tests::setup;

const WEB: &str = "# A comment\n[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nStopSignal=SIGKILL\n\
                   EnvironmentFile=./web.env\nExec=sleep infinity\n[Install]\nWantedBy=multi-user.target\n";

const DIR: &str = "/etc/containers/systemd";

/// Runs `unipod quadlet` in `/srv/units`.
fn quadlet(machine: &Machine, arguments: &str) -> Output {
    machine.sh(&format!("cd /srv/units && unipod quadlet {arguments}"))
}

/// Everything in the installation directory.
fn installed(machine: &Machine) -> String {
    machine.sh(&format!("ls -A {DIR} | LC_ALL=C sort | tr '\\n' ' '")).ok()
}

fn boot() -> Machine {
    let machine = setup::boot();
    machine.write("/srv/units/web.container", WEB);
    machine.write("/srv/units/web.env", "NAME=web\n");
    machine.write("/srv/units/data.volume", "[Volume]\n");
    machine
}

#[test]
fn what_is_installed_starts_and_can_be_removed() {
    let machine = boot();
    let output = quadlet(&machine, "install web.container web.env");
    assert_eq!(output.ok(), format!("{DIR}/web.container\n{DIR}/web.env"));
    assert_eq!(machine.systemctl(&["is-enabled", "web"]).ok(), "enabled");
    machine.start(&["web"]);
    assert_eq!(
        machine.unipod(&["exec", "systemd-web", "sh", "-c", "echo $NAME"]).ok(),
        "web"
    );
    let list = quadlet(&machine, "list").ok();
    let words: Vec<Vec<&str>> = list
        .lines()
        .map(|line| {
            line.split("  ")
                .filter(|word| !word.is_empty())
                .map(str::trim)
                .collect()
        })
        .collect();
    assert_eq!(words[0], ["NAME", "UNIT NAME", "PATH ON DISK", "STATUS", "APPLICATION"]);
    let path = format!("{DIR}/web.container");
    assert_eq!(
        words[1],
        [
            "web.container",
            "web.service",
            &path,
            "active/running",
            ".web.container.app"
        ]
    );
    assert_eq!(format!("{}\n", quadlet(&machine, "print web.container").ok()), WEB);
    assert_eq!(quadlet(&machine, "cat web.container").ok(), WEB.trim_end());
    let refused = quadlet(&machine, "rm web.container").refused();
    assert!(
        refused.contains("web.container is running and force is not set"),
        "{refused}"
    );
    assert!(machine.is_active("web"));
    assert_eq!(quadlet(&machine, "rm --force web.container").ok(), "web.container");
    assert_eq!(installed(&machine), "");
    assert_eq!(machine.property("web", "LoadState"), "not-found");
    assert_eq!(machine.sh("find /etc/systemd/system -name web.service").ok(), "");
    machine.nothing_remains();
}

#[test]
fn applications_are_installed_and_removed_as_a_whole() {
    let machine = boot();
    machine
        .sh("mkdir -p /srv/units/shop/.git && cp /srv/units/web.* /srv/units/data.volume /srv/units/shop")
        .ok();
    machine.write(
        "/srv/units/pair.quadlets",
        "# FileName=one\n[Volume]\n---\n# FileName=two\n[Network]\nInternal=true\n",
    );
    quadlet(&machine, "install ./shop").ok();
    assert_eq!(
        quadlet(&machine, "install pair.quadlets").ok(),
        format!("{DIR}/one.volume\n{DIR}/two.network")
    );
    assert_eq!(
        installed(&machine),
        ".pair.app .shop.app data.volume one.volume two.network web.container web.env"
    );
    assert_eq!(
        machine.read(&format!("{DIR}/.shop.app")),
        "data.volume\nweb.container\nweb.env\n"
    );
    let names = |arguments: &str| {
        quadlet(
            &machine,
            &format!("list --format '{{{{.Name}}}} {{{{.App}}}}' {arguments}"),
        )
        .ok()
    };
    assert_eq!(
        names(""),
        "NAME APPLICATION\ndata.volume .shop.app\none.volume .pair.app\ntwo.network .pair.app\nweb.container .shop.app"
    );
    assert_eq!(names("--filter name=^t"), "NAME APPLICATION\ntwo.network .pair.app");
    assert_eq!(
        names("--filter name=one --filter name=web.*"),
        "NAME APPLICATION\none.volume .pair.app\nweb.container .shop.app"
    );
    let json = quadlet(&machine, "list --format json --filter name=one").ok();
    assert!(json.contains("\"UnitName\": \"one-volume.service\""), "{json}");
    quadlet(&machine, "list --filter colour=red").refused();
    assert_eq!(quadlet(&machine, "rm one.volume").ok().lines().count(), 2);
    assert_eq!(installed(&machine), ".shop.app data.volume web.container web.env");
    quadlet(&machine, "rm shop").ok();
    assert_eq!(installed(&machine), "");
    quadlet(&machine, "install shop").ok();
    quadlet(&machine, "rm --all").ok();
    assert_eq!(installed(&machine), "");
}

#[test]
fn an_installation_that_cannot_be_whole_is_none() {
    let machine = boot();
    machine
        .sh("mkdir -p /srv/units/deep/sub /srv/units/empty && cp /srv/units/data.volume /srv/units/deep")
        .ok();
    machine.write("/srv/units/bad.quadlets", "[Volume]\n");
    quadlet(&machine, "install data.volume").ok();
    for (arguments, says) in [
        (
            "install web.container data.volume",
            "a Quadlet with name data.volume already exists, refusing to overwrite",
        ),
        ("install web.env", "\".env\" is not a supported Quadlet file type"),
        ("install web.container nowhere.env", "nowhere.env"),
        ("install deep", "\"deep/sub\" is not a file"),
        ("install empty", "there is no Quadlet in empty"),
        ("install bad.quadlets", "missing required '# FileName=<name>'"),
        ("install web.container web.container", "already exists"),
        ("rm web.container", "could not locate quadlet \"web.container\""),
        ("print web", "\"\" is not a supported Quadlet file type"),
    ] {
        let output = quadlet(&machine, arguments);
        assert_eq!(output.code, 125, "{output}");
        assert!(output.stderr.contains(says), "{says}\n{output}");
        assert_eq!(installed(&machine), ".data.volume.app data.volume", "{arguments}");
    }
    assert_eq!(quadlet(&machine, "rm --ignore web.container").ok(), "web.container");
    machine.write("/srv/units/data.volume", "[Volume]\nLabel=new=yes\n");
    quadlet(&machine, "install --replace data.volume").ok();
    assert!(machine.read(&format!("{DIR}/data.volume")).contains("new=yes"));
}

#[test]
fn mistakes_are_told_at_once_and_systemd_only_if_wanted() {
    let machine = boot();
    machine.write("/srv/units/typo.container", "[Container]\nImgae=x\n");
    let output = quadlet(&machine, "install --reload-systemd=false typo.container");
    assert!(
        output.success() && output.stderr.contains("did you mean \"Image\""),
        "{output}"
    );
    assert!(quadlet(&machine, "list").ok().contains("Not loaded"));
    machine.write("/usr/share/containers/systemd/vendor.volume", "[Volume]\n");
    let refused = quadlet(&machine, "rm vendor.volume").refused();
    assert!(refused.contains("is the distribution's"), "{refused}");
    quadlet(&machine, "rm --all").ok();
    assert_eq!(
        quadlet(&machine, "list --format '{{.Name}}'").ok(),
        "NAME\nvendor.volume"
    );
}

#[test]
fn addresses_are_as_good_as_paths() {
    let machine = boot();
    machine.write("/srv/units/page.container", "<!doctype html>\n");
    machine
        .sh("mv /srv/units/page.container /srv/units/page.html && cd /srv/units && busybox httpd -p 8123 -h .")
        .ok();
    machine.wait_for("curl -fsS localhost:8123/web.env");
    quadlet(
        &machine,
        "install http://localhost:8123/web.container http://localhost:8123/web.env",
    )
    .ok();
    assert_eq!(installed(&machine), ".web.container.app web.container web.env");
    machine.start(&["web"]);
    for (path, says) in [("nowhere.volume", "404"), ("page.html", "is a web page")] {
        let refused = quadlet(&machine, &format!("install http://localhost:8123/{path}")).refused();
        assert!(refused.contains(says), "{refused}");
    }
    machine.stop(&["web"]);
}

#[test]
fn the_instances_of_a_template_count_as_the_template() {
    let machine = boot();
    machine.sh("mv /srv/units/web.container /srv/units/web@.container").ok();
    quadlet(&machine, "install web@.container web.env").ok();
    machine.start(&["web@one", "web@two"]);
    quadlet(&machine, "rm web@.container").refused();
    assert!(machine.is_active("web@one"));
    quadlet(&machine, "rm -f web@.container").ok();
    assert!(!machine.is_active("web@one") && !machine.is_active("web@two"));
    machine.nothing_remains();
}

#[test]
fn users_have_a_directory_of_their_own() {
    let machine = boot();
    machine.sh("useradd -m joe").ok();
    // Without logind nobody else says it.
    machine.write(
        "/etc/systemd/system/user@.service.d/runtime.conf",
        "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n",
    );
    machine.sh("mkdir -p /etc/systemd/user-generators && ln -sf /dev/null /etc/systemd/user-generators/podman-user-generator").ok();
    machine.reload();
    machine.sh("systemctl start user@$(id -u joe)").ok();
    let joe = |command: &str| {
        machine.sh(&format!(
            "cd /srv/units && export XDG_RUNTIME_DIR=/run/user/$(id -u joe) HOME=/home/joe && \
             exec setpriv --reuid joe --regid joe --init-groups \
             env DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus {command}"
        ))
    };
    let path = "/home/joe/.config/containers/systemd/web.container";
    let output = joe("unipod quadlet install web.container web.env").ok();
    assert!(output.starts_with(path), "{output}");
    assert_eq!(joe("systemctl --user is-enabled web").ok(), "enabled");
    let list = joe("unipod quadlet list").ok();
    assert!(list.contains(path) && list.contains("inactive/dead"), "{list}");
    joe("unipod quadlet rm web.container").ok();
    assert_eq!(joe("ls -A /home/joe/.config/containers/systemd").ok(), "");
}
