//! `WWW-Authenticate` (RFC 9110, section 11.6.1): one header may hold several challenges, a challenge several parameters.

/// One way to authenticate that a server offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Whether this is the named scheme (lower case).
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme == scheme
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// All challenges of all headers; what cannot be understood is left out.
pub fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for header in headers {
        for item in split_outside_quotes(header) {
            add(&mut challenges, item.trim());
        }
    }
    challenges
}

/// An item between commas is a scheme, a scheme with its first parameter, or a further parameter.
fn add(challenges: &mut Vec<Challenge>, item: &str) {
    let (scheme, parameter) = match (item.find([' ', '\t']), item.find('=')) {
        (Some(blank), Some(equals)) if blank < equals => (Some(&item[..blank]), Some(item[blank..].trim())),
        (_, Some(_)) => (None, Some(item)),
        (_, None) => (Some(item), None),
    };
    if let Some(scheme) = scheme.filter(|s| !s.is_empty()) {
        challenges.push(Challenge {
            scheme: scheme.to_ascii_lowercase(),
            parameters: Vec::new(),
        });
    }
    if let (Some(challenge), Some((name, value))) = (challenges.last_mut(), parameter.and_then(|p| p.split_once('='))) {
        challenge
            .parameters
            .push((name.trim().to_ascii_lowercase(), unquote(value.trim())));
    }
}

fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let split = c == ',' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        split
    })
    .collect()
}

fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else {
        return text.to_owned();
    };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut escaped = false;
    let keep = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    inner.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_taken_apart() {
        let header = r#"Basic realm="a, b", Bearer realm="https://auth.io/token",service="registry \"x\"",scope="repository:a/b:pull,push""#;
        let all = parse([header, "Negotiate"].into_iter());
        assert_eq!(all.len(), 3);
        assert!(all[0].is("basic") && all[1].is("bearer") && all[2].is("negotiate"));
        assert_eq!(all[0].get("realm"), Some("a, b"));
        assert_eq!(all[1].get("realm"), Some("https://auth.io/token"));
        assert_eq!(all[1].get("service"), Some("registry \"x\""));
        assert_eq!(all[1].get("scope"), Some("repository:a/b:pull,push"));
    }

    #[test]
    fn nonsense_gives_no_challenge_with_values() {
        for text in ["", ",,,", "=", "\"", "a=b", " , =\"\\"] {
            assert!(
                parse([text].into_iter()).iter().all(|c| c.get("realm").is_none()),
                "{text}"
            );
        }
    }
}
