//! `unipod --help`.

use std::process::Command;

#[test]
fn every_command_says_what_it_does() {
    let nouns = [
        "",
        "container",
        "healthcheck",
        "image",
        "network",
        "quadlet",
        "secret",
        "unit",
        "volume",
    ];
    for noun in nouns {
        let words = [noun, "--help"].into_iter().filter(|word| !word.is_empty());
        let output = Command::new(env!("CARGO_BIN_EXE_unipod")).args(words).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands: Vec<&str> = commands.take_while(|line| !line.is_empty()).collect();
        assert!(commands.len() > 1, "{noun}: {help}");
        for command in commands {
            assert!(command.split_whitespace().count() > 2, "{noun}: {command:?}");
        }
    }
}
