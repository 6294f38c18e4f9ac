use super::*;
use crate::post_mortem::facts::Moment;

fn at(seconds: u64) -> Moment {
    Moment {
        realtime: 1_000_000 * seconds + 1,
        monotonic: 1_000_000 * seconds + 1,
    }
}

fn loaded(active: &str, sub: &str) -> Facts {
    Facts {
        id: "web.service".into(),
        load_state: "loaded".into(),
        active_state: active.into(),
        sub_state: sub.into(),
        restart: "no".into(),
        left_inactive: at(10),
        started: at(10),
        ..Facts::default()
    }
}

fn failed(result: &str, end: Option<End>) -> Facts {
    Facts {
        result: result.into(),
        main_end: end,
        ..loaded("failed", "failed")
    }
}

fn judged(facts: &Facts) -> (State, String) {
    let verdict = Verdict::of(facts, &Log::default(), &[]);
    (verdict.state, verdict.text)
}

#[test]
fn failures_are_told_by_what_happened() {
    let ready = |facts: Facts| Facts {
        became_active: at(11),
        left_active: at(20),
        ..facts
    };
    let max = |facts: Facts, seconds: u64| Facts {
        runtime_max: Some(seconds * 1_000_000),
        stop_timeout: Some(90_000_000),
        ..facts
    };
    for (facts, text) in [
        (
            failed("exit-code", Some(End::Exited(7))),
            "failed: the main process ended with exit code 7",
        ),
        (
            failed("exit-code", Some(End::Exited(125))),
            "failed: the main process ended with exit code 125 (the engine failed)",
        ),
        (
            failed("exit-code", Some(End::Exited(137))),
            "failed: the main process ended with exit code 137 (what shells report for SIGKILL)",
        ),
        (
            failed("signal", Some(End::Killed(9))),
            "failed: the main process was killed by SIGKILL",
        ),
        (
            failed("signal", Some(End::Killed(40))),
            "failed: the main process was killed by signal 40",
        ),
        (
            failed("core-dump", Some(End::Dumped(11))),
            "failed: the main process was killed by SIGSEGV and left a core dump",
        ),
        (
            failed("oom-kill", None),
            "failed: it ran out of memory, and the kernel killed it",
        ),
        (
            Facts {
                start_timeout: Some(1_500_000),
                ..failed("timeout", Some(End::Killed(9)))
            },
            "failed: it was not ready within TimeoutStartSec= (1.5 s)",
        ),
        (
            ready(max(failed("timeout", None), 9)),
            "failed: it ran for longer than RuntimeMaxSec= (9 s)",
        ),
        (
            ready(max(failed("timeout", None), 10)),
            "failed: it did not stop within TimeoutStopSec= (1 min 30 s)",
        ),
        (failed("odd", None), "failed: systemd says \"odd\""),
    ] {
        assert_eq!(judged(&facts), (State::Failed, text.to_owned()));
    }
}

#[test]
fn a_payload_that_is_deaf_to_its_stop_signal_is_no_riddle() {
    let stop = Step {
        key: "ExecStop",
        command: Vec::new(),
        counts: true,
        start: at(19),
        exit: at(21),
        end: Some(End::Exited(0)),
    };
    let facts = Facts {
        main_exit: at(20),
        steps: vec![stop],
        ..failed("signal", Some(End::Killed(9)))
    };
    assert_eq!(
        judged(&facts).1,
        "failed: it was being stopped, did not react to its stop signal, and was killed"
    );
    let earlier = Facts {
        main_exit: at(18),
        ..facts
    };
    assert_eq!(judged(&earlier).1, "failed: the main process was killed by SIGKILL");
}

#[test]
fn another_command_may_be_what_failed() {
    let step = Step {
        key: "ExecStartPre",
        command: vec!["/bin/false".into()],
        counts: true,
        start: at(10),
        exit: at(11),
        end: Some(End::Exited(1)),
    };
    let ignored = Step {
        counts: false,
        ..step.clone()
    };
    let facts = Facts {
        steps: vec![ignored, step],
        ..failed("exit-code", None)
    };
    assert_eq!(judged(&facts).1, "failed: ExecStartPre= ended with exit code 1");
}

#[test]
fn services_that_did_not_fail_have_a_state_too() {
    let never = Facts {
        left_inactive: Moment::default(),
        ..loaded("inactive", "dead")
    };
    assert_eq!(judged(&never).0, State::NeverStarted);
    let remembered = Log {
        invocation: "ab".into(),
        noted_end: Some(("exited".into(), "3".into())),
        ..Log::default()
    };
    let verdict = Verdict::of(&never, &remembered, &[]);
    assert_eq!(verdict.state, State::Forgotten);
    assert!(verdict.text.ends_with("the main process ended with exit code 3"));
    let dependency = Log {
        failed_job: Some("dependency".into()),
        ..Log::default()
    };
    let verdict = Verdict::of(&never, &dependency, &["data-volume.service".into()]);
    assert_eq!(
        verdict.text,
        "was not started: it needs data-volume.service, which failed"
    );
    assert_eq!(verdict.hints, ["unipod unit why data-volume.service"]);
    for (active, sub, state) in [
        ("active", "running", State::Running),
        ("active", "exited", State::Running),
        ("activating", "start", State::Starting),
        ("activating", "auto-restart", State::Restarting),
        ("deactivating", "stop-sigterm", State::Stopping),
        ("inactive", "dead", State::Ended),
    ] {
        assert_eq!(judged(&loaded(active, sub)).0, state, "{active} {sub}");
    }
    let skipped = Facts {
        failed_condition: Some("ConditionPathExists=!/x".into()),
        ..never
    };
    assert_eq!(
        judged(&skipped).1,
        "was not started: ConditionPathExists=!/x does not hold"
    );
}

#[test]
fn what_is_wrong_with_the_unit_comes_first() {
    let of = |load: &str| Facts {
        load_state: load.into(),
        ..failed("exit-code", Some(End::Exited(78)))
    };
    let of_user = Facts {
        of_user: true,
        ..of("masked")
    };
    let verdict = Verdict::of(&of_user, &Log::default(), &[]);
    assert_eq!(verdict.hints, ["systemctl --user unmask web.service"]);
    assert_eq!(judged(&of("not-found")).0, State::NotFound);
    assert_eq!(judged(&of("masked")).0, State::Broken);
    assert_eq!(judged(&of("bad-setting")).0, State::Broken);
    let stub = Facts {
        stub_reason: Some("/x.container:3: unknown key".into()),
        needs_reload: true,
        ..of("loaded")
    };
    let verdict = Verdict::of(&stub, &Log::default(), &[]);
    assert_eq!((verdict.state, verdict.hints.len()), (State::Stub, 2));
}

#[test]
fn a_pod_is_up_without_a_process_and_names_the_members_that_failed() {
    let pod = |active: &str, sub: &str| Facts {
        id: "shop-pod.service".into(),
        service_type: "notify".into(),
        remains: true,
        main_end: Some(End::Exited(0)),
        became_active: at(11),
        ..loaded(active, sub)
    };
    for (facts, text) in [
        (pod("active", "exited"), "is up and needs no process"),
        (pod("inactive", "dead"), "was stopped"),
    ] {
        assert_eq!(judged(&facts).1, text);
        let verdict = Verdict::of(&facts, &Log::default(), &[]).with_failed(&facts, &["app.service".into()]);
        assert_eq!(verdict.text, format!("{text}, but app.service failed"));
        assert_eq!(verdict.hints, ["unipod unit why app.service"]);
    }
}
