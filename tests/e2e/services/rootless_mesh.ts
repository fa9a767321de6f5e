/**
 * A node without an interface in the test's own process, and programs that join it.
 * @module
 */

import { fileURLToPath } from "node:url";
import { Node, OverlayBootstrap } from "../../../mod.ts";
import { CapturedProcess, createScratch, freePort, startNodeProgram } from "../../lab/mod.ts";

const TOKEN_LIFETIME_MS = 3_600_000;

type GrantsRequest = NonNullable<Parameters<OverlayBootstrap["control"]["createToken"]>[0]["grants"]>;
/** What `OverlayBootstrap.initLeader` takes besides options. */
type Ports = NonNullable<Parameters<typeof OverlayBootstrap.initLeader>[1]>;

/** All of it ends with the test. */
export class RootlessMesh implements AsyncDisposable {
  readonly overlay: OverlayBootstrap;
  readonly #folder: string;
  readonly #token: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(overlay: OverlayBootstrap, folder: string, resources: AsyncDisposableStack) {
    this.overlay = overlay;
    this.#folder = folder;
    this.#resources = resources;
    this.#token = this.#createToken({});
  }

  #createToken(grants: GrantsRequest): string {
    return this.overlay.control.createToken({ lifetimeMs: TOKEN_LIFETIME_MS, grants }).token;
  }

  /**
   * Starts the node, which leads the network.
   * @param label of its folder
   */
  static async create(label: string, name: string, ports: Ports = {}): Promise<RootlessMesh> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await createScratch(label));
    const port = freePort();
    const overlay = await OverlayBootstrap.initLeader({
      name,
      stateDir: `${path}/${name}`,
      rootless: true,
      discovery: false,
      port,
      endpoints: `127.0.0.1:${port}`,
    }, ports);
    resources.defer(() => overlay.stop());
    await overlay.start();
    return new RootlessMesh(overlay, path, resources.move());
  }

  /** @returns where the state of a node is that has joined as `name` */
  stateDir(name: string): string {
    return `${this.#folder}/${name}`;
  }

  /** A node in this process that joins as `name`; it ends with the mesh if not before. */
  async join(name: string, grants?: GrantsRequest): Promise<Node> {
    const token = grants === undefined ? this.#token : this.#createToken(grants);
    const port = freePort();
    const stateDir = `${this.#folder}/${name}`;
    return this.#resources.use(
      await Node.join(token, { name, stateDir, port, endpoints: `127.0.0.1:${port}` }),
    );
  }

  /**
   * Starts a program that joins as `name`; its arguments are a token, the name, a folder and a port.
   * @param module where it stands in `tests/e2e`
   * @param grants what it may do by its token, beside what all may
   */
  startProgram(module: string, name: string, grants?: GrantsRequest): CapturedProcess {
    const stateDir = `${this.#folder}/${name}`;
    const token = grants === undefined ? this.#token : this.#createToken(grants);
    const args = [token, name, stateDir, String(freePort())];
    return this.#resources.use(
      startNodeProgram({ module: `tests/e2e/${module}`, stateDir, args, label: name }),
    );
  }

  /** Starts a program of `tests/e2e` with all permissions. */
  startPrivileged(module: string, ...args: readonly string[]): CapturedProcess {
    const root = fileURLToPath(new URL("../../../", import.meta.url));
    const command = [Deno.execPath(), "run", "--quiet", "-A", "--no-check", "--config", `${root}deno.json`];
    return this.#resources.use(
      new CapturedProcess([...command, `${root}tests/e2e/${module}`, ...args], { label: module }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
