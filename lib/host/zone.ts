/**
 * Zones of link-local addresses, by which a host tells its links apart (RFC 4007).
 * @module
 */

import { Libc } from "./libc.ts";

/**
 * The number of an interface of this process's namespace.
 * @param name `eth0`, or the number itself (RFC 4007 §11.2)
 * @returns undefined when there is no such interface
 */
export function zoneOf(name: string): number | undefined {
  const libc = Libc.open();
  const index = libc.interfaceIndex(name);
  libc.unload();
  if (index !== 0) return index;
  return /^[1-9]\d{0,8}$/.test(name) ? Number(name) : undefined;
}
