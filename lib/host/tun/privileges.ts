/**
 * What the process may do to the host.
 * @module
 */

/** linux/capability.h */
const CAP_NET_ADMIN = 12n;

/** Whether the process may make network interfaces and routes: it has the capability CAP_NET_ADMIN. */
export function canConfigureNetwork(): boolean {
  try {
    return hasCapability(Deno.readTextFileSync("/proc/self/status"), CAP_NET_ADMIN);
  } catch {
    // Only Linux has this file, and without its capabilities there is no saying more than who the user is.
    return Deno.uid() === 0;
  }
}

/** Whether the kernel offers TUN devices here: /dev/net/tun is a character device. */
export function hasTunDevice(): boolean {
  try {
    return Deno.statSync("/dev/net/tun").isCharDevice === true;
  } catch {
    return false;
  }
}

/**
 * Reads the effective capabilities of proc_pid_status(5).
 * @param status the text of /proc/…/status
 * @param bit the capability's number
 */
export function hasCapability(status: string, bit: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) >> bit & 1n) === 1n;
}
