/**
 * An interface for `wg` and `wg-quick`: the packet plane without a mesh, configured over the userspace API alone. It
 * decides nothing about peers; whoever configures it does.
 *
 * ```
 *   wg ⇄ uapi.UapiServer ⇄ WgInterface ⇄ WireGuardPlane
 *   ip link up, down, mtu ── LinkMonitor ──▶ ┘
 * ```
 * @module
 */

export { WgInterface, type WgInterfaceEnd, type WgInterfaceOptions } from "./wg_interface.ts";
