/**
 * Reads Project Wycheproof's vectors and runs a test over each of them.
 * @module
 */

import assert from "node:assert/strict";

/** What a vector says: an `acceptable` one may be accepted or refused. */
export type Verdict = "valid" | "acceptable" | "invalid";

/** The fields that every vector has; all others are hexadecimal. */
export interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: Verdict;
  readonly [field: string]: unknown;
}

/** Vectors that share a key or a length. */
export interface VectorGroup {
  readonly tests: readonly Vector[];
  readonly [field: string]: unknown;
}

/** @returns the bytes of a hexadecimal field */
export function field(of: Record<string, unknown>, name: string): Uint8Array {
  const text = of[name];
  return typeof text === "string" ? Uint8Array.fromHex(text) : assert.fail(`no field ${name}`);
}

/**
 * Registers a test that hands every vector of `file`, in `tests/vectors`, to `check`.
 * @param check runs one vector; @returns false when the vector is not for it
 */
export function testVectors(
  name: string,
  file: string,
  check: (vector: Vector, group: VectorGroup) => boolean | void,
): void {
  Deno.test(name, () => {
    let ran = 0;
    for (const group of readGroups(file)) {
      for (const vector of group.tests) {
        try {
          if (check(vector, group) !== false) ran++;
        } catch (cause) {
          throw new Error(`vector ${vector.tcId} (${vector.result}: ${vector.comment})`, { cause });
        }
      }
    }
    assert.ok(ran > 0, "no vector was for this test");
  });
}

function readGroups(file: string): readonly VectorGroup[] {
  const url = new URL(`../../../tests/vectors/${file}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)).testGroups;
}
