//! Sizes as podman and docker write them: `64m`, `1.5GiB`, `1024`.

/// Reads a size into bytes: a decimal number and one of `b k m g t p`, powers of 1024, in any letter case,
/// with or without `i` and `b` after it.
pub fn parse(text: &str) -> Option<u64> {
    parse_in(text, 1024)
}

/// As [`parse`], with powers of 1000: what podman makes of the same text in containers.conf(5).
pub fn parse_decimal(text: &str) -> Option<u64> {
    parse_in(text, 1000)
}

fn parse_in(text: &str, base: u64) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = base.pow(exponent(&unit.trim_start().to_ascii_lowercase())?);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    // Powers of 1000 up to the fifth are exact, too.
    #[allow(clippy::cast_precision_loss)]
    let value = number.parse::<f64>().ok()? * factor as f64;
    // The comparison keeps the conversion exact enough: above it, u64 could not hold the value.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (value < 2f64.powi(63)).then_some(value as u64)
}

/// As [`parse`], with `-1` for unlimited.
pub fn parse_limit(text: &str) -> Option<i64> {
    if text.trim() == "-1" {
        return Some(-1);
    }
    parse(text)?.try_into().ok()
}

fn exponent(unit: &str) -> Option<u32> {
    let letter = unit.strip_suffix('b').unwrap_or(unit);
    Some(match letter.strip_suffix('i').unwrap_or(letter) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1024", Some(1024)),
            ("64m", Some(64 << 20)),
            ("64M", Some(64 << 20)),
            ("64MiB", Some(64 << 20)),
            ("1.5g", Some(3 << 29)),
            ("10b", Some(10)),
            ("0", Some(0)),
            ("", None),
            ("m", None),
            ("12x", None),
            ("-5", None),
            ("999999999999p", None),
        ] {
            assert_eq!(parse(text), bytes, "{text}");
        }
        assert_eq!(parse_limit("-1"), Some(-1));
        assert_eq!(parse_decimal("65536k"), Some(65_536_000));
        assert_eq!(parse_decimal("1.5m"), Some(1_500_000));
        assert_eq!(parse_decimal("4096"), Some(4096));
    }
}
