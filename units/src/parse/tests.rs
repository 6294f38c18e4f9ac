use super::*;

/// All assignments as `section|key|value`.
fn flat(file: &UnitFile) -> Vec<String> {
    let of = |section: &crate::Section| {
        section
            .entries()
            .map(|entry| format!("{}|{}|{}", section.name(), entry.key(), entry.value()))
            .collect()
    };
    file.sections()
        .iter()
        .flat_map(|section| -> Vec<String> { of(section) })
        .collect()
}

#[test]
fn lines_become_assignments() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("# only\n; comments\n\n", &[]),
        ("[A]", &[]),
        ("[A]\nk=v", &["A|k|v"]),
        ("[A]\r\n  k \t=\t v w \r\n", &["A|k|v w"]),
        ("[A]\t \nk=v=w#no comment", &["A|k|v=w#no comment"]),
        ("[A]\nk=\nk=\"\"\nk=x", &["A|k|", "A|k|\"\"", "A|k|x"]),
        ("[A]\ntwo words=v", &["A|two words|v"]),
        ("[A]\n[B]c=v", &["A|[B]c|v"]),
        ("[A]\nk=1\n[B]\nk=2\n[A]\nk=3", &["A|k|1", "A|k|3", "B|k|2"]),
        ("[ a b ]\nk=1", &[" a b |k|1"]),
        ("[A]\n\u{a0}\u{2003}k=v\u{3000}", &["A|k|v"]),
    ];
    for (text, expected) in table {
        assert_eq!(
            flat(&UnitFile::parse("t", text.as_bytes()).expect(text)),
            *expected,
            "{text:?}"
        );
    }
}

#[test]
fn continued_lines_are_joined_by_one_space() {
    let table = [
        ("k=a\\\n  b", "a b"),
        ("k=a \\\n  b", "a b"),
        ("k=a  \\\n\tb \\  \nc", "a  b c"),
        ("k=\\\nv", "v"),
        ("k\\\n=v", "v"),
        ("\\\nk=v", "v"),
        ("k=a\\\n\\\n\\\nb", "a b"),
        ("k=a\\\n# comment\n\n; comment \\\nb", "a b"),
        ("k=a\\\n[B]\\\nx=1", "a [B] x=1"),
        // At the end of the file the line counts, as in systemd.
        ("k=a\\", "a"),
        ("k=a \\\n# comment\n\n", "a"),
        ("k=a\\ \\\n", "a"),
        // An escaped backslash does not continue the line, as in systemd.
        ("k=a\\\\\nx=1", "a\\\\"),
        ("k=a\\\\\\\nb", "a\\\\ b"),
    ];
    for (text, expected) in table {
        let file = UnitFile::parse("t", format!("[A]\n{text}").as_bytes()).expect(text);
        assert_eq!(file.last("A", "k").map(Entry::value), Some(expected), "{text:?}");
    }
}

#[test]
fn every_bad_line_is_reported_with_its_place() {
    let table: &[(&[u8], &[&str])] = &[
        (b"k=v\n[A]", &["f:1:1: assignment outside of a section: k=v"]),
        (
            b"[A]\n  nonsense\nk=v\n=v",
            &[
                "f:2:3: neither a comment, nor a section header, nor an assignment (KEY=VALUE): nonsense",
                "f:4:1: assignment without a key: =v",
            ],
        ),
        (b"[]\nk=v", &["f:1:1: section header without a name: []"]),
        (b" [A\nk=v", &["f:1:2: section header without closing \"]\": [A"]),
        (
            b"[A[B]",
            &["f:1:1: section name with \"[\" or a control character: [A[B]"],
        ),
        (
            b"[A\x01]",
            &["f:1:1: section name with \"[\" or a control character: [A\\u{1}]"],
        ),
        (
            b"[A]\nk=a\\\nn\xC3\xB6\xFF",
            &["f:3:3: text that is not UTF-8: n\u{f6}\u{fffd}"],
        ),
        (b"[A]\nk=a\0b", &["f:2:4: text with a NUL byte: k=a\\u{0}b"]),
        (
            b"\xEF\xBB\xBF[A]\nx",
            &["f:1:1: byte order mark at the beginning of the file: \u{feff}[A]"],
        ),
        (
            b"[A]\nx \\\ny\0\\\nz\n",
            &[
                "f:2:1: neither a comment, nor a section header, nor an assignment (KEY=VALUE): x \\",
                "f:3:2: text with a NUL byte: y\\u{0}\\",
            ],
        ),
    ];
    for (text, expected) in table {
        let errors = UnitFile::parse("f", text).expect_err("a bad line");
        assert_eq!(
            errors.to_string().lines().collect::<Vec<_>>(),
            *expected,
            "{}",
            text.escape_ascii()
        );
    }
}

#[test]
fn many_bad_lines_cost_no_more_than_their_number() {
    let errors = UnitFile::parse("f", &b"x\n".repeat(100_000)).expect_err("bad lines");
    assert_eq!(errors.0.len(), 100_000);
}

#[test]
fn places_follow_continuation_lines() {
    let file = UnitFile::parse("f", "[A]\n  Kéy =  ab\\\n \u{f6}\u{f6} cd\\\n\n  ef".as_bytes()).expect("good");
    let entry = file.last("A", "Kéy").expect("there");
    assert_eq!(entry.value(), "ab \u{f6}\u{f6} cd ef");
    assert_eq!(entry.place().map(ToString::to_string).as_deref(), Some("f:2:3"));
    for (word, expected) in [
        ("ab", "f:2:10"),
        ("b ", "f:2:11"),
        ("\u{f6}\u{f6}", "f:3:2"),
        ("cd", "f:3:5"),
        ("ef", "f:5:3"),
    ] {
        let offset = entry.value().find(word).expect(word);
        assert_eq!(
            entry.place_in_value(offset).expect("read").to_string(),
            expected,
            "{word}"
        );
    }
    let begun_late = UnitFile::parse("f", b"[A]\nk \\\n = \\\n v w").expect("good");
    let entry = begun_late.last("A", "k").expect("there");
    assert_eq!(
        (
            entry.value(),
            entry.place_in_value(2).expect("read").to_string().as_str()
        ),
        ("v w", "f:4:4")
    );
}

#[test]
fn comments_go_where_they_belong() {
    let text = b"# top\n\n[A]\n# of k\nk=v\n\n\n; of B, \xFF\n[B]\n# last";
    let file = UnitFile::parse("t", text).expect("good");
    let a = file.section("A").expect("A");
    assert_eq!(
        a.leading_comments().iter().map(Comment::text).collect::<Vec<_>>(),
        ["# top", ""]
    );
    assert!(matches!(a.body(), [Line::Comment(of_k), Line::Entry(_)] if of_k.text() == "# of k"));
    let b = file.section("B").expect("B");
    assert_eq!(
        b.leading_comments().iter().map(Comment::bytes).collect::<Vec<_>>(),
        [&b""[..], b"; of B, \xFF"]
    );
    assert!(matches!(b.body(), [Line::Comment(last)] if last.text() == "# last"));
    assert_eq!(file.original(), Some(&text[..]));
    assert_eq!(
        file.to_bytes(),
        b"# top\n\n[A]\n# of k\nk=v\n\n\n; of B, \xFF\n[B]\n# last\n"
    );
}

#[test]
fn lines_have_a_limit() {
    let most = "\n".repeat(MOST_LINES as usize);
    assert!(UnitFile::parse("f", most.as_bytes()).is_ok());
    let errors = UnitFile::parse("f", format!("x\n{most}y\nz").as_bytes()).expect_err("too many");
    let errors: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    let first = "f:1:1: neither a comment, nor a section header, nor an assignment (KEY=VALUE): x";
    assert_eq!(errors, [first, "f:1000001:1: more than a million lines in one file: "]);
}

#[test]
fn sections_have_a_limit() {
    let section = |number: usize| format!("[S{number}]\nk=v\n");
    let sections = |count: usize| (0..count).map(section).collect::<Vec<_>>().concat();
    let read = UnitFile::parse("f", sections(MOST_SECTIONS).as_bytes()).expect("good");
    assert_eq!(read.sections().len(), MOST_SECTIONS);
    let errors = UnitFile::parse("f", sections(MOST_SECTIONS + 2).as_bytes()).expect_err("too many");
    let errors: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "f:2001:1: more than 1000 sections in one file: [S1000]",
            "f:2003:1: more than 1000 sections in one file: [S1001]"
        ]
    );
}
