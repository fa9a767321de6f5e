/**
 * What the kernel forwards, as the files of ip-sysctl.rst say it.
 * @module
 */

import type { IpFamily } from "../../net/mod.ts";
import { HostError } from "../host_error.ts";

/**
 * @param interfaceName or `all`
 * @returns whether packets that come in by an interface are forwarded; undefined when that cannot be said of a single
 * interface, as for IPv6 before Linux 6.17, or there is no such interface
 */
export function readForwarding(interfaceName: string, family: IpFamily): boolean | undefined {
  const all = readSetting(`ipv${family}/conf/all/forwarding`);
  if (interfaceName === "all") return all;
  if (family === 4) return readSetting(`ipv4/conf/${interfaceName}/forwarding`);
  // It forwards for all, or for interfaces that are told so themselves.
  return all === true ? true : readSetting(`ipv6/conf/${interfaceName}/force_forwarding`);
}

/**
 * Has IPv6 forwarded for one interface, or no longer.
 * @param what is being done, for messages
 * @throws HostError
 */
export function writeForwarding6(what: string, interfaceName: string, isOn: boolean): void {
  const path = `ipv6/conf/${interfaceName}/force_forwarding`;
  if (readSetting(path) === isOn) return;
  try {
    Deno.writeTextFileSync(`/proc/sys/net/${path}`, isOn ? "1" : "0", { create: false });
  } catch (cause) {
    throw new HostError(`Cannot ${what}: /proc/sys/net/${path} cannot be written`, {
      hint:
        "A sandbox may forbid it: turn forwarding on yourself with `sysctl net.ipv6.conf.all.forwarding=1`.",
      cause,
    });
  }
}

/** @returns what the kernel says of a setting below net, or undefined when it has none */
function readSetting(path: string): boolean | undefined {
  try {
    return Deno.readTextFileSync(`/proc/sys/net/${path}`).trim() !== "0";
  } catch {
    return undefined;
  }
}
