//! Any bytes are read without panic, and what is read is written and read again without loss: the fuzz target's body
//! over files made of the pieces that matter, from fixed seeds. `cargo fuzz run parse_unit` looks further.

mod exercise;
mod random;

use random::Random;

const CASES: u64 = 100_000;

/// What files are made of; the rest are single random bytes.
const PIECES: [&[u8]; 48] = [
    b"\n",
    b"\n",
    b"\n",
    b"\n",
    b"\r\n",
    b"\\\n",
    b" \\\n",
    b"\\",
    b"\\\\",
    b"[",
    b"]",
    b"[A]\n",
    b"\n[A]\n",
    b"[B]\n",
    b"\n[B c]\n",
    b"=",
    b"=",
    b"Key",
    b"Key=",
    b"\nKey=",
    b"\nKey=a b\n",
    b"\nOther=",
    b"#",
    b"\n# c\n",
    b";",
    b"\"",
    b"'",
    b"\"\"",
    b"\\x41",
    b"\\u00e4",
    b"\\U0010ffff",
    b"\\ud800",
    b"\\101",
    b"\\n",
    b"\\q",
    b"%i",
    b"%%",
    b"%",
    b" ",
    b"\t",
    b"\0",
    b"\xFF",
    b"\xC3\xA4",
    b"\xC2\xA0",
    b"\xE2\x80\xA8",
    b"yes",
    b"0x1f",
    b"a@b.c",
];

fn file(seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut bytes = if random.below(8) == 0 {
        Vec::new()
    } else {
        b"[A]\n".to_vec()
    };
    // Most files keep to text, so that most of them are read.
    let wild = random.below(6) == 0;
    for _ in 0..random.below(24) {
        let piece = PIECES[random.below(PIECES.len())];
        if wild && random.below(4) == 0 {
            bytes.push(u8::try_from(random.below(256)).unwrap_or(0));
        } else if wild || !(piece == b"\0" || piece == b"\xFF") {
            bytes.extend_from_slice(piece);
        }
    }
    bytes
}

#[test]
fn any_bytes() {
    let read = (0..CASES).filter(|&seed| exercise::exercise(&file(seed))).count();
    // The property is about good files, too: were nearly all of them refused, it would prove little.
    assert!(read > 10_000, "only {read} of {CASES} files could be read");
}

#[test]
fn every_short_file() {
    const ALPHABET: &[u8] = b"\n\\[]A= #\"x\xFF";
    for length in 0..=4 {
        for number in 0..ALPHABET.len().pow(length) {
            let digit = |place| ALPHABET[number / ALPHABET.len().pow(place) % ALPHABET.len()];
            let bytes: Vec<u8> = (0..length).map(digit).collect();
            exercise::exercise(&bytes);
            exercise::exercise(&[b"[A]\nk=", bytes.as_slice()].concat());
        }
    }
}
