//! "Did you mean": the nearest of the names that would have been right.

/// What to say about a unit that is not there: the unit of the same type whose name is nearest.
pub fn unit_hint<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let (stem, extension) = wrong.rsplit_once('.')?;
    let stems = names
        .into_iter()
        .filter_map(|name| name.rsplit_once('.'))
        .filter(|(_, other)| *other == extension);
    let near = nearest(stem, stems.map(|(stem, _)| stem));
    near.map(|near| format!("did you mean \"{near}.{extension}\"?"))
}

/// The candidate nearest to `wrong`, when it is near enough to be what was meant.
///
/// Names that differ only in case are always near; else at most a third of the letters may be wrong
/// (swapped neighbours count once).
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > 80 {
        return None;
    }
    let wrong_lower = wrong.to_lowercase();
    let length = wrong.chars().count();
    let allowed = (length / 3).min(4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (distance(&wrong_lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance with insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substitution = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substitution.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_units_of_one_type() {
        let names = ["front.network", "data.volume", "web.container"];
        assert_eq!(
            unit_hint("dta.volume", names).as_deref(),
            Some("did you mean \"data.volume\"?")
        );
        for wrong in ["none.network", "data.network", "x", ".volume"] {
            assert_eq!(unit_hint(wrong, names), None, "{wrong}");
        }
    }

    #[test]
    fn finds_what_was_meant() {
        let keys = ["Image", "ImageTag", "PublishPort", "Volume", "IP", "IP6"];
        for (wrong, meant) in [
            ("Imgae", Some("Image")),
            ("image", Some("Image")),
            ("PublishPorts", Some("PublishPort")),
            ("Pubishport", Some("PublishPort")),
            ("Restart", None),
            ("X-Note", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, keys), meant, "{wrong}");
        }
    }
}
