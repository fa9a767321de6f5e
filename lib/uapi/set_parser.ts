/**
 * What a `set` asks for, after its text was understood as a whole (https://www.wireguard.com/xplatform/#configuration-protocol).
 * @module
 */

import { decodeHex } from "../base/mod.ts";
import { KEY_BYTES, PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import { Cidr, Endpoint } from "../net/mod.ts";
import { UAPI_ERRNO, type UapiErrno } from "./device_text.ts";

const { NONE, EINVAL, EPROTO } = UAPI_ERRNO;

/** Changes of a device, in the order in which they are made; what is undefined stays as it is. */
export interface DeviceChanges {
  /** Null takes the key away. */
  privateKey: PrivateKey | null | undefined;
  /** 0 for any free port. */
  listenPort: number | undefined;
  /** 0 for none. */
  fwmark: number | undefined;
  /** Whether peers that are not named go. */
  replacePeers: boolean;
  readonly peers: PeerChanges[];
}

/** Changes of one peer, which is made when there is none. */
export interface PeerChanges {
  readonly publicKey: PublicKey;
  /** Nothing else counts then. */
  remove: boolean;
  /** Nothing happens when there is no such peer. */
  updateOnly: boolean;
  presharedKey: PresharedKey | undefined;
  endpoint: Endpoint | undefined;
  /** 0 for none. */
  persistentKeepaliveSeconds: number | undefined;
  /** Whether the prefixes that the peer has go first. */
  replaceAllowedIps: boolean;
  /** In their order: one that is added may be removed again. */
  readonly allowedIps: AllowedIpChange[];
}

/** One prefix that a peer gets or loses. */
export interface AllowedIpChange {
  readonly cidr: Cidr;
  readonly isRemoval: boolean;
}

/** @returns the number of an interface by its name or number, as in `[fe80::1%eth0]:51820` */
export type ZoneOf = (name: string) => number | undefined;

/** Takes a `set` line by line. Nothing is applied here, so that a request with a mistake changes nothing. */
export class SetParser {
  readonly changes: DeviceChanges = {
    privateKey: undefined,
    listenPort: undefined,
    fwmark: undefined,
    replacePeers: false,
    peers: [],
  };
  readonly #zoneOf: ZoneOf;
  #peer: PeerChanges | undefined;

  constructor(zoneOf: ZoneOf) {
    this.#zoneOf = zoneOf;
  }

  /** Takes one line without its end. @returns 0, or what is wrong with it */
  takeLine(line: string): UapiErrno {
    const at = line.indexOf("=");
    if (at < 0) return EPROTO;
    const key = line.slice(0, at);
    const value = line.slice(at + 1);
    if (key === "public_key") return this.#beginPeer(value);
    return this.#peer === undefined ? this.#ofDevice(key, value) : this.#ofPeer(this.#peer, key, value);
  }

  #beginPeer(value: string): UapiErrno {
    const bytes = parseKey(value);
    if (bytes === undefined) return EINVAL;
    this.#peer = {
      publicKey: PublicKey.fromBytes(bytes),
      remove: false,
      updateOnly: false,
      presharedKey: undefined,
      endpoint: undefined,
      persistentKeepaliveSeconds: undefined,
      replaceAllowedIps: false,
      allowedIps: [],
    };
    this.changes.peers.push(this.#peer);
    return NONE;
  }

  #ofDevice(key: string, value: string): UapiErrno {
    const { changes } = this;
    switch (key) {
      case "private_key": {
        const bytes = parseKey(value);
        if (bytes === undefined) return EINVAL;
        // A key of zeros stands for none.
        changes.privateKey = bytes.every((byte) => byte === 0) ? null : PrivateKey.fromBytes(bytes);
        bytes.fill(0);
        return NONE;
      }
      case "listen_port":
        return (changes.listenPort = parseNumber(value, 0xffff)) === undefined ? EINVAL : NONE;
      case "fwmark":
        // Nothing at all takes the mark away too.
        changes.fwmark = value === "" ? 0 : parseNumber(value, 0xffff_ffff);
        return changes.fwmark === undefined ? EINVAL : NONE;
      case "replace_peers":
        if (value !== "true") return EINVAL;
        changes.replacePeers = true;
        return NONE;
      default:
        return EINVAL;
    }
  }

  #ofPeer(peer: PeerChanges, key: string, value: string): UapiErrno {
    switch (key) {
      case "allowed_ip": {
        const isRemoval = value.startsWith("-");
        const cidr = Cidr.parse(isRemoval ? value.slice(1) : value);
        if (cidr === undefined) return EINVAL;
        peer.allowedIps.push({ cidr, isRemoval });
        return NONE;
      }
      case "replace_allowed_ips":
        if (value !== "true") return EINVAL;
        peer.replaceAllowedIps = true;
        peer.allowedIps.length = 0;
        return NONE;
      case "endpoint":
        return (peer.endpoint = this.#parseEndpoint(value)) === undefined ? EINVAL : NONE;
      case "persistent_keepalive_interval":
        return (peer.persistentKeepaliveSeconds = parseNumber(value, 0xffff)) === undefined ? EINVAL : NONE;
      case "preshared_key": {
        const bytes = parseKey(value);
        if (bytes === undefined) return EINVAL;
        peer.presharedKey = PresharedKey.fromBytes(bytes);
        bytes.fill(0);
        return NONE;
      }
      case "remove":
        peer.remove = true;
        return value === "true" ? NONE : EINVAL;
      case "update_only":
        peer.updateOnly = true;
        return value === "true" ? NONE : EINVAL;
      case "protocol_version":
        return value === "1" ? NONE : EINVAL;
      default:
        return EINVAL;
    }
  }

  /** A destination has a port. */
  #parseEndpoint(value: string): Endpoint | undefined {
    const endpoint = Endpoint.parseZoned(value, this.#zoneOf);
    if (endpoint === undefined || endpoint.port === 0) return undefined;
    return new Endpoint(endpoint.address.unmapped(), endpoint.port, { zone: endpoint.zone });
  }
}

/** @returns 32 bytes */
function parseKey(value: string): Uint8Array | undefined {
  return value.length === KEY_BYTES * 2 ? decodeHex(value) : undefined;
}

function parseNumber(value: string, greatest: number): number | undefined {
  if (!/^\d{1,10}$/.test(value)) return undefined;
  const number = Number(value);
  return number <= greatest ? number : undefined;
}
