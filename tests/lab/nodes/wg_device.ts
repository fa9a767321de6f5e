/**
 * A WireGuard interface of either implementation, used as people use it: through `wg` and `ip`.
 * @module
 */

import { CapturedProcess } from "../captured_process.ts";
import type { NetworkNamespace } from "../namespace.ts";
import { waitFor } from "../wait_for.ts";
import { weftCommand } from "./weft_node.ts";
import { generateKeys, retryStart, type WireGuardKeys } from "./wireguard_go.ts";

/** Figures that have not changed for so long stand still. */
const SETTLE_MS = 100;
const SETTLE_BOUND_MS = 5_000;

/** Whose interface it is. */
export type WgImplementation = "weft" | "wireguard-go";

/** What `wg show IFNAME dump` says of a peer. */
export interface WgPeer {
  readonly endpoint: string;
  readonly allowedIps: string;
  /** Seconds since 1970; 0 when there was none. */
  readonly latestHandshake: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly keepalive: string;
}

/** How an interface is set up. */
export interface WgDeviceOptions {
  readonly implementation: WgImplementation;
  /** How weft's packets travel; the best way there is unless told. */
  readonly dataplane?: "fast" | "portable";
  /** What seals weft's packets; the fastest unless told. */
  readonly cipher?: "auto" | "native" | "baseline" | "noble";
  /** How many threads carry weft's packets; as `WEFT_TEST_WORKERS` says unless told, else as many as help. */
  readonly workers?: number;
  /** Of the interface, CIDR notation; they make the routes too. */
  readonly addresses?: readonly string[];
  readonly port?: number;
  readonly mtuBytes?: number;
}

/** With several, every suite of interfaces is one of several workers. */
const EACH_WORKERS: string = Deno.env.get("WEFT_TEST_WORKERS") ?? "auto";

/** One interface with a process. Disposing it ends the process. */
export class WgDevice implements AsyncDisposable {
  /** Unique on the machine, because the sockets share one folder. */
  readonly name: string;
  readonly process: CapturedProcess;
  readonly keys: WireGuardKeys;
  /** Where `ip` finds the interface; another one after it was moved. */
  namespace: NetworkNamespace;

  private constructor(namespace: NetworkNamespace, options: WgDeviceOptions, keys: WireGuardKeys) {
    const { implementation, dataplane = "auto", cipher = "auto", workers = EACH_WORKERS } = options;
    this.namespace = namespace;
    this.keys = keys;
    this.name = uniqueInterfaceName();
    const command = implementation === "weft"
      ? weftCommand(
        ...["wg", this.name, "--foreground", "--dataplane", dataplane, "--cipher", cipher],
        ...["--workers", `${workers}`],
      )
      : [Deno.env.get("WIREGUARD_GO") ?? "wireguard-go", this.name];
    this.process = new CapturedProcess(namespace.command(command), {
      label: `${namespace.label}: ${implementation}`,
      env: { WG_PROCESS_FOREGROUND: "1", LOG_LEVEL: "error" },
    });
  }

  /** Starts it; it has a key, and is up unless it was given no address. */
  static start(namespace: NetworkNamespace, options: WgDeviceOptions): Promise<WgDevice> {
    return retryStart(() => WgDevice.#startOnce(namespace, options));
  }

  static async #startOnce(namespace: NetworkNamespace, options: WgDeviceOptions): Promise<WgDevice> {
    const device = new WgDevice(namespace, options, await generateKeys());
    try {
      await device.process.until(
        async () => (await namespace.run(["wg", "show", device.name])).code === 0,
        20_000,
        "its API answers",
      );
      await device.set("private-key", await device.file(device.keys.privateKey));
      if (options.port !== undefined) await device.set("listen-port", String(options.port));
      const { addresses = [], mtuBytes = 1420 } = options;
      for (const address of addresses) await device.addAddress(address);
      if (addresses.length > 0) await namespace.ip(`link set ${device.name} mtu ${mtuBytes} up`);
      return device;
    } catch (error) {
      await device[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `wg set IFNAME …` */
  async set(...args: readonly string[]): Promise<void> {
    await this.wg("set", this.name, ...args);
  }

  /** `wg set IFNAME peer KEY …` */
  async setPeer(publicKey: string, ...args: readonly string[]): Promise<void> {
    await this.set("peer", publicKey, ...args);
  }

  /** Runs `wg`. @returns what it printed */
  wg(...args: readonly string[]): Promise<string> {
    return this.namespace.expectRun(["wg", ...args]);
  }

  async addAddress(address: string): Promise<void> {
    // Without duplicate address detection (RFC 4862 §5.4) the address can be used at once.
    const flags = address.includes(":") ? " nodad" : "";
    await this.namespace.ip(`addr add ${address} dev ${this.name}${flags}`);
  }

  /** @returns what it knows of its peers by their keys */
  async peers(): Promise<ReadonlyMap<string, WgPeer>> {
    const lines = (await this.wg("show", this.name, "dump")).trimEnd().split("\n").slice(1);
    return new Map(lines.map((line) => {
      const [key = "", , endpoint = "", allowedIps = "", handshake, rx, tx, keepalive = ""] = line.split(
        "\t",
      );
      return [key, {
        endpoint,
        allowedIps,
        latestHandshake: Number(handshake),
        rxBytes: Number(rx),
        txBytes: Number(tx),
        keepalive,
      }];
    }));
  }

  /** @returns what it knows of a peer @throws Error when it has no such peer */
  async peer(publicKey: string): Promise<WgPeer> {
    const peer = (await this.peers()).get(publicKey);
    if (peer === undefined) throw new Error(`${this.name} has no peer ${publicKey}`);
    return peer;
  }

  /** @returns what it knows of a peer once nothing changes any more: figures are told a moment late */
  async settledPeer(publicKey: string): Promise<WgPeer> {
    let last = await this.peer(publicKey);
    return await waitFor(
      async () => {
        const former = last;
        last = await this.peer(publicKey);
        return last.rxBytes === former.rxBytes && last.txBytes === former.txBytes ? last : undefined;
      },
      SETTLE_BOUND_MS,
      { everyMs: SETTLE_MS, what: `the figures of ${this.name} stand still` },
    );
  }

  /** Writes a file that is gone when the test process ends. @returns its path */
  async file(text: string): Promise<string> {
    const path = await Deno.makeTempFile({ prefix: "weft-wg-" });
    this.#files.push(path);
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    for (const path of [...this.#files, this.socketPath]) await Deno.remove(path).catch(() => {});
  }

  /** Where `wg` finds it. */
  get socketPath(): string {
    return `/var/run/wireguard/${this.name}.sock`;
  }

  readonly #files: string[] = [];
}

/** @returns a name that no other test has */
export function uniqueInterfaceName(): string {
  return `wf${crypto.getRandomValues(new Uint8Array(5)).toHex()}`;
}
