//! What looks like a name and is nobody's, and no organisation's: `Madam`, `MfG`, `PDF`, `Crohn's disease`, `BP 138/82`.

use super::titles::is_titled;
use super::words::words;

words! {
    /// After a greeting, and nobody's name.
    pub(super) ANYBODY = "Sir Sirs Madam Ma'am Colleagues Folks Guys Gents Ladies Friends Mates Customers Clients Users Recruiter Landlord Parents Eltern Vermieter Nachbarn Neighbours Neighbors Señor Señora Señores Señoras Cliente Clientes Amigos Amigas Compañeros Todos     Monsieur Madame Messieurs Mesdames Client Clients Collègues Amis Kunde Kundin Kunden Herr Frau Damen Herren Kollegen Kolleginnen Freunde Freundinnen Zusammen Leute     Signore Signora Signori Clienti Colleghi Amici Tutti Senhor Senhora Senhores Senhoras Colegas Klant Klanten Heer Mevrouw Heren Dames Meneer Vrienden Allemaal"
}
words! {
    /// Before a name at the end of a letter, and nobody's name.
    pub(super) SIGN_OFFS = "BR KR LG VG MfG Rgds Regards Cheers Baci Bisous Saludos Cordialement Cdt Kollegin Kollege"
}
words! {
    /// Acronyms of no organisation.
    ACRONYMS = "PDF CSV XML JSON HTML RFC ISBN EAN FAQ PIN SMS VAT IBAN BIC DOB SSN URL USB GPS VPN API MAC IP ID WBC RBC MRI CT ECG EKG ECHO CABG EDTA GERD NSR SOB OSH HTN \
    IRM IVF USD EUR GBP CHF CURP RFC CNPJ CPF CEP NIF CIF CAP BTS AHV KYC DVM PhD MBA"
}
words! {
    /// By themselves nobody's name, in any case: what people are called in papers, what they say, and what a form or a line of it begins with.
    NOBODY = "claimant defendant plaintiff petitioner respondent warden patienten kläger beklagte arrendador arrendatario arrendataria mum mom dad okay ok ja oye ah klar hei brb pt tel mob \
    license role start health buzzer caller aadhaar hergang studium sitz upon huurovereenkomst pozdrawiam dobry dobrý imię vcard label lovely angebot begin ort ville dott med d.o.b"
}
words! {
    /// After a physician's name that is the name of what they found: `Crohn's disease`, `Foley catheter`.
    FINDINGS = "disease syndrome sign test score scale catheter esophagus oesophagus thyroiditis palsy lymphoma tumor tumour contracture phenomenon chorea criteria maneuver manoeuvre fracture \
    procedure reflex negative positive downgoing upgoing"
}
words! {
    /// Of those, names that hardly stand for anything else.
    FINDERS = "Babinski Romberg Swan-Ganz Apgar Sjögren Hashimoto"
}
/// Before a physician's name that is the name of what they found.
const FOUND_BY: [&str; 7] =
    ["morbo di ", "ziekte van ", "maladie de ", "enfermedad de ", "Morbus ", "doença de ", "mal de "];

/// Whether a word by itself is what people are addressed by, or what letters end in, and no person's name.
pub(crate) fn is_nobody(word: &str) -> bool {
    ANYBODY.has(word) || SIGN_OFFS.has(word) || is_role(word)
}

/// Whether a word by itself is what people or parts of a form are called, or what somebody says, and no name at all.
pub(crate) fn is_role(word: &str) -> bool {
    let bare = word.trim_end_matches('.');
    let is_letter = |word: &str| word.len() == 1 && word.bytes().all(|b| b.is_ascii_uppercase());
    // "Marshall, J., dissenting" is a justice.
    let is_justice = word.strip_suffix(".,").is_some_and(is_letter);
    bare == "I" || is_justice || NOBODY.has(&bare.to_lowercase())
}

/// Whether a word by itself is an acronym of no organisation.
pub(crate) fn is_acronym(word: &str) -> bool {
    ACRONYMS.has(word)
}

/// Whether the name `start..end` is that of a disease, a sign or a device: `Crohn` of `Crohn's disease`, and not of `Dr. Crohn`.
pub(crate) fn is_finding(text: &str, start: usize, end: usize) -> bool {
    let (before, name, behind) = (&text[..start], &text[start..end], &text[end..]);
    let behind = ["'s", "’s", "'"].iter().find_map(|mark| behind.strip_prefix(mark)).unwrap_or(behind);
    let next = behind.strip_prefix(' ').unwrap_or_default();
    let next = next.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    !is_titled(before)
        && (!name.contains(' ') || matches!(name, "Glasgow Coma" | "Glasgow Blatchford"))
        && (name.starts_with("Glasgow ")
            || FINDINGS.has(next)
            || FINDERS.has(name)
            || FOUND_BY.iter().any(|phrase| before.ends_with(phrase)))
}

/// Whether `BP` is a blood pressure: before a number, and where it is somebody's.
pub(crate) fn is_blood_pressure(text: &str, start: usize, end: usize) -> bool {
    const WHOSE: [&str; 8] = ["his ", "her ", "my ", "your ", "their ", "His ", "Her ", "the "];
    if &text[start..end] != "BP" {
        return false;
    }
    let behind = text[end..].trim_start_matches([' ', ':', '=']);
    let behind = ["was ", "is ", "of "].iter().find_map(|word| behind.strip_prefix(word)).unwrap_or(behind);
    behind.starts_with(|c: char| c.is_ascii_digit()) || WHOSE.iter().any(|word| text[..start].ends_with(word))
}
