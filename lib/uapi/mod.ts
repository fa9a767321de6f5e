/**
 * WireGuard's cross-platform userspace API (https://www.wireguard.com/xplatform/): its requests and answers as text, the
 * socket where `wg` asks, and what a request does to a packet plane. A `set` is read whole before any of it is done. It
 * decides nothing about peers; whoever asks does.
 *
 * ```
 *   wg ⇄ /var/run/wireguard/NAME.sock ⇄ UapiServer ── RequestReader ──▶ handler ── applyPeers ──▶ WireGuardPlane
 *                                            └──◀── encodeGetAnswer ◀── deviceSnapshot ◀────────────────┘
 * ```
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

export * from "./device_configuration.ts";
export * from "./device_text.ts";
export { MAX_LINE_CHARACTERS, MAX_REQUEST_LINES, RequestReader, type UapiRequest } from "./request_reader.ts";
export type { AllowedIpChange, DeviceChanges, PeerChanges, ZoneOf } from "./set_parser.ts";
export * from "./uapi_server.ts";
