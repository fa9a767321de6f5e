import assert from "node:assert/strict";
import { SeededRandom, utf8Bytes } from "../../base/mod.ts";
import { blake2sMac, type PassphraseKdf } from "../../crypto/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { MAX_PASSPHRASE_LENGTH, MAX_RECOVERY_TEXT_LENGTH } from "../bounds.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import {
  MIN_PASSPHRASE_LENGTH,
  openRecoveryFile,
  passphraseProblem,
  type RecoveryContent,
  sealRecoveryFile,
} from "./recovery_file.ts";

const PASSPHRASE = "correct horse battery";
/** Costs nothing. */
const kdf: PassphraseKdf = (passphrase, salt) => Promise.resolve(blake2sMac(salt, 32, utf8Bytes(passphrase)));
const cidrs = [Cidr.parse("10.200.0.0/16") ?? assert.fail()];

function contentOf(seed: number): RecoveryContent {
  const network = new TestNetwork(seed);
  const identity = network.node();
  const roster = { records: [network.signed(identity)], statements: [], entries: [] };
  return { signingKey: network.identity.signingKey, identity, cidrs, madeAt: START, roster };
}

async function sealed(seed: number, use = kdf): Promise<string> {
  return await sealRecoveryFile(contentOf(seed), PASSPHRASE, { random: new SeededRandom(seed), kdf: use });
}

async function problemOf(text: string, passphrase = PASSPHRASE): Promise<string> {
  const opened = await openRecoveryFile(text, passphrase, kdf);
  return "problem" in opened ? opened.problem : assert.fail("it was opened");
}

Deno.test("openRecoveryFile() opens what sealRecoveryFile() has sealed, by the real key derivation", async () => {
  const content = contentOf(1);
  const text = await sealRecoveryFile(content, PASSPHRASE, { random: new SeededRandom(1) });
  assert.match(text, /^weft-recovery1-[\w-]+\n$/);
  const opened = await openRecoveryFile(text, PASSPHRASE);
  assert.ok(!("problem" in opened), JSON.stringify(opened));
  assert.ok(opened.signingKey.equals(content.signingKey));
  assert.equal(opened.identity.id, content.identity.id);
  assert.deepEqual(opened.identity.exposeSeed(), content.identity.exposeSeed());
  assert.deepEqual([opened.cidrs.map(String), opened.madeAt], [["10.200.0.0/16"], START]);
  assert.deepEqual(opened.roster, content.roster);
});

Deno.test("openRecoveryFile() tells a wrong passphrase from a damaged file", async () => {
  const text = await sealed(2);
  assert.deepEqual(await openRecoveryFile(text, `${PASSPHRASE}!`, kdf), {
    problem: "the passphrase is another one",
    isPassphrase: true,
  });
  assert.match(await problemOf(text, "x".repeat(MAX_PASSPHRASE_LENGTH + 1)), /passphrase/);
  assert.match(await problemOf(`${text.slice(0, 200)}\n`), /checksum/);
});

Deno.test("openRecoveryFile() refuses every file of which one character was changed, and every part of one", async () => {
  const text = await sealed(3);
  for (let at = 0; at < text.length; at++) {
    for (const bit of [1, 2, 32]) {
      const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ bit) + text.slice(at + 1);
      assert.ok(await problemOf(changed), `${at} ${bit}`);
    }
    // The line end alone says nothing.
    if (at < text.length - 1) assert.ok(await problemOf(text.slice(0, at)), String(at));
  }
});

Deno.test("openRecoveryFile() takes the file with and without its line end, and nothing behind it", async () => {
  const text = await sealed(4);
  for (const good of [text, text.trimEnd(), `${text.trimEnd()}\r\n`]) {
    assert.ok("signingKey" in await openRecoveryFile(good, PASSPHRASE, kdf));
  }
  for (const bad of [`${text}\n`, ` ${text}`, `${text}A`, `${text.trimEnd()}=`]) {
    assert.ok(await problemOf(bad));
  }
});

Deno.test("openRecoveryFile() looks at nothing that is too long, of another version, or no such file", async () => {
  const never: PassphraseKdf = () => assert.fail("no key is made for it");
  for (
    const [text, problem] of [
      ["", /empty/],
      ["weft1-abc", /no recovery file/],
      ["weft-backup1", /weft restore/],
      ["weft-recovery2-abc", /of version 2/],
      [`weft-recovery1-${"A".repeat(MAX_RECOVERY_TEXT_LENGTH)}`, /too long/],
      ["weft-recovery1-", /checksum/],
      ["weft-recovery1-AAAA", /checksum/],
    ] as const
  ) {
    const opened = await openRecoveryFile(text, PASSPHRASE, never);
    assert.match("problem" in opened ? opened.problem : "", problem);
  }
});

Deno.test("a recovery file shows neither key, and is another one each time", async () => {
  const { signingKey, identity } = contentOf(5);
  const random = new SeededRandom(55);
  const texts = await Promise.all(
    [1, 2].map(() => sealRecoveryFile(contentOf(5), PASSPHRASE, { random, kdf })),
  );
  assert.notEqual(texts[0], texts[1]);
  for (const seed of [signingKey.exposeBytes(), identity.exposeSeed()]) {
    for (const text of texts) {
      const bytes = Uint8Array.fromBase64(text.slice("weft-recovery1-".length).trim(), {
        alphabet: "base64url",
      });
      assert.ok(!bytes.toHex().includes(seed.toHex()));
    }
  }
});

Deno.test("passphraseProblem() asks for as many characters as keep whoever has the file busy", () => {
  assert.match(passphraseProblem("x".repeat(MIN_PASSPHRASE_LENGTH - 1)) ?? "", /has 11 characters/);
  assert.equal(passphraseProblem("x".repeat(MIN_PASSPHRASE_LENGTH)), undefined);
  assert.match(passphraseProblem("x".repeat(MAX_PASSPHRASE_LENGTH + 1)) ?? "", /more than/);
});
