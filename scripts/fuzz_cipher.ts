// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task fuzz:cipher [--seconds N] [--seed N]`: every batch cipher that runs here seals and opens random batches, and
 * has to do what noble does. A difference is told with the seed that shows it again.
 * @module
 */

import { parseArgs } from "node:util";
import { fuzzCiphers, fuzzedCiphers } from "./cipher/fuzz.ts";

const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const seconds = Number(values.seconds ?? 60);
console.log(`${fuzzedCiphers().join(", ")} beside noble, ${seconds} s, seed ${seed}`);
const { sealed, opened } = fuzzCiphers({ seed, lengthMs: 1000 * seconds, now: () => performance.now() });
console.log(`${sealed} packets sealed, ${opened} messages opened or refused, all alike`);
