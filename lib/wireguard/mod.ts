/**
 * The WireGuard protocol, sans-IO: `Device` is one interface with its peers.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { SeededRandom, VirtualClock } from "../base/mod.ts";
 * import { PrivateKey } from "../crypto/mod.ts";
 * import { Cidr, Endpoint } from "../net/mod.ts";
 * import { Device } from "./mod.ts";
 *
 * const random = new SeededRandom(1);
 * const clock = new VirtualClock();
 * const device = new Device({ privateKey: PrivateKey.generate(random), random, wall: () => clock.wall() });
 * const peer = PrivateKey.generate(random).publicKey;
 * const endpoint = Endpoint.parse("192.0.2.1:51820");
 * const allowed = Cidr.parse("10.200.0.2/32");
 * assert.ok(endpoint !== undefined && allowed !== undefined);
 * device.setPeer(clock.now(), { publicKey: peer, endpoint, allowedIps: [allowed] });
 * device.initiateHandshake(clock.now(), peer);
 * assert.equal(device.pollTransmit()?.datagram.length, 148);
 * assert.ok((device.pollTimeout() ?? 0) >= 5000);
 * ```
 * @module
 */

export { AllowedIps, type PrefixOwner } from "./allowed_ips.ts";
export { type BatchSession, BatchSessions } from "./batch_sessions.ts";
export { DatagramQueue } from "./datagram_queue.ts";
export { PROTOCOL_TIMERS, type ProtocolTimers } from "./constants.ts";
export * from "./device.ts";
export { ReplayWindow, WINDOW_LENGTHS, type WindowMemory } from "./keypair.ts";
export { LocalCounter, type SendCounter, SPENT_COUNTER } from "./send_counter.ts";
export type { DeviceOptions } from "./device_context.ts";
export { type DatagramOutcome, type DeviceEvent, DROP_REASONS, type DropReason } from "./outcomes.ts";
export {
  configUpdate,
  type PeerStatus,
  type WireGuardPeerConfig,
  type WireGuardPeerUpdate,
} from "./peer_config.ts";
export { checkPathMtu, MIN_PATH_MTU_BYTES } from "./path_mtu.ts";
export { isHandshake } from "./messages.ts";
