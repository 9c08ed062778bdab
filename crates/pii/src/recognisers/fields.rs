//! What the name of a field or a column says of its values: `surname`, `Ort`, `billing_city`. Names of numbers and dates are in
//! [`context`](crate::context), which such a field's value has as its context; here are those of names and places, which no word around
//! would betray, and of what holds neither.

use std::sync::LazyLock;

use super::capitals::{begins_upper, capitalised};
use super::forms::is_form;
use super::keyed::NOT_VALUES;
use super::lexicon::{Kinds as Known, is_no_name, look};
use super::names::small;
use super::quick::Quick;
use super::words::words;
use crate::{By, Entity, Label};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A part of a person's name, or all of it.
    Person,
    /// The name of a person or a thing.
    Name,
    Place,
    /// A state or province, or the state that something is in.
    State,
    /// A place or a building.
    Site,
    Address,
    Postal,
    Organization,
    /// A number, a date or an address that recognisers know, given its name.
    Number,
    /// What people have and is none of the above: a role, a department.
    Post,
    /// What is no name.
    Other,
    /// A quantity: no name, and no number of anything.
    Amount,
    /// Something for sale.
    Goods,
}

const PERSON: &str = "first_name firstname first last_name lastname last given given_name given_names family family_name surname forename forenames middle_name maiden_name \
    full_name fullname legal_name cardholder cardholder_name vorname nachname zuname familienname geburtsname rufname prénom prenom prénoms nom_de_famille nom_complet nom_et_prénom \
    nombre_completo apellido apellidos primer_apellido segundo_apellido apellidos_y_nombre cognome sobrenome apelido nome_completo voornaam voornamen \
    achternaam roepnaam imię imie nazwisko imię_i_nazwisko prenume förnamn efternamn fornavn etternavn efternavn etunimi sukunimi příjmení keresztnév \
    vezetéknév имя фамилия";
const NAME: &str = "name names nom nombre nombres nome naam nume namn navn nimi jméno név фио customer client patient employee contact owner assignee manager holder \
    account_holder beneficiary recipient sender applicant tenant guest passenger student teacher kunde kundin mitarbeiter ansprechpartner cliente paciente \
    empleado dipendente paziente titular";
const PLACE: &str = "city town ville ciudad cidade citta città stadt ort wohnort plaats woonplaats stad miasto miejscowość localitate localitatea oraș oras localidad localidade \
    localité comune commune municipality municipio município gemeinde village suburb borough county provincia province provincie country pays país pais paese \
    kraj țara postort poststed kaupunki postitoimipaikka kunta město obec település hometown birthplace birth_place place_of_birth city_of_birth \
    country_of_birth geburtsort lieu_de_naissance luogo_di_nascita lugar_de_nacimiento local_de_nascimento geboorteplaats bundesland kanton canton \
    département bairro concelho residence город";
const STATE: &str = "state staat estado stato uf state_province us_state province_state region région región regione land prov";
const SITE: &str = "office location site branch standort";
const ADDRESS: &str = "street street_address address address1 address2 address_1 address_2 addr address_line address_line_1 address_line_2 line1 straße strasse anschrift adresse rue calle \
    dirección direccion domicilio indirizzo endereço endereco morada logradouro adres straat ulica adresa adress gatuadress osoite katuosoite cím адрес";
const POSTAL: &str = "zip zip_code zipcode postcode post_code postal postal_code postalcode plz postleitzahl code_postal codepostal cp código_postal codigo_postal cap cep \
    kod_pocztowy cod_poștal cod_postal postnummer postnr postinumero psč irányítószám pincode pin_code eircode";
const ORGANIZATION: &str = "company company_name employer employer_name organisation organization org organisation_name organization_name firma firmenname unternehmen \
    arbeitgeber société societe raison_sociale entreprise employeur empresa empleador razón_social razão_social azienda società ditta ragione_sociale bedrijf \
    bedrijfsnaam werkgever vendor vendor_name supplier supplier_name företag bank bank_name university hospital institution insurer";
const NUMBER: &str = "email e_mail mail email_address e_mail_address mailadresse correo correo_electrónico courriel phone telephone tel mobile cell phone_number telefon téléphone teléfono telefono handy \
    mobil telefone telemóvel telefoon puhelin fax dob date_of_birth birthdate birth_date birthday geburtsdatum geboren date_naissance date_de_naissance \
    fecha_nacimiento fecha_de_nacimiento data_di_nascita data_nascimento data_de_nascimento geboortedatum data_urodzenia ssn iban bic swift account \
    account_number account_no kontonummer passport passport_no passport_number pesel cnp cpr cpr_nr personnummer fødselsnummer henkilötunnus \
    codice_fiscale dni nif nie cpf bsn nhs nhs_number nino tax_id license licence driver_license license_number mrn ip ip_address card card_number \
    credit_card username login url website employee_id customer_id patient_id";
const POST: &str = "role title job job_title position department dept team occupation profession gender sex age salary hire_date joined marital_status nationality abteilung beruf poste fonction \
    puesto cargo ruolo functie";
const OTHER: &str = "status type category kind language lang currency plan tier priority level grade severity rating event action method path result reason source channel color \
    colour size unit units version format enabled active verified date time timestamp created created_at updated updated_at ts year month day start end \
    expires due uuid hash id uid no nr key code ref index row rank attempts feature default";
const AMOUNT: &str = "amount qty quantity price total subtotal sum balance count cost fee discount betrag preis menge montant prix quantité importe precio cantidad importo \
    prezzo quantità valor preço kwota cena score points percent rate duration weight height rows";
const GOODS: &str = "sku product product_name item item_name article artikel producto produit prodotto brand model module package file stock";
words! {
    /// Before `name`: it is no person's.
    OF_THINGS = "product file user domain host brand model package class function table column business project event team school hotel street city item device account display nick screen"
}

static FIELDS: LazyLock<Quick<&str, Field>> = LazyLock::new(|| {
    let lists = [
        (PERSON, Field::Person),
        (NAME, Field::Name),
        (PLACE, Field::Place),
        (STATE, Field::State),
        (SITE, Field::Site),
        (ADDRESS, Field::Address),
        (POSTAL, Field::Postal),
        (ORGANIZATION, Field::Organization),
        (NUMBER, Field::Number),
        (POST, Field::Post),
        (OTHER, Field::Other),
        (AMOUNT, Field::Amount),
        (GOODS, Field::Goods),
    ];
    let words =
        |(list, field): (&'static str, Field)| list.split_ascii_whitespace().map(move |word| (word, field));
    lists.into_iter().flat_map(words).collect()
});

/// Longest name of a field, in bytes.
pub(super) const LONGEST: usize = 40;

/// What a field is by its name, or by how its name ends: a `billing_city` is a city.
pub(super) fn of(name: &str) -> Option<Field> {
    if name.len() > LONGEST {
        return None;
    }
    let name = folded(name.split('(').next().unwrap_or_default());
    let known = |name: &str| FIELDS.get(name).copied();
    if let Some(field) = known(&name) {
        return Some(field);
    }
    let mut starts = name.match_indices('_').map(|(at, _)| at);
    let (start, field) = starts.find_map(|at| Some((at, known(&name[at + 1..])?)))?;
    let before = name[..start].rsplit('_').next().unwrap_or_default();
    let of_thing = OF_THINGS.has(before) || known(before) == Some(Field::Organization);
    (!(of_thing && matches!(field, Field::Name | Field::Person))).then_some(field)
}

/// A name of a field in small letters, with `_` between its words: `zipCode`, `Zip Code`, `ZIP-CODE`.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for c in name.chars() {
        let opens = !c.is_alphanumeric() || c.is_uppercase() && lower;
        if opens && !folded.is_empty() && !folded.ends_with('_') {
            folded.push('_');
        }
        if c.is_alphanumeric() {
            folded.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    folded.truncate(folded.trim_end_matches('_').len());
    folded
}

impl Field {
    /// Whether values of this field are no names.
    pub fn holds_no_names(self) -> bool {
        matches!(self, Field::Post | Field::Other | Field::Amount | Field::Goods)
    }

    /// The label of a whole value of the field and how sure that is; `None` where the value does not look it.
    pub fn label(self, value: &str) -> Option<(Label, f32)> {
        if NOT_VALUES.has(&value.to_lowercase()) {
            return None;
        }
        Some(match self {
            Field::Person if is_worded(value, 5) => (Label::Person, 0.85),
            Field::Name if is_persons(value) => (Label::Person, 0.75),
            Field::Place if is_worded(value, 6) => (Label::Location, 0.85),
            Field::Site if is_worded(value, 3) && value.split(' ').all(is_title) => (Label::Location, 0.6),
            Field::State if is_state(value) => (Label::Location, 0.8),
            Field::Organization if is_firm(value) => (Label::Organization, 0.8),
            Field::Postal if is_code(value) => (Label::PostalCode, 0.8),
            Field::Address if is_line(value) => (Label::Address, 0.8),
            _ => return None,
        })
    }
}

/// A capitalised word that is none of the language.
fn is_title(word: &str) -> bool {
    capitalised(word) && !is_no_name(word)
}

/// One to `most` words of letters.
fn is_worded(value: &str, most: usize) -> bool {
    let marks =
        |c: char| matches!(c, ' ' | '\'' | '’' | '-' | '.' | ',' | '/' | '(' | ')' | '\u{300}'..='\u{36f}');
    value.len() <= 64
        && value.starts_with(char::is_alphabetic)
        && value.chars().nth(1).is_some()
        && value.chars().all(|c| c.is_alphabetic() || marks(c))
        && value.split(' ').count() <= most
        // A full stop ends a word: `first.start` is code.
        && value.split('.').skip(1).all(|rest| !rest.starts_with(char::is_alphanumeric) || value.starts_with(char::is_uppercase))
}

/// `Shannon Sandoval`, `O'Rourke, Siobhan`, `Lisa`; not `Steel bolt`, `Siemens`.
fn is_persons(value: &str) -> bool {
    let is_end = |word: &str| {
        let word = word.strip_suffix("'s").unwrap_or(word);
        is_form(word) || is_no_name(word) || look(word).has(Known::ORGANIZATION)
    };
    let (words, mut capitals) = (value.split([' ', ',']).filter(|word| !word.is_empty()), 0);
    for word in words {
        let word = if word.contains(char::is_lowercase) { word.to_owned() } else { small(word) };
        if is_end(&word) {
            return false;
        }
        capitals += usize::from(begins_upper(&word));
        if word.starts_with(char::is_lowercase) && word.len() > 4 || matches!(&*word, "and" | "und" | "et") {
            return false;
        }
    }
    let known = |word: &str| [Known::GIVEN, Known::SURNAME].iter().any(|&kind| look(word).has(kind));
    let is_firm = look(value).has(Known::ORGANIZATION);
    is_worded(value, 5) && !is_firm && (capitals > 1 || known(value))
}

/// `CA`, `Bavaria`.
fn is_state(value: &str) -> bool {
    let is_short = value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase());
    is_short || look(value).has(Known::PLACE) || look(value).has(Known::NAMED_PLACE)
}

fn is_firm(value: &str) -> bool {
    value.len() <= 80
        && value.len() > 1
        && value.chars().any(char::is_alphabetic)
        && value.starts_with(char::is_alphanumeric)
        && !value.contains(['@', '<', '>', '{', '}', '[', '=', '\\', '_'])
        && !value.contains("://")
}

/// `SW1A 1AA`, `43654`, `02-676`.
fn is_code(value: &str) -> bool {
    (3..=10).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-'))
        && value.bytes().filter(u8::is_ascii_digit).count() >= 2
        && !value.bytes().any(|b| b.is_ascii_lowercase())
}

/// A street and its number, or a street.
fn is_line(value: &str) -> bool {
    let has = |is: fn(char) -> bool| value.chars().any(is);
    (5..=120).contains(&value.len())
        && has(char::is_alphabetic)
        && (value.contains(' ')
            || !has(|c| c.is_ascii_digit()) && is_worded(value, 1) && value.starts_with(char::is_uppercase))
        && !value.contains(['@', ':', '<', '>', '{', '}', '[', '=', '\\', '_'])
}

/// What the name of the field whose value is `text` says of it.
pub(super) fn of_value(name: &str, text: &str, found: &mut Vec<Entity>, nameless: &mut Vec<Nameless>) {
    // Of a mere name, no column beside it says whose.
    let Some(field) = of(name).filter(|&field| field != Field::Name) else { return };
    let value = text.trim();
    let start = text.len() - text.trim_start().len();
    let end = start + value.len();
    if let Some((label, score)) = field.label(value) {
        let mut entity = Entity::new(label, start, end, score, By::Pattern, COLUMN);
        entity.explain.context = Some("field name".into());
        found.push(entity);
    } else if field.holds_no_names() {
        nameless.push(Nameless { start, end, sure: false, amount: field == Field::Amount });
    }
}

/// Recognisers of values that a field's name or another value speaks for, whatever a model takes them for.
pub(super) const COLUMN: &str = "column";
pub(super) const KEYED: &str = "keyed_value";
pub(super) const MAILED: &str = "name_in_address";

/// Whether what an entity is has been said in so many words.
pub(crate) fn is_told(entity: &Entity) -> bool {
    [COLUMN, KEYED, MAILED].contains(&&*entity.explain.recogniser)
}

/// Part of a text of which a table or a field says that there are no names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nameless {
    pub start: usize,
    pub end: usize,
    /// A name of columns, which is no name whoever says so.
    pub sure: bool,
    /// Nor numbers of anything.
    pub amount: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        for (name, field) in [
            ("Surname", Some(Field::Person)),
            ("firstName", Some(Field::Person)),
            ("CUSTOMER_LAST-NAME", Some(Field::Person)),
            ("full name", Some(Field::Person)),
            ("Customer name", Some(Field::Name)),
            ("Ort", Some(Field::Place)),
            ("billing_city", Some(Field::Place)),
            ("Place of birth", Some(Field::Place)),
            ("Straße", Some(Field::Address)),
            ("ZipCode", Some(Field::Postal)),
            ("Employer", Some(Field::Organization)),
            ("phone", Some(Field::Number)),
            ("job_title", Some(Field::Post)),
            ("order_status", Some(Field::Other)),
            ("Amount (EUR)", Some(Field::Amount)),
            ("product_name", Some(Field::Goods)),
            ("hotel name", None),
            ("company_full_name", None),
            ("discretion", None),
            ("", None),
        ] {
            assert_eq!(of(name), field, "{name}");
        }
        assert_eq!(of(&"name_".repeat(99)), None);
    }

    #[test]
    fn values_that_look_their_field() {
        for (field, accepted, refused) in [
            (
                Field::Person,
                &["Rose", "O'Rourke, Siobhan", "李小龙", "de la Cruz"][..],
                &["", "X", "N/A 1", "null", "[PERSON_1]", "a@b.c"][..],
            ),
            (
                Field::Name,
                &["Shannon Sandoval", "SHANNON SANDOVAL", "Lisa"],
                &["Steel bolt", "Siemens", "Boyer, Robinson and Maynard", "Acme Bank", "Wells Fargo"],
            ),
            (
                Field::Place,
                &["Reading", "Stalowa Wola", "BOGOTÁ", "Frankfurt (Oder)"],
                &["unknown", "12", "x = y"],
            ),
            (Field::State, &["CA", "Bavaria"], &["active", "OPEN", "Done"]),
            (
                Field::Organization,
                &["Novartis", "3M", "Boyer, Robinson and Maynard"],
                &["none", "12", "https://x.com", "a@b.c"],
            ),
            (Field::Postal, &["43654", "SW1A 1AA", "02-676"], &["Austin", "4", "active", "2024-01-01T"]),
            (
                Field::Address,
                &["Pieperallee 312", "Hauptstraße"],
                &["10.0.0.1", "0x1f9840a85d5aF5bf1D17", "a b@c.de", "x"],
            ),
        ] {
            for value in accepted {
                assert!(field.label(value).is_some(), "{field:?} {value}");
            }
            for value in refused {
                assert_eq!(field.label(value), None, "{field:?} {value}");
            }
        }
    }
}
