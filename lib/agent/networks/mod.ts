/**
 * The overlay networks of a running node: leaders sign what there is, and every host carries its part of it.
 *
 *     operations --> EndpointRequests --> a leader's EndpointActs --> entries of the network's key
 *     entries --> NetworkBook --> NetworkSync --> LocalEndpoints (TAPs), FramePlane
 *
 * @module
 */

export * from "./declared_networks.ts";
export { MAX_ENDPOINTS, MAX_MEMBER_ENDPOINTS } from "./endpoint_acts.ts";
export { FrameChannels } from "./frame_channels.ts";
export { hostDevices } from "./host_devices.ts";
export { MAX_NETWORKS, type NetworkAmendment } from "./network_acts.ts";
export { Networks } from "./networks.ts";
export type { KnownNetwork } from "./network_book.ts";
export { type ProgramEndpoint, ProgramEndpoints } from "./program_endpoints.ts";
export { RootlessFrames } from "./rootless_frames.ts";
export { SharedGatewayHost } from "./shared_gateway_host.ts";
