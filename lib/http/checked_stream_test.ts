import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { CheckedStream } from "./checked_stream.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** @returns a stream over a socket that is written here, and whether it has ended */
function opened() {
  const socket = new PassThrough();
  const stream = new CheckedStream(socket as unknown as Socket);
  stream.resume();
  return { stream, take: (text: string) => void socket.emit("data", Buffer.from(text)) };
}

Deno.test("CheckedStream ends at a second request, however both were cut into pieces", () => {
  for (let cut = 1; cut < REQUEST.length; cut++) {
    const { stream, take } = opened();
    take(REQUEST.slice(0, cut));
    take(REQUEST.slice(cut));
    assert.equal(stream.destroyed, false);
    stream.isBusy = true;
    take(REQUEST.slice(0, cut));
    take(REQUEST.slice(cut));
    assert.equal(stream.destroyed, true, `cut at ${cut}`);
  }
  const { stream, take } = opened();
  take(REQUEST.slice(0, -2));
  take(REQUEST.slice(-2) + REQUEST);
  assert.equal(stream.destroyed, true, "both ends in one piece");
});

Deno.test("CheckedStream takes one request after the other, with an empty line before it", () => {
  const { stream, take } = opened();
  for (let i = 0; i < 3; i++) {
    take(REQUEST);
    stream.isBusy = true;
    // RFC 9112 §2.2: what some clients send behind a request.
    take("\r\n");
    stream.isBusy = false;
    assert.equal(stream.destroyed, false);
  }
  stream.destroy();
});
