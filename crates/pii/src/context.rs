//! Context words: what a number is called in the words around it. One Aho–Corasick pass over a text finds
//! them all; recognisers then ask which stand near a candidate.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::normal::is_spaceless;
use crate::phrases::automaton;

/// How far before a candidate a context word may stand, in bytes of the view.
pub(crate) const BEFORE: usize = 64;
/// How far after a candidate a context word may stand.
pub(crate) const AFTER: usize = 32;

macro_rules! kinds {
    ($( $kind:ident = [ $($word:literal),+ $(,)? ]; )+) => {
        /// What a context word speaks of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Kind { $($kind),+ }

        const WORDS: &[(Kind, &[&str])] = &[$( (Kind::$kind, &[$($word),+]) ),+];
    };
}

// Lower case; ASCII letters match in any case. Both accented and bare spellings where people drop accents.
kinds! {
    Card = ["card", "credit", "visa", "mastercard", "amex", "american express", "tarjeta", "carte bancaire", "carte",
        "kreditkarte", "carta di credito", "cartão", "cartao", "creditcard", "pan number", "cc number", "debit"];
    Iban = ["iban", "bank account", "cuenta", "compte", "konto", "conto", "conta", "rekening", "account"];
    Bic = ["bic", "swift", "swift code", "bic code"];
    Account = ["account number", "account no", "account #", "acct", "account", "bank account", "numero de cuenta",
        "número de cuenta", "cuenta", "numéro de compte", "kontonummer", "conta", "rekeningnummer", "sort code", "customer number",
        "customer no", "member number", "membership number", "loyalty number", "número de cliente", "numéro client", "kundennummer", "clabe"];
    Ssn = ["ssn", "ssns", "ss#", "social security", "social security number", "social security no", "soc sec", "social insurance"];
    Itin = ["itin", "individual taxpayer", "taxpayer id", "taxpayer identification", "tax id", "tin"];
    Ein = ["ein", "fein", "employer identification", "employer id", "federal tax id", "tax id"];
    Routing = ["routing", "routing number", "routing no", "aba", "rtn", "transit number", "sort code", "wire"];
    Passport = ["passport", "passport number", "passport no", "pasaporte", "passeport", "reisepass", "reisepassnummer",
        "passaporto", "passaporte", "paspoort", "passnummer", "paszport"];
    License = ["driver license", "driver's license", "drivers license", "driver’s license", "driving licence", "driving license",
        "driver licence", "driver's licence", "licence number", "license number", "licence no", "license no", "dl number", "dl#",
        "permiso de conducir", "carnet de conducir", "permis de conduire", "führerschein", "fuehrerschein",
        "führerscheinnummer", "patente di guida", "patente", "carta de condução", "cnh", "rijbewijs"];
    Nhs = ["nhs", "nhs number", "nhs no", "national health service", "health service"];
    Nino = ["nino", "national insurance", "national insurance number", "ni number", "ni no", "insurance number"];
    Dni = ["dni", "nie", "nif", "documento nacional", "documento de identidad", "cif", "identidad", "número de identificación"];
    Nir = ["nir", "sécurité sociale", "securite sociale", "insee", "numéro de sécu", "num sécu", "carte vitale"];
    SteuerId = ["steuer-id", "steuerid", "steuer id", "steueridentifikationsnummer", "steuer-identifikationsnummer", "idnr",
        "identifikationsnummer", "steuernummer", "tin", "tax id"];
    CodiceFiscale = ["codice fiscale", "cod. fisc", "c.f.", "cf"];
    Cpf = ["cpf", "cadastro de pessoas", "contribuinte"];
    Cnpj = ["cnpj", "cadastro nacional"];
    Aadhaar = ["aadhaar", "aadhar", "adhaar", "uidai", "uid", "आधार"];
    Pan = ["pan", "pan card", "pan no", "pan number", "permanent account number", "income tax"];
    Tfn = ["tfn", "tax file", "tax file number"];
    Abn = ["abn", "australian business number"];
    Medicare = ["medicare", "medicare number", "medicare card"];
    Sin = ["sin", "social insurance", "social insurance number", "nas", "numéro d'assurance sociale"];
    Crypto = ["wallet", "bitcoin", "btc", "ethereum", "eth", "crypto", "address", "litecoin", "ltc", "solana", "sol", "monero", "xmr",
        "xrp", "ripple", "tron", "usdt", "doge", "dogecoin", "cardano", "phantom"];
    Birth = ["born", "born on", "birth", "birthday", "bday", "birthdate", "date of birth", "dob", "d.o.b", "d.o.b.", "nacido", "nacida",
        "nacimiento", "fecha de nacimiento", "nació", "nacieron", "nés", "nées", "sont nés", "né le", "née le", "né", "née", "naissance", "date de naissance",
        "geboren", "geboren am", "geburtsdatum", "geb.", "geburtstag", "nato il", "nata il", "nato", "nata", "data di nascita",
        "nascita", "nascido", "nascida", "nascimento", "data de nascimento", "geboortedatum", "geboren op", "né(e) le",
        "родился", "родилась", "дата рождения", "urodzony", "urodzona", "data urodzenia", "datum narození", "narozen", "narozena",
        "født", "fødselsdato", "född", "födelsedatum", "syntynyt", "syntymäaika", "született", "születési idő", "născut", "născută", "data nașterii"];
    Dated = ["datum", "aufnahme", "entlassung", "échéance", "Échéance", "scadenza", "vencimento", "vencimiento", "fecha", "reavaliação"];
    Geo = ["gps", "coordinates", "coordinate", "coords", "latitude", "longitude", "lat", "lon", "lng", "geo", "geolocation", "location", "koordinaten",
        "coordenadas", "coordonnées", "coördinaten", "breitengrad", "latitud", "latitudine"];
    Postal = ["zip", "zip code", "zipcode", "postal", "postal code", "postcode", "post code", "código postal", "codigo postal", "cp",
        "c.p.", "code postal", "plz", "postleitzahl", "cap", "cep", "pin code", "pincode", "address", "addr", "dirección", "direccion",
        "adresse", "indirizzo", "endereço", "endereco", "adres", "anschrift", "wohnhaft", "domicilio", "demeurant"];
    Vin = ["vin", "vehicle identification", "vehicle id", "chassis", "chassis number", "fahrgestellnummer", "fin", "bastidor",
        "numéro de série", "telaio", "chassi"];
    Plate = ["kfz", "license plate", "licence plate", "number plate", "plate", "plate number", "registration", "registration number", "reg no",
        "matrícula", "matricula", "immatriculation", "plaque", "kennzeichen", "targa", "placa", "kenteken"];
    Vehicle = ["vehicle", "reg", "car", "van", "lorry", "truck", "motorbike", "parked", "mot", "dvla", "vw", "vauxhall"];
    Imei = ["imei", "imei number", "device id", "device"];
    Serial = ["serial", "serial number", "serial no", "s/n", "device id", "device serial", "udid", "android id", "idfa", "gaid", "uuid",
        "número de serie", "seriennummer", "numero di serie"];
    Phone = ["phone", "phone number", "caller id", "telephone", "tel", "tel.", "tél", "tél.", "mobile", "mob", "mob.", "cell", "cellphone", "cell phone",
        "fax", "call", "call me", "call me at", "text me", "ring", "dial", "whatsapp", "sms", "contact", "reach me", "reach", "hotline",
        "teléfono", "telefono", "móvil", "movil", "llámame", "llamar", "llama", "celular", "téléphone", "telephone", "portable",
        "appelez", "appeler", "joindre", "telefon", "telefonnummer", "handy", "handynummer", "mobil", "rufnummer", "anrufen", "rufen",
        "cellulare", "cell.", "chiamare", "chiamami", "telefone", "telemóvel", "telemovel", "ligue", "ligar", "telefoon",
        "telefoonnummer", "mobiel", "bel", "gsm", "natel", "телефон", "тел", "звоните", "numer telefonu", "puhelin", "telefonnr",
        "tlf", "tlf.", "電話", "电话", "手机", "携帯", "전화", "휴대폰", "핸드폰"];
    Secret = ["api key", "api-key", "api_key", "apikey", "access key", "access_key", "accesskey", "secret key", "secret_key", "secretkey",
        "secret", "token", "access token", "access_token", "accesstoken", "auth token", "auth_token", "authtoken", "bearer",
        "client secret", "client_secret", "clientsecret", "private key", "private_key", "privatekey", "signing key", "encryption key",
        "encryption_key", "authorization", "credentials", "credential", "session id", "session_id", "sessionid", "cookie",
        "refresh token", "refresh_token", "webhook secret", "clave secreta", "clé secrète", "clé api"];
    Password = ["password", "passwd", "pwd", "passphrase", "passcode", "pass", "pin", "pin code", "contraseña", "contrasena", "clave",
        "mot de passe", "mdp", "passwort", "kennwort", "parola", "senha", "palavra-passe", "wachtwoord", "пароль", "hasło", "haslo"];
    Code = ["cvv", "cvv2", "cvc", "cvc2", "security code", "card verification", "código de seguridad", "prüfziffer", "otp", "one-time code",
        "one-time password", "one time code", "verification code", "door code", "gate code", "entry code", "access code", "lockbox code", "alarm code",
        "código de verificación", "code de vérification", "bestätigungscode", "codice di verifica", "digicode"];
    Id = ["id", "id number", "id no", "id #", "identification number", "id card", "identity card", "national id", "employee id",
        "employee number", "employee no", "badge number", "badge", "student id", "student number", "case number", "case no", "case id",
        "docket", "claim number", "claim no", "policy number", "policy no", "policy #", "invoice number", "order number", "ticket number",
        "reference number", "ref no", "customer id", "client id", "user id", "member id", "subscriber id", "application no",
        "application number", "file number", "file no", "certificate number", "número de expediente", "expediente", "demanda", "demandas",
        "requête", "requêtes", "aktenzeichen", "solicitud", "solicitudes", "ricorso", "ricorsi", "beschwerde", "application nos", "applications nos", "case nos", "personalausweis", "ausweisnummer", "ausweis", "carta d'identità", "carte d'identité",
        "cni", "rg", "bsn", "burgerservicenummer", "pesel", "personnummer", "cédula", "cedula", "curp", "rfc", "matricule",
        "numéro de dossier", "dossier", "número de póliza", "póliza", "poliza", "fødselsnummer",
        "rijksregisternummer", "sv-nummer", "rodné číslo", "henkilötunnus", "mandatsreferenz", "kenmerk machtiging", "référence client",
        "codice cliente", "mandato sepa"];
    Health = ["mrn", "medical record", "medical record number", "medical record no", "patient id", "patient number", "patient no",
        "health plan", "health plan number", "beneficiary", "insurance id", "health insurance", "krankenversichertennummer",
        "versichertennummer", "historia clínica", "historia clinica", "dossier médical", "chart number", "hospital number", "cartão sus", "cartão nacional de saúde"];
    Tax = ["tax id", "tax number", "vat", "vat number", "vat no", "vat id", "tva", "ust-idnr", "ust-id", "uid-nr", "partita iva", "p.iva",
        "p. iva", "cif", "nif", "tin", "btw", "iva", "nipc", "siret", "siren", "ondernemingsnummer"];
    Years = ["yo", "y/o", "y.o.", "yr old", "yrs old", "yr-old", "years of age", "años de edad", "ans révolus", "jahre alt", "anni compiuti", "anos de idade", "jaar oud"];
    Home = ["/home/", "/users/", "\\users\\"];
    Age = ["aged", "age", "edad", "âge", "alter", "età", "idade", "leeftijd"];
    Username = ["username", "user_name", "user name", "user", "login", "handle", "screen name", "nickname", "usuario", "utilisateur", "benutzername",
        "nutzername", "insta", "gamertag", "nome utente", "usuário", "gebruikersnaam", "twitter", "instagram", "telegram", "discord", "github", "tiktok",
        "snapchat", "skype", "signal"];
    Ip = ["ip", "ip address", "ipv4", "host", "server", "from", "client", "gateway", "dns", "remote"];
    Penalty = ["sentenced", "sentence of", "imprisonment", "prison", "jail", "custody", "detention", "prisión", "cárcel", "condenó", "condenado", "condenada",
        "sentenciado", "detención", "inhabilitó", "condamné", "condamnée", "condamna", "emprisonnement", "réclusion", "garde à vue", "détention",
        "verurteilt", "freiheitsstrafe", "haft", "condannato", "reclusione", "prisão", "condenou", "gevangenisstraf", "veroordeeld"];
    Web = ["website", "web site", "homepage", "home page", "web page", "webpage", "web", "url", "link", "site", "blog", "visit", "domain", "sitio", "página",
        "pagina", "sito", "seite", "webseite", "internet", "enlace", "lien", "visita", "visite", "besuchen"];
    Version = ["version", "ver", "release", "build", "section", "chapter", "rev", "upgrade", "firmware", "sección", "versión"];
    Mac = ["mac", "mac address", "hardware address", "ethernet", "hwaddr", "bssid", "wifi", "bluetooth"];
}

/// A set of [`Kind`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u64);

impl Kinds {
    pub(crate) const NONE: Kinds = Kinds(0);

    pub(crate) const fn of(kinds: &[Kind]) -> Kinds {
        let mut bits = 0;
        let mut i = 0;
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u8;
            i += 1;
        }
        Kinds(bits)
    }

    pub(crate) fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn add(&mut self, other: Kinds) {
        self.0 |= other.0;
    }
}

/// A context word in the view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub start: usize,
    pub end: usize,
    pub kinds: Kinds,
    pub word: &'static str,
}

struct Matcher {
    automaton: AhoCorasick,
    words: Vec<(&'static str, Kinds)>,
}

static MATCHER: LazyLock<Option<Matcher>> = LazyLock::new(|| {
    let mut words: Vec<(&'static str, Kinds)> = Vec::new();
    for &(kind, list) in WORDS {
        for &word in list {
            match words.iter_mut().find(|(known, _)| *known == word) {
                Some((_, kinds)) => kinds.add(Kinds::of(&[kind])),
                None => words.push((word, Kinds::of(&[kind]))),
            }
        }
    }
    // A longer name implies what its last word says alone ("phone number" is still "phone"), which
    // leftmost-longest matching would hide: give each phrase the kinds of the words it contains.
    let known = words.clone();
    for (phrase, kinds) in &mut words {
        for part in phrase.split([' ', '-', '_']) {
            if let Some((_, more)) = known.iter().find(|(word, _)| *word == part && part.len() > 3) {
                kinds.add(*more);
            }
        }
    }
    let phrases: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    Some(Matcher { automaton: automaton(&phrases, true)?, words })
});

/// Every context word of `text`, in order.
pub(crate) fn find(text: &str) -> Vec<Hit> {
    let Some(matcher) = MATCHER.as_ref() else { return Vec::new() };
    let mut hits = Vec::new();
    for found in matcher.automaton.find_iter(text) {
        let (start, end) = (found.start(), found.end());
        if is_word(text, start, end) {
            let (word, kinds) = matcher.words[found.pattern().as_usize()];
            hits.push(Hit { start, end, kinds, word });
        }
    }
    hits
}

/// What a field's name says of its value: `dateOfBirth`, `card_number`, `Teléfono`.
pub(crate) fn of_name(name: &str) -> Kinds {
    let mut spaced = String::with_capacity(name.len() + 8);
    let mut lower = false;
    for c in name.chars() {
        match c {
            '_' | '-' | '.' | ':' | '/' => spaced.push(' '),
            c => {
                if c.is_uppercase() && lower {
                    spaced.push(' ');
                }
                spaced.push(c);
            }
        }
        lower = c.is_lowercase();
    }
    let mut kinds = Kinds::NONE;
    for hit in find(&spaced).into_iter().chain(find(name)) {
        kinds.add(hit.kinds);
    }
    kinds
}

/// A word, not the inside of another: `cardNumber` and `card_number` hold "card", "discard" does not, and `电话` of `我电话13` is one.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || !c.is_ascii();
    let opens = |before: char, after: char| {
        !(letter(before) && letter(after))
            || is_spaceless(before)
            || is_spaceless(after)
            || before.is_ascii_lowercase() && after.is_ascii_uppercase()
    };
    let open = |at: usize| {
        let (before, after) = (text[..at].chars().next_back(), text[at..].chars().next());
        before.zip(after).is_none_or(|(before, after)| opens(before, after))
    };
    // Endings follow words of Hindi.
    open(start) && (open(end) || text.as_bytes()[start] >= 0xe0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_not_their_insides() {
        let kinds = |text: &str| {
            find(text).iter().fold(Kinds::NONE, |mut all, hit| {
                all.add(hit.kinds);
                all
            })
        };
        let card = Kinds::of(&[Kind::Card]);
        assert!(
            kinds("my CARD is").has(card) && kinds("cardNumber").has(card) && kinds("card_number:").has(card)
        );
        assert!(!kinds("discard").has(card) && !kinds("cardigan").has(card));
        let phone = Kinds::of(&[Kind::Phone]);
        assert!(kinds("phone number").has(phone));
        assert!(kinds("我叫王伟，电话是13800138000").has(phone) && kinds("手机：138").has(phone));
        assert!(kinds("né le 3").has(Kinds::of(&[Kind::Birth])));
    }

    #[test]
    fn field_names() {
        assert!(of_name("dateOfBirth").has(Kinds::of(&[Kind::Birth])));
        assert!(of_name("customer_phone-number").has(Kinds::of(&[Kind::Phone])));
        assert!(of_name("apiKey").has(Kinds::of(&[Kind::Secret])));
        assert!(!of_name("description").has(Kinds::of(&[Kind::Birth, Kind::Phone, Kind::Secret])));
    }

    #[test]
    fn kinds_fit_their_bit_set() {
        assert!(WORDS.len() <= 64);
    }
}
