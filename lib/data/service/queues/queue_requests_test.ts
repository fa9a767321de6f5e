import assert from "node:assert/strict";
import { DataError } from "../../errors.ts";
import { readHolder } from "./queue_requests.ts";

Deno.test("readHolder() refuses a worker's name that copies of a log would not keep alike", () => {
  assert.equal(readHolder({ worker: "w" }, "ann"), "ann/w");
  for (const worker of ["w\0a", "\ud800", "", 1, "w".repeat(129)]) {
    assert.throws(() => readHolder({ worker }, "ann"), DataError);
  }
});
