/**
 * The devices of endpoints: a TAP of this host or of a namespace, or an interface that is bridged in.
 * @module
 */

import { type PortDevice, superpacketBounds } from "../../dataplane/mod.ts";
import { InterfaceExistsError, openPacketSocket, openReadyTap } from "../../host/mod.ts";
import {
  type EndpointDefinition,
  type EndpointOptions,
  INTERFACE_NAME,
  InvalidEndpointError,
} from "../../overlay/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import { encodeHex, utf8Bytes } from "../../base/mod.ts";

/** The kernel's bound, without the zero at the end. */
const MAX_INTERFACE_NAME = 15;

/** What is put before an IP packet of an overlay network, by any driver without options: IPv6, UDP, 8 bytes, an Ethernet. */
const OVERHEAD_BYTES = 70;

/** What a device is made of. */
export interface DeviceWish {
  readonly endpoint: EndpointDefinition;
  readonly options: EndpointOptions;
  /** The network's blocks, for the lengths of their prefixes. */
  readonly blocks: readonly Cidr[];
  readonly mtuBytes: number;
  /** Whether frames come and go with virtio headers, many in one. */
  readonly hasHeader: boolean;
}

/** A device that is there. */
export interface OpenDevice {
  /** As `ip link` shows it, where it is. */
  readonly name: string;
  readonly port: PortDevice;
  /** Takes it away; once, when nothing uses it any more. */
  close(): void;
}

/** Makes devices; tests have others. */
export type DeviceOpener = (wish: DeviceWish) => OpenDevice;

/** @returns the name of an endpoint's TAP unless it is told one: its own, or what of it fits and a hash */
export function deviceName({ network, name }: Pick<EndpointDefinition, "network" | "name">): string {
  if (name.length <= MAX_INTERFACE_NAME && INTERFACE_NAME.test(name)) return name;
  const mark = encodeHex(blake2s(utf8Bytes(`${network}/${name}`)).subarray(0, 2));
  return `${name.slice(0, MAX_INTERFACE_NAME - mark.length - 1)}-${mark}`;
}

/**
 * Makes the TAP of an endpoint, with its addresses, up; or opens the interface that is bridged in.
 * @param ownInterfaces of the agent, which are bridged into nothing
 * @throws HostError, InterfaceExistsError, NoNamespaceError, NoTunDeviceError, NotPermittedError, NoInterfaceError,
 * UnfitInterfaceError, InvalidEndpointError; then nothing is left
 */
export function openEndpointDevice(
  { endpoint, options, blocks, mtuBytes, hasHeader }: DeviceWish,
  ownInterfaces: readonly string[] = [],
): OpenDevice {
  if (options.attach !== undefined) return attach(options.attach, ownInterfaces, hasHeader);
  const name = options.device ?? deviceName(endpoint);
  const tap = asEndpoint(name, () =>
    openReadyTap({
      name,
      mtuBytes,
      hasHeader,
      ...hasHeader && { superpackets: superpacketBounds(mtuBytes, OVERHEAD_BYTES) },
      mac: endpoint.mac,
      addresses: endpoint.addresses.map((address) => ({
        address,
        prefixBits: (blocks.find((block) => block.contains(address)) ?? Cidr.host(address)).prefixBits,
      })),
      ...options.netns !== undefined && { namespace: options.netns },
    }));
  const { tso, uso } = tap.offloads;
  return {
    name: tap.name,
    port: { kind: "descriptor", fd: tap.fd, hasHeader, offloads: { tso, uso }, of: "tap" },
    close: () => tap.close(),
  };
}

/** The hint of the error is for the mesh's own interface. */
function asEndpoint<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof InterfaceExistsError)) throw cause;
    throw new InterfaceExistsError(name, "--device");
  }
}

function attach(interfaceName: string, ownInterfaces: readonly string[], hasHeader: boolean): OpenDevice {
  if (!hasHeader) {
    throw new InvalidEndpointError(`Cannot attach ${interfaceName}: only the fast packet plane can`, {
      hint: "`weft status` shows which one runs; --dataplane fast says why it does not.",
    });
  }
  const socket = openPacketSocket({ interfaceName, ownInterfaces });
  const offloads = { tso: true, uso: true };
  return {
    name: interfaceName,
    port: { kind: "descriptor", fd: socket.fd, hasHeader, offloads, of: "packet-socket" },
    close: () => socket.close(),
  };
}
