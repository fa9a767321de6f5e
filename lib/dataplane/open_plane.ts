/**
 * Choosing how packets travel on this machine.
 * @module
 */

import { HostError, openOffloadTun, openTun, type PreparedWorker } from "../host/mod.ts";
import { FastPlane, MAX_WORKERS } from "./fast/mod.ts";
import type { PlaneChoice, PlaneOptions, WireGuardPlane, WorkerChoice } from "./packet_plane.ts";
import { PortablePlane } from "./portable_plane.ts";

/** TUN gives no longer packets. */
const MAX_PACKET_BYTES = 65_535;

/**
 * Begins to load what the fast way runs in a thread of its own, so that it is there when a plane is opened.
 * @param begun that thread, where it was begun already
 * @returns what is to be handed to `openPlane`, or disposed of; undefined where the portable way is taken
 */
export function preparePlane(choice: PlaneChoice, begun?: PreparedWorker): PreparedWorker | undefined {
  return choice === "portable" || Deno.build.os !== "linux" ? undefined : begun ?? FastPlane.prepare();
}

/**
 * Makes the interface, which is down and has no address, and a plane that has no key, no socket and no peers yet.
 * Closing the plane removes the interface.
 * @throws RangeError, NoTunDeviceError, NotPermittedError, InterfaceExistsError, HostError
 */
export async function openPlane(options: PlaneOptions): Promise<WireGuardPlane> {
  const interfaceOptions = { name: options.interfaceName, mtuBytes: MAX_PACKET_BYTES };
  const openPortable = () => new PortablePlane(openTun(interfaceOptions), options);
  if (options.choice === "portable") return openPortable();
  try {
    const tun = openOffloadTun(interfaceOptions, countOf(options.workers));
    if (tun.queueProblem !== undefined) {
      const isAsked = typeof options.workers === "number";
      options.log[isAsked ? "warn" : "info"]("one worker carries all packets", { why: tun.queueProblem });
    }
    return await FastPlane.open(tun, options);
  } catch (error) {
    // What neither way can have is said by the other one too.
    if (options.choice === "fast" || !(error instanceof HostError)) throw error;
    options.log.warn("the fast packet plane does not run here; using the portable one", { error });
    return openPortable();
  }
}

/** @returns how many workers an interface is to have */
function countOf(workers: WorkerChoice = "auto"): number {
  // Two processors gain nothing by a second one, and larger machines were not measured.
  return workers === "auto" ? 1 : Math.min(workers, MAX_WORKERS);
}
