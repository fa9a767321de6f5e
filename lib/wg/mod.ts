/**
 * An interface for `wg` and `wg-quick`: the packet plane without a mesh, and the socket of WireGuard's userspace API,
 * which a mesh's own interface has too. It decides nothing about peers; whoever configures it does.
 *
 * ```
 *   wg ⇄ /var/run/wireguard/NAME.sock ⇄ UapiServer ⇄ WgInterface ⇄ WireGuardPlane
 *                                            └─────⇄ ReadOnlySocket ◁── a mesh
 * ```
 * @module
 */

export { deviceSnapshot } from "./device_configuration.ts";
export { ReadOnlySocket } from "./read_only_socket.ts";
export { UapiSocketError } from "./uapi_server.ts";
export { WgInterface, type WgInterfaceEnd, type WgInterfaceOptions } from "./wg_interface.ts";
