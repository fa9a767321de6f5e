/**
 * Queries over UDP by a datagram socket: the portable way.
 * @module
 */

import type { DatagramSocket } from "../transport/mod.ts";
import type { QueryService } from "./query_service.ts";

/** Answers what comes in until the socket is closed. */
export async function serveDatagrams(service: QueryService, socket: DatagramSocket): Promise<void> {
  for (;;) {
    const batch = await socket.receiveBatch();
    if (batch === undefined) return;
    for (let i = 0; i < batch.count; i++) {
      const source = batch.source(i);
      if (!service.admits(source)) continue;
      const response = service.handle(batch.datagram(i), "udp", (later) => socket.send(later, source));
      if (typeof response === "object") socket.send(response.bytes, source);
    }
  }
}
