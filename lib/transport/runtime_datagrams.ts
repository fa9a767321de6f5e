/**
 * The runtime's UDP sockets. They are an unstable part of it: a program has to be started with `--unstable-net`, and one
 * whose `lib` names other libraries has no types of them, so that their types stand here.
 * @module
 */

import { SocketError } from "./errors.ts";

/** A UDP socket of the runtime. */
export interface RuntimeDatagrams {
  /** Where it is bound. */
  readonly addr: Deno.Addr;
  /** Waits for a datagram, which is cut to the length of `buffer`. */
  receive(buffer?: Uint8Array): Promise<[Uint8Array, Deno.Addr]>;
  /** @returns how many bytes were sent */
  send(datagram: Uint8Array, to: Deno.Addr): Promise<number>;
  /** Joins an IPv4 multicast group on the network of an interface's address. */
  joinMulticastV4(group: string, interfaceAddress: string): Promise<{ setTTL(ttl: number): Promise<void> }>;
  /** Ends a `receive` that waits by its failure. */
  close(): void;
}

/** Where a socket is bound, and what it shares. */
export interface RuntimeDatagramOptions {
  /** An address. */
  readonly hostname: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Whether others may bind the same port. */
  readonly reuseAddress?: boolean;
  /** Whether its own multicasts come back. */
  readonly loopback?: boolean;
}

/** @throws SocketError where the runtime has no such sockets, and what it throws when it can't open this one */
export function listenDatagrams(options: RuntimeDatagramOptions): RuntimeDatagrams {
  const { listenDatagram } = Deno as unknown as {
    readonly listenDatagram?: (options: RuntimeDatagramOptions & { transport: "udp" }) => RuntimeDatagrams;
  };
  if (listenDatagram === undefined) {
    throw new SocketError(`Cannot open UDP port ${options.port}: this runtime was started without UDP`, {
      hint: "Start the program with deno run --unstable-net.",
    });
  }
  return listenDatagram({ transport: "udp", ...options });
}
