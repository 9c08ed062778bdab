//! Which values of a document to redact: paths such as `user.email`, `messages[*].content`, `**.password`.

use crate::Label;

/// What to do with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FieldAction {
    /// Look for entities in it.
    #[default]
    Find,
    /// Leave it alone.
    Skip,
    /// All of it is one entity.
    Whole(Label),
    /// It is itself JSON in a string.
    Json,
}

/// Rules by path; the last that fits decides, else the default.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    default: FieldAction,
    rules: Vec<(Vec<Part>, FieldAction)>,
}

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the path {0:?} is not names joined by dots, with [*] or [0] for items, * for any name and ** for any depth"
)]
pub struct PathError(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    Index(usize),
    AnyKey,
    AnyIndex,
    Deep,
}

/// A step from the document's root to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Fields {
    /// Every value is looked into.
    pub fn all() -> Self {
        Fields::default()
    }

    /// No value is, save those that rules name.
    pub fn none() -> Self {
        Fields { default: FieldAction::Skip, rules: Vec::new() }
    }

    /// Adds a rule.
    pub fn with(mut self, path: &str, action: FieldAction) -> Result<Self, PathError> {
        self.rules.push((parse(path).ok_or_else(|| PathError(path.to_owned()))?, action));
        Ok(self)
    }

    pub(crate) fn action(&self, path: &[Step]) -> &FieldAction {
        self.rules
            .iter()
            .rev()
            .find(|(parts, _)| fits(parts, path))
            .map_or(&self.default, |(_, action)| action)
    }
}

/// A path as rules write it: `messages[0].content`.
pub(super) fn path_of(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Step::Index(index) => path += &format!("[{index}]"),
        }
    }
    path
}

fn parse(path: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    for name in path.strip_prefix("$.").unwrap_or(path).split('.') {
        let (key, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
        match key {
            "" if rest.is_empty() => return None,
            "" => {}
            "*" => parts.push(Part::AnyKey),
            "**" => parts.push(Part::Deep),
            key => parts.push(Part::Key(key.to_owned())),
        }
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            parts.push(if index == "*" { Part::AnyIndex } else { Part::Index(index.parse().ok()?) });
            rest = after;
        }
    }
    Some(parts)
}

/// Whether a pattern fits a whole path: one row of the table of prefixes a step, so `**` costs no backtracking.
fn fits(parts: &[Part], path: &[Step]) -> bool {
    let open = |mut row: Vec<bool>| {
        for (i, part) in parts.iter().enumerate() {
            row[i + 1] |= *part == Part::Deep && row[i];
        }
        row
    };
    let mut row = vec![false; parts.len() + 1];
    row[0] = true;
    row = open(row);
    for step in path {
        let mut next = vec![false; parts.len() + 1];
        for (i, part) in parts.iter().enumerate() {
            match (part, step) {
                (Part::Deep, _) => next[i + 1] |= row[i + 1],
                (Part::AnyKey, Step::Key(_)) | (Part::AnyIndex, Step::Index(_)) => next[i + 1] |= row[i],
                (Part::Key(want), Step::Key(have)) => next[i + 1] |= row[i] && want == have,
                (Part::Index(want), Step::Index(have)) => next[i + 1] |= row[i] && want == have,
                _ => {}
            }
        }
        row = open(next);
    }
    row[parts.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let key = |name: &str| Step::Key(name.to_owned());
        let path = [key("messages"), Step::Index(3), key("content")];
        assert_eq!(path_of(&path), "messages[3].content");
        for (pattern, want) in [
            ("messages[*].content", true),
            ("$.messages[3].content", true),
            ("messages[2].content", false),
            ("**.content", true),
            ("**", true),
            ("messages.*", false),
            ("messages[*].*", true),
            ("**.messages[*].**.content", true),
            ("messages", false),
            ("content", false),
        ] {
            assert_eq!(fits(&parse(pattern).unwrap(), &path), want, "{pattern}");
        }
        for bad in ["", "a..b", "a[", "a[x]", "a[1]b"] {
            assert!(Fields::all().with(bad, FieldAction::Skip).is_err(), "{bad}");
        }
        let fields = Fields::all()
            .with("**", FieldAction::Skip)
            .unwrap()
            .with("messages[*].content", FieldAction::Find)
            .unwrap();
        assert_eq!(fields.action(&path), &FieldAction::Find);
        assert_eq!(fields.action(&path[..1]), &FieldAction::Skip);
    }
}
