/**
 * Choosing how packets travel on this machine.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import { selectAead } from "../crypto/mod.ts";
import { HostError, openOffloadTun, openTun, systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import { Device, type ProtocolTimers } from "../wireguard/mod.ts";
import { type CipherChoice, FastPlane } from "./fast/mod.ts";
import type { PlaneObserver, WireGuardPlane } from "./packet_plane.ts";
import { PortablePlane } from "./portable_plane.ts";

/** `fast`: a worker on raw descriptors, with offloads; `portable`: the runtime's own sockets; `auto`: the best there is. */
export type PlaneChoice = "auto" | "fast" | "portable";

/** TUN gives no longer packets. */
const MAX_PACKET_BYTES = 65_535;

/** Which interface a plane makes, and how it carries packets. */
export interface PlaneOptions {
  readonly interfaceName: string;
  /** The longest inner packet; `setMtu` changes it. */
  readonly mtuBytes: number;
  readonly choice: PlaneChoice;
  /** `baseline` keeps the fast plane from experimental features of the runtime; `auto` unless given. */
  readonly cipher?: CipherChoice;
  readonly timers?: Partial<ProtocolTimers>;
  readonly observer: PlaneObserver;
  readonly log: Logger;
}

/**
 * Makes the interface, which is down and has no address, and a plane that has no key, no socket and no peers yet.
 * Closing the plane removes the interface.
 * @throws RangeError, NoTunDeviceError, NotPermittedError, InterfaceExistsError, HostError
 */
export async function openPlane(options: PlaneOptions): Promise<WireGuardPlane> {
  if (options.choice === "portable") return openPortablePlane(options);
  try {
    return await openFastPlane(options);
  } catch (error) {
    // What neither way can have is said by the other one too.
    if (options.choice === "fast" || !(error instanceof HostError)) throw error;
    options.log.warn("the fast packet plane does not run here; using the portable one", { error });
    return openPortablePlane(options);
  }
}

async function openFastPlane({ interfaceName, ...options }: PlaneOptions): Promise<WireGuardPlane> {
  const tun = openOffloadTun({ name: interfaceName, mtuBytes: MAX_PACKET_BYTES });
  try {
    return await FastPlane.open({ ...options, tun });
  } catch (error) {
    tun.close();
    throw error;
  }
}

function openPortablePlane(options: PlaneOptions): WireGuardPlane {
  const { interfaceName, mtuBytes, timers = {}, observer } = options;
  const tun = openTun({ name: interfaceName, mtuBytes: MAX_PACKET_BYTES });
  const aead = selectAead();
  const device = new Device({ random: systemRandom, wall: systemClock.wall, aead, mtuBytes, timers });
  device.suspend();
  return new PortablePlane({
    device,
    tun,
    clock: systemClock,
    timers: systemTimers,
    observer,
    aeadName: aead.name,
  });
}
