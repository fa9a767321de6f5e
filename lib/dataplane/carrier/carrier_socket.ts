/**
 * A UDP socket on the loopback with one partner, as a port.
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";

/** 127.0.0.1. */
export const LOOPBACK: IpAddress = IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1));

/** Whom a socket speaks to, and what becomes of what comes. */
export interface CarrierSocketOptions {
  /** Of 127.0.0.1: nobody else is heard. */
  readonly peerPort: number;
  /** Is handed a datagram, valid until it returns. */
  readonly onDatagram: (datagram: Uint8Array) => void;
  /** All that has come together was handed over. */
  readonly onTurn: () => void;
}

/** Sends to its partner and hears it alone. */
export interface CarrierSocket {
  /** Where the partner sends to: 127.0.0.1 and its port. */
  readonly endpoint: Endpoint;
  /** How many datagrams came from elsewhere than the partner. */
  readonly foreign: number;
  /** Copies a datagram, which goes out with the next `flush` at the latest. */
  send(datagram: Uint8Array): void;
  /** Sends what has gathered. */
  flush(): void;
  /** Harmless when repeated. */
  close(): void;
}

/** @returns the endpoint of a port of the loopback */
export function loopbackEndpoint(port: number): Endpoint {
  return new Endpoint(LOOPBACK, port);
}
