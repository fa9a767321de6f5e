/**
 * Making packets of frames for other hosts.
 *
 *     outer IP, UDP | 2 bytes of a channel, or EtherIP's | the driver's header | frame, or IP packet
 *
 * @module
 */

import { ETHER_TYPE, ETHERNET_HEADER_BYTES, putUint16, uint16At } from "../../net/mod.ts";
import { flowHash } from "../../overlay/mod.ts";
import { CARRIER_BYTES, carrierHeaderBytes, carrierOf, writeCarrierHeader } from "./carrier.ts";
import type { EngineRemote } from "./engine_network.ts";
import type { PlaneRemote } from "./frame_plane.ts";

/** Where packets go. What is handed over is valid until the call returns. */
export interface PacketOutlets {
  /** An IP packet for a member. @returns whether it was taken */
  sendMesh(bytes: Uint8Array, at: number, lengthBytes: number): boolean;
  /** The packet of a channel for a member. @returns whether it was taken */
  sendChannel(nodeId: string, bytes: Uint8Array, at: number, lengthBytes: number): boolean;
  /** What follows the outer headers, for a host of the plain underlay. @returns whether it was taken */
  sendPlain(remote: PlaneRemote, bytes: Uint8Array, at: number, lengthBytes: number, flow: number): boolean;
}

/** Writes headers before frames, in the memory where those lie. */
export class PacketSender {
  readonly #outlets: PacketOutlets;
  readonly #seed: number;
  /** Of the frame whose header was written last. */
  #flow = 0;

  /** @param seed 32 random bits */
  constructor(outlets: PacketOutlets, seed: number) {
    this.#outlets = outlets;
    this.#seed = seed;
  }

  /**
   * @param encodedAt where the driver's header begins, if it was written for another host of the network, or -1
   * @returns where it begins now
   */
  send(remote: EngineRemote, bytes: Uint8Array, at: number, lengthBytes: number, encodedAt: number): number {
    const { network, definition: { via } } = remote;
    const { driver } = network;
    const headerAt = encodedAt < 0 ? this.#encode(remote, bytes, at, lengthBytes) : encodedAt;
    if (headerAt < 0) return headerAt;
    const end = at + lengthBytes;
    if (via.kind === "plain") {
      const isSent = this.#outlets.sendPlain(remote.definition, bytes, headerAt, end - headerAt, this.#flow);
      if (!isSent) network.countDrop("not-sent");
      return headerAt;
    }
    const carriedAt = headerAt - carrierHeaderBytes(driver);
    writeCarrierHeader(driver, bytes, headerAt);
    if (via.kind === "channel") {
      const packetAt = carriedAt - CARRIER_BYTES;
      putUint16(bytes, packetAt, carrierOf(driver.capabilities.transport));
      const isSent = this.#outlets.sendChannel(via.nodeId, bytes, packetAt, end - packetAt);
      if (!isSent) network.countDrop("not-sent");
      return headerAt;
    }
    const { header } = remote;
    if (header === undefined) {
      network.countDrop("no-own-address");
      return headerAt;
    }
    const packetAt = carriedAt - header.lengthBytes;
    header.write(bytes, packetAt, end - carriedAt, this.#flow);
    if (!this.#outlets.sendMesh(bytes, packetAt, end - packetAt)) network.countDrop("not-sent");
    return headerAt;
  }

  /** @returns where the driver's header begins, or -1 when the network does not carry such a frame */
  #encode({ network }: EngineRemote, bytes: Uint8Array, at: number, lengthBytes: number): number {
    const { encapsulation } = network;
    const isIp = encapsulation.payload === "ip";
    if (isIp && !isIpFrame(bytes, at, lengthBytes)) {
      network.countDrop("not-ip");
      return -1;
    }
    const payloadAt = isIp ? at + ETHERNET_HEADER_BYTES : at;
    this.#flow = flowHash(bytes, at, lengthBytes, this.#seed);
    encapsulation.encode(bytes, payloadAt, at + lengthBytes - payloadAt, this.#flow);
    return payloadAt - encapsulation.headerBytes;
  }
}

/** Whether an IP packet stands right behind the Ethernet header. */
function isIpFrame(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  const type = lengthBytes < ETHERNET_HEADER_BYTES ? 0 : uint16At(bytes, at + ETHERNET_HEADER_BYTES - 2);
  return type === ETHER_TYPE.IPV4 || type === ETHER_TYPE.IPV6;
}
