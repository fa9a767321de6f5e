/**
 * Tables of links to bytes and back.
 * @module
 */

import type { LinkReport, MemberLinks } from "../../api/mod.ts";
import { idBytes, type NodeId, nodeIdFromBytes } from "../../mesh/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  LinkPath,
  LinkQuestionSchema,
  type LinkRow,
  LinkTablesSchema,
} from "../../proto/mod.ts";

/** The longest answer, in bytes: a row is some 60, and there is room for 5,000 members with three links each. */
export const MAX_TABLES_BYTES: number = 1 << 20;
/** So many links of one member are told, those that don't answer first. */
export const MAX_LINKS = 1_024;
const MAX_QUESTION_BYTES = 64;
const MAX_NAME_LENGTH = 63;
const MAX_WHY_LENGTH = 200;
/** What is older was never asked for. */
const MAX_AGE_MS = 600_000;

const PATHS: readonly (readonly [LinkReport["path"], LinkPath])[] = [
  ["direct", LinkPath.DIRECT],
  ["relay", LinkPath.RELAY],
  ["carrier", LinkPath.CARRIER],
  ["channel", LinkPath.CHANNEL],
  ["hub", LinkPath.HUB],
  ["none", LinkPath.NONE],
];
const TO_WIRE = new Map(PATHS);
const FROM_WIRE = new Map(PATHS.map(([path, wire]) => [wire, path]));

/** A table as it is sent: when it is from is told as its age. */
export interface AgedTable extends Omit<MemberLinks, "at"> {
  readonly ageMs: number;
}

/** @returns the header of a stream that asks */
export function encodeLinkQuestion(ofOthers: boolean): Uint8Array {
  return encodeMessage(LinkQuestionSchema, { ofOthers });
}

/** Never throws. @returns undefined when it is none */
export function decodeLinkQuestion(bytes: Uint8Array): { readonly ofOthers: boolean } | undefined {
  const wire = decodeMessage(LinkQuestionSchema, bytes, MAX_QUESTION_BYTES);
  return wire && { ofOthers: wire.ofOthers };
}

/**
 * @param tables the first ones matter most: what is beyond `MAX_TABLES_BYTES` is left out
 * @param wallMs milliseconds since 1970
 */
export function encodeLinkTables(tables: Iterable<AgedTable>, wallMs: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  for (const table of tables) {
    const bytes = encodeMessage(LinkTablesSchema, { tables: [tableToWire(table, wallMs)] });
    if (lengthBytes + bytes.length > MAX_TABLES_BYTES) break;
    parts.push(bytes);
    lengthBytes += bytes.length;
  }
  // Protocol Buffers, "Last One Wins": messages one after the other are one with all elements of their lists.
  const all = new Uint8Array(lengthBytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Never throws. @returns what could be read; undefined when it is no message */
export function decodeLinkTables(bytes: Uint8Array, wallMs: number): readonly AgedTable[] | undefined {
  const wire = decodeMessage(LinkTablesSchema, bytes, MAX_TABLES_BYTES);
  return wire?.tables.flatMap((table) => {
    const id = nodeIdFromBytes(table.nodeId);
    if (id === undefined) return [];
    const links = table.links.slice(0, MAX_LINKS).flatMap((row) => rowFromWire(row, wallMs) ?? []);
    return [{ id, ageMs: Math.min(table.ageMs, MAX_AGE_MS), denied: countOf(table.denied), links }];
  });
}

function tableToWire({ id, ageMs, denied, links }: AgedTable, wallMs: number) {
  return {
    nodeId: idBytes(id as NodeId),
    ageMs: Math.min(Math.max(0, Math.round(ageMs)), MAX_AGE_MS),
    denied: BigInt(denied),
    links: links.map((link) => ({
      nodeId: idBytes(link.id as NodeId),
      path: TO_WIRE.get(link.path) ?? LinkPath.UNSPECIFIED,
      via: link.via ?? "",
      rttMicros: link.rttMs === null ? 0 : Math.min(0xffff_ffff, Math.max(1, Math.round(link.rttMs * 1_000))),
      rxBytes: BigInt(link.rxBytes),
      txBytes: BigInt(link.txBytes),
      handshakeAge: link.lastHandshakeAt === null
        ? 0
        : 1 + Math.min(0xffff_fffe, Math.max(0, Math.round((wallMs - link.lastHandshakeAt) / 1_000))),
      healthy: link.healthy,
      hasChannel: link.hasChannel,
      why: link.why?.slice(0, MAX_WHY_LENGTH) ?? "",
    })),
  };
}

function rowFromWire(row: LinkRow, wallMs: number): LinkReport | undefined {
  const id = nodeIdFromBytes(row.nodeId);
  const path = FROM_WIRE.get(row.path);
  if (id === undefined || path === undefined) return undefined;
  const { rttMicros, handshakeAge, via, why } = row;
  // To the second, as clocks of two nodes that compare ages can tell it.
  const shakenAt = Math.max(0, Math.round(wallMs / 1_000 - (handshakeAge - 1))) * 1_000;
  return {
    id,
    path,
    ...via !== "" && { via: via.slice(0, MAX_NAME_LENGTH) },
    rttMs: rttMicros === 0 ? null : rttMicros / 1_000,
    rxBytes: countOf(row.rxBytes),
    txBytes: countOf(row.txBytes),
    lastHandshakeAt: handshakeAge === 0 ? null : shakenAt,
    healthy: row.healthy,
    hasChannel: row.hasChannel,
    ...why !== "" && { why: why.slice(0, MAX_WHY_LENGTH) },
  };
}

/** What others count may be any number, and JSON has no such ones. */
function countOf(value: bigint): number {
  return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value);
}
