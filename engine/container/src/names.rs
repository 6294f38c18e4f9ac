//! Names for containers that were given none.

/// A readable random name, `adjective_animal`.
///
/// # Panics
/// The kernel has no getrandom(2): none that is supported.
pub fn random() -> String {
    let pick = |words: &[&'static str]| {
        let mut byte = [0; 1];
        // Without randomness every name would be the same one; the caller tries again when a name is taken.
        getrandom::fill(&mut byte).expect("getrandom(2) works on every supported kernel");
        words[usize::from(byte[0]) % words.len()]
    };
    format!("{}_{}", pick(ADJECTIVES), pick(ANIMALS))
}

/// The host name that a container of this name has where its name is to be one; `None` if nothing is left of it.
pub fn hostname(name: &str) -> Option<String> {
    // What a label of a domain name may consist of, and what sethostname(2) takes.
    let kept = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let host: String = kept.take(63).collect();
    Some(host.trim_matches(['-', '.']).to_owned()).filter(|host| !host.is_empty())
}

const ADJECTIVES: &[&str] = &[
    "agile", "amber", "bold", "brave", "bright", "brisk", "calm", "clever", "cosy", "crisp", "curious", "eager",
    "early", "fair", "fleet", "fond", "frosty", "gentle", "glad", "golden", "grand", "green", "happy", "hardy",
    "hasty", "honest", "humble", "jolly", "keen", "kind", "late", "lively", "lone", "loyal", "lucky", "mellow",
    "merry", "mild", "misty", "modest", "neat", "nimble", "noble", "patient", "plain", "polite", "proud", "quick",
    "quiet", "rapid", "ready", "royal", "rusty", "sage", "salty", "sharp", "shy", "silent", "sleek", "smooth", "snowy",
    "solid", "spry", "steady", "still", "sunny", "swift", "tidy", "tough", "trusty", "vivid", "warm", "wise", "witty",
    "young", "zesty",
];

const ANIMALS: &[&str] = &[
    "adder", "auk", "badger", "bat", "bear", "beaver", "bee", "bison", "boar", "buck", "carp", "cat", "cod", "coot",
    "crab", "crane", "crow", "deer", "dingo", "dove", "duck", "eagle", "eel", "elk", "emu", "falcon", "ferret",
    "finch", "fox", "frog", "gecko", "goat", "goose", "gull", "hare", "hawk", "heron", "horse", "ibex", "ibis", "jay",
    "kite", "koala", "lark", "lemur", "lion", "llama", "lynx", "mink", "mole", "moose", "moth", "mouse", "mule",
    "newt", "orca", "otter", "owl", "ox", "panda", "perch", "pike", "puma", "quail", "ram", "raven", "robin", "rook",
    "seal", "shrew", "snail", "stag", "stork", "swan", "tern", "toad", "trout", "vole", "wasp", "whale", "wolf",
    "wren", "yak", "zebra",
];
