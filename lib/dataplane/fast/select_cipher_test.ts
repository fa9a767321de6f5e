// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Tests of what seals on this machine, by what was asked for.
 * @module
 */

import assert from "node:assert/strict";
import { loadedTiers, missingTiers } from "../../crypto/testing/native_code.ts";
import type { CipherChoice } from "../packet_plane.ts";
import { findNativeTier, MultiBufferLoader, selectBatchCipher } from "./select_cipher.ts";

const NAMES = { avx512: "native AVX-512 cipher", avx2: "native AVX2 cipher" } as const;
const [best] = loadedTiers.keys();

function selected(cipher: CipherChoice, load?: () => string) {
  const chosen = selectBatchCipher({ cipher, joinsUdp: true }, 2, load);
  const { cipher: { name, memory }, nativeProblem, close } = chosen;
  close();
  return { name, nativeProblem, isShared: memory.buffer instanceof SharedArrayBuffer };
}

Deno.test("selectBatchCipher() takes what was asked for, or the next that runs", () => {
  assert.equal(selected("baseline").name, "baseline cipher");
  assert.equal(selected("noble").name, "plain, noble");
});

const name = "selectBatchCipher() takes machine code where it runs";
if (best === undefined) console.log(`skipped: ${name}: ${missingTiers.get("avx2")}`);

Deno.test(name, { ignore: best === undefined }, () => {
  assert.ok(best !== undefined);
  for (const choice of ["auto", "native"] as const) {
    assert.deepEqual(selected(choice), { name: NAMES[best], nativeProblem: undefined, isShared: true });
  }
  assert.deepEqual(findNativeTier(), { tier: best });
});

Deno.test("selectBatchCipher() says why machine code does not seal, and only to who asked for it", () => {
  const load = () => "the host forbids it";
  const native = selected("native", load), auto = selected("auto", load);
  assert.equal(native.nativeProblem, "the host forbids it");
  assert.equal(auto.nativeProblem, undefined);
  assert.equal(native.name, "baseline cipher");
  assert.equal(auto.name, "baseline cipher");
  const asked = () => assert.fail("it was asked");
  assert.equal(selected("baseline", asked).nativeProblem, undefined);
});

const loads = "MultiBufferLoader loads once, when it is first asked, and gives back what it loaded";
Deno.test(loads, { ignore: !loadedTiers.has("avx2") }, () => {
  using loader = new MultiBufferLoader("auto");
  const cipher = loader.find();
  assert(cipher !== undefined);
  assert.equal(loader.find(), cipher);
  loader[Symbol.dispose]();
  assert(cipher.isClosed);
  assert.equal(loader.find(), undefined);
});

Deno.test("MultiBufferLoader finds nothing where machine code is not there or not wanted", () => {
  let asked = 0;
  const load = () => `asked ${++asked} times`;
  using none = new MultiBufferLoader("native", load);
  assert.deepEqual([none.find(), none.find(), asked], [undefined, undefined, 1]);
  using unwanted = new MultiBufferLoader("baseline", load);
  assert.deepEqual([unwanted.find(), asked], [undefined, 1]);
});
