/**
 * Being reached, wherever this host is: its ports in the gateways before it, and finding out how it looks from outside.
 * @module
 */

export { checkNetwork, gatewayReport, type NetcheckParts } from "./netcheck.ts";
export { findServers } from "./stun_probe.ts";
export { PortMapping, type PortMappingParts } from "./port_mapping.ts";
