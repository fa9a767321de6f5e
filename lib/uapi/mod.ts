/**
 * WireGuard's cross-platform userspace API as text: requests that are read from a stream, and their answers
 * (https://www.wireguard.com/xplatform/). It touches no socket and no device; whoever applies a `set` gets it whole.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { utf8Bytes } from "../base/mod.ts";
 * import { RequestReader } from "./mod.ts";
 *
 * const reader = new RequestReader();
 * assert.deepEqual(reader.push(utf8Bytes("set=1\nlisten_p")), []);
 * const [request] = reader.push(utf8Bytes("ort=51820\n\n"));
 * assert.equal(request?.kind === "set" && request.changes.listenPort, 51820);
 * ```
 * @module
 */

export * from "./changes.ts";
export * from "./device_text.ts";
export * from "./errno.ts";
export type { UapiTextOptions } from "./set_parser.ts";
export { MAX_LINE_CHARACTERS, MAX_REQUEST_LINES, RequestReader, type UapiRequest } from "./request_reader.ts";
