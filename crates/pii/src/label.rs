//! What an entity is. One list, used by recognisers, models, policies, the vault and the evaluation;
//! a label's name is what a placeholder shows (`[PERSON_1]`) and what JSON carries.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! labels {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, $group:ident; )+) => {
        /// The kind of an entity.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Label {
            $( $(#[doc = $doc])+ $variant, )+
            /// A label of the caller's: an upper-case name such as `EMPLOYEE_ID`.
            Custom(Arc<str>),
        }

        impl Label {
            /// Every label that is not the caller's.
            pub const ALL: &'static [Label] = &[$(Label::$variant),+];

            /// The name, `UPPER_SNAKE_CASE`.
            pub fn name(&self) -> &str {
                match self {
                    $( Label::$variant => $name, )+
                    Label::Custom(name) => name,
                }
            }

            /// The coarse family that policies and evaluations speak of.
            pub fn group(&self) -> Group {
                match self {
                    $( Label::$variant => Group::$group, )+
                    Label::Custom(_) => Group::Other,
                }
            }
        }
    };
}

labels! {
    /// A person's name.
    Person = "PERSON", Personal;
    /// A place that is not a street address: city, region, country, landmark.
    Location = "LOCATION", Place;
    /// A street address.
    Address = "ADDRESS", Place;
    /// A postal or ZIP code.
    PostalCode = "POSTAL_CODE", Place;
    /// A company, institution or group.
    Organization = "ORGANIZATION", Personal;
    /// A calendar date.
    Date = "DATE", Time;
    /// A date that context says someone was born on.
    DateOfBirth = "DATE_OF_BIRTH", Time;
    /// A person's age.
    Age = "AGE", Personal;
    /// A title or profession that identifies.
    Title = "TITLE", Personal;
    /// A nationality, religion or ethnic or political group.
    Nationality = "NATIONALITY", Personal;
    /// A telephone or fax number.
    Phone = "PHONE", Contact;
    /// An e-mail address.
    Email = "EMAIL", Contact;
    /// A web address.
    Url = "URL", Contact;
    /// A user name or handle.
    Username = "USERNAME", Contact;
    /// An IPv4 or IPv6 address.
    IpAddress = "IP_ADDRESS", Device;
    /// A network card's hardware address.
    MacAddress = "MAC_ADDRESS", Device;
    /// A device identifier such as an IMEI.
    DeviceId = "DEVICE_ID", Device;
    /// A vehicle identifier: VIN or licence plate.
    VehicleId = "VEHICLE_ID", Device;
    /// A payment card number.
    CreditCard = "CREDIT_CARD", Financial;
    /// An international bank account number.
    Iban = "IBAN", Financial;
    /// A SWIFT/BIC bank code.
    Bic = "BIC", Financial;
    /// A domestic account or customer number.
    AccountNumber = "ACCOUNT_NUMBER", Financial;
    /// A bank's routing or sort code.
    RoutingNumber = "ROUTING_NUMBER", Financial;
    /// A cryptocurrency address.
    CryptoAddress = "CRYPTO_ADDRESS", Financial;
    /// A United States social security number.
    Ssn = "SSN", Government;
    /// A tax number of a person or a firm.
    TaxId = "TAX_ID", Government;
    /// A national identity or insurance number.
    NationalId = "NATIONAL_ID", Government;
    /// A health-service or medical record number.
    HealthId = "HEALTH_ID", Government;
    /// A passport number.
    Passport = "PASSPORT", Government;
    /// A driving licence number.
    DriverLicense = "DRIVER_LICENSE", Government;
    /// Any other number or code that identifies: case, policy, employee, order.
    IdNumber = "ID_NUMBER", Government;
    /// A password, key, token or other credential.
    Secret = "SECRET", Credential;
    /// Text that looked like one of the vault's own replacements before redaction; kept apart so that it comes back as it was.
    Literal = "LITERAL", Other;
}

/// A coarse family of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Names and traits of persons and organisations.
    Personal,
    /// Places and addresses.
    Place,
    /// Dates.
    Time,
    /// Ways to reach someone.
    Contact,
    /// Networks, devices and vehicles.
    Device,
    /// Cards, accounts and wallets.
    Financial,
    /// Numbers that a state or an institution hands out.
    Government,
    /// Credentials.
    Credential,
    /// The caller's own labels, and literals.
    Other,
}

/// A label name that is not `[A-Z][A-Z0-9_]*`, ends in `_` or a digit after `_`, or is longer than 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a label name must be 1 to 40 upper-case letters, digits and underscores, start with a letter and not end in an underscore or in _ and digits"
)]
pub struct LabelError;

impl Label {
    /// The label a model or a file means by `name`: our own names, and the usual spellings of others
    /// (`PER`, `B-PER` without its prefix, `private_person`, `account_number`, `GPE`...). `None` if unknown.
    pub fn from_common_name(name: &str) -> Option<Label> {
        let upper = name.trim().to_ascii_uppercase().replace(['-', ' '], "_");
        let upper = upper.strip_prefix("PRIVATE_").unwrap_or(&upper);
        if let Some(label) = Label::ALL.iter().find(|label| label.name() == upper) {
            return Some(label.clone());
        }
        Some(match upper {
            "PER" | "NAME" | "PERSON_NAME" | "FIRSTNAME" | "LASTNAME" | "FIRST_NAME" | "LAST_NAME"
            | "GIVENNAME" | "SURNAME" => Label::Person,
            "LOC" | "GPE" | "FAC" | "CITY" | "STATE" | "COUNTRY" | "PLACE" => Label::Location,
            "STREET" | "STREET_ADDRESS" | "STREETADDRESS" => Label::Address,
            "ZIP" | "ZIPCODE" | "ZIP_CODE" | "POSTCODE" | "POSTALCODE" => Label::PostalCode,
            "ORG" | "ORGANISATION" | "CORPORATION" | "COMPANY" | "GROUP" => Label::Organization,
            "DATETIME" | "DATE_TIME" | "TIME" => Label::Date,
            "DOB" | "BIRTHDATE" | "BIRTH_DATE" | "DATEOFBIRTH" => Label::DateOfBirth,
            "NORP" | "DEM" => Label::Nationality,
            "PHONE_NUMBER" | "TEL" | "TELEPHONE" | "PHONENUMBER" | "TELEPHONENUM" | "FAX" => Label::Phone,
            "EMAIL_ADDRESS" | "MAIL" => Label::Email,
            "USER" | "USER_NAME" | "HANDLE" => Label::Username,
            "IP" | "IPV4" | "IPV6" | "IP_ADDR" => Label::IpAddress,
            "MAC" => Label::MacAddress,
            "IMEI" => Label::DeviceId,
            "VIN" | "LICENSE_PLATE" | "PLATE" => Label::VehicleId,
            "CARD" | "CREDITCARD" | "CREDITCARDNUMBER" | "CREDIT_CARD_NUMBER" | "CREDIT_DEBIT_CARD" => {
                Label::CreditCard
            }
            "IBAN_CODE" => Label::Iban,
            "SWIFT" | "SWIFT_BIC" | "BIC_SWIFT" => Label::Bic,
            "ACCOUNT" | "ACCOUNTNUMBER" | "ACCOUNTNUM" | "BANK_ACCOUNT" | "US_BANK_NUMBER" => {
                Label::AccountNumber
            }
            "CRYPTO" | "BITCOIN_ADDRESS" => Label::CryptoAddress,
            "US_SSN" | "SOCIAL_SECURITY_NUMBER" | "SOCIALNUMBER" | "SOCIALNUM" => Label::Ssn,
            "TAXNUM" | "US_ITIN" | "VAT" => Label::TaxId,
            "IDCARDNUM" | "NATIONALID" => Label::NationalId,
            "UK_NHS" | "MEDICAL_RECORD_NUMBER" | "MRN" => Label::HealthId,
            "US_PASSPORT" | "PASSPORT_NUMBER" => Label::Passport,
            "DRIVERLICENSENUM" | "DRIVER_LICENCE" | "US_DRIVER_LICENSE" => Label::DriverLicense,
            "ID" | "CODE" | "ID_NUM" | "CASE_NUMBER" => Label::IdNumber,
            "PASSWORD" | "API_KEY" | "TOKEN" | "CREDENTIAL" => Label::Secret,
            _ => return None,
        })
    }

    /// The label of `annotated` that this one is or is a kind of, for data that tells fewer kinds apart; else this one.
    pub fn as_annotated(&self, annotated: &BTreeSet<Label>) -> Label {
        let mut kind = Some(self.clone());
        while let Some(label) = kind {
            if annotated.contains(&label) {
                return label;
            }
            kind = label.broader();
        }
        self.clone()
    }

    /// Whether this is a kind of `other`, and not `other` itself.
    pub(crate) fn is_kind_of(&self, other: &Label) -> bool {
        std::iter::successors(self.broader(), Label::broader).any(|label| label == *other)
    }

    /// What this is a kind of.
    fn broader(&self) -> Option<Label> {
        Some(match self {
            Label::DateOfBirth => Label::Date,
            Label::PostalCode => Label::Address,
            Label::Address => Label::Location,
            Label::Iban | Label::CreditCard | Label::RoutingNumber | Label::CryptoAddress => {
                Label::AccountNumber
            }
            Label::Ssn
            | Label::TaxId
            | Label::NationalId
            | Label::HealthId
            | Label::Passport
            | Label::DriverLicense
            | Label::AccountNumber
            | Label::VehicleId
            | Label::DeviceId => Label::IdNumber,
            _ => return None,
        })
    }

    /// A label of the caller's own, or the built-in one of that name.
    pub fn custom(name: &str) -> Result<Label, LabelError> {
        let valid = name.len() <= 40
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && !name.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with('_');
        if !valid {
            return Err(LabelError);
        }
        Ok(Label::ALL
            .iter()
            .find(|label| label.name() == name)
            .cloned()
            .unwrap_or_else(|| Label::Custom(name.into())))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(name: &str) -> Result<Label, LabelError> {
        Label::custom(name)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Label, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Label::custom(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_valid() {
        for label in Label::ALL {
            assert_eq!(label.name().parse::<Label>().as_ref(), Ok(label));
            let json = serde_json::to_string(label).unwrap();
            assert_eq!(&serde_json::from_str::<Label>(&json).unwrap(), label);
        }
    }

    #[test]
    fn custom_names_are_checked() {
        assert_eq!(Label::custom("PERSON"), Ok(Label::Person));
        assert_eq!(Label::custom("EMPLOYEE_ID"), Ok(Label::Custom("EMPLOYEE_ID".into())));
        for bad in ["", "lower", "9X", "A B", "X_", "X_1", "É", &"A".repeat(41)] {
            assert_eq!(Label::custom(bad), Err(LabelError));
        }
    }

    #[test]
    fn data_may_tell_fewer_kinds_apart() {
        let annotated = BTreeSet::from([Label::Date, Label::Location, Label::IdNumber, Label::Iban]);
        for (label, means) in [
            (Label::DateOfBirth, Label::Date),
            (Label::PostalCode, Label::Location),
            (Label::CreditCard, Label::IdNumber),
            (Label::Iban, Label::Iban),
            (Label::Email, Label::Email),
        ] {
            assert_eq!(label.as_annotated(&annotated), means);
        }
    }

    #[test]
    fn other_tools_names_are_understood() {
        assert_eq!(Label::from_common_name("PER"), Some(Label::Person));
        assert_eq!(Label::from_common_name("private_person"), Some(Label::Person));
        assert_eq!(Label::from_common_name("credit-debit-card"), Some(Label::CreditCard));
        assert_eq!(Label::from_common_name("cabbage"), None);
    }
}
