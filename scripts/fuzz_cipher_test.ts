/**
 * A short run of `deno task fuzz:cipher`; a minute of it in the thorough run.
 * @module
 */

import assert from "node:assert/strict";
import { IS_THOROUGH } from "../tests/lab/mod.ts";
import { fuzzCiphers } from "./cipher/fuzz.ts";

const SECONDS = IS_THOROUGH ? 60 : 2;

Deno.test("every batch cipher seals and opens random batches as noble does", () => {
  // Another one each time: the message of a failure names it.
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { sealed, opened } = fuzzCiphers({ seed, lengthMs: 1000 * SECONDS, now: () => performance.now() });
  assert.ok(sealed > 20 && opened > 20, `${sealed} and ${opened} from seed ${seed}`);
});
