//! What becomes of each kind of entity, and from which score on it is one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Group, Label};

/// What takes the place of an entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `[PERSON_1]`: the same value has the same number throughout a vault, which can put it back.
    #[default]
    Placeholder,
    /// A realistic value of the same kind, the same for the same value throughout a vault, which can put it back.
    Surrogate,
    /// `*` for each letter and digit, spacing and punctuation kept; cannot be put back.
    Mask,
    /// `[EMAIL:9f86d081884c7d65]`: HMAC-SHA-256 under the policy's key, so that equal values can be matched; cannot be put back.
    Hash,
    /// A coarser value: a date's year, an age's decade, an address's last part; cannot be put back.
    #[serde(alias = "generalize")]
    Generalise,
    /// Reported, and left as it is.
    Keep,
}

impl Action {
    /// Whether a vault can undo it.
    pub fn is_reversible(self) -> bool {
        matches!(self, Action::Placeholder | Action::Surrogate | Action::Keep)
    }
}

/// How sure a finding must be: the balance between leaving something in and taking too much out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatingPoint {
    /// Takes out all that may be personal: score 0.3.
    Recall,
    /// Score 0.5.
    #[default]
    Balanced,
    /// Takes out only what is nearly certain: score 0.8.
    Precision,
}

impl OperatingPoint {
    /// Least score.
    pub fn threshold(self) -> f32 {
        match self {
            OperatingPoint::Recall => 0.3,
            OperatingPoint::Balanced => 0.5,
            OperatingPoint::Precision => 0.8,
        }
    }
}

/// A named policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Every label, as placeholders: personal data in the sense of the GDPR, article 4.
    Gdpr,
    /// The eighteen identifiers of 45 CFR 164.514(b)(2): dates to years, ages over 89 to 90+, postal codes to their first three digits, places out.
    HipaaSafeHarbor,
    /// Card data only (PCI DSS 3.4: first six and last four digits may stay), all else kept.
    Pci,
    /// Credentials only.
    Secrets,
}

/// A policy that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// [`Action::Hash`] without a key: an unkeyed hash of a phone number is found by trying all of them.
    #[error("the policy hashes {0} but has no key; set one of at least 16 bytes")]
    NoKey(String),
    /// The key is too short to resist guessing.
    #[error("the hash key has {0} bytes; use at least 16")]
    ShortKey(usize),
    /// No preset has that name.
    #[error("unknown policy {0:?}; the presets are gdpr, hipaa-safe-harbor, pci and secrets")]
    UnknownPreset(String),
}

/// What becomes of each kind of entity.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Policy {
    actions: BTreeMap<Label, Action>,
    default_action: Action,
    operating_point: OperatingPoint,
    thresholds: BTreeMap<Label, f32>,
    #[serde(skip)]
    key: Option<Vec<u8>>,
    /// Rules of the safe-harbour method that go beyond one action a label.
    hipaa: bool,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("actions", &self.actions)
            .field("default_action", &self.default_action)
            .field("operating_point", &self.operating_point)
            .field("thresholds", &self.thresholds)
            .field("key", &self.key.as_ref().map(|_| "..."))
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// One action for every label.
    pub fn all(action: Action) -> Self {
        Policy { default_action: action, ..Policy::default() }
    }

    /// A preset.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Gdpr => Policy::all(Action::Placeholder),
            Preset::HipaaSafeHarbor => {
                let mut policy = Policy::all(Action::Placeholder);
                policy.hipaa = true;
                for label in [Label::Date, Label::DateOfBirth, Label::Age, Label::PostalCode] {
                    policy = policy.with(label, Action::Generalise);
                }
                policy
                    .with(Label::Nationality, Action::Keep)
                    .with(Label::Title, Action::Keep)
                    .with(Label::Organization, Action::Keep)
            }
            Preset::Pci => Policy::all(Action::Keep).with(Label::CreditCard, Action::Mask),
            Preset::Secrets => Policy::all(Action::Keep).with(Label::Secret, Action::Placeholder),
        }
    }

    /// The preset of that name.
    pub fn named(name: &str) -> Result<Self, PolicyError> {
        let preset = match name {
            "gdpr" => Preset::Gdpr,
            "hipaa-safe-harbor" => Preset::HipaaSafeHarbor,
            "pci" => Preset::Pci,
            "secrets" => Preset::Secrets,
            other => return Err(PolicyError::UnknownPreset(other.chars().take(40).collect())),
        };
        Ok(Policy::preset(preset))
    }

    /// Sets a label's action.
    #[must_use]
    pub fn with(mut self, label: Label, action: Action) -> Self {
        self.actions.insert(label, action);
        self
    }

    /// Sets the action of a whole group of labels.
    #[must_use]
    pub fn with_group(mut self, group: Group, action: Action) -> Self {
        for label in Label::ALL.iter().filter(|label| label.group() == group) {
            self.actions.insert(label.clone(), action);
        }
        self
    }

    /// Sets the operating point.
    #[must_use]
    pub fn at(mut self, point: OperatingPoint) -> Self {
        self.operating_point = point;
        self
    }

    /// Sets one label's least score, whatever the operating point.
    #[must_use]
    pub fn with_threshold(mut self, label: Label, least: f32) -> Self {
        self.thresholds.insert(label, least);
        self
    }

    /// Sets the key of [`Action::Hash`]: at least 16 bytes, kept by the caller. It is never serialised.
    pub fn with_key(mut self, key: &[u8]) -> Result<Self, PolicyError> {
        if key.len() < 16 {
            return Err(PolicyError::ShortKey(key.len()));
        }
        self.key = Some(key.to_vec());
        Ok(self)
    }

    /// Whether it can be carried out.
    pub fn check(&self) -> Result<(), PolicyError> {
        let hashed = self
            .actions
            .iter()
            .find(|(_, action)| **action == Action::Hash)
            .map(|(label, _)| label.to_string());
        let hashed = hashed.or((self.default_action == Action::Hash).then(|| "every label".to_owned()));
        match hashed {
            Some(label) if self.key.is_none() => Err(PolicyError::NoKey(label)),
            _ => Ok(()),
        }
    }

    /// What becomes of a label.
    pub fn action(&self, label: &Label) -> Action {
        self.actions.get(label).copied().unwrap_or(self.default_action)
    }

    /// Least score of a label.
    pub fn threshold(&self, label: &Label) -> f32 {
        self.thresholds.get(label).copied().unwrap_or_else(|| self.operating_point.threshold())
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.key.as_deref().unwrap_or_default()
    }

    pub(crate) fn is_hipaa(&self) -> bool {
        self.hipaa
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_overrides() {
        let policy =
            Policy::named("pci").unwrap().with(Label::Iban, Action::Mask).with_threshold(Label::Iban, 0.9);
        assert_eq!(policy.action(&Label::CreditCard), Action::Mask);
        assert_eq!(policy.action(&Label::Person), Action::Keep);
        assert_eq!(policy.threshold(&Label::Iban), 0.9);
        assert_eq!(Policy::default().at(OperatingPoint::Recall).threshold(&Label::Iban), 0.3);
        assert!(matches!(Policy::named("x"), Err(PolicyError::UnknownPreset(_))));
    }

    #[test]
    fn hashing_needs_a_key() {
        let policy = Policy::default().with_group(Group::Contact, Action::Hash);
        assert!(matches!(policy.check(), Err(PolicyError::NoKey(_))));
        assert!(matches!(policy.clone().with_key(b"short"), Err(PolicyError::ShortKey(5))));
        let keyed = policy.with_key(&[7; 32]).unwrap();
        assert_eq!(keyed.check(), Ok(()));
        assert!(!format!("{keyed:?}").contains("7, 7"));
        assert!(!serde_json::to_string(&keyed).unwrap().contains("7,7"));
    }

    #[test]
    fn policies_are_json() {
        let policy: Policy = serde_json::from_str(
            r#"{"actions":{"EMAIL":"mask"},"operatingPoint":"recall","thresholds":{"PHONE":0.7}}"#,
        )
        .unwrap();
        assert_eq!(
            (policy.action(&Label::Email), policy.action(&Label::Url)),
            (Action::Mask, Action::Placeholder)
        );
        assert_eq!(policy.threshold(&Label::Phone), 0.7);
    }
}
