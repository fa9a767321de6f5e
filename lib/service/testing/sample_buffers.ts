/**
 * Values that programs in Node.js and Deno have, and pages have not.
 * @module
 */

import { Buffer } from "node:buffer";
import type { SampleValue } from "./sample_values.ts";

/** What is carried. */
export const SAMPLE_BUFFERS: readonly SampleValue[] = [
  { what: "a Buffer", value: () => Buffer.from("ab"), becomes: () => Uint8Array.of(97, 98) },
  {
    what: "a Buffer in a Map",
    value: () => new Map([[1, Buffer.of(5)]]),
    becomes: () => new Map([[1, Uint8Array.of(5)]]),
  },
];
