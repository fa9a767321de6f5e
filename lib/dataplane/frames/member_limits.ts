/**
 * How long IP packets inside of overlay networks may be to members whose paths take less than the MTU of the mesh: what is
 * left behind the headers of the network's driver, which go around each.
 * @module
 */

import { ETHERNET_HEADER_BYTES, IpAddress } from "../../net/mod.ts";
import type { Encapsulation, FrameForwarder, OverlayDriver } from "../../overlay/mod.ts";
import { carrierHeaderBytes } from "./carrier.ts";
import type { PlaneRemote } from "./frame_plane.ts";

const UDP_HEADER_BYTES = 8;

/** What stands around the frames of a network. */
interface Wire {
  readonly driver: OverlayDriver;
  readonly encapsulation: Encapsulation;
}

/** Tells a switch what fits to each member. */
export class MemberLimits {
  readonly #switch: Pick<FrameForwarder, "setPortMtu">;
  /** By their keys in base64. */
  readonly #limits = new Map<string, number>();
  readonly #remotes = new Map<number, { readonly remote: PlaneRemote; readonly wire: Wire }>();

  constructor(frameSwitch: Pick<FrameForwarder, "setPortMtu">) {
    this.#switch = frameSwitch;
  }

  /** @param mtuBytes how long packets of the mesh to a member may be; undefined where the mesh's MTU is all there is */
  set(publicKey: string, mtuBytes: number | undefined): void {
    if (this.#limits.get(publicKey) === mtuBytes) return;
    if (mtuBytes === undefined) this.#limits.delete(publicKey);
    else this.#limits.set(publicKey, mtuBytes);
    for (const { remote, wire } of this.#remotes.values()) this.#follow(remote, wire);
  }

  /** Follows a port that the switch has by now. */
  add(remote: PlaneRemote, wire: Wire): void {
    if (remote.via.kind !== "member") return;
    this.#remotes.set(remote.port, { remote, wire });
    this.#follow(remote, wire);
  }

  /** The port is another's or nobody's. */
  remove(port: number): void {
    this.#remotes.delete(port);
  }

  #follow({ port, via }: PlaneRemote, { driver, encapsulation }: Wire): void {
    const limitBytes = via.kind === "member" ? this.#limits.get(via.publicKey) : undefined;
    if (limitBytes === undefined || via.kind !== "member") return this.#switch.setPortMtu(port, undefined);
    const outerBytes = IpAddress.parse(via.address)?.family === 4 ? 20 : 40;
    const udpBytes = driver.capabilities.transport.kind === "udp" ? UDP_HEADER_BYTES : 0;
    const linkBytes = encapsulation.payload === "ethernet" ? ETHERNET_HEADER_BYTES : 0;
    const headerBytes = outerBytes + udpBytes + carrierHeaderBytes(driver) + encapsulation.headerBytes;
    this.#switch.setPortMtu(port, limitBytes - headerBytes - linkBytes);
  }
}
