/**
 * A TCP service of this machine that the mesh is to reach, as people write it.
 * @module
 */

import { IpAddress } from "../net/mod.ts";

/** A port of this node in the mesh, and what is behind it. */
export interface OfferOption {
  /** In the mesh, 1 to 65535. */
  readonly port: number;
  /** A name or an address; 127.0.0.1 unless it was said. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly targetPort: number;
}

const DEFAULT_HOST = "127.0.0.1";
// An IPv6 address stands in brackets (RFC 3986 §3.2.2).
const SHAPE = /^(\d{1,5})(?:=(?:(\[[0-9a-f:.]+\]|[a-z0-9_.-]{1,253}):)?(\d{1,5}))?$/;

/**
 * Reads `80`, `80=3000`, `80=192.0.2.9:3000` or `80=[::1]:3000`.
 * @returns undefined when it is none of these
 */
export function parseOffer(text: string): OfferOption | undefined {
  const parts = SHAPE.exec(text.trim().toLowerCase());
  const port = readPort(parts?.[1]);
  const targetPort = parts?.[3] === undefined ? port : readPort(parts[3]);
  const hostname = readHost(parts?.[2] ?? DEFAULT_HOST);
  if (port === undefined || targetPort === undefined || hostname === undefined) return undefined;
  return { port, hostname, targetPort };
}

function readHost(text: string): string | undefined {
  if (!text.startsWith("[")) return text;
  return IpAddress.parse(text.slice(1, -1))?.toString();
}

function readPort(text: string | undefined): number | undefined {
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
}
