/**
 * `weft network …` and `weft endpoint …`: overlay networks, and what is in them.
 * @module
 */

export { addEndpointCommands } from "./endpoint_commands.ts";
export { overlayFinding } from "./overlay_finding.ts";
export { addNetworkCommands } from "./network_commands.ts";
