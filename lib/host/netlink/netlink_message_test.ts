import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../base/mod.ts";
import {
  decodeAttributes,
  decodeErrno,
  decodeMessages,
  encodeAttributes,
  encodeRequest,
  encodeUint32,
  type NetlinkAttribute,
  NLM_F,
  NLMSG,
} from "./netlink_message.ts";

/** What Linux 6 answered to an RTM_DELLINK that named no link: EINVAL, and the header of the request. */
const REFUSAL = Uint8Array.fromHex(
  "340000000200000008000000b6420000eaffffff2000000011000500080000000000000000000000000000000000000000000000",
);
/** The end of a listing. */
const DONE = Uint8Array.fromHex("140000000300020007000000b642000000000000");

const attribute = fc.tuple(fc.integer({ min: 0, max: 0x3fff }), fc.uint8Array({ maxLength: 20 }));

Deno.test("decodeMessages() reads what the kernel sends", () => {
  const messages = decodeMessages(concatBytes(REFUSAL, DONE)) ?? [];
  assert.deepEqual(messages.map(({ type, flags, sequence }) => [type, flags, sequence]), [
    [NLMSG.ERROR, 0, 8],
    [NLMSG.DONE, 2, 7],
  ]);
  assert.equal(decodeErrno(messages[0]?.payload ?? new Uint8Array()), 22);
  assert.equal(decodeErrno(messages[1]?.payload ?? new Uint8Array()), 0);
});

Deno.test("decodeMessages() rejects a datagram that is cut anywhere but between messages", () => {
  const datagram = concatBytes(DONE, REFUSAL, DONE);
  const whole = [0, DONE.length, DONE.length + REFUSAL.length];
  for (let length = 0; length < datagram.length; length++) {
    const messages = decodeMessages(datagram.subarray(0, length));
    assert.equal(
      messages?.length,
      whole.includes(length) ? whole.indexOf(length) : undefined,
      `${length} bytes`,
    );
  }
});

Deno.test("decodeMessages() rejects a length below the header's and beyond the end", () => {
  for (const length of [0, 1, 15, 21, 0xffffffff]) {
    const message = DONE.slice();
    new DataView(message.buffer).setUint32(0, length, true);
    assert.equal(decodeMessages(message), undefined, `${length}`);
  }
});

Deno.test("encodeRequest() is read by decodeMessages() and decodeAttributes()", () => {
  fc.assert(fc.property(fc.array(attribute, { maxLength: 6 }), fc.nat(0xffff), (attributes, type) => {
    const body = Uint8Array.of(1, 2, 3, 4);
    const request = encodeRequest({ type, flags: NLM_F.ACK, sequence: 0xfffffffe, body, attributes });
    const [message, ...more] = decodeMessages(request) ?? [];
    assert.deepEqual(more, []);
    assert.deepEqual([message?.type, message?.flags, message?.sequence], [type, 5, 0xfffffffe]);
    assert.deepEqual(message?.payload.subarray(0, 4), body);
    const decoded = decodeAttributes(message?.payload.subarray(4) ?? new Uint8Array());
    assert.deepEqual(decoded, new Map<number, Uint8Array>(attributes));
  }));
});

Deno.test("decodeAttributes() rejects a length below the header's and beyond the end", () => {
  for (const length of [0, 3, 9, 0xffff]) {
    const bytes = encodeAttributes([[1, Uint8Array.of(1, 2, 3, 4)]]);
    new DataView(bytes.buffer).setUint16(0, length, true);
    assert.equal(decodeAttributes(bytes), undefined, `${length}`);
  }
});

Deno.test("decodeAttributes() ignores the flags of a type and the padding of the last", () => {
  const attributes: NetlinkAttribute[] = [[0x8001, Uint8Array.of(7)]];
  const bytes = encodeAttributes(attributes);
  for (const length of [5, 8]) {
    assert.deepEqual(decodeAttributes(bytes.subarray(0, length)), new Map([[1, Uint8Array.of(7)]]));
  }
});

Deno.test("decodeMessages() and decodeAttributes() come to an end on any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    decodeMessages(bytes);
    decodeAttributes(bytes);
    decodeErrno(bytes);
  }));
  assert.equal(decodeErrno(Uint8Array.of(0, 0, 0)), undefined);
  assert.equal(decodeErrno(encodeUint32(22)), undefined);
});
