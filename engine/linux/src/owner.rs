//! Numbers of users and groups, wherever somebody writes one.

/// The largest number that podman and docker take. The one that counts is beyond it: 4294967295 is -1 to setresuid(2) and
/// chown(2), which then leave the user as it is: root.
const LARGEST: u32 = i32::MAX.cast_unsigned();

/// What is said of a number that is none.
pub const EXPECTED: &str = "a number from 0 to 2147483647 is expected";

/// The number of a user or group, from 0 to 2147483647; `None` for anything else.
pub fn parse_owner(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_would_take_for_unchanged_is_no_number() {
        assert_eq!(parse_owner("0"), Some(0));
        assert_eq!(parse_owner("2147483647"), Some(2_147_483_647));
        for text in ["", "-1", "+1", " 1", "2147483648", "4294967295", "4294967296", "root"] {
            assert_eq!(parse_owner(text), None, "{text:?}");
        }
    }
}
