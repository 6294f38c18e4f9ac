use std::path::Path;

use clap::Parser;

use super::*;
use unipod::container::Shown;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    run: RunOptions,
}

fn parse(line: &str) -> Result<(ContainerOptions, LifecycleOptions), String> {
    let words = std::iter::once("run").chain(line.split(' '));
    let cli = Cli::try_parse_from(words).map_err(|e| e.to_string())?;
    cli.run.split(Defaults::default()).map_err(|e| e.message)
}

#[test]
fn the_command_line_is_well_formed() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn words_after_the_image_are_the_commands() {
    let words = |line| parse(line).unwrap().0.command.join(" ");
    assert_eq!(words("alpine sh -c x --name y --help"), "sh -c x --name y --help");
    assert_eq!(words("--rm alpine -v --rm"), "-v --rm");
    assert_eq!(words("alpine -- ls"), "-- ls");
    assert_eq!(parse("alpine").unwrap().0.image, "alpine");
    assert!(parse("--no-such-option alpine").is_err());
    assert!(parse("--name x").is_err());
    let (options, _) = parse("--rootfs /srv/root ls").unwrap();
    assert_eq!(
        (options.rootfs.as_deref(), options.command.as_slice()),
        (Some(Path::new("/srv/root")), &["ls".into()][..])
    );
}

/// One line with every option that the generator can write, as it writes it.
const GENERATED: &str = "--name systemd-web --replace --rm --log-driver journald --log-opt tag=x --cgroups=split \
    --entrypoint=/bin/sh --tz local --pids-limit 10 --shm-size 1m --workdir /w --ip 10.1.1.1 --ip6 fd00::1 --hostname web \
    --stop-signal SIGINT --stop-timeout 5 --pull newer --memory 1g --retry 2 --retry-delay 1s --network-alias a \
    --ulimit nofile=10:20 --dns 10.0.0.1 --dns-option ndots:1 --dns-search x --group-add 5 --add-host a:10.0.0.2 \
    --tmpfs /t --init --env-host=false --http-proxy=false --read-only-tmpfs=false --network none --sdnotify=conmon -d \
    --security-opt=no-new-privileges --security-opt label=disable --security-opt label=nested \
    --security-opt label=type:t --security-opt label=filetype:f --security-opt label=level:l --security-opt apparmor=a \
    --device /dev/null --security-opt seccomp=unconfined --cap-drop all --cap-add net_raw --sysctl net.core.somaxconn=5 \
    --read-only --tmpfs /tmp:rw,size=512M,mode=1777 --user 1:2 --userns auto:size=2000 \
    -v data:/d:Z --label io.containers.autoupdate=registry --expose 80 --publish 8080:80 \
    --env A=b --label C=d --annotation E=f --security-opt mask=/a:/b --security-opt unmask=ALL \
    --secret s --mount type=volume,source=m,destination=/m --health-cmd true --health-interval 1s \
    --health-on-failure kill --health-log-destination local --health-max-log-count 1 --health-max-log-size 2 \
    --health-retries 3 --health-start-period 4s --health-timeout 5s --health-startup-cmd true \
    --health-startup-interval 6s --health-startup-retries 7 --health-startup-success 8 --health-startup-timeout 9s \
    --pod p image:tag word";

#[test]
fn mappings_of_users_are_one_or_the_other() {
    let maps = "--uidmap 0:0:1 --gidmap 0:0:1";
    let names = "--subuidname u --subgidname g";
    assert_eq!(parse(&format!("{maps} image")).unwrap().0.uid_maps, ["0:0:1"]);
    assert_eq!(
        parse(&format!("{names} image")).unwrap().0.sub_gid_name.as_deref(),
        Some("g")
    );
    for together in [
        format!("{maps} {names}"),
        format!("--userns auto {maps}"),
        format!("--userns host {names}"),
    ] {
        assert!(parse(&format!("{together} image")).is_err(), "{together}");
    }
}

#[test]
fn everything_that_the_generator_writes_is_understood() {
    let (options, lifecycle) = parse(&GENERATED.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
    assert_eq!(options.name.as_deref(), Some("systemd-web"));
    assert_eq!(options.entrypoint.as_deref(), Some(&["/bin/sh".to_owned()][..]));
    assert_eq!(options.resources.memory, Some(1 << 30));
    assert_eq!(options.stop_signal, Some(2));
    assert_eq!(options.ips.len(), 2);
    assert_eq!(options.env, [("A".to_owned(), "b".to_owned())].into());
    assert_eq!(options.labels.len(), 2);
    assert_eq!(
        (options.tmpfs.len(), options.security.len(), options.volumes.len()),
        (2, 10, 1)
    );
    assert!(options.init && options.read_only && options.read_only_tmpfs == Some(false));
    assert_eq!(options.health.startup_success, Some(8));
    assert_eq!((lifecycle.no_cgroup, lifecycle.sdnotify), (false, SdNotify::Conmon));
    assert!(lifecycle.detach && lifecycle.remove && lifecycle.replace);
    assert_eq!(lifecycle.pod.as_deref(), Some("p"));
    assert_eq!((options.image.as_str(), options.command.len()), ("image:tag", 1));
}

#[test]
fn podmans_short_options_and_repetitions() {
    let (options, lifecycle) =
        parse("-it -d -e A=1 -eB=2 -v /a:/b -p 80:80 -w /x -u 7 -h box -l k=v -m 5m --name a --name b --net host i")
            .unwrap();
    assert!(options.tty && options.interactive && lifecycle.detach);
    assert_eq!(options.env.len(), 2);
    assert_eq!(options.name.as_deref(), Some("b"));
    assert_eq!(options.hostname.as_deref(), Some("box"));
    assert_eq!(options.networks, ["host"]);
    assert_eq!(parse("--entrypoint= i").unwrap().0.entrypoint, Some(vec![]));
    assert_eq!(
        parse("--entrypoint=[\"a\",\"b\"] i").unwrap().0.entrypoint.unwrap(),
        ["a", "b"]
    );
    assert!(!parse("--init=false --read-only=0 i").unwrap().0.init);
    assert_eq!(
        parse("--memory-swap -1 --pids-limit -1 i")
            .unwrap()
            .0
            .resources
            .memory_swap,
        Some(-1)
    );
}

#[test]
fn what_podman_takes_as_a_list_is_one() {
    let (options, _) = parse(
        "--dns 10.0.0.1,10.0.0.2 --dns ::1 --dns-search a,b --dns-option ndots:1,edns0 -p 80:80,81:81 --group-add 5,6 \
         --add-host a:10.0.0.1,b:10.0.0.2 --cap-add CAP_CHOWN,CAP_KILL --ulimit nofile=1:2,nproc=3 --network-alias x,y \
         --device /dev/null,/dev/zero --sysctl net.a=1,net.b=2 --expose 1,2 i",
    )
    .unwrap();
    assert_eq!(options.dns, ["10.0.0.1", "10.0.0.2", "::1"]);
    assert_eq!(options.dns_search, ["a", "b"]);
    assert_eq!(options.dns_options, ["ndots:1", "edns0"]);
    assert_eq!(options.publish, ["80:80", "81:81"]);
    assert_eq!(options.group_add, ["5", "6"]);
    assert_eq!(options.add_hosts.len(), 2);
    assert_eq!(options.cap_add, ["CAP_CHOWN", "CAP_KILL"]);
    assert_eq!(options.ulimits, ["nofile=1:2", "nproc=3"]);
    assert_eq!(options.network_aliases, ["x", "y"]);
    assert_eq!(options.devices, ["/dev/null", "/dev/zero"]);
    assert_eq!(options.sysctls.len(), 2);
    assert_eq!(options.expose, ["1", "2"]);
    // A comma belongs to these values.
    let (options, _) = parse("-e A=1,2 -v /a:/b:ro,Z -l k=1,2 i").unwrap();
    assert_eq!(options.env["A"], "1,2");
    assert_eq!((options.volumes.len(), &*options.labels["k"]), (1, "1,2"));
}

#[test]
fn wrong_values_are_refused_with_the_options_name() {
    for line in [
        "--memory lots",
        "--dns bogus",
        "--dns none,10.0.0.1",
        "--cpus=-1",
        "--umask 9",
        "--workdir x",
        "--hostname a_b!",
        "--stop-signal NOPE",
        "--pull often",
        "--ulimit x=1",
        "--sysctl novalue",
        "--device nvidia.com/gpu",
        "--mount type=nfs",
        "--tmpfs t",
        "--pid elsewhere",
        "--security-opt what",
        "--health-interval soon",
        "--add-host x",
        "--uidmap 1",
        "--userns keep-id",
        "--userns auto:size=0",
        "--platform linux",
        "--restart maybe",
        "--attach bogus",
        "--attach stdout,bogus",
        "--annotation nameless",
        "--gpus device=0",
        "--volumes-from c",
        "--shm-size big",
        "--retry-delay 5",
        "--image-volume no",
        "--init=maybe",
    ] {
        let error = parse(&format!("{line} image")).unwrap_err();
        let option = line.split([' ', '=']).next().unwrap();
        assert!(error.contains(option), "{line}: {error}");
    }
}

#[test]
fn which_lists_are_separated_by_commas() {
    let (options, _) = parse("--annotation a=b,c=d --label e=f,g=h i").unwrap();
    assert_eq!(options.annotations["a"], "b,c=d");
    assert_eq!(options.labels["e"], "f,g=h");
    for (attach, stdout, stderr) in [
        ("", true, true),
        ("-a stdin,STDOUT", true, false),
        ("-a stdout --attach stderr", true, true),
        ("-a stdin", false, false),
    ] {
        let (_, lifecycle) = parse(&format!("{attach} i")).unwrap();
        assert_eq!(lifecycle.shown, Shown { stdout, stderr }, "{attach}");
    }
}

#[test]
fn environment_files_and_precedence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("env");
    std::fs::write(
        &file,
        "# comment\n\nA=file\n  B=x=\"y\" z\nCARGO_MANIFEST_DIR\nCARGO_PKG_NA*\nNO_SUCH_VARIABLE\n",
    )
    .unwrap();
    let (options, _) = parse(&format!("--env-file {} --env A=option i", file.display())).unwrap();
    assert_eq!(options.env["A"], "option");
    assert_eq!(options.env["B"], "x=\"y\" z");
    assert_eq!(options.env["CARGO_PKG_NAME"], env!("CARGO_PKG_NAME"));
    assert!(options.env.contains_key("CARGO_MANIFEST_DIR") && !options.env.contains_key("NO_SUCH_VARIABLE"));
    std::fs::write(&file, "export A=b\n").unwrap();
    let (options, _) = parse(&format!("--env-file {} i", file.display())).unwrap();
    assert_eq!(options.env["export A"], "b", "as podman takes it");
    std::fs::write(&file, "=c\n").unwrap();
    assert!(
        parse(&format!("--env-file {} i", file.display()))
            .unwrap_err()
            .contains("--env-file")
    );
    assert!(parse("--env-file /nowhere i").unwrap_err().contains("/nowhere"));
}

/// What comes of a command line where containers.conf says this.
fn with(conf: &str, line: &str) -> ContainerOptions {
    let mut config = unipod::config::Config::default();
    config.merge(Path::new("/c.conf"), conf).unwrap();
    let words = std::iter::once("run").chain(line.split(' '));
    let cli = Cli::try_parse_from(words).unwrap();
    cli.run.split(Defaults::of(&config).unwrap()).unwrap().0
}

#[test]
fn an_option_wins_over_containers_conf() {
    const CONF: &str = r#"
        [containers]
        tz = "Asia/Tokyo"
        umask = "0027"
        init = true
        read_only = true
        privileged = true
        no_hosts = true
        netns = "private"
        ipcns = "host"
        userns = "auto"
        pids_limit = 100
        shm_size = "1m"
        dns_servers = ["192.0.2.1"]
        default_ulimits = ["nofile=10:20", "core=0"]
        annotations = ["a=conf", "b=conf"]
        devices = ["/dev/null:/dev/x"]
        [engine]
        stop_timeout = 3
        image_volume_mode = "tmpfs"
    "#;
    let said = with(CONF, "image");
    assert_eq!(said.timezone.as_deref(), Some("Asia/Tokyo"));
    assert_eq!((said.umask, said.shm_size), (Some(0o27), Some(1_000_000)));
    assert!(said.defaults.init && said.read_only && said.privileged && said.no_hosts);
    assert_eq!(
        (said.networks, said.dns),
        (vec!["private".to_owned()], vec!["192.0.2.1".to_owned()])
    );
    assert_eq!(
        (said.ipc.as_deref(), said.userns.as_deref()),
        (Some("host"), Some("auto"))
    );
    assert_eq!((said.defaults.pids, said.stop_timeout), (Some(100), Some(3)));
    assert_eq!(said.image_volume, unipod::bundle::options::ImageVolume::Tmpfs);
    let other = with(
        CONF,
        "--tz UTC --umask 0 --init=false --read-only=false --privileged=false --add-host a:192.0.2.2 --net host \
         --ipc private --uidmap 0:0:1 --pids-limit 0 --shm-size 2m --dns 192.0.2.3 --ulimit NOFILE=5 --annotation a=option \
         --device /dev/zero --stop-timeout 4 --image-volume ignore image"
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .as_str(),
    );
    assert_eq!(other.timezone.as_deref(), Some("UTC"));
    assert_eq!((other.umask, other.shm_size), (Some(0), Some(2 << 20)));
    assert!(!other.init && !other.defaults.init && !other.read_only && !other.privileged && !other.no_hosts);
    assert_eq!(
        (other.networks, other.dns),
        (
            vec!["host".to_owned()],
            ["192.0.2.1", "192.0.2.3"].map(str::to_owned).to_vec()
        )
    );
    assert_eq!((other.ipc.as_deref(), other.userns), (Some("private"), None));
    assert_eq!((other.resources.pids, other.stop_timeout), (Some(-1), Some(4)));
    assert_eq!(other.image_volume, unipod::bundle::options::ImageVolume::Ignore);
    // These are added to one another.
    assert_eq!(other.ulimits, ["core=0", "NOFILE=5"]);
    assert_eq!(other.annotations.values().collect::<Vec<_>>(), ["option", "conf"]);
    assert_eq!(other.devices, ["/dev/null:/dev/x", "/dev/zero"]);
}

#[test]
fn names_are_asked_for_by_the_defaults_and_the_options_or_not_at_all() {
    const CONF: &str = "[containers]\ndns_servers=['192.0.2.1']\ndns_searches=['a']\ndns_options=['o']\n";
    let dns = |line: &str| {
        let options = with(CONF, line);
        [options.dns, options.dns_search, options.dns_options]
            .concat()
            .join(" ")
    };
    assert_eq!(dns("--dns-search b image"), "192.0.2.1 a b o");
    assert_eq!(dns("--dns none --dns-search . image"), "none . o");
    assert_eq!(dns("--net none image"), "");
    assert_eq!(dns("--net container:x --dns 192.0.2.2 image"), "192.0.2.2");
}

#[test]
fn what_confines_holds_unless_something_else_is_said() {
    const CONF: &str = "[containers]\nseccomp_profile='/s.json'\napparmor_profile='a'\nno_new_privileges=true\n";
    let security = |line: &str| with(CONF, line).security.join(" ");
    assert_eq!(security("image"), "no-new-privileges seccomp=/s.json apparmor=a");
    assert_eq!(security("--privileged image"), "no-new-privileges");
    assert_eq!(
        security("--security-opt seccomp=unconfined --security-opt no-new-privileges=false image"),
        "apparmor=a seccomp=unconfined no-new-privileges=false"
    );
}
