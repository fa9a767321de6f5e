/**
 * Nodes by which the DHT is entered, as people write them.
 * @module
 */

/** A node of the DHT. */
export interface DhtBootstrapOption {
  /** A domain name, or an IPv4 address. */
  readonly hostname: string;
  /** UDP, 1 to 65535. */
  readonly port: number;
}

const SHAPE = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?):(\d{1,5})$/;

/** The nodes that the makers of BitTorrent programs run for everybody. */
export const PUBLIC_DHT_BOOTSTRAP: readonly DhtBootstrapOption[] = [
  { hostname: "router.bittorrent.com", port: 6881 },
  { hostname: "dht.transmissionbt.com", port: 6881 },
  { hostname: "router.utorrent.com", port: 6881 },
  { hostname: "dht.libtorrent.org", port: 25401 },
];

/**
 * Reads `dht.example.com:6881` or `192.0.2.1:6881`.
 * @returns undefined when it is neither
 */
export function parseDhtBootstrap(text: string): DhtBootstrapOption | undefined {
  const parts = SHAPE.exec(text.trim().toLowerCase());
  const port = Number(parts?.[3]);
  const hostname = parts?.[1];
  return hostname !== undefined && port >= 1 && port <= 65_535 ? { hostname, port } : undefined;
}
