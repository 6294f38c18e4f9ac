use serde_json::{Value, json};

use super::*;

fn container() -> Value {
    json!({
        "Id": "0123456789abcdef",
        "Name": "web",
        "State": { "Pid": 42, "Running": true, "ExitCode": 0, "Load": 1.5, "Error": null },
        "Config": { "Labels": { "b": "2", "a.b/c": "1" }, "Cmd": ["nginx", "-g", "daemon off;"], "Env": [] },
        "NetworkSettings": { "Networks": { "n2": { "IPAddress": "10.0.0.2" }, "n1": { "IPAddress": "10.0.0.1" } } },
        "Mounts": [{ "Source": "/a", "RW": true }, { "Source": "/b", "RW": false }],
    })
}

fn render(template: &str) -> Result<String, TemplateError> {
    let data = container();
    Template::parse(template)?.render(Data {
        dot: &data,
        json: &data,
    })
}

#[test]
fn templates_as_people_write_them() {
    let table = [
        ("", ""),
        ("plain } text {", "plain } text {"),
        ("{{.Name}}/{{ .State.Pid }}", "web/42"),
        ("{{.ID}}", "0123456789abcdef"),
        ("a {{- /* comment }} */ -}} b", "ab"),
        ("a  {{- .Name -}}\n b {{.Name}} c", "awebb web c"),
        (
            "{{.Config.Cmd}} {{.Config.Env}} {{.Config.Labels}}",
            "[nginx -g daemon off;] [] map[a.b/c:1 b:2]",
        ),
        ("{{.State.Error}}{{.State.Running}}{{.State.Load}}", "<no value>true1.5"),
        (
            "{{json .Config.Cmd}}{{json .State.Running}}",
            "[\"nginx\",\"-g\",\"daemon off;\"]true",
        ),
        // Maps and what they do not have.
        (
            "{{index .Config.Labels \"a.b/c\"}}{{index .Config.Labels \"absent\"}}",
            "1",
        ),
        ("{{.Config.Labels.b}}{{.Config.Labels.absent}}", "2<no value>"),
        ("{{(index .NetworkSettings.Networks \"n1\").IPAddress}}", "10.0.0.1"),
        ("{{(index .Mounts 1).Source}} {{index .Config.Cmd 0}}", "/b nginx"),
        // Loops.
        ("{{range .Mounts}}{{.Source}},{{end}}", "/a,/b,"),
        ("{{range .Mounts}}{{println .Source}}{{end}}", "/a\n/b\n"),
        ("{{range $i, $m := .Mounts}}{{$i}}={{$m.Source}} {{end}}", "0=/a 1=/b "),
        (
            "{{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{$net.IPAddress}} {{end}}",
            "n1=10.0.0.1 n2=10.0.0.2 ",
        ),
        (
            "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}",
            "a.b/c=1;b=2;",
        ),
        (
            "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{$.Name}} {{end}}",
            "10.0.0.1 web 10.0.0.2 web ",
        ),
        (
            "{{range .Config.Env}}a{{else}}none{{end}}{{range .Mounts}}x{{else}}none{{end}}",
            "nonexx",
        ),
        ("{{range .State.Error}}a{{end}}", ""),
        (
            "{{range .Config.Cmd}}{{if eq . \"-g\"}}{{continue}}{{end}}{{.}};{{end}}",
            "nginx;daemon off;;",
        ),
        ("{{range .Config.Cmd}}{{.}}{{break}}{{end}}", "nginx"),
        // Conditions.
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        (
            "{{if .State.ExitCode}}bad{{else if eq .Name \"db\"}}db{{else if .Name}}fine{{else}}?{{end}}",
            "fine",
        ),
        (
            "{{with .State}}{{.Pid}}{{end}}{{with .State.Error}}x{{else}}{{.Name}}{{end}}",
            "42web",
        ),
        ("{{with $s := .State}}{{$s.Pid}}{{end}}", "42"),
        (
            "{{if and .State.Running (eq .State.ExitCode 0)}}ok{{end}}{{if or false nil}}x{{end}}{{if not .Name}}x{{end}}",
            "ok",
        ),
        ("{{if and .State.Error .State.Error.Deep}}x{{end}}", ""),
        (
            "{{if gt .State.Pid 41}}a{{end}}{{if lt .State.Pid 42}}b{{end}}{{if ne .Name \"x\"}}c{{end}}{{le 1 1.5}}",
            "actrue",
        ),
        ("{{eq .Name \"a\" \"web\"}}", "true"),
        // Variables.
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{end}}{{$x}}", "2"),
        ("{{$x := \"a\"}}{{if true}}{{$x := \"b\"}}{{$x}}{{end}}{{$x}}", "ba"),
        // Functions and pipes.
        ("{{join .Config.Cmd \" \"}}", "nginx -g daemon off;"),
        ("{{.Name | upper | printf \"%-6s|\"}}", "WEB   |"),
        (
            "{{lower \"AbC\"}} {{title \"hello new-world\"}} {{split \"a,b\" \",\"}}",
            "abc Hello New-World [a b]",
        ),
        ("{{len .Mounts}}{{len .Name}}{{len .Config.Labels}}", "232"),
        (
            "{{pad .Name 1 2}}|{{truncate .ID 4}}|{{slice .ID 0 12}}",
            " web  |0123|0123456789ab",
        ),
        ("{{print .Name 1 2 \"x\"}}", "web1 2x"),
        (
            "{{printf \"%v %5d|%05d|%q|%x|%.2f|%t|%%\" .Config.Cmd 7 -7 \"a\\\"b\" 255 1.0 true}}",
            "[nginx -g daemon off;]     7|-0007|\"a\\\"b\"|ff|1.00|true|%",
        ),
        ("{{`raw \\n` }}{{\"\\\"\\t\"}}", "raw \\n\"\t"),
        ("{{- \"}}\" -}}", "}}"),
        ("{{\"é\"}} é {{ \"ü\" | upper }}", "é é Ü"),
    ];
    for (template, expected) in table {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn json_of_the_whole() {
    let (dot, json) = (json!({ "ID": "a" }), json!({ "Id": "a", "More": 1 }));
    let template = Template::parse("{{json .}}{{json $}}{{. | json}}{{json .ID}}").expect("good");
    let whole = "{\"Id\":\"a\",\"More\":1}";
    assert_eq!(
        template.render(Data { dot: &dot, json: &json }),
        Ok(format!("{whole}{whole}{whole}\"a\""))
    );
}

#[test]
fn mistakes_are_named_with_their_place() {
    let table = [
        (
            "{{.Nmae}}",
            "column 3: no field \"Nmae\", there are Config, Id, Mounts, Name, NetworkSettings, State",
        ),
        ("é{{ .Name.X }}", "column 5: no field \"X\" in web"),
        ("{{.Name", "column 1: \"{{\" without \"}}\""),
        ("{{}}", "column 1: a value is missing"),
        ("{{.Name | }}", "column 1: a value is missing"),
        ("{{if .Name}}x", "column 1: block without {{end}}"),
        ("{{end}}", "column 1: {{end}} without a beginning"),
        ("a{{else}}", "column 2: {{else}} without a beginning"),
        ("{{if true}}{{else}}{{else}}{{end}}", "column 20: second {{else}}"),
        ("{{template \"x\"}}", "column 1: {{template}} is not supported"),
        ("{{break}}", "column 1: {{break}} outside of {{range}}"),
        ("{{range .Name}}{{end}}", "column 1: range cannot go over web"),
        ("{{nope .Name}}", "column 3: nope: no such function"),
        ("{{upper}}", "column 3: upper: wrong number of arguments"),
        ("{{upper 1}}", "column 3: upper: 1 is not a text"),
        (
            "{{.Name 1}}",
            "column 3: arguments after something that is not a function",
        ),
        ("{{$x}}", "column 3: no variable $x"),
        ("{{$x = 1}}", "column 1: no variable $x"),
        ("{{index .Mounts 2}}", "column 3: index: 2 is not below 2"),
        ("{{lt .Name 1}}", "column 3: lt: web and 1 cannot be compared"),
        ("{{printf \"%d\" .Name}}", "column 3: printf: %d cannot show web"),
        (
            "{{printf \"%999999d\" 1}}",
            "column 3: printf: a width of more than 10000",
        ),
        ("{{(.Name}}", "column 3: \"(\" without \")\""),
        ("{{.Name)}}", "column 8: unexpected text"),
        ("{{\"\\q\"}}", "column 3: unknown escape in a text"),
        ("{{1x}}", "column 3: \"1x\" is not a number"),
        ("{{ & }}", "column 4: unexpected '&'"),
    ];
    for (template, expected) in table {
        let error = render(template).expect_err(template);
        assert_eq!(error.to_string(), expected, "{template}");
    }
}

#[test]
fn depth_is_bounded() {
    for nested in [
        "{{if 1}}".repeat(100_000) + &"{{end}}".repeat(100_000),
        format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000)),
        "{{if 0}}".to_owned() + &"{{else if 0}}".repeat(100_000) + "{{end}}",
    ] {
        assert!(matches!(render(&nested), Err(TemplateError::Syntax { .. })));
    }
}

/// Any text is a template or an error, never a panic.
#[test]
fn any_text() {
    const PIECES: [&str; 32] = [
        "{{", "}}", "{{-", "- ", " -}}", "/*", "*/", ".", ".Name", ".Mounts", "$", "$x", ":=", "=", ",", "(", ")", "|",
        "\"", "`", "\\", " ", "é", "1", "-", "range", "if", "else", "end", "printf", "%5.3d", "index",
    ];
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut good = 0;
    for _ in 0..50_000 {
        let mut template = String::from("{{");
        for _ in 0..seed % 12 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            template.push_str(PIECES[(seed >> 33) as usize % PIECES.len()]);
        }
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        good += usize::from(render(&(template + "}}")).is_ok());
    }
    assert!(good > 100, "only {good} templates were good");
}

#[test]
fn escapes_of_the_shell_are_for_text_only() {
    assert_eq!(with_escapes("a\\tb{{\"\\t }}\"}}\\n{{x"), "a\tb{{\"\\t }}\"}}\n{{x");
    assert_eq!(with_columns("{{ .A }} {{ .B }}\\t{{.C}}"), "{{ .A }}\t{{ .B }}\t{{.C}}");
}
