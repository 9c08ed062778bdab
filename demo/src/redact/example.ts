/** A text of nobody: all names, numbers and addresses are made up or reserved for examples. */
export const EXAMPLE = `Subject: Claim 4471, follow-up

Hello Dr. Okafor,

I spoke with Ana Ruiz yesterday (ana.ruiz@example.com, +34 612 345 678). She was born on 18 August 1987 and lives at 12 Baker Street, London NW1 6XE. Her husband Tomás works at Northwind Bank in Madrid.

Please refund 240.00 EUR to IBAN ES91 2100 0418 4502 0005 1332; the card 4111 1111 1111 1111 was charged twice. Her DNI is 12345678Z, and her old number in Boston was (617) 555-0143.

The server log has more:
2026-03-01T12:30:45Z user=aruiz ip=203.0.113.42 login ok
password: Tr0ub4dor&3

Bonjour Monsieur Lefèvre, votre numéro de sécurité sociale 2 55 08 14 168 025 38 est enregistré.

Best regards,
Maria Schneider
`;
