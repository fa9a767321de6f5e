/**
 * Nodes of one network in this process, with sockets of their own on loopback, and without interfaces.
 * @module
 */

import { type AgentControl, OverlayBootstrap } from "../../mod.ts";
import { createScratch, freePort } from "../lab/mod.ts";

/** Nodes without interfaces in this process, which end with the test. */
export class Members implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly #folder: string;

  private constructor(folder: string, resources: AsyncDisposableStack) {
    this.#folder = folder;
    this.#resources = resources;
  }

  static async create(): Promise<Members> {
    const resources = new AsyncDisposableStack();
    const { path } = resources.use(await createScratch("members"));
    return new Members(path, resources);
  }

  /** @returns the options of a node at a free port */
  options(name: string): {
    readonly name: string;
    readonly stateDir: string;
    readonly rootless: true;
    readonly discovery: false;
    readonly port: number;
    readonly endpoints: string;
  } {
    const port = freePort();
    const endpoints = `127.0.0.1:${port}`;
    return { name, stateDir: this.stateDir(name), rootless: true, discovery: false, port, endpoints };
  }

  stateDir(name: string): string {
    return `${this.#folder}/${name}`;
  }

  async start(overlay: OverlayBootstrap): Promise<OverlayBootstrap> {
    this.#resources.defer(() => overlay.stop());
    await overlay.start();
    return overlay;
  }

  async lead(name: string, more: object = {}): Promise<OverlayBootstrap> {
    return await this.start(await OverlayBootstrap.initLeader({ ...this.options(name), ...more }));
  }

  async join(token: string, name: string, more: object = {}, ports = {}): Promise<OverlayBootstrap> {
    return await this.start(await OverlayBootstrap.join(token, { ...this.options(name), ...more }, ports));
  }

  async resume(name: string, more: object = {}): Promise<OverlayBootstrap> {
    return await this.start(await OverlayBootstrap.load({ ...this.options(name), ...more }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** @returns the text of a new token, for an hour unless the request says otherwise */
export function tokenOf(control: AgentControl, request: object = {}): string {
  return control.createToken({ lifetimeMs: 3_600_000, ...request }).token;
}
