/**
 * What a page does with values of all kinds: sends them, and says whether it got them as they were.
 * @module
 */

import { CallError, PageNode } from "../../../browser.ts";
import { REFUSED_VALUES, SAMPLE_VALUES } from "../../../lib/service/testing/sample_values.ts";

/** An item of a stream holds 1 MiB. */
const TOO_LONG_FOR_ITEMS = /^many bytes/;

/** Joins by a token, and tries all values with a node's service `values`. @returns what was not as it should be */
async function tryValues(token: string): Promise<readonly string[]> {
  await using resources = new AsyncDisposableStack();
  const node = await PageNode.join(token, { name: "values" });
  resources.defer(() => node.stop());
  const problems: string[] = [];
  for (const [i, { what, value, becomes = value }] of SAMPLE_VALUES.entries()) {
    const expect = (got: unknown, as: string) => {
      if (!isSame(got, becomes())) problems.push(`${what}, as ${as}`);
    };
    await node.request("values/take", value());
    expect(await node.request("values/give", i), "result");
    if (TOO_LONG_FOR_ITEMS.test(what)) continue;
    for (const item of await all(await node.request("values/stream", i))) expect(item, "item");
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(value());
        controller.close();
      },
    });
    await node.request("values/collect", null, { stream });
  }
  for (const [i, { what, value, says, isTooLarge = false }] of REFUSED_VALUES.entries()) {
    const refused = async (call: Promise<unknown>, code: string, as: string) => {
      const error = await call.then(() => undefined, (error: unknown) => error);
      if (error instanceof CallError && error.code === code && says.test(error.message)) return;
      problems.push(`${what}, as ${as}: ${error}`);
    };
    const options = { retries: 0 };
    const code = isTooLarge ? "PayloadTooLarge" : "InvalidParams";
    await refused(node.request("values/take", value(), options), code, "parameters");
    if (isTooLarge) continue;
    await refused(node.request("values/refuse", i, options), "InvalidResult", "result");
    await refused(node.request("values/refuseItem", i).then(all), "InvalidResult", "item");
  }
  return problems;
}

async function all(items: unknown): Promise<unknown[]> {
  const read: unknown[] = [];
  const reader = (items as ReadableStream<unknown>).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) read.push(next.value);
  return read;
}

/** As Node's own strict comparison, which a page has not. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b]);
  if (a instanceof Set && b instanceof Set) return isSame([...a], [...b]);
  const [bytes, others] = [bytesOf(a), bytesOf(b)];
  if (bytes !== undefined && others !== undefined) {
    return bytes.length === others.length && bytes.every((byte, i) => byte === others[i]);
  }
  const [keys, otherKeys] = [Reflect.ownKeys(a), Reflect.ownKeys(b)];
  const at = (object: object, key: PropertyKey) => Object.getOwnPropertyDescriptor(object, key)?.value;
  return keys.length === otherKeys.length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(at(a, key), at(b, key)));
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : undefined;
}

Object.assign(globalThis, { tryValues });
