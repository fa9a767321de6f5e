/**
 * Small programs that labs run inside hosts.
 * @module
 */

import { fileURLToPath } from "node:url";
import { CapturedProcess, expectRun } from "./captured_process.ts";
import type { Place } from "./namespace.ts";

/** Starts a server that answers every request with `text`, and waits until it listens. */
export async function servePage(
  place: Place,
  address: string,
  page: { readonly port: number; readonly text: string },
): Promise<CapturedProcess> {
  return await startProgram(place, "page_server.ts", [address, String(page.port), page.text]);
}

/** Starts a name server of somebody else that knows one name, and waits until it answers. */
export async function serveName(
  place: Place,
  at: string,
  record: { readonly zone: string; readonly name: string; readonly address: string },
): Promise<CapturedProcess> {
  return await startNameServer(place, "name_server.ts", [at, record.zone, record.name, record.address]);
}

/** A name server that keeps what it is asked for. */
export interface RecordingNameServer extends AsyncDisposable {
  /** The names, each with its final dot, in their order. */
  asked(): readonly string[];
}

/** Starts a name server on port 53 that answers all below `domain` with one address, and nothing else. */
export async function recordNames(
  place: Place,
  at: string,
  wildcard: { readonly domain: string; readonly address: string },
): Promise<RecordingNameServer> {
  const args = [at, "53", wildcard.domain, wildcard.address];
  const process = await startNameServer(place, "recording_name_server.ts", args);
  return {
    asked: () => [...process.stdout.matchAll(/^asked (.*)$/gm)].map(([, name = ""]) => name),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** What passed over one connection, in hexadecimal. */
export interface RecordedConnection {
  readonly toTarget: string;
  readonly fromTarget: string;
}

/** A TCP proxy that keeps what passes. */
export interface RecordingProxy extends AsyncDisposable {
  /** The connections that are over, in the order of their endings. */
  connections(): readonly RecordedConnection[];
}

/** Starts a TCP proxy. @param route where it listens and where it connects to, `address:port` each */
export async function recordTcp(
  place: Place,
  route: { readonly listen: string; readonly target: string },
): Promise<RecordingProxy> {
  const process = await startProgram(place, "recording_proxy.ts", [route.listen, route.target]);
  return {
    connections: () =>
      process.stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/**
 * Fetches a page with a program of the lab's own, where curl may be missing.
 * @returns the page and how long the request took, in milliseconds
 * @throws Error when there is no answer of 2xx
 */
export async function fetchPage(from: Place, url: string): Promise<{ text: string; ms: number }> {
  return JSON.parse(await expectRun(from.command(labProgram("page_client.ts", [url]))));
}

/** Serves `lengthBytes` bytes of `SeededRandom`, and waits until it listens. */
export async function serveBulk(
  place: Place,
  address: string,
  bulk: { readonly port: number; readonly seed: number; readonly lengthBytes: number },
): Promise<CapturedProcess> {
  const { port, seed, lengthBytes } = bulk;
  return await startProgram(place, "bulk_server.ts", [address, ...[port, seed, lengthBytes].map(String)]);
}

/** Starts a server that answers each request with the SHA-256 of what it was sent, and waits until it listens. */
export async function serveHash(place: Place, address: string, port: number): Promise<CapturedProcess> {
  return await startProgram(place, "hash_server.ts", [address, String(port)]);
}

/** What a fetch of many bytes has brought, and how long it took in milliseconds. */
export interface FetchedBulk {
  readonly bytes: number;
  readonly sha256: string;
  readonly ms: number;
}

/** Begins to fetch what `serveBulk` serves. @returns the process, which prints a `FetchedBulk` in the end */
export function fetchBulk(from: Place, url: string): CapturedProcess {
  const command = from.command(labProgram("bulk_client.ts", [url]));
  return new CapturedProcess(command, { label: `${from.label}: bulk_client.ts` });
}

/** Starts an HTTP proxy that knows CONNECT alone, and waits until it listens. */
export async function startConnectProxy(
  place: Place,
  address: string,
  port: number,
): Promise<CapturedProcess> {
  return await startProgram(place, "connect_proxy.ts", [address, String(port)]);
}

/** @returns a port that nobody listened on just now */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What one iperf3 run measured, as the receiving side saw it. */
export interface Throughput {
  readonly bitsPerSecond: number;
  readonly bytes: number;
  /** UDP only: datagrams that did not arrive, in percent. */
  readonly lostPercent: number | undefined;
  /** UDP only: datagrams that came behind later ones of their flow. */
  readonly outOfOrder: number;
}

/**
 * Runs iperf3 between two places.
 * @param to.address where the server listens
 * @param options further options of the client, for example `["-u", "-b", "20M"]`
 * @throws Error when either end fails
 */
export async function measureThroughput(
  from: Place,
  to: { readonly place: Place; readonly address: string; readonly port?: number },
  options: readonly string[] = [],
): Promise<Throughput> {
  const port = String(to.port ?? 5201);
  await using server = new CapturedProcess(
    to.place.command(["iperf3", "-s", "-1", "-B", to.address, "-p", port, "--forceflush"]),
    { label: `${to.place.label}: iperf3 -s` },
  );
  await server.until((process) => process.stdout.includes("Server listening"), 5_000, "it listens");
  const client = new CapturedProcess(
    from.command(["iperf3", "-c", to.address, "-p", port, "-J", ...options]),
    { label: `${from.label}: iperf3 -c` },
  );
  const { code, stdout } = await client.finished;
  if (code !== 0) throw new Error(`iperf3 to ${to.address} failed\n${client.tail()}`);
  const end = JSON.parse(stdout).end;
  const streams: readonly { readonly udp?: { readonly out_of_order: number } }[] = end.streams;
  const received = end.sum_received ?? end.sum;
  return {
    bitsPerSecond: received.bits_per_second,
    bytes: received.bytes,
    lostPercent: received.lost_percent,
    outOfOrder: streams.reduce((sum, { udp }) => sum + (udp?.out_of_order ?? 0), 0),
  };
}

/** @returns the command that runs a program of this folder; it may use the network and nothing else */
export function labProgram(file: string, args: readonly string[]): readonly string[] {
  const path = fileURLToPath(new URL(`./programs/${file}`, import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "--no-config", "--unstable-net", "--allow-net", path, ...args];
}

/** Starts a program of this folder and waits until it says `ready`. */
export async function startProgram(
  place: Place,
  file: string,
  args: readonly string[],
): Promise<CapturedProcess> {
  const process = new CapturedProcess(place.command(labProgram(file, args)), {
    label: `${place.label}: ${file}`,
  });
  return await untilReady(process);
}

/** @returns the command that runs a program of this folder which may do everything, as weft itself */
export function trustedProgram(file: string, args: readonly string[]): readonly string[] {
  const path = fileURLToPath(new URL(`./programs/${file}`, import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "-A", "--unstable-net", path, ...args];
}

async function startNameServer(
  place: Place,
  file: string,
  args: readonly string[],
): Promise<CapturedProcess> {
  const command = place.command(trustedProgram(file, args));
  return await untilReady(new CapturedProcess(command, { label: `${place.label}: ${file}` }));
}

/** @returns the process once it has said `ready`; it is ended when it does not */
async function untilReady(process: CapturedProcess): Promise<CapturedProcess> {
  try {
    await process.until((started) => started.stdout.includes("ready"), 10_000, "it is ready");
    return process;
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}
