import "./start.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Action,
  DocumentFormatError,
  LABELS,
  Redactor,
  type RedactorOptions,
  SottoError,
  Vault,
} from "../../src/pii/index.js";

/** Recognisers alone, in this process: what the worker does is the same code. */
const load = (options: RedactorOptions = {}) => Redactor.load({ model: false, worker: false, ...options });
const redactor = await load();
const code = (code: string) => (error: unknown) => error instanceof SottoError && error.code === code;

test("finds, replaces and restores", async () => {
  const { text, entities, vault } = await redactor.redact(
    "Call ana@example.com or +34 600 123 456, ana@example.com",
  );
  assert.equal(text, "Call [EMAIL_1] or [PHONE_1], [EMAIL_1]");
  assert.deepEqual(
    entities.map(({ label, text, start, end, by, replacement }) => [
      label,
      text,
      start,
      end,
      by,
      replacement,
    ]),
    [
      ["EMAIL", "ana@example.com", 5, 20, "pattern", "[EMAIL_1]"],
      ["PHONE", "+34 600 123 456", 24, 39, "pattern", "[PHONE_1]"],
      ["EMAIL", "ana@example.com", 41, 56, "pattern", "[EMAIL_1]"],
    ],
  );
  assert.equal(
    vault.restore("Dear [email 1] and **[PHONE_1]**"),
    "Dear ana@example.com and **+34 600 123 456**",
  );
  assert.equal(vault.size, 2);
  assert.deepEqual(vault.entries[0], { label: "EMAIL", value: "ana@example.com", replacement: "[EMAIL_1]" });
  assert.equal(entities[0]?.explain.recogniser, "email");
});

test("a name found in one place is found in the others, however far away", async () => {
  const { text, entities } = await redactor.redact(
    `TANAKAYA left. ${"Nothing of note happened here. ".repeat(4000)}Mr. Tanakaya signed, said Tanakaya's wife.`,
  );
  assert.ok(!/tanakaya/i.test(text), text.slice(0, 40));
  assert.deepEqual(
    entities.map(({ label, text, explain }) => [label, text, explain.recogniser]),
    [
      ["PERSON", "TANAKAYA", "again"],
      ["PERSON", "Tanakaya", "titled_name"],
      ["PERSON", "Tanakaya", "again"],
    ],
  );
});

test("the labels are those of the Rust side", () => {
  assert.deepEqual(
    redactor.labels.map(({ name }) => name),
    [...LABELS],
  );
});

test("offsets are of UTF-16, code points and bytes", async () => {
  const text = "é😀 \ud800 e\u0301 שלום\r\nana@example.com";
  const [entity] = await redactor.analyze(text);
  const before = text.slice(0, text.indexOf("ana@"));
  assert.ok(entity);
  assert.equal(entity.text, "ana@example.com");
  assert.equal(entity.start, before.length);
  const points = Array.from(before).length;
  assert.deepEqual(entity.codePoints, { start: points, end: points + 15 });
  const bytes = new TextEncoder().encode(before).length;
  assert.deepEqual(entity.bytes, { start: bytes, end: bytes + 15 });
});

test("any string comes back, lone surrogates and all", async () => {
  for (const text of [
    "",
    "\0",
    "\ud800ana@example.com\udfff",
    "ana@example.com\ud83d \ude00 😀 \u{10f800}\u{10ffff}",
    "[EMAIL_1] is ana@example.com is [email 1]",
    "４１１１ １１１１ １１１１ １１１１ and jоhn\u200b@exаmple.com",
  ]) {
    for (const action of ["placeholder", "surrogate", "keep"] satisfies Action[]) {
      const { text: redacted, vault } = await redactor.redact(text, { policy: { default: action } });
      assert.equal(vault.restore(redacted), text);
    }
  }
});

test("disguised values are found where they stand", async () => {
  for (const [text, label] of [
    ["４１１１ １１１１ １１１１ １１１１", "CREDIT_CARD"],
    ["4111\u200b1111\u00ad1111\u20601111", "CREDIT_CARD"],
    ["jоhn\u200b.doe＠exаmple．com", "EMAIL"],
  ] as const) {
    const [entity] = await redactor.analyze(`so ${text} it is`);
    assert.deepEqual([entity?.label, entity?.text], [label, text]);
  }
});

test("policies, labels, thresholds", async () => {
  const text = "card 4111111111111111, mail ana@example.com, 18 August 1997";
  const of = async (options: Parameters<typeof redactor.redact>[1]) =>
    (await redactor.redact(text, options)).text;
  assert.equal(await of({ policy: "pci" }), "card ************1111, mail ana@example.com, 18 August 1997");
  assert.equal(await of({ labels: ["EMAIL"] }), "card 4111111111111111, mail [EMAIL_1], 18 August 1997");
  assert.match(await of({ policy: "hipaa-safe-harbor" }), /\[EMAIL_1\], 1997$/);
  assert.match(
    await of({ policy: { groups: { financial: "mask" }, actions: { EMAIL: "keep" } } }),
    /^card \*+1111, mail ana@/,
  );
  assert.match(
    await of({ policy: { actions: { EMAIL: "hash" } }, hashKey: "sixteen bytes at least" }),
    /\[EMAIL:[0-9a-f]{16}\]/,
  );
  assert.equal(
    await of({ threshold: { EMAIL: 1, DATE: 1 } }),
    "card [CREDIT_CARD_1], mail ana@example.com, 18 August 1997",
  );
  const stand = await redactor.redact(text, { policy: { default: "surrogate" } });
  assert.ok(!stand.text.includes("4111111111111111"));
  assert.equal(stand.vault.restore(stand.text), text);
});

test("recognisers of the caller's", async () => {
  const { text } = await redactor.redact("EMP-1234 of Blue Heron, info@example.com, bo@example.com", {
    recognisers: {
      patterns: [{ label: "EMPLOYEE_ID", pattern: /emp-\d{4}/i }],
      deny: { PROJECT: ["blue heron"] },
      allow: ["info@example.com"],
    },
  });
  assert.equal(text, "[EMPLOYEE_ID_1] of [PROJECT_1], info@example.com, [EMAIL_1]");
  // Seconds in a backtracking engine: 2^30 ways.
  const { entities } = await redactor.redact(`${"a".repeat(50_000)}!`, {
    recognisers: { patterns: [{ label: "X", pattern: "(a+)+$" }] },
  });
  assert.deepEqual(entities, []);
  for (const pattern of ["(secret", "(?=secret)", "(secret)\\1", "((secret{1000}){1000}){1000}", "a*"]) {
    await assert.rejects(
      redactor.redact("", { recognisers: { patterns: [{ label: "X", pattern }] } }),
      (error) => code("E_INVALID_ARGUMENT")(error) && !(error as Error).message.includes("secret"),
    );
  }
});

test("wrong options are named", async () => {
  const wrong: [object, RegExp][] = [
    [{ polcy: "gdpr" }, /polcy/],
    [{ policy: "gdrp" }, /gdrp/],
    [{ policy: { action: {} } }, /action/],
    [{ policy: { actions: { EMAIL: "eat" } } }, /eat/],
    [{ policy: { actions: { EMAIL: "hash" } } }, /key/],
    [{ labels: ["email"] }, /label/],
    [{ threshold: 2 }, /threshold/],
    [{ vault: {} }, /vault/],
    [{ operatingPoint: "middle" }, /operatingPoint/],
  ];
  for (const [options, words] of wrong) {
    await assert.rejects(
      async () => redactor.redact("x", options),
      (error) => code("E_INVALID_ARGUMENT")(error) && words.test((error as Error).message),
      JSON.stringify(options),
    );
  }
  await assert.rejects(redactor.redact(5 as never), code("E_INVALID_ARGUMENT"));
  await assert.rejects(load({ model: true as never }), code("E_INVALID_ARGUMENT"));
});

test("a vault keeps its placeholders from call to call", async () => {
  const { vault } = await redactor.redact("ana@example.com");
  const again = await redactor.redact("bo@example.com and ana@example.com", { vault });
  assert.equal(again.text, "[EMAIL_2] and [EMAIL_1]");
  assert.equal(again.vault, vault);
});

test("who was named once is known in what comes later: with the vault, and across a document", async () => {
  const { vault } = await redactor.redact("Mr. Qorvine Tanakaya signed.");
  const later = "Then Tanakaya left, and QORVINE TANAKAYA called.";
  const again = await redactor.redact(later, { vault });
  assert.equal(again.text, "Then [PERSON_2] left, and [PERSON_3] called.");
  assert.deepEqual(
    again.entities.map(({ explain }) => explain.recogniser),
    ["again", "again"],
  );
  assert.equal((await redactor.redact(later)).text, later);
  assert.equal((await redactor.apply(later, [], { vault })).text, later);
  assert.equal(vault.restore(again.text), later);
  const stream = redactor.redactStream({ vault });
  const { parts } = await redactor.redactParts(["Then Tana", "kaya left"], { vault });
  assert.deepEqual(parts, ["Then [PERSON_2]", " left"]);
  const out: string[] = [];
  const written = (async () => {
    const writer = stream.writable.getWriter();
    for (const part of later.match(/.{1,9}/g) ?? []) await writer.write(part);
    await writer.close();
  })();
  for await (const part of stream.readable) out.push(part);
  await written;
  assert.equal(out.join(""), again.text);

  const messages = ["Mr. Qorvine Tanakaya signed.", later].map((content) => ({ role: "user", content }));
  const chat = await redactor.redactMessages(messages);
  assert.ok(!/tanakaya/i.test(JSON.stringify(chat.document)), JSON.stringify(chat.document));
  assert.deepEqual(chat.vault.restoreMessages(chat.document), messages);
});

test("what the caller chose is replaced, and nothing else", async () => {
  const text = "😀 Ana wrote to ana@example.com and bo@example.com";
  const first = (await redactor.analyze(text)).find(({ label }) => label === "EMAIL");
  assert.ok(first);
  const chosen = await redactor.apply(text, [first, { label: "PERSON", start: 3, end: 6 }]);
  assert.equal(chosen.text, "😀 [PERSON_1] wrote to [EMAIL_1] and bo@example.com");
  assert.equal(chosen.entities[1]?.by, "pattern");
  assert.equal((await redactor.apply(text, [])).text, text);
});

test("documents", async () => {
  const value = { name: "Ana", mail: "ana@example.com", n: 7, deep: [{ phone: "0612345678", ok: true }] };
  const json = await redactor.redactJson(value, { fields: { "**.name": "PERSON" } });
  assert.deepEqual(json.document, {
    name: "[PERSON_1]",
    mail: "[EMAIL_1]",
    n: 7,
    deep: [{ phone: "[PHONE_1]", ok: true }],
  });
  assert.deepEqual(
    json.entities.map(({ path, text, start }) => [path, text, start]),
    [
      ["name", "Ana", 0],
      ["mail", "ana@example.com", 0],
      ["deep[0].phone", "0612345678", 0],
    ],
  );
  assert.deepEqual(json.vault.restoreJson(json.document), value);

  const csv = await redactor.redactCsv("id;mail\r\n1;ana@example.com\r\n");
  assert.equal(csv.document, "id;mail\r\n1;[EMAIL_1]\r\n");
  assert.equal(csv.vault.restoreCsv(csv.document), "id;mail\r\n1;ana@example.com\r\n");

  const chat = await redactor.redactMessages([{ role: "user", content: "I am ana@example.com" }]);
  assert.deepEqual(chat.document, [{ role: "user", content: "I am [EMAIL_1]" }]);
  assert.deepEqual(chat.vault.restoreMessages({ choices: [{ message: { content: "[EMAIL_1]!" } }] }), {
    choices: [{ message: { content: "ana@example.com!" } }],
  });
});

test("what is no document says where and not what", async () => {
  for (const bad of ['{"secret":', "{'secret':1}", '["secret",]', "", "secret"]) {
    await assert.rejects(
      redactor.redactJson(bad),
      (error) =>
        error instanceof DocumentFormatError &&
        !error.message.includes("secret") &&
        typeof error.details.line === "number",
    );
  }
  await assert.rejects(redactor.redactCsv('a,b\n"secret'), (error) => code("E_DOCUMENT_FORMAT")(error));
  await assert.rejects(redactor.redactJson(undefined), code("E_INVALID_ARGUMENT"));
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  await assert.rejects(redactor.redactJson(loop), code("E_INVALID_ARGUMENT"));
  await assert.rejects(redactor.redactJson({}, { fields: { "a..b": "find" } }), code("E_INVALID_ARGUMENT"));
  await assert.rejects(redactor.redactJson({}, { fields: { a: "lower" } }), code("E_INVALID_ARGUMENT"));
});

test("an abort stops a long text in the middle", async () => {
  const text = "4111 1111 1111 1111,ana@example.com;(415) 555-2671 x ".repeat(200_000);
  const abort = new AbortController();
  const parts: number[] = [];
  const onProgress = (part: number) => {
    parts.push(part);
    if (parts.length === 2) abort.abort();
  };
  await assert.rejects(redactor.analyze(text, { signal: abort.signal, onProgress }), code("E_ABORTED"));
  assert.ok(parts.length === 2 && parts.every((part) => part > 0 && part < 0.9), String(parts));
  await assert.rejects(async () => redactor.redact("x", { signal: AbortSignal.abort() }), code("E_ABORTED"));
});

test("a closed redactor says so, and its vaults work on", async () => {
  const other = await load();
  const { text, vault } = await other.redact("ana@example.com");
  await other.close();
  await other.close();
  await assert.rejects(async () => other.redact("x"), code("E_INVALID_ARGUMENT"));
  assert.equal(vault.restore(text), "ana@example.com");
});

test("a vault travels encrypted", async () => {
  const { text, vault } = await redactor.redact("ana@example.com");
  const sealed = await vault.export("correct horse battery");
  assert.ok(!new TextDecoder("latin1").decode(sealed).includes("ana@"));
  const back = await Vault.import(sealed, "correct horse battery");
  assert.equal(back.restore(text), "ana@example.com");
  assert.equal((await redactor.redact("bo@example.com", { vault: back })).text, "[EMAIL_2]");
  assert.notDeepEqual(await vault.export("correct horse battery"), sealed);

  await assert.rejects(Vault.import(sealed, "wrong horse battery"), code("E_VAULT"));
  for (const at of [0, 8, 20, 40, sealed.length - 1]) {
    const changed = sealed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(Vault.import(changed, "correct horse battery"), code("E_VAULT"), String(at));
  }
  await assert.rejects(Vault.import(sealed.subarray(0, 30), "correct horse battery"), code("E_VAULT"));
  await assert.rejects(vault.export("short"), code("E_INVALID_ARGUMENT"));
});
