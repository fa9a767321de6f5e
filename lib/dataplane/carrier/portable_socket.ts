/**
 * The local end of a stream carrier by the runtime's sockets.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";
import { type DatagramSocket, openUdp } from "../../transport/mod.ts";
import {
  type CarrierSocket,
  type CarrierSocketOptions,
  LOOPBACK,
  loopbackEndpoint,
} from "./carrier_socket.ts";

/** @throws SocketError when there is none to be had */
export function openPortableSocket(options: CarrierSocketOptions): CarrierSocket {
  return new PortableSocket(openUdp({ port: 0, address: LOOPBACK }), options);
}

class PortableSocket implements CarrierSocket {
  readonly endpoint: Endpoint;
  foreign = 0;
  readonly #socket: DatagramSocket;
  readonly #peer: Endpoint;

  constructor(socket: DatagramSocket, options: CarrierSocketOptions) {
    this.#socket = socket;
    this.endpoint = loopbackEndpoint(socket.localPort);
    this.#peer = loopbackEndpoint(options.peerPort);
    void this.#receive(options);
  }

  send(datagram: Uint8Array): void {
    this.#socket.send(datagram, this.#peer);
  }

  flush(): void {}

  close(): void {
    this.#socket.close();
  }

  async #receive({ onDatagram, onTurn }: CarrierSocketOptions): Promise<void> {
    const socket = this.#socket;
    for (let batch = await socket.receiveBatch(); batch !== undefined; batch = await socket.receiveBatch()) {
      for (let i = 0; i < batch.count; i++) {
        if (batch.source(i).equals(this.#peer)) onDatagram(batch.datagram(i));
        else this.foreign++;
      }
      onTurn();
    }
  }
}
