/**
 * The bodies of the entries by which the network's key says what overlay networks and endpoints there are.
 * @module
 */

import { decodeHex, encodeHex, type UnixMillis, unixMillis } from "../../base/mod.ts";
import { IpAddress, MacAddress } from "../../net/mod.ts";
import {
  type EndpointDefinition,
  endpointKey,
  isHost,
  isStationAddress,
  MAX_ENDPOINT_ADDRESSES,
  MAX_NETWORK_MTU,
  MAX_REMOTES,
  MIN_NETWORK_MTU,
  NETWORK_ID,
  type NetworkDefinition,
  networkProblem,
  OVERLAY_NAME,
  type PlainUnderlayOptions,
  plainUnderlayProblem,
} from "../../overlay/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  EndpointDefinitionSchema,
  NetworkDefinitionSchema,
  type PlainUnderlay,
} from "../../proto/mod.ts";

/** The longest body of either. */
const MAX_BODY_BYTES = 3072;
const NODE_ID_BYTES = 16;

/** @returns the body of the entry @throws RangeError when nobody would accept it */
export function encodeNetwork(network: NetworkDefinition): Uint8Array {
  const { id, type, vni, cidr = "", cidr6 = "", mtu = 0, active, options, interfaces } = network;
  const { plain, members = "", gateway, createdAt, stormLimit = 0 } = network;
  const bytes = encodeMessage(NetworkDefinitionSchema, {
    id,
    type,
    identifier: vni,
    cidr,
    cidr6,
    mtu,
    inactive: !active,
    // In the order of the keys, so that equal networks have equal encodings.
    options: Object.fromEntries(Object.entries(options).sort(([a], [b]) => a < b ? -1 : 1)),
    interfaces: [...interfaces],
    ...plain && { plain: plainToWire(plain) },
    members,
    ...gateway !== undefined && { gateway: decodeHex(gateway) ?? new Uint8Array(0) },
    createdAt: BigInt(createdAt),
    stormLimit,
  });
  if (decodeNetwork(network.name, bytes) === undefined) {
    throw new RangeError(`Cannot sign the network ${network.name}: a field is out of bounds`);
  }
  return bytes;
}

/** Never throws. @returns the network, or undefined when the body is none */
export function decodeNetwork(name: string, body: Uint8Array): NetworkDefinition | undefined {
  const wire = decodeMessage(NetworkDefinitionSchema, body, MAX_BODY_BYTES);
  if (wire === undefined) return undefined;
  const { id, type, identifier, cidr, cidr6, mtu, inactive, options, interfaces, members, gateway } = wire;
  const createdAt = readTime(wire.createdAt);
  const plain = wire.plain && readPlain(wire.plain);
  if (createdAt === undefined || (wire.plain !== undefined && plain === undefined)) return undefined;
  // A switch would cut packets into thousands for a smaller one.
  if (mtu > 0 && (mtu < MIN_NETWORK_MTU || mtu > MAX_NETWORK_MTU)) return undefined;
  const network: NetworkDefinition = {
    id,
    name,
    type,
    vni: identifier,
    ...cidr !== "" && { cidr },
    ...cidr6 !== "" && { cidr6 },
    ...mtu > 0 && { mtu },
    active: !inactive,
    options: { ...options },
    interfaces: [...interfaces],
    ...plain && { plain },
    ...members !== "" && { members },
    ...gateway.length > 0 && { gateway: encodeHex(gateway) },
    ...wire.stormLimit > 0 && { stormLimit: wire.stormLimit },
    createdAt,
  };
  return networkProblem(network) === undefined ? network : undefined;
}

/** @returns the body of the entry @throws RangeError when nobody would accept it */
export function encodeEndpoint(endpoint: EndpointDefinition): Uint8Array {
  const { networkId, nodeId, mac, addresses, allowsForeign, generation, underlayAddress, createdAt } =
    endpoint;
  const bytes = encodeMessage(EndpointDefinitionSchema, {
    networkId,
    nodeId: decodeHex(nodeId) ?? new Uint8Array(0),
    mac: mac.toBytes(),
    addresses: addresses.map((address) => address.bytes),
    allowsForeign,
    generation,
    ...underlayAddress && { underlayAddress: underlayAddress.bytes },
    createdAt: BigInt(createdAt),
  });
  if (decodeEndpoint(endpointKey(endpoint), bytes) === undefined) {
    throw new RangeError(`Cannot sign the endpoint ${endpointKey(endpoint)}: a field is out of bounds`);
  }
  return bytes;
}

/** Never throws. @param key of the entry @returns the endpoint, or undefined when the body or the key is none */
export function decodeEndpoint(key: string, body: Uint8Array): EndpointDefinition | undefined {
  const [network = "", name = "", ...more] = key.split("/");
  if (more.length > 0 || !OVERLAY_NAME.test(network) || !OVERLAY_NAME.test(name)) return undefined;
  const wire = decodeMessage(EndpointDefinitionSchema, body, MAX_BODY_BYTES);
  if (wire === undefined) return undefined;
  const { networkId, nodeId, allowsForeign, generation } = wire;
  const createdAt = readTime(wire.createdAt);
  const mac = wire.mac.length === 6 ? MacAddress.fromBytes(wire.mac) : undefined;
  const addresses = wire.addresses.map(readHost).filter((address) => address !== undefined);
  const underlayAddress = readHost(wire.underlayAddress);
  const families = new Set(addresses.map(({ family }) => family));
  if (
    createdAt === undefined || mac === undefined || !isStationAddress(mac) || !NETWORK_ID.test(networkId) ||
    nodeId.length !== NODE_ID_BYTES || generation < 1 || addresses.length !== wire.addresses.length ||
    addresses.length > MAX_ENDPOINT_ADDRESSES || families.size !== addresses.length ||
    (underlayAddress === undefined && wire.underlayAddress.length > 0)
  ) return undefined;
  return {
    network,
    name,
    networkId,
    nodeId: encodeHex(nodeId),
    mac,
    addresses,
    allowsForeign,
    generation,
    ...underlayAddress && { underlayAddress },
    createdAt,
  };
}

function plainToWire({ group, remotes = [], port = 0, hopLimit = 0 }: PlainUnderlayOptions) {
  const bytesOf = (text: string) => IpAddress.parse(text)?.bytes ?? new Uint8Array(0);
  return {
    ...group !== undefined && { group: bytesOf(group) },
    remotes: remotes.map(bytesOf),
    port,
    hopLimit,
  };
}

function readPlain(wire: PlainUnderlay): PlainUnderlayOptions | undefined {
  const group = readAddress(wire.group);
  const remotes = wire.remotes.map(readHost).filter((address) => address !== undefined);
  if ((group === undefined && wire.group.length > 0) || wire.remotes.length > MAX_REMOTES) return undefined;
  if (remotes.length !== wire.remotes.length) return undefined;
  const plain: PlainUnderlayOptions = {
    ...group && { group: group.toString() },
    ...remotes.length > 0 && { remotes: remotes.map(String) },
    ...wire.port > 0 && { port: wire.port },
    ...wire.hopLimit > 0 && { hopLimit: wire.hopLimit },
  };
  return plainUnderlayProblem(plain) === undefined ? plain : undefined;
}

function readHost(bytes: Uint8Array): IpAddress | undefined {
  const address = readAddress(bytes);
  return isHost(address) ? address : undefined;
}

function readAddress(bytes: Uint8Array): IpAddress | undefined {
  return bytes.length === 4 || bytes.length === 16 ? IpAddress.fromBytes(bytes) : undefined;
}

function readTime(value: bigint): UnixMillis | undefined {
  return value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? unixMillis(Number(value)) : undefined;
}
