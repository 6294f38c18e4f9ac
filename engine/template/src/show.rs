//! Values as Go prints them.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// Widths and counts beyond this are refused: an answer is to be read.
pub const MOST: usize = 10_000;

/// As `%v`: lists are `[a b]`, maps `map[k:v k:v]`, nothing is `<no value>`.
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(self::value).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut pairs: Vec<_> = map
                .iter()
                .map(|(key, item)| format!("{key}:{}", self::value(item)))
                .collect();
            pairs.sort_unstable();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// As `fmt.Sprint`: a blank between two neighbours neither of which is a text.
pub fn print(values: &[&Value]) -> String {
    let mut text = String::new();
    for (index, one) in values.iter().enumerate() {
        if index > 0 && !one.is_string() && !values[index - 1].is_string() {
            text.push(' ');
        }
        text.push_str(&value(one));
    }
    text
}

/// As `fmt.Sprintln`.
pub fn println(values: &[&Value]) -> String {
    values.iter().map(|one| value(one)).collect::<Vec<_>>().join(" ") + "\n"
}

/// As `fmt.Sprintf`, for `%v %s %d %q %x %t %f %%` with `-`, `0`, width and precision.
pub fn printf(format: &str, values: &[&Value]) -> Result<String, String> {
    let mut text = String::new();
    let mut values = values.iter();
    let mut rest = format.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let verb = Verb::parse(&mut rest)?;
        if verb.letter == '%' {
            text.push('%');
            continue;
        }
        let one = values.next().ok_or_else(|| format!("no value for %{}", verb.letter))?;
        text.push_str(&verb.padded(verb.show(one)?));
    }
    if values.next().is_some() {
        Err("more values than the format has verbs".to_owned())
    } else {
        Ok(text)
    }
}

struct Verb {
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Verb {
    fn parse(rest: &mut Peekable<Chars<'_>>) -> Result<Self, String> {
        let (mut left, mut zeros) = (false, false);
        while let Some(flag) = rest.next_if(|next| matches!(next, '-' | '0' | '+' | ' ' | '#')) {
            left |= flag == '-';
            zeros |= flag == '0';
        }
        let width = number(rest)?;
        let precision = rest.next_if_eq(&'.').map(|_| number(rest)).transpose()?;
        let letter = rest.next().ok_or("a % at the end of the format")?;
        Ok(Self {
            left,
            zeros,
            width,
            precision,
            letter,
        })
    }

    fn show(&self, one: &Value) -> Result<String, String> {
        let shown = value(one);
        let cut = |text: String| match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        match (self.letter, one) {
            ('v', _) | ('t', Value::Bool(_)) => Ok(shown),
            ('d', Value::Number(number)) if !number.is_f64() => Ok(shown),
            ('s', _) => Ok(cut(shown)),
            ('q', Value::String(_)) => Ok(one.to_string()),
            ('x', Value::Number(number)) if number.is_u64() => Ok(format!("{:x}", number.as_u64().unwrap_or_default())),
            ('x', Value::String(text)) => Ok(hex::encode(text)),
            ('f', Value::Number(number)) => Ok(format!(
                "{:.*}",
                self.precision.unwrap_or(6),
                number.as_f64().unwrap_or_default()
            )),
            (letter, _) => Err(format!("%{letter} cannot show {shown}")),
        }
    }

    fn padded(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        match (self.left, self.zeros) {
            _ if missing == 0 => text,
            (true, _) => text + &" ".repeat(missing),
            (false, true) if matches!(self.letter, 'd' | 'f' | 'x') => {
                let digits = text.trim_start_matches('-');
                format!("{}{}{digits}", &text[..text.len() - digits.len()], "0".repeat(missing))
            }
            (false, _) => " ".repeat(missing) + &text,
        }
    }
}

fn number(rest: &mut Peekable<Chars<'_>>) -> Result<usize, String> {
    let mut number = 0;
    while let Some(digit) = rest.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10)) {
        number = number * 10 + digit as usize;
        if number > MOST {
            return Err(format!("a width of more than {MOST}"));
        }
    }
    Ok(number)
}
