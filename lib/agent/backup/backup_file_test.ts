import assert from "node:assert/strict";
import { SeededRandom } from "../../base/mod.ts";
import { blake2s, PrivateKey } from "../../crypto/mod.ts";
import { type BackupContent, type BackupSecret, openBackup, sealBackup } from "./backup_file.ts";

/** The true one takes a second of a core. */
const kdf = (passphrase: string, salt: Uint8Array) =>
  Promise.resolve(blake2s(new TextEncoder().encode(passphrase), salt).slice(0, 32));
const options = { random: new SeededRandom(5), kdf };
const seal = { passphrase: "correct horse" };
const owner = PrivateKey.generate(new SeededRandom(6));
const [recoveryKey, secret] = [{ recoveryKey: owner.publicKey }, { recoverySecret: owner }];
const content: BackupContent = {
  release: "0.1.0",
  name: "web-1",
  networkId: "0123456789abcdef0123456789abcdef",
  madeAt: 1_760_000_000_000,
  pairs: [["identity", "seed", Uint8Array.of(1, 2, 3)], ["settings", "port", new Uint8Array()]],
  files: [["data-0123456789abcdef0123456789abcdef.db", Uint8Array.of(9)]],
};

Deno.test("openBackup() reads what sealBackup() has sealed, and nothing of it is in the file", async () => {
  const file = await sealBackup(content, seal, options);
  assert.deepEqual(await openBackup(file, seal, kdf), content);
  assert.doesNotMatch(new TextDecoder("latin1").decode(file), /web-1|0123456789abcdef|seed/);
});

Deno.test("openBackup() refuses another passphrase, and a file that was cut or changed anywhere", async () => {
  const file = await sealBackup(content, seal, options);
  assert.ok("problem" in await openBackup(file, { passphrase: "correct hors" }, kdf));
  for (let at = 0; at < file.length; at += 3) {
    assert.ok("problem" in await openBackup(file.subarray(0, at), seal, kdf), `cut at ${at}`);
    const changed = file.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.ok("problem" in await openBackup(changed, seal, kdf), `changed at ${at}`);
  }
});

Deno.test("openBackup() reads with the secret of a recovery key what the key has sealed, each time otherwise", async () => {
  const file = await sealBackup(content, recoveryKey, options);
  assert.deepEqual(await openBackup(file, secret), content);
  assert.doesNotMatch(new TextDecoder("latin1").decode(file), /web-1|0123456789abcdef|seed/);
  assert.notDeepEqual(await sealBackup(content, recoveryKey, options), file);
});

Deno.test("openBackup() refuses another recovery key, a passphrase, and a file that was cut or changed", async () => {
  const file = await sealBackup(content, recoveryKey, options);
  const problem = async (bytes: Uint8Array, by: BackupSecret = secret) => {
    const opened = await openBackup(bytes, by, kdf);
    return "problem" in opened ? opened.problem : "";
  };
  const other = { recoverySecret: PrivateKey.generate(new SeededRandom(7)) };
  assert.match(await problem(file, other), /another recovery key/);
  assert.match(await problem(file, seal), /no passphrase opens it/);
  assert.match(await problem(await sealBackup(content, seal, options), secret), /no recovery key opens it/);
  for (let at = 0; at < file.length; at++) {
    assert.notEqual(await problem(file.subarray(0, at)), "", `cut at ${at}`);
    const changed = file.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.notEqual(await problem(changed), "", `changed at ${at}`);
  }
  assert.match(await problem(file.subarray(0, -1)), /was changed, or is truncated/);
});

Deno.test("openBackup() says of what a file is", async () => {
  const told = async (text: string) => {
    const found = await openBackup(new TextEncoder().encode(text.padEnd(100, "x")), { passphrase: "x" }, kdf);
    return "problem" in found ? found.problem : "";
  };
  assert.match(await told("hello"), /no backup/);
  assert.match(await told("weft-recovery1-abc"), /weft leader recover/);
  assert.match(await told("weft-backup7"), /version 7/);
});

Deno.test("openBackup() takes no file that would be written elsewhere", async () => {
  for (const name of ["../data.db", "weft.db", "/etc/passwd", "data-x.db"]) {
    const file = await sealBackup(
      { ...content, files: [[name, Uint8Array.of(1)]] },
      seal,
      options,
    );
    assert.ok("problem" in await openBackup(file, seal, kdf), name);
  }
});
