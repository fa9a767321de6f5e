/**
 * All batch ciphers on the same random jobs: what they say and write has to be what noble makes of them.
 * @module
 */

import assert from "node:assert/strict";
import { randomBytes, randomFraction, SeededRandom } from "../../lib/base/mod.ts";
import { type BatchCipher, nobleAead, WasmBatchCipher } from "../../lib/crypto/mod.ts";
import { loadedTiers, nativeBatchCipher } from "../../lib/crypto/testing/native_code.ts";
import { PlainBatchCipher } from "../../lib/dataplane/fast/plain_batch_cipher.ts";
import type { VirtioHeader } from "../../lib/dataplane/fast/superpacket.ts";
import { makeSuperpacket } from "../../lib/dataplane/fast/testing/superpackets.ts";

const PAGES = 8;
const AT = 0x1_0000 + 64;
const OUT = 0x3_0000;
const ROOM_BYTES = 0x4_0000;
const HEADER_BYTES = 16;
const OVERHEAD_BYTES = 32;
/** As many as a receive brings. */
const MAX_MESSAGES = 70;
/** Where the counter's lower half overflows, and where it ends. */
const COUNTER_EDGES = [2 ** 32 - 20, 2 ** 53 - 70_000, 0];

/** How much was tried. */
export interface FuzzCounts {
  readonly sealed: number;
  readonly opened: number;
}

/** @returns the names of the ciphers that are compared with noble here */
export function fuzzedCiphers(): readonly string[] {
  return ciphers().map(({ name }) => name);
}

/**
 * Compares until the time is over.
 * @param options.now a clock in milliseconds
 * @throws AssertionError with the seed of the job that makes a difference
 */
export function fuzzCiphers(
  { seed, lengthMs, now }: { readonly seed: number; readonly lengthMs: number; readonly now: () => number },
): FuzzCounts {
  const [plain, others] = [new PlainBatchCipher(nobleAead, PAGES), ciphers()];
  let [sealed, opened] = [0, 0];
  const end = now() + lengthMs;
  for (let job = seed; now() < end; job++) {
    // Each job can be run again alone.
    const random = new SeededRandom(job);
    try {
      if (randomFraction(random) < 0.5) sealed += sealAlike(random, plain, others);
      else opened += openAlike(random, others);
    } catch (cause) {
      throw new assert.AssertionError({ message: `they differ at seed ${job}: ${(cause as Error).message}` });
    }
  }
  return { sealed, opened };
}

function ciphers(): readonly BatchCipher[] {
  return [
    new WasmBatchCipher(PAGES),
    ...[...loadedTiers.keys()].map((tier) => nativeBatchCipher(tier, PAGES)),
  ];
}

/** @returns how many packets were sealed */
function sealAlike(random: SeededRandom, plain: BatchCipher, others: readonly BatchCipher[]): number {
  const below = (limit: number) => Math.floor(randomFraction(random) * limit);
  const pick = <T>(first: T, ...rest: readonly T[]) => [first, ...rest][below(1 + rest.length)] ?? first;
  const { packet, header } = makeSuperpacket({
    protocol: pick("tcp", "udp"),
    version: pick(4, 6),
    payloadBytes: 1 + below(pick(300, 5_000, 60_000)),
    gsoSize: 200 + below(1_300),
  });
  // Behind all headers, which say what they said.
  const headBytes = Math.min(packet.length, 100);
  packet.set(randomBytes(random, packet.length - headBytes), headBytes);
  const job = {
    at: AT,
    lengthBytes: packet.length,
    out: OUT + below(64),
    roomBytes: pick(ROOM_BYTES - 64, below(ROOM_BYTES - 64)),
    counter: pick(...COUNTER_EDGES as [number, number, number]) + below(1_000),
    remoteIndex: below(2 ** 32),
    mtuBytes: pick(1_420, 1_280 + below(300)),
  };
  const [key, background, laysOut] = [randomBytes(random, 32), below(256), below(2) === 0];
  const [expected, ...results] = [plain, ...others].map((cipher) => {
    const bytes = new Uint8Array(cipher.memory.buffer);
    bytes.fill(background, OUT, OUT + ROOM_BYTES);
    putSuperpacket(bytes, packet, header);
    const [by, isLaidOut] = [cipher.aead.key(key), cipher !== plain && laysOut];
    const said = isLaidOut ? cipher.layOutSuperpacket(job) : cipher.sealSuperpacket({ ...job, key: by });
    if (isLaidOut && typeof said === "object") {
      const { packets: count, segmentBytes: messageBytes } = said;
      const lastBytes = said.lengthBytes - (count - 1) * messageBytes;
      cipher.sealMessages({ ...job, at: job.out, messageBytes, lastBytes, count, key: by });
    }
    return { said, bytes: typeof said === "string" ? undefined : bytes.slice(OUT, OUT + ROOM_BYTES) };
  });
  for (const result of results) assertAlike(result, expected);
  return typeof expected?.said === "object" ? expected.said.packets : 0;
}

/** @returns how many messages were opened or refused */
function openAlike(random: SeededRandom, others: readonly BatchCipher[]): number {
  const below = (limit: number) => Math.floor(randomFraction(random) * limit);
  const keyBytes = randomBytes(random, 32),
    noble = nobleAead.key(keyBytes),
    longest = [40, 300, 1_500, 3_000][below(4)] ?? 40;
  const first = (COUNTER_EDGES[below(3)] ?? 0) + below(1_000);
  let end = OUT + below(64);
  const before = new Uint8Array(ROOM_BYTES).fill(below(256)), after = before.slice();
  const messages = Array.from({ length: 1 + below(MAX_MESSAGES) }, (_, i) => {
    const text = randomBytes(random, below(longest)), wire = new Uint8Array(text.length + OVERHEAD_BYTES);
    noble.seal(first + i, text, new Uint8Array(0), wire, HEADER_BYTES);
    const at = end, flaw = below(8), isForged = flaw === 0, isCut = flaw === 1;
    const bit = HEADER_BYTES * 8 + below((wire.length - HEADER_BYTES) * 8);
    if (isForged) wire[bit >> 3] = (wire[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    before.set(wire, at - OUT);
    after.set(wire, at - OUT);
    // One that is too short to be a message is left alone; a forgery becomes zeroes.
    const lengthBytes = isCut ? below(OVERHEAD_BYTES) : wire.length;
    if (isForged) after.fill(0, at - OUT + HEADER_BYTES, at - OUT + HEADER_BYTES + text.length);
    else if (!isCut) after.set(text, at - OUT + HEADER_BYTES);
    end = at + wire.length + below(50);
    return { at, lengthBytes, counter: first + i, result: isForged || isCut ? -1 : text.length };
  });
  if (end > OUT + ROOM_BYTES) return 0;
  for (const cipher of others) {
    const bytes = new Uint8Array(cipher.memory.buffer), table = cipher.openTable;
    bytes.set(before, OUT);
    for (const [i, { at, lengthBytes, counter }] of messages.entries()) {
      [table.at[i], table.lengthBytes[i], table.counters[i]] = [at, lengthBytes, counter];
    }
    cipher.openBatch(cipher.aead.key(keyBytes), messages.length);
    const said = [...table.plaintextBytes.subarray(0, messages.length)];
    assertAlike(
      { said, bytes: bytes.slice(OUT, OUT + ROOM_BYTES) },
      { said: messages.map(({ result }) => result), bytes: after },
    );
  }
  return messages.length;
}

interface Result {
  readonly said: unknown;
  readonly bytes: Uint8Array | undefined;
}

function assertAlike(result: Result, expected: Result | undefined): void {
  assert.deepEqual(result.said, expected?.said);
  const [found, wanted] = [result.bytes, expected?.bytes];
  const at = found?.findIndex((byte, i) => byte !== wanted?.[i]) ?? -1;
  assert.equal(at, -1, `byte ${at} is ${found?.[at]}, and ${wanted?.[at]} by noble`);
}

function putSuperpacket(bytes: Uint8Array, packet: Uint8Array, header: VirtioHeader): void {
  const view = new DataView(bytes.buffer);
  bytes[AT - 10] = header.flags;
  bytes[AT - 9] = header.gsoType;
  view.setUint16(AT - 8, 0, true);
  view.setUint16(AT - 6, header.gsoSize, true);
  view.setUint16(AT - 4, header.checksumStart, true);
  view.setUint16(AT - 2, header.checksumOffset, true);
  bytes.set(packet, AT);
}
