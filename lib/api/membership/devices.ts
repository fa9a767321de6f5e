/**
 * What may be asked about plain WireGuard devices.
 * @module
 */

/** A WireGuard device that does not run weft. */
export interface DeviceRequest {
  /** What the device shall be called, one DNS label. */
  readonly name: string;
  /** Base64, as `wg pubkey` prints it. */
  readonly publicKey: string;
  /** Base64; absent for none. */
  readonly presharedKey?: string;
  /** `address:port`, when it can be reached from here. */
  readonly endpoint?: string;
  /** Further prefixes behind the device, in CIDR notation. */
  readonly allowedIps?: readonly string[];
  /** Seconds after which an idle device is sent something, 1 to 65535; 0 or absent for never. */
  readonly persistentKeepaliveSeconds?: number;
  /**
   * The member that is its only peer and passes its packets on, by name, id, key or address; unless given the one that a
   * known device has, or else this node.
   */
  readonly hub?: string;
  /** Makes every member that has an interface a peer of the device, in place of one hub. */
  readonly isDirect?: boolean;
}

/** A device that was let in, and what it is to be configured with. */
export interface AddedDevice {
  /** That of the request, unless the key's device had another one. */
  readonly name: string;
  /** Its overlay addresses. */
  readonly addresses: readonly string[];
  /** The name of its only peer; absent for one whose peers are all members. */
  readonly hub?: string;
  /** The longest packet that its hub passes on, or this node takes; absent for one without an interface. */
  readonly mtuBytes?: number;
  /** Whether its hub or, without one, this node knows a preshared key for it; nobody tells it again. */
  readonly hasPresharedKey?: boolean;
  /** Its peers; the first is the hub or, if it has an interface, this node. */
  readonly peers: readonly DevicePeer[];
}

/** A member as a plain device is to know it. */
export interface DevicePeer {
  /** The member's name. */
  readonly name: string;
  /** Base64. */
  readonly publicKey: string;
  /** Its overlay addresses. */
  readonly addresses: readonly string[];
  /** What is sent to it, and accepted from it, in CIDR notation. */
  readonly allowedIps: readonly string[];
  /** `address:port`, if it is known. */
  readonly endpoint?: string;
}

/** What may be asked of a running agent about plain WireGuard devices. */
export interface DeviceControl {
  /** Leaders only. @returns the address that the device was given, and its peers */
  addDevice(request: DeviceRequest): AddedDevice;
  /**
   * Leaders only: makes another member the hub of a device, both by name, id, key or address.
   * @returns what the device is to be configured with now
   */
  changeHub(device: string, hub: string): AddedDevice;
  /**
   * What a device is to be configured with now, but for its private key, which nobody else has.
   * @param device its name, id, key or address
   * @throws WeftError with code `UnknownPeer`, `InvalidRequest`
   */
  deviceConfig(device: string): AddedDevice;
}
