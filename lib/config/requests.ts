/**
 * What a running agent may be asked over HTTP: the bodies, checked before anything happens.
 * @module
 */

import { z } from "zod";

/** The result of reading a body: its value, or one line that says what is wrong with it. */
export type ReadRequest<T> = { readonly value: T } | { readonly problem: string };

const DAY_MS = 86_400_000;

const name = z.string().trim().min(1).max(63);
const labels = z.record(z.string().min(1).max(63), z.string().max(63))
  .refine((record) => Object.keys(record).length <= 64, "has more than 64 entries");

const tokenRequest = z.strictObject({
  uses: z.int().min(1).max(1_000_000).optional(),
  lifetimeMs: z.int().min(1).max(3650 * DAY_MS).default(DAY_MS),
  labels: labels.optional(),
  withoutEndpoints: z.boolean().optional(),
});

const deviceRequest = z.strictObject({
  name,
  publicKey: z.string().max(64),
  presharedKey: z.string().max(64).optional(),
  endpoint: z.string().max(64).optional(),
  allowedIps: z.array(z.string().max(64)).max(64).optional(),
  persistentKeepaliveSeconds: z.int().min(0).max(65535).optional(),
});

const domainName = z.string().min(1).max(1024);

const recordRequest = z.strictObject({
  name: domainName,
  type: z.string().min(1).max(16),
  data: z.string().max(8192),
  ttlSeconds: z.int().min(0).max(604_800).optional(),
});

const nameQuery = z.strictObject({ name: domainName, type: z.string().min(1).max(16).optional() });

const nodeText = z.string().min(1).max(128);

const nodeRequest = z.strictObject({ node: nodeText });

const topicText = z.string().min(1).max(1024);

const serviceChange = z.strictObject({ path: topicText, node: nodeText.optional() });

const callRequest = z.strictObject({
  path: topicText,
  params: z.unknown().optional(),
  timeoutMs: z.int().min(1).max(DAY_MS).optional(),
  mode: z.enum(["round-robin", "leader", "proximity", "local", "all", "random"]).optional(),
  node: nodeText.optional(),
});

const publishRequest = z.strictObject({
  topic: topicText,
  data: z.unknown().optional(),
  retain: z.boolean().optional(),
  mode: z.enum(["all", "one_per_service", "local_only"]).optional(),
});

const offerRequest = z.strictObject({
  port: z.int().min(1).max(65_535),
  hostname: z.string().min(1).max(253).optional(),
  targetPort: z.int().min(1).max(65_535).optional(),
  allow: z.string().min(1).max(1024).optional(),
});

const pingRequest = z.strictObject({ peer: z.string().min(1).max(128) });

/** Reads the body of `POST /tokens`; without `lifetimeMs` a token lives for a day. */
export function readTokenRequest(
  body: unknown,
): ReadRequest<{
  lifetimeMs: number;
  uses?: number;
  labels?: Record<string, string>;
  withoutEndpoints?: boolean;
}> {
  return read(tokenRequest, body);
}

/** Reads the body of `POST /peers`; keys and addresses are parsed by whoever uses them. */
export function readDeviceRequest(
  body: unknown,
): ReadRequest<{
  name: string;
  publicKey: string;
  presharedKey?: string;
  endpoint?: string;
  allowedIps?: string[];
  persistentKeepaliveSeconds?: number;
}> {
  return read(deviceRequest, body);
}

/** Reads the body of `POST /dns`; what the record says is read by whoever serves it. */
export function readRecordRequest(
  body: unknown,
): ReadRequest<{ name: string; type: string; data: string; ttlSeconds?: number }> {
  return read(recordRequest, body);
}

/** Reads the body of `POST /dns/query`. */
export function readNameQuery(body: unknown): ReadRequest<{ name: string; type?: string }> {
  return read(nameQuery, body);
}

/** Reads the body of `POST /leaders`. */
export function readNodeRequest(body: unknown): ReadRequest<{ node: string }> {
  return read(nodeRequest, body);
}

/** Reads the body of `POST /ping`. */
export function readPingRequest(body: unknown): ReadRequest<{ peer: string }> {
  return read(pingRequest, body);
}

/** Reads the body of `POST /services/pause` and `/services/resume`. */
export function readServiceChange(body: unknown): ReadRequest<{ path: string; node?: string }> {
  return read(serviceChange, body);
}

/** Reads the body of `POST /call`; the path is read by whoever calls. */
export function readCallRequest(body: unknown): ReadRequest<{
  path: string;
  params?: unknown;
  timeoutMs?: number;
  mode?: "round-robin" | "leader" | "proximity" | "local" | "all" | "random";
  node?: string;
}> {
  return read(callRequest, body);
}

/** Reads the body of `POST /publish`. */
export function readPublishRequest(body: unknown): ReadRequest<{
  topic: string;
  data?: unknown;
  retain?: boolean;
  mode?: "all" | "one_per_service" | "local_only";
}> {
  return read(publishRequest, body);
}

/** Reads the body of `POST /offer`; the selector is read by whoever serves the port. */
export function readOfferRequest(
  body: unknown,
): ReadRequest<{ port: number; hostname?: string; targetPort?: number; allow?: string }> {
  return read(offerRequest, body);
}

function read<T>(schema: z.ZodType, body: unknown): ReadRequest<T> {
  const result = schema.safeParse(body);
  // JSON has no undefined, so the optional keys of what was read are present or absent.
  if (result.success) return { value: result.data as T };
  const [issue] = result.error.issues;
  if (issue === undefined) return { problem: "it cannot be read" };
  const where = issue.path.length === 0 ? "the body" : issue.path.join(".");
  // The issue's words may quote what was sent; secrets are sent here.
  return { problem: `${where} is not as documented (${issue.code.replaceAll("_", " ")})` };
}
