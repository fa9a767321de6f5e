/**
 * Overlay networks of one program, without a mesh, an agent or privileges.
 * @module
 */

export type { FrameHandler, ManagedEndpointConfig, OverlayEndpoint } from "./managed_network.ts";
export type { OverlayManagerOptions } from "./manager_options.ts";
export type { ManagerUnderlay } from "./manager_underlay.ts";
export * from "./overlay_manager.ts";
export { UnknownPolicyError } from "./managed_policies.ts";
