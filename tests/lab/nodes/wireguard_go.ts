/**
 * Debian's wireguard-go inside a host of the lab, configured by `wg`.
 * @module
 */

import { CapturedProcess, expectRun } from "../captured_process.ts";
import type { NetworkNamespace } from "../namespace.ts";

/** A key pair as `wg` prints it. */
export interface WireGuardKeys {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** A peer as `wg set` takes it. */
export interface WireGuardPeer {
  readonly publicKey: string;
  /** CIDR notation. */
  readonly allowedIps: readonly string[];
  /** `address:port`; without it this side cannot begin. */
  readonly endpoint?: string;
  /** Base64. */
  readonly presharedKey?: string;
  readonly persistentKeepaliveSeconds?: number;
}

/** What `wg show` says of a peer. */
export interface WireGuardPeerState {
  readonly endpoint: string;
  /** Seconds since 1970; 0 when there was none. */
  readonly latestHandshake: number;
  readonly rxBytes: number;
  readonly txBytes: number;
}

/** How it is set up. */
export interface WireGuardGoOptions {
  /** For key files. */
  readonly folder: string;
  /** Of the interface, CIDR notation; they make the routes too. */
  readonly addresses: readonly string[];
  readonly port?: number;
}

/** A running wireguard-go. The interface's name is unique on the machine, because its API sockets share one folder. */
export class WireGuardGo implements AsyncDisposable {
  readonly interfaceName: string;
  readonly keys: WireGuardKeys;
  readonly #namespace: NetworkNamespace;
  readonly #folder: string;
  readonly #process: CapturedProcess;

  private constructor(namespace: NetworkNamespace, folder: string, name: string, keys: WireGuardKeys) {
    this.#namespace = namespace;
    this.#folder = folder;
    this.interfaceName = name;
    this.keys = keys;
    const program = Deno.env.get("WIREGUARD_GO") ?? "wireguard-go";
    this.#process = new CapturedProcess(namespace.command([program, name]), {
      label: `${namespace.label}: wireguard-go`,
      env: { WG_PROCESS_FOREGROUND: "1", LOG_LEVEL: "error" },
    });
  }

  /** Starts it and brings the interface up. */
  static start(namespace: NetworkNamespace, options: WireGuardGoOptions): Promise<WireGuardGo> {
    return retryStart(() => WireGuardGo.#startOnce(namespace, options));
  }

  static async #startOnce(namespace: NetworkNamespace, options: WireGuardGoOptions): Promise<WireGuardGo> {
    const name = `wt${crypto.getRandomValues(new Uint8Array(5)).toHex()}`;
    const device = new WireGuardGo(namespace, options.folder, name, await generateKeys());
    try {
      await device.#process.until(
        async () => (await namespace.run(["wg", "show", name])).code === 0,
        5_000,
        "its API answers",
      );
      const keyFile = await device.#secretFile("private", device.keys.privateKey);
      await device.#wg("set", name, "private-key", keyFile, "listen-port", String(options.port ?? 51820));
      for (const address of options.addresses) await device.addAddress(address);
      await namespace.ip(`link set ${name} mtu 1420 up`);
      return device;
    } catch (error) {
      await device[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Adds an address, CIDR notation, to the interface; its prefix becomes a route. */
  async addAddress(address: string): Promise<void> {
    // Without duplicate address detection (RFC 4862 §5.4) the address can be used at once.
    const flags = address.includes(":") ? " nodad" : "";
    await this.#namespace.ip(`addr add ${address} dev ${this.interfaceName}${flags}`);
  }

  /** Adds or changes a peer. */
  async setPeer(peer: WireGuardPeer): Promise<void> {
    const args = [
      "set",
      this.interfaceName,
      "peer",
      peer.publicKey,
      "allowed-ips",
      peer.allowedIps.join(","),
    ];
    if (peer.endpoint !== undefined) args.push("endpoint", peer.endpoint);
    if (peer.presharedKey !== undefined) {
      args.push("preshared-key", await this.#secretFile("preshared", peer.presharedKey));
    }
    if (peer.persistentKeepaliveSeconds !== undefined) {
      args.push("persistent-keepalive", String(peer.persistentKeepaliveSeconds));
    }
    await this.#wg(...args);
  }

  /** @returns what it knows of the peer @throws Error when it has no such peer */
  async peer(publicKey: string): Promise<WireGuardPeerState> {
    const dump = await this.#wg("show", this.interfaceName, "dump");
    const fields = dump.split("\n").map((line) => line.split("\t")).find((line) => line[0] === publicKey);
    if (fields === undefined) throw new Error(`wireguard-go has no peer ${publicKey}`);
    const [, , endpoint = "", , latestHandshake, rxBytes, txBytes] = fields;
    return {
      endpoint,
      latestHandshake: Number(latestHandshake),
      rxBytes: Number(rxBytes),
      txBytes: Number(txBytes),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    // A killed wireguard-go leaves its socket, and nobody else has this name.
    await Deno.remove(`/var/run/wireguard/${this.interfaceName}.sock`).catch(() => {});
  }

  #wg(...args: readonly string[]): Promise<string> {
    return this.#namespace.expectRun(["wg", ...args]);
  }

  /** `wg` takes secrets from files only. */
  async #secretFile(kind: string, secret: string): Promise<string> {
    const path = `${this.#folder}/${this.interfaceName}.${kind}`;
    await Deno.writeTextFile(path, secret, { mode: 0o600 });
    return path;
  }
}

/** @returns a new key pair, made by `wg` */
export async function generateKeys(): Promise<WireGuardKeys> {
  const privateKey = (await expectRun(["wg", "genkey"])).trim();
  const child = new Deno.Command("wg", { args: ["pubkey"], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(privateKey));
  await writer.close();
  const { stdout } = await child.output();
  return { privateKey, publicKey: new TextDecoder().decode(stdout).trim() };
}

/** @returns a new preshared key, made by `wg` */
export async function generatePresharedKey(): Promise<string> {
  return (await expectRun(["wg", "genpsk"])).trim();
}

/**
 * wireguard-go loses its own socket when somebody's `wg` looks at it between its binding and its listening (it removes
 * what refuses connections) or its garbage collector runs then (the closed listener unlinks the path); it then ends by
 * itself with this message.
 */
const LOST_SOCKET = "Failed to listen on uapi socket";
const ATTEMPTS = 4;

/** @returns what `start` gave, started again when wireguard-go has lost its socket */
export async function retryStart<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start();
    } catch (error) {
      const isLost = error instanceof Error && error.message.includes(LOST_SOCKET);
      if (!isLost || attempt === ATTEMPTS) throw error;
    }
  }
}
