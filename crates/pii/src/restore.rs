//! Restoring a text that arrives in parts, such as a model's answer.

use crate::placeholder;
use crate::vault::Vault;

/// Restores a text that arrives in parts, holding back only what may still become a replacement.
#[derive(Clone, Default)]
pub struct StreamRestorer {
    held: String,
    before: Option<char>,
}

impl StreamRestorer {
    /// A restorer at the start of a text.
    pub fn new() -> Self {
        StreamRestorer::default()
    }

    /// Takes a part; gives what is settled by now.
    pub fn push(&mut self, part: &str, vault: &Vault) -> String {
        self.push_written(part, vault, str::to_owned)
    }

    /// As [`StreamRestorer::push`], each value written as `write` says.
    pub(crate) fn push_written(&mut self, part: &str, vault: &Vault, write: fn(&str) -> String) -> String {
        self.held.push_str(part);
        let mut cut = self.hold_from(vault);
        // A replacement found whole must not be cut by the start of another inside it.
        for (span, _) in vault.find(&self.held, self.before) {
            if span.start < cut && cut < span.end {
                cut = span.start;
            }
        }
        let rest = self.held.split_off(cut);
        let settled = std::mem::replace(&mut self.held, rest);
        let out = vault.restore_after(&settled, self.before, write);
        self.before = settled.chars().next_back().or(self.before);
        out
    }

    /// Gives what was held back.
    pub fn finish(&mut self, vault: &Vault) -> String {
        self.finish_written(vault, str::to_owned)
    }

    pub(crate) fn finish_written(&mut self, vault: &Vault, write: fn(&str) -> String) -> String {
        let held = std::mem::take(&mut self.held);
        let out = vault.restore_after(&held, self.before, write);
        self.before = held.chars().next_back().or(self.before);
        out
    }

    /// The first byte that later text could still change.
    fn hold_from(&self, vault: &Vault) -> usize {
        let text = &self.held;
        let bytes = text.as_bytes();
        let floor = bytes.len().saturating_sub(placeholder::MAX_MENTION);
        // A word (or escaped word) at the end may go on; one longer than any placeholder is none, but may end a surrogate.
        let mut hold = bytes.len();
        while hold > floor
            && (bytes[hold - 1].is_ascii_alphanumeric() || matches!(bytes[hold - 1], b'_' | b'\\'))
        {
            hold -= 1;
        }
        if hold == floor && floor > 0 {
            hold = bytes.len();
        }
        // An open bracket, with the backslash before it.
        if let Some(open) = bytes[floor..]
            .iter()
            .rposition(|&b| matches!(b, b'[' | b']'))
            .map(|i| floor + i)
            .filter(|&i| bytes[i] == b'[')
        {
            hold = hold.min(if open > 0 && bytes[open - 1] == b'\\' { open - 1 } else { open });
        }
        let longest = vault.longest_surrogate();
        for start in (0..bytes.len()).rev().take(longest).filter(|&i| text.is_char_boundary(i)) {
            if vault.may_continue(&text[start..]) {
                hold = hold.min(start);
            }
        }
        while !text.is_char_boundary(hold) {
            hold -= 1;
        }
        hold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;
    use proptest::prelude::*;

    fn vault() -> Vault {
        let mut vault = Vault::new();
        assert_eq!(vault.placeholder(&Label::Person, "Ana Ruiz"), "[PERSON_1]");
        assert_eq!(vault.placeholder(&Label::Person, "Bo"), "[PERSON_2]");
        assert_eq!(vault.placeholder(&Label::Person, "Ana Ruiz"), "[PERSON_1]");
        assert_eq!(vault.placeholder(&Label::CreditCard, "4111 1111 1111 1111"), "[CREDIT_CARD_1]");
        vault
    }

    #[test]
    fn streams_restore_at_any_cut() {
        let mut vault = vault();
        let stand_in = vault.surrogate(&Label::Person, "Cleo Diaz", "");
        vault.index();
        let text = format!(
            "a[b] \\[PERSON\\_1\\] [person 2] {stand_in}'s PERSON_1, {} é[PERSON_1][",
            stand_in.to_uppercase()
        );
        for size in 1..12 {
            let mut stream = StreamRestorer::new();
            let chars: Vec<char> = text.chars().collect();
            let mut out: String = chars
                .chunks(size)
                .map(|part| stream.push(&part.iter().collect::<String>(), &vault))
                .collect();
            out += &stream.finish(&vault);
            assert_eq!(out, vault.restore(&text), "{size}");
        }
    }

    #[test]
    fn a_stream_holds_little() {
        let vault = vault();
        let mut stream = StreamRestorer::new();
        assert_eq!(stream.push("Hello there, ", &vault), "Hello there, ");
        assert_eq!(stream.push("[PER", &vault), "");
        assert_eq!(stream.push("SON_1]!", &vault), "Ana Ruiz!");
        assert_eq!(stream.push(&"[".repeat(1000), &vault).len() + stream.held.len(), 1000);
        assert!(stream.held.len() <= placeholder::MAX_MENTION);
    }

    proptest! {
        #[test]
        fn any_stream_equals_the_whole(parts in prop::collection::vec("(\\[|\\]|\\\\|_| |PERSON|person|1|2|é|[a-z]){0,6}", 0..12)) {
            let vault = vault();
            let mut stream = StreamRestorer::new();
            let mut out: String = parts.iter().map(|part| stream.push(part, &vault)).collect();
            out += &stream.finish(&vault);
            prop_assert_eq!(out, vault.restore(&parts.concat()));
        }
    }
}
