//! Stop strings in a stream of text. Text that may still turn out to begin a stop string is held back, all
//! else is let through at once. What comes out does not depend on where the stream was cut.

/// Looks for stop strings in text that comes in parts.
#[derive(Clone, Debug, Default)]
pub struct StopStrings {
    stops: Vec<String>,
    /// The end of the text so far that is the beginning of a stop string.
    held: String,
}

/// What a part let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopOutput {
    /// Text that is certain to stand before any stop string.
    pub text: String,
    /// The stop string that was found, by its place in the list; `text` ends where it began, and the rest of the
    /// stream is of no interest.
    pub matched: Option<usize>,
}

impl StopStrings {
    /// Empty strings are never found.
    pub fn new(stops: impl IntoIterator<Item = impl Into<String>>) -> Self {
        StopStrings { stops: stops.into_iter().map(Into::into).collect(), held: String::new() }
    }

    /// Takes the next part of the text. The first stop string to be complete counts; of those that end together,
    /// the one that began first.
    pub fn push(&mut self, part: &str) -> StopOutput {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(part);
        let found =
            self.stops.iter().enumerate().filter(|(_, stop)| !stop.is_empty()).filter_map(|(which, stop)| {
                text.find(stop.as_str()).map(|start| (start + stop.len(), start, which))
            });
        if let Some((_, start, which)) = found.min() {
            text.truncate(start);
            return StopOutput { text, matched: Some(which) };
        }
        self.held = text.split_off(text.len() - self.undecided(&text));
        StopOutput { text, matched: None }
    }

    /// What was held back, when the text is over.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Length of the longest end of `text` that begins a stop string.
    fn undecided(&self, text: &str) -> usize {
        let begins = |stop: &String| {
            stop.char_indices()
                .map(|(len, _)| len)
                .filter(|&len| text.ends_with(&stop[..len]))
                .max()
                .unwrap_or(0)
        };
        self.stops.iter().map(begins).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All text let through and the stop string found, for a stream of `parts`.
    fn run<'a>(stops: &[&str], parts: impl IntoIterator<Item = &'a str>) -> (String, Option<usize>) {
        let mut machine = StopStrings::new(stops.iter().copied());
        let mut text = String::new();
        for part in parts {
            let out = machine.push(part);
            text += &out.text;
            if out.matched.is_some() {
                return (text, out.matched);
            }
        }
        (text + &machine.finish(), None)
    }

    #[test]
    fn finds_a_stop_string_across_parts() {
        assert_eq!(run(&["END"], ["one E", "N", "D two"]), ("one ".into(), Some(0)));
        assert_eq!(run(&["\n\n", "é!"], ["a\n", "b é", "!"]), ("a\nb ".into(), Some(1)));
        assert_eq!(run(&["aab"], ["a", "a", "a", "b"]), ("a".into(), Some(0)));
        assert_eq!(run(&[""], ["text"]), ("text".into(), None));
    }

    #[test]
    fn holds_back_only_what_may_begin_a_stop_string() {
        let mut stops = StopStrings::new(["</s>"]);
        assert_eq!(stops.push("a < b </").text, "a < b ");
        assert_eq!(stops.push("p>").text, "</p>");
        assert_eq!(stops.push("</s").text, "");
        assert_eq!(stops.finish(), "</s");
    }

    proptest! {
        #[test]
        fn the_outcome_does_not_depend_on_the_cuts(
            text in "[abé]{0,24}",
            stops in proptest::collection::vec("[abé]{0,4}", 0..4),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
        ) {
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|&at| text.is_char_boundary(at)).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let parts = at.windows(2).map(|pair| &text[pair[0]..pair[1]]);
            let one_by_one = run(&stops, text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]));
            prop_assert_eq!(run(&stops, parts), one_by_one.clone());
            prop_assert!(text.starts_with(&one_by_one.0));
            let first = stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop).map(|at| (at + stop.len(), at))).min();
            prop_assert_eq!(first.is_some(), one_by_one.1.is_some());
            if let Some((_, start)) = first {
                prop_assert_eq!(one_by_one.0.len(), start);
            }
        }
    }
}
