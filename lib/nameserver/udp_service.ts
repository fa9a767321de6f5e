/**
 * Queries over UDP by a datagram socket: the portable way.
 * @module
 */

import type { DatagramSocket } from "../transport/mod.ts";
import { countRepeated, type ResponseCache } from "./response_cache.ts";
import type { QueryService } from "./query_service.ts";

/** Answers what comes in until the socket is closed. */
export async function serveDatagrams(
  service: QueryService,
  socket: DatagramSocket,
  known: ResponseCache,
): Promise<void> {
  for (;;) {
    const batch = await socket.receiveBatch();
    if (batch === undefined) return;
    for (let i = 0; i < batch.count; i++) {
      const source = batch.source(i);
      if (!service.admits(source)) continue;
      const query = batch.datagram(i);
      const again = known.find(query, service.serial);
      if (again !== undefined) {
        countRepeated(again[2] ?? 0, again[3] ?? 0, (counter) => service.counters.count(counter));
        socket.send(again, source);
        continue;
      }
      const response = service.handle(query, "udp", (later) => socket.send(later, source));
      if (typeof response === "string") continue;
      if (response.isLasting) known.keep(response.bytes);
      socket.send(response.bytes, source);
    }
  }
}
