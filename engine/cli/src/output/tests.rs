use serde_json::json;

use super::*;

const DEFAULT: &str = "table {{.ID}}\\t{{.Names}}\\t{{.CreatedAt}}";

fn rows() -> Vec<Row> {
    let row = |id: &str, names: &str, created: &str| Row {
        json: json!({ "Id": id, "Names": [names], "Pid": 7 }),
        fields: vec![
            ("ID", id.to_owned()),
            ("Names", names.to_owned()),
            ("CreatedAt", created.to_owned()),
        ],
    };
    vec![
        row("0123456789ab", "web", "2 hours ago"),
        row("ba", "a much longer näme", "now"),
    ]
}

#[test]
fn tables() {
    let text = |format, headings: &[_], noheading| render_list(&rows(), DEFAULT, headings, format, noheading);
    let default = "\
ID            NAMES               CREATED AT
0123456789ab  web                 2 hours ago
ba            a much longer näme  now
";
    assert_eq!(text(None, &[], false).as_deref(), Ok(default));
    assert_eq!(text(Some("table"), &[], false).as_deref(), Ok(default));
    let overridden = default.replacen("ID          ", "CONTAINER ID", 1);
    assert_eq!(text(None, &[("ID", "CONTAINER ID")], false), Ok(overridden));
    assert_eq!(
        text(Some("table {{.Names}} {{upper .ID}}"), &[], true).as_deref(),
        Ok("web                 0123456789AB\na much longer näme  BA\n")
    );
    // Short columns are as wide as podman's, the last one is not padded.
    assert_eq!(
        text(Some("table {{.Pid}}\\t{{.Pid}}"), &[], false).as_deref(),
        Ok("PID         PID\n7           7\n7           7\n")
    );
    assert_eq!(
        render_list(&[], DEFAULT, &[], None, false).as_deref(),
        Ok("ID          NAMES       CREATED AT\n")
    );
    assert_eq!(render_list(&[], DEFAULT, &[], None, true).as_deref(), Ok(""));
}

#[test]
fn other_formats() {
    let text = |format| render_list(&rows(), DEFAULT, &[], Some(format), false);
    assert_eq!(
        text("{{.ID}}\\t{{.Names}}").as_deref(),
        Ok("0123456789ab\tweb\nba\ta much longer näme\n")
    );
    assert_eq!(
        text("{{json .}}").as_deref(),
        Ok(
            "{\"Id\":\"0123456789ab\",\"Names\":[\"web\"],\"Pid\":7}\n{\"Id\":\"ba\",\"Names\":[\"a much longer näme\"],\"Pid\":7}\n"
        )
    );
    let list = text("json").expect("json");
    assert!(list.starts_with("[\n    {\n        \"Id\": \"0123456789ab\""), "{list}");
    assert!(list.ends_with("}\n]\n"), "{list}");
    assert_eq!((text("{{json}}"), text("{{ json. }}")), (Ok(list.clone()), Ok(list)));
    assert_eq!(
        render_list(&[], DEFAULT, &[], Some("json"), false).as_deref(),
        Ok("[]\n")
    );
    assert_eq!(
        text("{{.Nmae}}").expect_err("a mistake"),
        "format \"{{.Nmae}}\": column 3: no field \"Nmae\", there are CreatedAt, ID, Id, Names, Pid"
    );
    assert_eq!(
        text("{{.ID").expect_err("a mistake"),
        "format \"{{.ID\": column 1: \"{{\" without \"}}\""
    );
}

#[test]
fn inspect() {
    let objects = [
        json!({ "Id": "a", "State": { "Pid": 1 } }),
        json!({ "Id": "b", "State": { "Pid": 2 } }),
    ];
    assert_eq!(
        render_inspect(&objects, Some("{{.ID}} {{.State.Pid}}")).as_deref(),
        Ok("a 1\nb 2\n")
    );
    let list = render_inspect(&objects[..1], None);
    assert_eq!(
        list.as_deref(),
        Ok(
            "[\n     {\n          \"Id\": \"a\",\n          \"State\": {\n               \"Pid\": 1\n          }\n     }\n]\n"
        )
    );
    assert_eq!(
        (
            render_inspect(&objects[..1], Some("json")),
            render_inspect(&objects[..1], Some(""))
        ),
        (list.clone(), list)
    );
    let error = render_inspect(&objects, Some("{{.State.Pit}}")).expect_err("a mistake");
    assert_eq!(
        error,
        "format \"{{.State.Pit}}\": column 3: no field \"Pit\", there are Pid"
    );
}

#[test]
fn a_reader_that_is_gone_is_no_error() {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(print_to(&mut writer, "text"), Ok(()));
    let mut full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    assert_eq!(
        print_to(&mut full, "text").expect_err("no space"),
        "cannot write the answer: No space left on device (os error 28)"
    );
}

#[test]
fn nothing_that_others_wrote_steers_a_terminal() {
    let row = Row {
        json: serde_json::json!({}),
        fields: vec![("Name", "a\u{1b}]0;title\u{7}\u{9b}31m\u{202e}b\r".into())],
    };
    let table = render_list(&[row], "table {{.Name}}", &[], None, true).unwrap();
    assert_eq!(table.trim_end(), "a\\u001b]0;title\\u0007\\u009b31m\\u202eb\\u000d");
    assert_eq!(harmless("one\n\ttwo ü"), "one\n\ttwo ü");
}
