/**
 * Where a leader serves machines that hold a token.
 * @module
 */

import type { SpanEnd } from "../../base/mod.ts";
import type { Channel } from "../../channel/mod.ts";
import {
  decodeMeshMessage,
  encodeMeshMessage,
  JOIN_REFUSALS,
  MESH_TOPIC,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  toNodeName,
} from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { UseCount } from "../leaders/mod.ts";
import { originOf } from "../links/mod.ts";

/** How long a machine may take to ask, and then to hang up. */
const TIMEOUT_MS = 10_000;

/** What a join needs of the leader. */
export interface ServeJoinParts extends Pick<AgentContext, "mesh" | "timers" | "log" | "clock" | "tracer"> {
  /** Has the leader that counts a token's uses count one, unless that is this one, or it can't be reached. */
  countUse(tokenId: string, publicKey: PublicKey): Promise<UseCount>;
}

/**
 * Serves one machine: reads its request, lets it in or not, answers, and closes the channel. The others are sent
 * its record before it is, so that they know it when it dials them, and however slowly it reads.
 */
export async function serveJoin(
  channel: Channel,
  from: { readonly tokenId: string; readonly source: Endpoint },
  { mesh, timers, log, clock, tracer, countUse }: ServeJoinParts,
): Promise<void> {
  let ending: (end: SpanEnd) => void = () => {};
  let end: SpanEnd = { error: "Error" };
  const cancelTimer = timers.setTimer(TIMEOUT_MS, () => channel.close("too slow"));
  try {
    const message = await channel.receive();
    const received = message?.topic === MESH_TOPIC ? decodeMeshMessage(message.body) : undefined;
    if (received?.kind !== "join-request" || mesh.admission === undefined) return;
    const span = tracer?.start("weft.join", { kind: "server" });
    ending = (end) => span?.end(end);
    const { approvals } = mesh.admission;
    const waiting = approvals.size;
    const { secret, publicKey } = received.request;
    const isUse = mesh.tokens?.isUse(from.tokenId, secret, publicKey) === true &&
      !mesh.tokens.get(from.tokenId)?.needsApproval;
    const counted = isUse ? await countUse(from.tokenId, publicKey) : "here";
    // It may have been demoted meanwhile.
    const enrolled = counted === "refused" ? "refused:token" : mesh.admission?.admit({
      ...received.request,
      tokenId: from.tokenId,
      remotePublicKey: channel.remoteStatic,
      from: from.source.toString(),
      origin: originOf(from.source),
    }, counted === "elsewhere");
    if (enrolled === undefined) return;
    if (enrolled === "pending") {
      end = { attributes: { "weft.join.outcome": "pending" } };
      // It asks again and again; the first time is worth a line.
      if (approvals.size > waiting) {
        const { name } = received.request;
        log.info("a machine waits for approval", { name: toNodeName(name), from: from.source.toString() });
      }
      await channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage({ kind: "pending" }) });
      return;
    }
    if (typeof enrolled === "string") {
      end = { error: "JoinRefused", attributes: { "weft.join.outcome": enrolled } };
      log.warn("join refused", { from: from.source.toString(), reason: enrolled });
      const reason = JOIN_REFUSALS.find((text) => enrolled === `refused:${text}`);
      const wallTime = reason === "clock" ? clock.wall() : undefined;
      const body = encodeMeshMessage({
        kind: "refused",
        ...reason && { reason },
        ...wallTime !== undefined && { wallTime },
      });
      await channel.send({ topic: MESH_TOPIC, body });
      return;
    }
    const { record } = enrolled;
    end = {
      attributes: {
        "weft.join.outcome": "admitted",
        "weft.peer": record.name,
        "weft.peer.id": record.nodeId,
      },
    };
    mesh.leadership.arrivals?.expect(record);
    log.info("joined", {
      name: record.name,
      address: record.addresses[0]?.toString(),
      // A whole site may join at once: it is no origin that the log is to bound.
      at: from.source.toString(),
    });
    announce(mesh, record.nodeId);
    for (const body of mesh.admittedMessages(enrolled, from.source.address)) {
      if (!await channel.send({ topic: MESH_TOPIC, body })) break;
    }
  } finally {
    cancelTimer();
    ending(end);
    // The answer goes out first, and the other end hangs up by itself when it has it.
    channel.close("served");
  }
}

/** What the token may be used for has changed, too. */
function announce(mesh: MeshState, nodeId: NodeId): void {
  const { roster, replica } = mesh;
  replica.publish(mesh.shareTokens());
  const record = roster.signedRecord(nodeId);
  const statement = roster.signedStatement(nodeId);
  replica.publish({
    ...NO_UPDATE,
    records: record ? [record] : [],
    statements: statement ? [statement] : [],
  });
}
