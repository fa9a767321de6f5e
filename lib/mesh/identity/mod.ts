/**
 * Who somebody is: keys, node ids, names, the IPv6 address that follows from them, and boxes that only one key opens.
 * @module
 */

export * from "./identity.ts";
export { areLabels, isNodeName, mergeLabels, numberedName, sortLabels, toNodeName } from "./node_name.ts";
export { overlayIpv6For, overlayIpv6Prefix } from "./overlay_ipv6.ts";
export { openSealed, SEAL_BYTES, sealFor } from "./sealed_box.ts";
