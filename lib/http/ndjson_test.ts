import assert from "node:assert/strict";
import { ActionError } from "../service/mod.ts";
import { ndjsonResponse } from "./apps.ts";

/** Values that come from `next`, and how often their reader has left. */
class Values implements AsyncIterableIterator<object> {
  left = 0;
  readonly next: () => Promise<IteratorResult<object>>;

  constructor(next: () => Promise<IteratorResult<object>>) {
    this.next = next;
  }

  return(): Promise<IteratorResult<object>> {
    this.left++;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

Deno.test("ndjsonResponse() begins with an empty line, and ends where the values end", async () => {
  const values = [{ a: 1 }, { b: "two\nlines" }].values();
  const response = ndjsonResponse(new Values(() => Promise.resolve(values.next() as IteratorResult<object>)));
  assert.equal(response.headers.get("content-type"), "application/x-ndjson");
  assert.equal(await response.text(), '\n{"a":1}\n{"b":"two\\nlines"}\n');
});

Deno.test("ndjsonResponse() says in the last line why its source has failed, and nothing of a bug", async () => {
  const failing = ndjsonResponse(new Values(() => Promise.reject(new TypeError("a secret detail"))));
  assert.deepEqual(JSON.parse(await failing.text()).code, "Internal");
  assert(
    !(await ndjsonResponse(new Values(() => Promise.reject(new TypeError("secret")))).text()).includes(
      "secret",
    ),
  );
  const refused = ndjsonResponse(
    new Values(() => Promise.reject(new ActionError("Full", "no disk"))),
  );
  assert.equal(JSON.parse(await refused.text()).message, "no disk");
});

Deno.test("ndjsonResponse() tells its source when its reader leaves, even while nothing is said", async () => {
  const values = new Values(() => new Promise(() => {}));
  await ndjsonResponse(values).body?.cancel();
  assert.equal(values.left, 1);
});
