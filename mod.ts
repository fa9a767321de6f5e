/**
 * weft as a library: a Deno program becomes a node of the mesh.
 *
 * @example
 * ```ts
 * import { DEFAULT_OVERLAY_CIDR, IpAllocator } from "./mod.ts";
 * const pool = new IpAllocator(DEFAULT_OVERLAY_CIDR);
 * console.assert(pool.allocate().toString() === "10.200.0.1");
 * ```
 * @module
 */

export * from "./lib/agent/mod.ts";
export * from "./lib/config/defaults.ts";
export * from "./lib/ipam/mod.ts";
