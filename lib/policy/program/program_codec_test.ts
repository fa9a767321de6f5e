import assert from "node:assert/strict";
import { SeededRandom } from "../../base/mod.ts";
import { compilePolicy } from "../compile/mod.ts";
import { readProgram } from "../evaluate/mod.ts";
import { PolicyDraw } from "../testing/mod.ts";
import { decodeProgram, encodeProgram, ProgramFormatError } from "./mod.ts";

const first = Number(Deno.env.get("WEFT_FUZZ_SEED") ?? Date.now() % 2 ** 31);
const runs = Number(Deno.env.get("WEFT_FUZZ_RUNS") ?? 12);

function programOf(seed: number): Uint8Array {
  const draw = new PolicyDraw(seed);
  return compilePolicy(draw.document(10), draw.roster(), { revision: "0123456789abcdef" }).bytes;
}

/** Asks all that can be asked: what was read must answer, whatever it says. */
function use(bytes: Uint8Array): boolean {
  let evaluator;
  try {
    evaluator = readProgram(bytes);
  } catch (error) {
    assert.ok(error instanceof ProgramFormatError, `${error}`);
    return false;
  }
  for (const name of ["mesh", "blue"]) {
    const network = evaluator.networkNumber(name);
    if (network === undefined) continue;
    for (const [source, destination] of [[0, 1], [1, 2], [3, 0], [9, 10], [4_000_000_000, 1]] as const) {
      evaluator.decide(network, source, destination, 6, 40_000, 443);
      evaluator.decideFrame(network, source, destination, 0x88b5);
      evaluator.mayReach(network, source, destination);
      evaluator.isRestricted(network, destination);
      evaluator.decideCall(source, destination, "orders/refund");
      evaluator.decideEvent(source, destination, "metrics/cpu");
    }
    evaluator.subjectAt(network, Uint8Array.of(10, 200, 0, 1), 0, 4);
  }
  for (const rule of evaluator.ruleNames.keys()) evaluator.shapeOf(rule);
  return true;
}

Deno.test(`decodeProgram() reads what encodeProgram() wrote, from seed ${first}`, () => {
  for (let seed = first; seed < first + runs; seed++) {
    const bytes = programOf(seed);
    assert.deepEqual(encodeProgram(decodeProgram(bytes)), bytes, `seed ${seed}`);
    assert.ok(use(bytes));
  }
});

Deno.test(`readProgram() refuses a program that is cut off anywhere, or longer, from seed ${first}`, () => {
  const bytes = programOf(first);
  for (let length = 0; length < bytes.length; length++) assert.equal(use(bytes.subarray(0, length)), false);
  assert.equal(use(Uint8Array.of(...bytes, 0)), false);
});

Deno.test(`readProgram() survives changed and random bytes, from seed ${first}`, () => {
  const random = new SeededRandom(first);
  const draw = new PolicyDraw(first);
  for (let seed = first; seed < first + runs; seed++) {
    const bytes = programOf(seed);
    for (let i = 0; i < 200; i++) {
      const changed = bytes.slice();
      for (let changes = 1 + draw.below(3); changes > 0; changes--) {
        const at = draw.below(changed.length);
        changed[at] = draw.below(3) === 0
          ? draw.one([0, 1, 0x7f, 0x80, 0xff])
          : (changed[at] ?? 0) ^ 1 << draw.below(8);
      }
      use(changed);
    }
    const noise = new Uint8Array(64);
    random.fill(noise);
    assert.equal(use(noise), false);
  }
});

Deno.test("readProgram() makes nothing large of a length that is not there", () => {
  const bytes = programOf(first);
  // Magic (5 bytes) and version, then the revision's length; after it the flag and the count of rules.
  const at = 5 + 1 + 1 + 16 + 1;
  const huge = Uint8Array.of(
    ...bytes.subarray(0, at),
    0xff,
    0xff,
    0xff,
    0xff,
    0x0f,
    ...bytes.subarray(at + 1),
  );
  assert.throws(() => decodeProgram(huge), ProgramFormatError);
});
