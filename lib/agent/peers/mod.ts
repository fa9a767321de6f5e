/**
 * Members as services see them: the channels to them, what comes on those, and what they offer. It needs nothing of the
 * host, so that a page has it too.
 * @module
 */

export { AdvertSync, splitAdvert } from "./advert_sync.ts";
export { EarlyMessageGate, type ForwardHandler, SERVICE_TOPIC } from "./early_message_gate.ts";
export { asNodeId, asPeerId, type MemberHealth, MeshPeers, type RunningNode } from "./mesh_peers.ts";
